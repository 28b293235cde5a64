// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp_auth.h"

#include <algorithm>
#include <fstream>

#include "server.h"

namespace {

constexpr const char *kRole = "user";

struct AnnounceAuth {
  GstRTSPAuth parent;
  oneadapt::server::RequestHooks *hooks;
  bool open;  ///< to everybody
};
struct AnnounceAuthClass {
  GstRTSPAuthClass parent_class;
};

GType announce_auth_get_type();
G_DEFINE_TYPE(AnnounceAuth, announce_auth, GST_TYPE_RTSP_AUTH)

GQuark owner_quark() { return g_quark_from_static_string("oneadapt-session-owner"); }

void answer(GstRTSPAuth *auth, GstRTSPContext *context, GstRTSPStatusCode code) {
  const auto *self = reinterpret_cast<AnnounceAuth *>(auth);
  if (code == GST_RTSP_STS_UNAUTHORIZED && !self->hooks->refused(context->client)) code = GST_RTSP_STS_FORBIDDEN;
  gst_rtsp_message_init_response(context->response, code, gst_rtsp_status_as_text(code), context->request);
  auto *klass = GST_RTSP_AUTH_GET_CLASS(auth);
  if (code == GST_RTSP_STS_UNAUTHORIZED && klass->generate_authenticate_header)
    klass->generate_authenticate_header(auth, context);
  gst_rtsp_client_send_message(context->client, context->session, context->response);
}

/// The class says TRUE to credentials that it does not understand or that are wrong; whom it knows has a token.
bool is_known(GstRTSPAuth *auth, GstRTSPContext *context) {
  if (reinterpret_cast<AnnounceAuth *>(auth)->open || context->token) return true;
  return GST_RTSP_AUTH_GET_CLASS(auth)->authenticate(auth, context) && context->token;
}

/// gst-rtsp-server has the client watch the session that a request names, and end it when the client goes.
void let_go(GstRTSPClient *client, GstRTSPSession *session) {
  GList *list = gst_rtsp_client_session_filter(
      client,
      [](GstRTSPClient *, GstRTSPSession *one, gpointer foreign) {
        return one == foreign ? GST_RTSP_FILTER_REMOVE : GST_RTSP_FILTER_KEEP;
      },
      session);
  g_list_free_full(list, g_object_unref);
}

/// What is wrong with a request, whatever it asks for.
GstRTSPStatusCode judge(GstRTSPAuth *auth, GstRTSPContext *context) {
  const auto *self = reinterpret_cast<AnnounceAuth *>(auth);
  if (context->session && g_object_get_qdata(G_OBJECT(context->session), owner_quark()) != context->client) {
    let_go(context->client, context->session);
    context->session = nullptr;
    return is_known(auth, context) ? GST_RTSP_STS_SESSION_NOT_FOUND : GST_RTSP_STS_UNAUTHORIZED;
  }
  if (context->method == GST_RTSP_OPTIONS) return GST_RTSP_STS_OK;
  if (!is_known(auth, context)) return GST_RTSP_STS_UNAUTHORIZED;
  return context->method == GST_RTSP_ANNOUNCE ? self->hooks->announce(context) : GST_RTSP_STS_OK;
}

/// False: it was refused, and the answer is sent.
gboolean announce_auth_check(GstRTSPAuth *auth, GstRTSPContext *context, const gchar *check) {
  const bool request = !g_strcmp0(check, GST_RTSP_AUTH_CHECK_URL);
  const auto *self = reinterpret_cast<AnnounceAuth *>(auth);
  if (request) self->hooks->heard(context->client);
  if (!GST_RTSP_AUTH_CLASS(announce_auth_parent_class)->check(auth, context, check)) return FALSE;
  if (!request) return TRUE;
  const GstRTSPStatusCode code = judge(auth, context);
  if (code == GST_RTSP_STS_OK) return TRUE;
  answer(auth, context, code);
  return FALSE;
}

void announce_auth_finalize(GObject *object) {
  delete reinterpret_cast<AnnounceAuth *>(object)->hooks;
  G_OBJECT_CLASS(announce_auth_parent_class)->finalize(object);
}
void announce_auth_class_init(AnnounceAuthClass *klass) {
  G_OBJECT_CLASS(klass)->finalize = announce_auth_finalize;
  GST_RTSP_AUTH_CLASS(klass)->check = announce_auth_check;
}
void announce_auth_init(AnnounceAuth *) {}

/// A line without what editors leave: a byte order mark, spaces in front, the end of a line on Windows.
std::string trimmed(const std::string &line, bool first) {
  constexpr const char *kMark = "\xEF\xBB\xBF";
  std::string text = first && line.rfind(kMark, 0) == 0 ? line.substr(3) : line;
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return text.erase(0, std::min(text.find_first_not_of(" \t"), text.size()));
}

void add_users(GstRTSPAuth *auth, const std::string &users, GstRTSPToken *token) {
  const auto fail = [](const std::string &what) { throw oneadapt::server::ServerError("--users: " + what); };
  gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
  std::ifstream in(users);
  if (!in) fail("\"" + users + "\" cannot be read");
  unsigned number = 0, count = 0;
  for (std::string read; std::getline(in, read);) {
    const std::string line = trimmed(read, ++number == 1);
    if (line.empty() || line[0] == '#') continue;
    const auto colon = line.find(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == line.size())
      fail("line " + std::to_string(number) + " of \"" + users + "\" is not user:password");
    gst_rtsp_auth_add_digest(auth, line.substr(0, colon).c_str(), line.substr(colon + 1).c_str(), token);
    ++count;
  }
  if (!count) fail("\"" + users + "\" names nobody, so nobody could come in");
}

}  // namespace

