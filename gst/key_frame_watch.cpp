// SPDX-License-Identifier: LGPL-2.1-or-later
#include "key_frame_watch.h"

#include <gst/rtp/gstrtpbuffer.h>

#include "wire/loss_detector.h"

namespace oneadapt {
namespace {

/// Of one depayloader; its streaming thread's.
struct Watched {
  LossDetector detector;
  std::shared_ptr<KeyFrameAsker> asker;
};

/// Whether a packet says that a key frame is to be asked for.
bool tells_of_loss(LossDetector &detector, GstBuffer *buffer) {
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  if (!gst_rtp_buffer_map(buffer, GST_MAP_READ, &rtp)) return false;
  H264Packet packet;
  packet.sequence = gst_rtp_buffer_get_seq(&rtp);
  packet.timestamp = gst_rtp_buffer_get_timestamp(&rtp);
  packet.marker = gst_rtp_buffer_get_marker(&rtp);
  packet.begins_key = begins_key_picture(static_cast<const std::uint8_t *>(gst_rtp_buffer_get_payload(&rtp)),
                                         gst_rtp_buffer_get_payload_len(&rtp));
  gst_rtp_buffer_unmap(&rtp);
  return detector.on_packet(packet, std::uint64_t(g_get_monotonic_time()) * GST_USECOND);
}

GstPadProbeReturn on_packets(GstPad *pad, GstPadProbeInfo *info, gpointer user_data) {
  auto *watched = static_cast<Watched *>(user_data);
  bool ask = false;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
    ask = tells_of_loss(watched->detector, GST_PAD_PROBE_INFO_BUFFER(info));
  } else {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
    for (guint i = 0; i < gst_buffer_list_length(list); ++i)
      ask = tells_of_loss(watched->detector, gst_buffer_list_get(list, i)) || ask;
  }
  if (ask && !watched->detector.intact()) watched->asker->ask(pad);
  return GST_PAD_PROBE_OK;
}

}  // namespace

void KeyFrameAsker::ask(GstPad *depayloader) {
  const std::shared_ptr<FeedbackBackend> backend = backend_.lock();
  if (!backend) return;
  if (auto *pad = static_cast<GstPad *>(g_weak_ref_get(&pad_))) {
    backend->attach(pad);  // where nothing has reached the DNN yet, nobody has done it
    gst_object_unref(pad);
  }
  backend->request_key_frame(depayloader);
}

void release(WatchHold &hold) {
  gst_pad_remove_probe(hold.pad, hold.probe);
  gst_object_unref(hold.pad);
}

void KeyFrameWatch::attach(GstPad *sink) {
  asker_->set_pad(sink);
  held_.walk(sink, [this](std::vector<WatchHold> &holds, GstElement *element) {
    if (!is_a(element, "GstRtpH264Depay")) return true;
    GstPad *pad = gst_element_get_static_pad(element, "sink");
    for (WatchHold &h : holds) {
      if (h.pad != pad) continue;
      h.there = true;
      gst_object_unref(pad);
      return false;
    }
    const gulong probe =
        gst_pad_add_probe(pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST), on_packets,
                          new Watched{{}, asker_}, [](gpointer data) { delete static_cast<Watched *>(data); });
    holds.push_back({pad, probe, true});
    return false;
  });
}

}  // namespace oneadapt
