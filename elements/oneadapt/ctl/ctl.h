// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <gst/gst.h>

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_CTL (gst_oneadapt_ctl_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptCtl, gst_oneadapt_ctl, GST, ONEADAPT_CTL, GstElement)
GST_ELEMENT_REGISTER_DECLARE(oneadaptctl)
G_END_DECLS
