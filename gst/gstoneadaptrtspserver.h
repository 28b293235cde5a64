/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Gradients from an RTSP server (gst-rtsp-server) to a camera that records to it with rtspclientsink. */
#ifndef GST_ONEADAPT_RTSP_SERVER_H
#define GST_ONEADAPT_RTSP_SERVER_H

#include <gst/rtsp-server/rtsp-server.h>

#include "gstoneadapt.h"

G_BEGIN_DECLS

GST_ONEADAPT_API void gst_oneadapt_rtsp_server_send_gradients(GstRTSPServer *server);

G_END_DECLS

#endif
