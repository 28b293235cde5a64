/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For RTSP servers (gst-rtsp-server): gradients to a camera that records with rtspclientsink, and key frames for
 * clients that begin to play. */
#ifndef GST_ONEADAPT_RTSP_SERVER_H
#define GST_ONEADAPT_RTSP_SERVER_H

#include <gst/rtsp-server/rtsp-server.h>

#include "gstoneadapt.h"

G_BEGIN_DECLS

GST_ONEADAPT_API void gst_oneadapt_rtsp_server_send_gradients(GstRTSPServer *server);
GST_ONEADAPT_API void gst_oneadapt_rtsp_server_force_key_units(GstRTSPServer *server);

G_END_DECLS

#endif
