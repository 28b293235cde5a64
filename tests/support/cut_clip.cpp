// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes the first frames of a clip as MJPEG in AVI, so that a test need not run a whole one.  cut-clip IN OUT FRAMES
#include <gst/gst.h>

#include <cstdio>
#include <cstdlib>
#include <initializer_list>

namespace {

struct Cut {
  int left;
  bool ended = false;
};

GstPadProbeReturn on_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
  auto *cut = static_cast<Cut *>(data);
  if (cut->left-- > 0) return GST_PAD_PROBE_OK;
  if (!cut->ended) {
    cut->ended = true;
    GstPad *peer = gst_pad_get_peer(pad);
    gst_pad_send_event(peer, gst_event_new_eos());
    gst_object_unref(peer);
  }
  gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
  GST_PAD_PROBE_INFO_DATA(info) = nullptr;
  GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
  return GST_PAD_PROBE_HANDLED;
}

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s IN OUT FRAMES\n", argv[0]);
    return 2;
  }
  GstElement *pipeline = gst_parse_launch(
      "filesrc name=in ! decodebin ! videoconvert name=cut ! jpegenc quality=95 ! avimux ! filesink name=out", nullptr);
  GstElement *in = gst_bin_get_by_name(GST_BIN(pipeline), "in"), *out = gst_bin_get_by_name(GST_BIN(pipeline), "out");
  GstElement *at = gst_bin_get_by_name(GST_BIN(pipeline), "cut");
  g_object_set(in, "location", argv[1], nullptr);
  g_object_set(out, "location", argv[2], nullptr);
  GstPad *pad = gst_element_get_static_pad(at, "src");
  Cut cut{std::atoi(argv[3])};
  gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_frame, &cut, nullptr);
  GstBus *bus = gst_element_get_bus(pipeline);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstMessage *m = gst_bus_timed_pop_filtered(bus, 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool ok = m && GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS;
  if (m) gst_message_unref(m);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (gpointer o : {gpointer(pad), gpointer(at), gpointer(in), gpointer(out), gpointer(bus), gpointer(pipeline)})
    gst_object_unref(o);
  if (!ok) std::fprintf(stderr, "%s could not be cut\n", argv[1]);
  return ok ? 0 : 1;
}
