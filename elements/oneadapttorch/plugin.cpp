// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"
#include "dnn.h"
#include "features/features.h"

static gboolean plugin_init(GstPlugin *plugin) {
  return GST_ELEMENT_REGISTER(oneadaptdnn, plugin) && GST_ELEMENT_REGISTER(oneadaptfeatures, plugin);
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, oneadapttorch,
                  "Object detection with LibTorch that says where its input matters", plugin_init, VERSION, "LGPL",
                  GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
