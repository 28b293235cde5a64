// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may come in: users and passwords, and what an application says to an ANNOUNCE before a media is made for it.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <functional>
#include <string>

namespace oneadapt::server {

/// Asked on every ANNOUNCE of somebody who may record; other than OK is the answer. gst-rtsp-server's own signal comes
/// only after the media has been made.
using OnAnnounce = std::function<GstRTSPStatusCode(GstRTSPContext *)>;

/// With `users` (a file of lines user:password) only they are let in, by digest authentication. Returns a reference.
/// Throws ServerError.
GstRTSPAuth *make_rtsp_auth(const std::string &users, OnAnnounce on_announce);
/// What make_rtsp_auth() lets in may do with this factory's media: all.
void grant_media_access(GstRTSPMediaFactory *factory);

}  // namespace oneadapt::server
