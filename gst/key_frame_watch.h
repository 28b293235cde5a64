// SPDX-License-Identifier: LGPL-2.1-or-later
// Internal to libgstoneadapt: the DNN's end sees at its depayloaders what was lost, and asks for key frames.
#pragma once
#include <gst/gst.h>

#include <memory>

#include "feedback.h"
#include "held_elements.h"

namespace oneadapt {

/// Between the streaming threads that see losses and the transport, which may be closed meanwhile. Thread-safe.
class KeyFrameAsker {
 public:
  explicit KeyFrameAsker(const std::shared_ptr<FeedbackBackend> &backend) : backend_(backend) {
    g_weak_ref_init(&pad_, nullptr);
  }
  ~KeyFrameAsker() { g_weak_ref_clear(&pad_); }
  /// Asks the camera whose packets reach `depayloader`, a depayloader's sink pad. Nothing, where the transport is gone.
  void ask(GstPad *depayloader);
  /// Where the DNN takes its pictures from.
  void set_pad(GstPad *pad) { g_weak_ref_set(&pad_, pad); }

 private:
  const std::weak_ptr<FeedbackBackend> backend_;
  GWeakRef pad_;  // from where the transport looks for its sessions
};

struct WatchHold {
  GstPad *pad;
  gulong probe;
  bool there;
};
void release(WatchHold &hold);

/// Watches the H.264 depayloaders upstream of a pad. Thread-safe but for the destructor.
class KeyFrameWatch {
 public:
  explicit KeyFrameWatch(const std::shared_ptr<FeedbackBackend> &backend)
      : asker_(std::make_shared<KeyFrameAsker>(backend)) {}
  void attach(GstPad *sink);

 private:
  const std::shared_ptr<KeyFrameAsker> asker_;
  HeldElements<WatchHold> held_;
};

}  // namespace oneadapt
