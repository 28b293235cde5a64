// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp_auth.h"

#include <fstream>

#include "server.h"

namespace {

constexpr const char *kRole = "user";

struct AnnounceAuth {
  GstRTSPAuth parent;
  oneadapt::server::OnAnnounce *on_announce;
  bool open;  ///< to everybody
};
struct AnnounceAuthClass {
  GstRTSPAuthClass parent_class;
};

GType announce_auth_get_type();
G_DEFINE_TYPE(AnnounceAuth, announce_auth, GST_TYPE_RTSP_AUTH)

void answer(GstRTSPAuth *auth, GstRTSPContext *context, GstRTSPStatusCode code) {
  gst_rtsp_message_init_response(context->response, code, gst_rtsp_status_as_text(code), context->request);
  auto *klass = GST_RTSP_AUTH_GET_CLASS(auth);
  if (code == GST_RTSP_STS_UNAUTHORIZED && klass->generate_authenticate_header)
    klass->generate_authenticate_header(auth, context);
  gst_rtsp_client_send_message(context->client, context->session, context->response);
}

/// False: it was refused, and the answer is sent.
gboolean announce_auth_check(GstRTSPAuth *auth, GstRTSPContext *context, const gchar *check) {
  if (!GST_RTSP_AUTH_CLASS(announce_auth_parent_class)->check(auth, context, check)) return FALSE;
  if (g_strcmp0(check, GST_RTSP_AUTH_CHECK_URL) || context->method != GST_RTSP_ANNOUNCE) return TRUE;
  // The base class looks at who it is only later, when there is a media.
  const auto *self = reinterpret_cast<AnnounceAuth *>(auth);
  const bool known = self->open || context->token || GST_RTSP_AUTH_GET_CLASS(auth)->authenticate(auth, context);
  const GstRTSPStatusCode code = known ? (*self->on_announce)(context) : GST_RTSP_STS_UNAUTHORIZED;
  if (code == GST_RTSP_STS_OK) return TRUE;
  answer(auth, context, code);
  return FALSE;
}

void announce_auth_finalize(GObject *object) {
  delete reinterpret_cast<AnnounceAuth *>(object)->on_announce;
  G_OBJECT_CLASS(announce_auth_parent_class)->finalize(object);
}
void announce_auth_class_init(AnnounceAuthClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = announce_auth_finalize;
  GST_RTSP_AUTH_CLASS(klass)->check = announce_auth_check;
}
void announce_auth_init(AnnounceAuth *) {}

}  // namespace

namespace oneadapt::server {

GstRTSPAuth *make_rtsp_auth(const std::string &users, OnAnnounce on_announce) {
  auto *auth = static_cast<GstRTSPAuth *>(g_object_new(announce_auth_get_type(), nullptr));
  reinterpret_cast<AnnounceAuth *>(auth)->on_announce = new OnAnnounce(std::move(on_announce));
  reinterpret_cast<AnnounceAuth *>(auth)->open = users.empty();
  GstRTSPToken *token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  const auto fail = [&](const std::string &what) {
    gst_rtsp_token_unref(token);
    g_object_unref(auth);
    throw ServerError("--users: " + what);
  };
  if (users.empty()) {
    gst_rtsp_auth_set_default_token(auth, token);
  } else {
    gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
    std::ifstream in(users);
    if (!in) fail("\"" + users + "\" cannot be read");
    unsigned number = 0, count = 0;
    for (std::string line; std::getline(in, line);) {
      ++number;
      if (line.empty() || line[0] == '#') continue;
      const auto colon = line.find(':');
      if (colon == std::string::npos || colon == 0 || colon + 1 == line.size())
        fail("line " + std::to_string(number) + " of \"" + users + "\" is not user:password");
      gst_rtsp_auth_add_digest(auth, line.substr(0, colon).c_str(), line.substr(colon + 1).c_str(), token);
      ++count;
    }
    if (!count) fail("\"" + users + "\" names nobody, so nobody could come in");
  }
  gst_rtsp_token_unref(token);
  return auth;
}

void grant_media_access(GstRTSPMediaFactory *factory) {
  GstRTSPPermissions *permissions = gst_rtsp_permissions_new();
  gst_rtsp_permissions_add_role(permissions, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  gst_rtsp_media_factory_set_permissions(factory, permissions);
  gst_rtsp_permissions_unref(permissions);
}

}  // namespace oneadapt::server
