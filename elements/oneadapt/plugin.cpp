// SPDX-License-Identifier: LGPL-2.1-or-later
#include "audio/filter.h"
#include "config.h"
#include "ctl/ctl.h"
#include "video/filter.h"

#if HAVE_X264
#include "shadow/shadow.h"
#endif

static gboolean plugin_init(GstPlugin *plugin) {
#if HAVE_X264
  if (!GST_ELEMENT_REGISTER(oneadaptshadow, plugin)) return FALSE;
#endif
  return GST_ELEMENT_REGISTER(oneadaptctl, plugin) && GST_ELEMENT_REGISTER(oneadaptfilter, plugin) &&
         GST_ELEMENT_REGISTER(oneadaptaudiofilter, plugin);
}

#if HAVE_X264
#define ONEADAPT_LICENSE "GPL"
#else
#define ONEADAPT_LICENSE "LGPL"
#endif

GST_PLUGIN_DEFINE(GST_VERSION_MAJOR, GST_VERSION_MINOR, oneadapt,
                  "Adaptation of what a camera sends to a DNN: filter and controller", plugin_init, VERSION,
                  ONEADAPT_LICENSE, GST_PACKAGE_NAME, GST_PACKAGE_ORIGIN)
