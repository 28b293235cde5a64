// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may come in: users and passwords, and what an application says to an ANNOUNCE before a media is made for it.
#pragma once
#include <gst/rtsp-server/rtsp-server.h>

#include <functional>
#include <string>

namespace oneadapt::server {

/// What an application is told of requests, from the clients' threads.
struct RequestHooks {
  /// A request has come.
  std::function<void(GstRTSPClient *)> heard;
  /// It is refused: nobody knows whose it is. Whether the answer is to ask for the password. Clients of GStreamer try
  /// the same one for as long as they are asked.
  std::function<bool(GstRTSPClient *)> refused;
  /// Asked on every ANNOUNCE of somebody who may record; other than OK is the answer. gst-rtsp-server's own signal
  /// comes only after the media has been made.
  std::function<GstRTSPStatusCode(GstRTSPContext *)> announce;
};

/// With `users` (a file of lines user:password) only they are let in, by digest authentication: every request but
/// OPTIONS needs it. A session belongs to the connection that made it (own_session()). Returns a reference. Throws
/// ServerError.
GstRTSPAuth *make_rtsp_auth(const std::string &users, RequestHooks hooks);
/// The session is this client's, and nobody else's. To be called when it is made.
void own_session(GstRTSPSession *session, GstRTSPClient *client);
/// What make_rtsp_auth() lets in may do with this factory's media: all.
void grant_media_access(GstRTSPMediaFactory *factory);
/// For TLS, of PEM files; an empty `key` is in the certificate's. (transfer full) Throws ServerError.
GTlsCertificate *load_certificate(const std::string &certificate, const std::string &key);

}  // namespace oneadapt::server
