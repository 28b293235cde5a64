// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/app/gstappsrc.h>

#include "server.h"

namespace oneadapt::server {
namespace {

/// (transfer full)
GstElement *source_of(GstRTSPMedia *media) {
  GstElement *element = gst_rtsp_media_get_element(media);
  GstElement *source = gst_bin_get_by_name_recurse_up(GST_BIN(element), "view");
  gst_object_unref(element);
  return source;
}

}  // namespace

void ViewerFanout::push(GstSample *sample) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = viewers_.begin(); it != viewers_.end();) {
    // A viewer that has left takes no more.
    if (gst_app_src_push_sample(GST_APP_SRC(it->appsrc), sample) == GST_FLOW_OK) {
      ++it;
    } else {
      gst_object_unref(it->appsrc);
      it = viewers_.erase(it);
    }
  }
}

void ViewerFanout::add(GstRTSPMedia *media) {
  const Viewer viewer{source_of(media)};
  bool ended = false;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    ended = ended_;
    if (!ended) viewers_.push_back(viewer);
  }
  if (ended) return end(viewer);
  g_signal_connect_data(
      media, "prepared", G_CALLBACK(on_prepared), new std::shared_ptr<ViewerFanout>(shared_from_this()),
      [](gpointer self, GClosure *) { delete static_cast<std::shared_ptr<ViewerFanout> *>(self); }, GConnectFlags(0));
}

void ViewerFanout::on_prepared(GstRTSPMedia *media, gpointer data) {
  ViewerFanout &self = **static_cast<std::shared_ptr<ViewerFanout> *>(data);
  GstElement *source = source_of(media);
  {
    std::lock_guard<std::mutex> lock(self.mutex_);
    for (Viewer &viewer : self.viewers_) viewer.prepared = viewer.prepared || viewer.appsrc == source;
  }
  gst_object_unref(source);
}

/// gst_rtsp_media_prepare() waits twenty seconds for a first picture, and heeds errors alone.
void ViewerFanout::end(const Viewer &viewer) {
  gst_app_src_end_of_stream(GST_APP_SRC(viewer.appsrc));
  if (!viewer.prepared) GST_ELEMENT_ERROR(viewer.appsrc, RESOURCE, NOT_FOUND, ("The camera has gone."), (nullptr));
  gst_object_unref(viewer.appsrc);
}

void ViewerFanout::end() {
  std::vector<Viewer> viewers;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    viewers.swap(viewers_);
    ended_ = true;
  }
  for (const Viewer &viewer : viewers) end(viewer);
}

}  // namespace oneadapt::server
