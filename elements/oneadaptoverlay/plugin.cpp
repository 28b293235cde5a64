// SPDX-License-Identifier: LGPL-2.1-or-later
#include "config.h"
#include "lidar_overlay.h"
#include "overlay.h"

static gboolean plugin_init(GstPlugin *plugin) {
  const gboolean video = GST_ELEMENT_REGISTER(oneadaptoverlay, plugin);
  return GST_ELEMENT_REGISTER(oneadaptlidaroverlay, plugin) && video;
}

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, oneadaptoverlay,
                  "Draws what adaptation does: boxes, gradient, QP map, knobs", plugin_init, VERSION, "LGPL",
                  GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
