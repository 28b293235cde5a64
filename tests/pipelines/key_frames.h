// SPDX-License-Identifier: LGPL-2.1-or-later
// Packets that are lost, and the IDR pictures that a camera makes.
#pragma once
#include <gst/gst.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace oneadapt_test {

/// Counts the buffers on an element's pad. The pipeline may live longer.
class Counter {
 public:
  enum class What { All, KeyFrames };
  Counter(GstElement *bin, const char *name, What what) : counted_(std::make_shared<Counted>()) {
    counted_->what = what;
    GstElement *e = gst_bin_get_by_name(GST_BIN(bin), name);
    EXPECT_NE(e, nullptr) << name;
    GstPad *pad = gst_element_get_static_pad(e, "src");
    gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_buffer, new std::shared_ptr<Counted>(counted_),
                      [](gpointer data) { delete static_cast<std::shared_ptr<Counted> *>(data); });
    gst_object_unref(pad);
    gst_object_unref(e);
  }
  unsigned count() const { return counted_->count; }

 private:
  struct Counted {
    What what;
    std::atomic<unsigned> count{0};
  };
  static GstPadProbeReturn on_buffer(GstPad *, GstPadProbeInfo *info, gpointer data) {
    Counted &counted = **static_cast<std::shared_ptr<Counted> *>(data);
    const bool delta = GST_BUFFER_FLAG_IS_SET(GST_PAD_PROBE_INFO_BUFFER(info), GST_BUFFER_FLAG_DELTA_UNIT);
    if (counted.what == What::All || !delta) ++counted.count;
    return GST_PAD_PROBE_OK;
  }
  const std::shared_ptr<Counted> counted_;
};

/// Loses the next packet on its way to a depayloader.
inline void lose_a_packet(GstElement *bin, const char *depayloader) {
  GstElement *e = gst_bin_get_by_name(GST_BIN(bin), depayloader);
  ASSERT_NE(e, nullptr) << depayloader;
  GstPad *sink = gst_element_get_static_pad(e, "sink"), *from = gst_pad_get_peer(sink);
  ASSERT_NE(from, nullptr) << "nothing comes to " << depayloader;
  gst_pad_add_probe(
      from, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *pad, GstPadProbeInfo *info, gpointer) {
        gst_pad_remove_probe(pad, GST_PAD_PROBE_INFO_ID(info));
        return GST_PAD_PROBE_DROP;
      },
      nullptr, nullptr);
  gst_object_unref(from);
  gst_object_unref(sink);
  gst_object_unref(e);
}

}  // namespace oneadapt_test
