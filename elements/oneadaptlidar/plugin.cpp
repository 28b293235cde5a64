// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"
#include "dec.h"
#include "filter.h"
#include "parse.h"

static gboolean plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(oneadaptlidarparse, plugin) && GST_ELEMENT_REGISTER(oneadaptlidarfilter, plugin) &&
         GST_ELEMENT_REGISTER(oneadaptlidardec, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, oneadaptlidar,
                  "Adaptation of what a LiDAR sensor sends to a DNN: parser, filter and decoder", plugin_init, VERSION,
                  "LGPL", GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