namespace oneadapt::server {

GstRTSPAuth *make_rtsp_auth(const std::string &users, RequestHooks hooks) {
  auto *auth = static_cast<GstRTSPAuth *>(g_object_new(announce_auth_get_type(), nullptr));
  reinterpret_cast<AnnounceAuth *>(auth)->hooks = new RequestHooks(std::move(hooks));
  reinterpret_cast<AnnounceAuth *>(auth)->open = users.empty();
  GstRTSPToken *token = gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, kRole, nullptr);
  try {
    if (users.empty())
      gst_rtsp_auth_set_default_token(auth, token);
    else
      add_users(auth, users, token);
  } catch (const ServerError &) {
    gst_rtsp_token_unref(token);
    g_object_unref(auth);
    throw;
  }
  gst_rtsp_token_unref(token);
  return auth;
}

void own_session(GstRTSPSession *session, GstRTSPClient *client) {
  g_object_set_qdata(G_OBJECT(session), owner_quark(), client);
}

void grant_media_access(GstRTSPMediaFactory *factory) {
  GstRTSPPermissions *permissions = gst_rtsp_permissions_new();
  gst_rtsp_permissions_add_role(permissions, kRole, GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN, TRUE,
                                GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE, nullptr);
  gst_rtsp_media_factory_set_permissions(factory, permissions);
  gst_rtsp_permissions_unref(permissions);
}

/// GLib reads all of the system's authorities for each connection otherwise, some 30 ms of the main thread, though no
/// client is asked for a certificate.
static void trust_nobody_else(const std::string &certificate) {
  gchar *absolute = g_canonicalize_filename(certificate.c_str(), nullptr);
  if (GTlsDatabase *own = g_tls_file_database_new(absolute, nullptr)) {
    g_tls_backend_set_default_database(g_tls_backend_get_default(), own);
    g_object_unref(own);
  }
  g_free(absolute);
}

GTlsCertificate *load_certificate(const std::string &certificate, const std::string &key) {
  GError *error = nullptr;
  GTlsCertificate *loaded =
      g_tls_certificate_new_from_files(certificate.c_str(), (key.empty() ? certificate : key).c_str(), &error);
  if (loaded) {
    trust_nobody_else(certificate);
    return loaded;
  }
  const std::string why = error->message;
  g_clear_error(&error);
  throw ServerError("--tls-certificate, --tls-key: " + why);
}

}  // namespace oneadapt::server
