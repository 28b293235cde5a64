// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gst/app/gstappsrc.h>

#include "server.h"

namespace oneadapt::server {

void ViewerFanout::push(GstSample *sample) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (auto it = viewers_.begin(); it != viewers_.end();) {
    // A viewer that has left takes no more.
    if (gst_app_src_push_sample(GST_APP_SRC(*it), sample) == GST_FLOW_OK) {
      ++it;
    } else {
      gst_object_unref(*it);
      it = viewers_.erase(it);
    }
  }
}

void ViewerFanout::add(GstElement *appsrc) {
  std::lock_guard<std::mutex> lock(mutex_);
  viewers_.push_back(GST_ELEMENT(gst_object_ref(appsrc)));
}

void ViewerFanout::end() {
  std::lock_guard<std::mutex> lock(mutex_);
  for (GstElement *viewer : viewers_) {
    gst_app_src_end_of_stream(GST_APP_SRC(viewer));
    gst_object_unref(viewer);
  }
  viewers_.clear();
}

}  // namespace oneadapt::server
