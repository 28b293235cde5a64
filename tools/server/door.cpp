// SPDX-License-Identifier: LGPL-2.1-or-later
#include "door.h"

#include <fstream>

#include "server.h"

namespace {

constexpr const char *kRole = "user";

struct Door {
  GstRTSPAuth parent;
  oneadapt::server::OnAnnounce *on_announce;
  bool open;  ///< to everybody
};
struct DoorClass {
  GstRTSPAuthClass parent_class;
};

GType door_get_type();
G_DEFINE_TYPE(Door, door, GST_TYPE_RTSP_AUTH)

void answer(GstRTSPAuth *auth, GstRTSPContext *context, GstRTSPStatusCode code) {
  gst_rtsp_message_init_response(context->response, code, gst_rtsp_status_as_text(code), context->request);
  auto *klass = GST_RTSP_AUTH_GET_CLASS(auth);
  if (code == GST_RTSP_STS_UNAUTHORIZED && klass->generate_authenticate_header)
    klass->generate_authenticate_header(auth, context);
  gst_rtsp_client_send_message(context->client, context->session, context->response);
}

/// False: it was refused, and the answer is sent.
gboolean door_check(GstRTSPAuth *auth, GstRTSPContext *context, const gchar *check) {
  if (!GST_RTSP_AUTH_CLASS(door_parent_class)->check(auth, context, check)) return FALSE;
  if (g_strcmp0(check, GST_RTSP_AUTH_CHECK_URL) || context->method != GST_RTSP_ANNOUNCE) return TRUE;
  // The base class looks at who it is only later, when there is a media.
  const auto *door = reinterpret_cast<Door *>(auth);
  const bool known = door->open || context->token || GST_RTSP_AUTH_GET_CLASS(auth)->authenticate(auth, context);
  const GstRTSPStatusCode code = known ? (*door->on_announce)(context) : GST_RTSP_STS_UNAUTHORIZED;
  if (code == GST_RTSP_STS_OK) return TRUE;
  answer(auth, context, code);
  return FALSE;
}

void door_finalize(GObject *object) {
  delete reinterpret_cast<Door *>(object)->on_announce;
  G_OBJECT_CLASS(door_parent_class)->finalize(object);
}
void door_class_init(DoorClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = door_finalize;
  GST_RTSP_AUTH_CLASS(klass)->check = door_check;
}
void door_init(Door *) {}

}  // namespace

namespace oneadapt::server {

GstRTSPAuth *make_door(const std::string &users, OnAnnounce on_announce) {
  auto *auth = static_cast<GstRTSPAuth *>(g_object_new(door_get_type(), nullptr));
  reinterpret_cast<Door *>(auth)->on_announce = new OnAnnounce(std::move(on_announce));
  reinterpret_cast<Door *>(auth)->open = users.empty();
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

void open_to_all_inside(GstRTSPMediaFactory *factory) {
  GstRTSPPermissions *permissions = gst_rtsp_permissions_new();
  gst_rtsp_permissions_add_role(permissions, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  gst_rtsp_media_factory_set_permissions(factory, permissions);
  gst_rtsp_permissions_unref(permissions);
}

}  // namespace oneadapt::server
