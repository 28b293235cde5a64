// SPDX-License-Identifier: LGPL-2.1-or-later
// A pipeline, and all that its elements say.
#pragma once
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "element_rig.h"
#include "play.h"

namespace oneadapt_test {

struct UnrefObject {
  void operator()(gpointer object) const { gst_object_unref(object); }
};
template <class Object>
using ObjectRef = std::unique_ptr<Object, UnrefObject>;

class WatchedPipeline {
 public:
  explicit WatchedPipeline(const std::string &line) {
    GError *error = nullptr;
    pipeline_.reset(gst_parse_launch(line.c_str(), &error));
    EXPECT_EQ(error, nullptr) << error->message;
    bus_.reset(gst_element_get_bus(pipeline_.get()));
    gst_bus_set_sync_handler(bus_.get(), on_message, this, nullptr);
  }
  ~WatchedPipeline() {
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    gst_bus_set_sync_handler(bus_.get(), nullptr, nullptr, nullptr);
  }

  GstElement *get() const { return pipeline_.get(); }
  ObjectRef<GstElement> find(const char *name) const {
    return ObjectRef<GstElement>(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
  }
  guint64 stat(const char *element, const char *name) const { return stat_of(find(element).get(), name); }
  /// Calls `probe` with `data` for each buffer that comes by.
  void on_buffers(const char *element, const char *pad, GstPadProbeCallback probe, gpointer data) const {
    const auto found = find(element);
    const ObjectRef<GstPad> at(gst_element_get_static_pad(found.get(), pad));
    gst_pad_add_probe(at.get(), GST_PAD_PROBE_TYPE_BUFFER, probe, data, nullptr);
  }
  /// To the end of the stream; what went wrong, empty: nothing. Counters can be read afterwards.
  std::string play() { return play_through(pipeline_.get()); }

  std::vector<std::string> warnings() {
    std::lock_guard<std::mutex> lock(mutex_);
    return warnings_;
  }
  /// Knobs that decisions were about, of the tunable of that name.
  std::size_t decided_knobs_of(const std::string &tunable) {
    std::lock_guard<std::mutex> lock(mutex_);
    return std::size_t(std::count(tunables_.begin(), tunables_.end(), tunable));
  }

 private:
  static GstBusSyncReply on_message(GstBus *, GstMessage *message, gpointer data) {
    auto *self = static_cast<WatchedPipeline *>(data);
    std::lock_guard<std::mutex> lock(self->mutex_);
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) self->warnings_.push_back(text_of(message));
    if (gst_message_has_name(message, "oneadapt-decision")) {
      const GValue *knobs = gst_structure_get_value(gst_message_get_structure(message), "knobs");
      for (guint i = 0; i < gst_value_list_get_size(knobs); ++i)
        self->tunables_.emplace_back(
            gst_structure_get_string(gst_value_get_structure(gst_value_list_get_value(knobs, i)), "tunable"));
    }
    return GST_BUS_PASS;
  }

  ObjectRef<GstElement> pipeline_;
  ObjectRef<GstBus> bus_;
  std::mutex mutex_;
  std::vector<std::string> warnings_, tunables_;
};

}  // namespace oneadapt_test
