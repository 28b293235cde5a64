// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptdnn
 * @title: oneadaptdnn
 *
 * Detects objects, or segments, with a self-describing TorchScript model (see docs/models.md). Buffers pass through
 * untouched but for one #GstVideoRegionOfInterestMeta a detected object, as DL Streamer attaches them: `roi_type` is
 * the label, param `detection` holds `x_min`, `x_max`, `y_min`, `y_max` (of the frame, 0 to 1), `confidence` and
 * `label_id`. Where the model segments, param `mask` holds the object's pixels.
 *
 * Once an adaptation interval, on its last frame, it runs the forward pass with autograd, pushes the buffer downstream,
 * then backpropagates the output utility to its input (DNNGrad, paper §3.3, §4.3) and sends the result upstream in a
 * gradient event (gst_event_new_oneadapt_gradient()), and downstream for who shows it
 * (gst_event_new_oneadapt_gradient_echo()). Intervals are counted in stream time. A frame is the last of
 * its interval when it lasts until the boundary; where frames do not say how long they last (neither buffer duration
 * nor framerate), or the last one was lost, the gradient is taken on the next interval's first frame and carries the
 * number of the interval that it is for. A controller in lockstep says itself that an interval is over; the gradient is
 * then taken on the last frame that came, which is inferred once more for it. #oneadaptdnn:gradient-every takes more
 * gradients and sends their mean.
 *
 * It answers a controller's profile query (gst_query_new_oneadapt_profile()): F1 of other configurations' results
 * against the most expensive one's. Frames of the stream go first.
 *
 * A gradient that is not finite gives a warning message and no event. Frames without stream time get results only.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 filesrc location=clips/vtest.avi ! decodebin ! videoconvert ! oneadaptdnn model=models/nanodet.pt
 * classes=person results-location=results.jsonl ! fakesink
 * ]|
 */
// Locks: OBJECT_LOCK guards Settings, the pointer to the Run and the last run's numbers; a leaf: nothing is called
// under it. The Run belongs to the streaming thread while the pads are active, which is the frame queue's where that
// runs (keep-up), else the pushing thread; a profile (a query, from any thread) has its model for one picture at a
// time.
#include "dnn.h"

#include <gst/video/video.h>

#include <memory>
#include <optional>
#include <utility>

#include "allocation_metas.h"
#include "config.h"
#include "dnn_properties.h"
#include "frame_queue.h"
#include "interval_drain.h"
#include "interval_ends.h"
#include "run.h"
#include "setting_properties.h"
#include "walk.h"

GST_DEBUG_CATEGORY_EXTERN(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace {

using namespace oneadapt;

struct Private {
  // Under OBJECT_LOCK.
  DnnProperties properties;
  std::shared_ptr<Run> run;  ///< while in PAUSED or PLAYING
  RunStats last_stats;       ///< of the run before
  // The pushing thread's.
  std::unique_ptr<FrameQueue> queue;
  std::optional<IntervalEnds> ends;  ///< from the first event or buffer on
  GstSegment segment;
  bool looked = false;  ///< whether frames are to be queued has been found out
};

}  // namespace

struct _GstOneadaptDnn {
  GstElement parent;
  GstPad *sink, *src;
  Private *p;
};
#define GST_TYPE_ONEADAPT_DNN (gst_oneadapt_dnn_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptDnn, gst_oneadapt_dnn, GST, ONEADAPT_DNN, GstElement)
G_DEFINE_TYPE(GstOneadaptDnn, gst_oneadapt_dnn, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(oneadaptdnn, "oneadaptdnn", GST_RANK_NONE, GST_TYPE_ONEADAPT_DNN)

/* ---- data ---------------------------------------------------------------------------------------------------- */

static std::shared_ptr<Run> get_run(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  std::shared_ptr<Run> run = self->p->run;
  GST_OBJECT_UNLOCK(self);
  return run;
}

static RunSettings copy_settings(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  RunSettings settings = self->p->properties.settings;
  GST_OBJECT_UNLOCK(self);
  return settings;
}

static GstFlowReturn analyse(GstOneadaptDnn *self, GstBuffer *buffer) {
  const auto run = get_run(self);
  if (!run) {
    gst_buffer_unref(buffer);
    return GST_FLOW_FLUSHING;
  }
  try {
    return run->chain(buffer, copy_settings(self));
  } catch (const std::exception &e) {  // the model's own errors do not come this far; memory may run out
    GST_ELEMENT_ERROR(self, STREAM, FAILED, ("A frame cannot be analysed: %s.", e.what()), (nullptr));
    return GST_FLOW_ERROR;
  }
}

/// Whether data flows at a pace of its own, however late it is taken.
static bool is_live(GstPad *sink) {
  GstQuery *query = gst_query_new_latency();
  gboolean live = FALSE;
  if (gst_pad_peer_query(sink, query)) gst_query_parse_latency(query, &live, nullptr, nullptr);
  gst_query_unref(query);
  return live;
}

/// A controller in lockstep waits for the gradient of every interval, whose frames must then all be seen.
static bool is_in_lockstep(GstPad *sink) {
  gboolean lockstep = FALSE;
  walk_pads(sink, [&](GstElement *element, GstPad *) {
    GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), "lockstep");
    if (spec && spec->value_type == G_TYPE_BOOLEAN) g_object_get(element, "lockstep", &lockstep, nullptr);
    return !lockstep;
  });
  return lockstep;
}

static GstFlowReturn gst_oneadapt_dnn_chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) {
  auto *self = GST_ONEADAPT_DNN(parent);
  Private *p = self->p;
  const auto run = get_run(self);
  if (run && !std::exchange(p->looked, true)) {
    constexpr guint kMostIntervals = 2;  // of sound that waits
    const RunSettings settings = copy_settings(self);
    if (settings.keep_up == KeepUp::On || (settings.keep_up == KeepUp::Auto && is_live(pad) && !is_in_lockstep(pad)))
      p->queue->start(run->analyses_frames() ? 0 : kMostIntervals * settings.interval);
  }
  if (!p->queue->running()) return analyse(self, buffer);
  const oneadapt::FrameNeed need = p->ends ? p->ends->take(buffer) : oneadapt::FrameNeed::None;
  return p->queue->push(BufferRef(buffer), need);
}

static void left_out(GstOneadaptDnn *self, GstBuffer *buffer) {
  if (const auto run = get_run(self)) run->skip(buffer, self->p->segment);
}

/// A source that looks for a pad to link to (decodebin) is offered only what the model takes. One that is linked
/// already may send what it likes: it then gets an error that names the model.
static gboolean query_caps(GstPad *pad, GstObject *parent, GstQuery *query) {
  const gboolean done = gst_pad_query_default(pad, parent, query);
  const auto run = get_run(GST_ONEADAPT_DNN(parent));
  if (!done || !run || gst_pad_is_linked(pad)) return done;
  GstCaps *all = nullptr;
  gst_query_parse_caps_result(query, &all);
  GstCaps *taken = gst_caps_copy(all);
  gst_caps_filter_and_map_in_place(
      taken,
      [](GstCapsFeatures *, GstStructure *s, gpointer kind) -> gboolean {
        return gst_structure_has_name(s, static_cast<const gchar *>(kind));
      },
      const_cast<char *>(run->media_type()));
  gst_query_set_caps_result(query, taken);
  gst_caps_unref(taken);
  return TRUE;
}

/// Buffers pass through, so downstream's pools and metas do too, but for those that the model's reader does not heed.
static gboolean query_allocation(GstPad *pad, GstObject *parent, GstQuery *query) {
  const gboolean done = gst_pad_query_default(pad, parent, query);
  if (done)
    withhold_metas(query, {GST_VIDEO_OVERLAY_COMPOSITION_META_API_TYPE, GST_VIDEO_AFFINE_TRANSFORMATION_META_API_TYPE});
  return done;
}

/// A controller wants to know what there is of an interval, or somebody wants buffers back. Streaming thread.
static gboolean query_drain(GstPad *pad, GstObject *parent, GstQuery *query) {
  const auto run = get_run(GST_ONEADAPT_DNN(parent));
  const std::optional<IntervalOver> over = interval_over_of(query);
  const bool asked = run && over;
  if (asked) {
    bool sent = false;
    try {
      sent = run->end_interval(over->interval, over->duration, copy_settings(GST_ONEADAPT_DNN(parent)));
    } catch (const std::exception &e) {
      GST_ELEMENT_ERROR(parent, STREAM, FAILED, ("An interval's gradient cannot be taken: %s.", e.what()), (nullptr));
    }
    answer_interval_drain(query, run->dnn(), sent);
  }
  if (run) run->let_go();
  // What lies behind has nothing to say to that, and may wait for what the asker has yet to send.
  if (asked && !leads_to_dnn(GST_ONEADAPT_DNN(parent)->src)) return TRUE;
  return gst_pad_query_default(pad, parent, query) || asked;
}

/// A query that keeps its place among the frames.
static gboolean answer_serialized(GstOneadaptDnn *self, GstQuery *query) {
  if (GST_QUERY_TYPE(query) == GST_QUERY_ALLOCATION) return query_allocation(self->sink, GST_OBJECT(self), query);
  if (GST_QUERY_TYPE(query) == GST_QUERY_DRAIN) return query_drain(self->sink, GST_OBJECT(self), query);
  return gst_pad_query_default(self->sink, GST_OBJECT(self), query);
}

/// A controller's profile comes in the asker's thread, while data flows.
static gboolean gst_oneadapt_dnn_sink_query(GstPad *pad, GstObject *parent, GstQuery *query) {
  if (GST_QUERY_IS_SERIALIZED(query)) {
    FrameQueue &queue = *GST_ONEADAPT_DNN(parent)->p->queue;
    return queue.running() ? queue.push(query) : answer_serialized(GST_ONEADAPT_DNN(parent), query);
  }
  if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS) return query_caps(pad, parent, query);
  if (!gst_query_is_oneadapt_profile(query)) return gst_pad_query_default(pad, parent, query);
  auto *self = GST_ONEADAPT_DNN(parent);
  guint count = 0;
  GstOneadaptRenderFunc render = nullptr;
  gpointer data = nullptr;
  const auto run = get_run(self);
  if (!run || !gst_query_parse_oneadapt_profile(query, &count, &render, &data)) return FALSE;
  std::vector<double> accuracies;
  guint64 inferences = 0;
  if (!run->profile(
          count, [&](guint index) { return render(index, data); }, copy_settings(self), accuracies, inferences))
    return FALSE;
  gst_query_set_oneadapt_profile_result(query, accuracies.data(), count, inferences);
  return TRUE;
}

/// An event in its place among the frames, or one that has none.
static gboolean handle_event(GstOneadaptDnn *self, GstEvent *event) {
  GstPad *const pad = self->sink;
  auto *const parent = GST_OBJECT(self);
  const auto run = get_run(self);
  if (run) {
    switch (GST_EVENT_TYPE(event)) {
      case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        bool taken = false;
        try {
          taken = run->set_caps(caps);
        } catch (const std::exception &e) {
          GST_ERROR_OBJECT(parent, "%s", e.what());
        }
        if (!taken) {
          GST_ERROR_OBJECT(parent, "cannot read %" GST_PTR_FORMAT, caps);
          gst_event_unref(event);
          return FALSE;
        }
        break;
      }
      case GST_EVENT_SEGMENT: {
        const GstSegment *segment = nullptr;
        gst_event_parse_segment(event, &segment);
        run->set_segment(*segment);
        break;
      }
      case GST_EVENT_STREAM_START:
        run->new_stream();
        break;
      case GST_EVENT_EOS:
        try {
          run->drain(copy_settings(self));
        } catch (const std::exception &e) {
          GST_ELEMENT_ERROR(parent, STREAM, FAILED, ("The last sound cannot be analysed: %s.", e.what()), (nullptr));
        }
        break;
      case GST_EVENT_FLUSH_START:
        run->call_off(false);
        break;
      case GST_EVENT_FLUSH_STOP:
        run->flush();
        break;
      default:
        run->on_event(event);
    }
  }
  return gst_pad_event_default(pad, parent, event);
}

static gboolean gst_oneadapt_dnn_sink_event(GstPad *, GstObject *parent, GstEvent *event) {
  auto *self = GST_ONEADAPT_DNN(parent);
  Private *p = self->p;
  if (GST_EVENT_IS_SERIALIZED(event)) {
    if (!p->ends) p->ends.emplace(copy_settings(self).interval);
    p->ends->on_event(event);
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) gst_event_copy_segment(event, &p->segment);
  }
  switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: {  // first downstream, so that whoever waits there lets go
      const gboolean done = handle_event(self, event);
      p->queue->flush_start();
      return done;
    }
    case GST_EVENT_FLUSH_STOP: {
      const gboolean done = handle_event(self, event);
      p->queue->flush_stop();
      return done;
    }
    default:
      return GST_EVENT_IS_SERIALIZED(event) && p->queue->running() ? p->queue->push(event) : handle_event(self, event);
  }
}

static gboolean activate_src(GstPad *, GstObject *parent, GstPadMode mode, gboolean active) {
  Private *p = GST_ONEADAPT_DNN(parent)->p;
  if (mode != GST_PAD_MODE_PUSH) return FALSE;
  if (active) {
    p->looked = false;
    p->ends.reset();
    gst_segment_init(&p->segment, GST_FORMAT_UNDEFINED);
    p->queue->activate();
  } else {
    p->queue->deactivate();
  }
  return TRUE;
}

static bool start(GstOneadaptDnn *self) {
  GST_OBJECT_LOCK(self);
  const DnnProperties properties = self->p->properties;
  GST_OBJECT_UNLOCK(self);
  if (!properties.has_valid_input_size()) {
    GST_ELEMENT_ERROR(self, RESOURCE, SETTINGS,
                      ("Property \"input-size\": \"%s\" is no size; write auto, frame or WIDTHxHEIGHT.",
                       properties.input_size.c_str()),
                      (nullptr));
    return false;
  }
  const RunSettings &settings = properties.settings;
  std::shared_ptr<Run> run = Run::start(GST_ELEMENT(self), self->sink, self->src, settings, dnn_media());
  if (!run) return false;
  const RunStats::Model model = run->stats().model;
  if (settings.model.device == "auto")
    GST_ELEMENT_INFO(self, RESOURCE, SETTINGS,
                     ("device=auto: inference runs on %s (%s).", model.device.c_str(), model.device_reason.c_str()),
                     (nullptr));
  GST_OBJECT_LOCK(self);
  self->p->run = std::move(run);
  GST_OBJECT_UNLOCK(self);
  return true;
}

static void stop(GstOneadaptDnn *self) {
  const auto run = get_run(self);
  if (!run) return;
  run->call_off(true);
  run->finish();
  const RunStats stats = run->stats();
  GST_OBJECT_LOCK(self);
  self->p->last_stats = stats;
  self->p->run.reset();  // not the last reference: `run` dies outside the lock
  GST_OBJECT_UNLOCK(self);
}

static GstStateChangeReturn gst_oneadapt_dnn_change_state(GstElement *element, GstStateChange transition) {
  auto *self = GST_ONEADAPT_DNN(element);
  try {
    if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !start(self)) return GST_STATE_CHANGE_FAILURE;
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(gst_oneadapt_dnn_parent_class)->change_state(element, transition);
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY ||
        (transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE))
      stop(self);
    return result;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(self, LIBRARY, FAILED, ("The element cannot change its state: %s.", e.what()), (nullptr));
    return GST_STATE_CHANGE_FAILURE;
  }
}

/* ---- properties ---------------------------------------------------------------------------------------------- */

static void gst_oneadapt_dnn_set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
  auto *self = GST_ONEADAPT_DNN(object);
  Private *p = self->p;
  GST_OBJECT_LOCK(self);
  DnnProperties changed = p->properties;
  const bool known = changed.set(id, value);
  const bool running = bool(p->run);
  const bool too_late = running && (spec->flags & GST_PARAM_MUTABLE_READY);
  const bool bad_size = running && !changed.has_valid_input_size();
  if (known && !too_late && !bad_size) p->properties = changed;
  GST_OBJECT_UNLOCK(self);
  if (!known) {
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
  } else if (too_late) {
    oneadapt::warn_of_fixed(self, spec);
  } else if (bad_size) {
    GST_ELEMENT_WARNING(
        self, RESOURCE, SETTINGS,
        ("Property \"input-size\": \"%s\" is no size and is ignored; write auto, frame or WIDTHxHEIGHT.",
         changed.input_size.c_str()),
        (nullptr));
  }
}

static void gst_oneadapt_dnn_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
  auto *self = GST_ONEADAPT_DNN(object);
  GST_OBJECT_LOCK(self);
  const DnnProperties properties = self->p->properties;
  const std::shared_ptr<Run> run = self->p->run;
  RunStats stats = self->p->last_stats;
  GST_OBJECT_UNLOCK(self);
  if (properties.get(id, value)) return;
  if (run) stats = run->stats();
  if (!get_run_property(stats, id, value)) G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
}

/* ---- class --------------------------------------------------------------------------------------------------- */

static void gst_oneadapt_dnn_finalize(GObject *object) {
  delete GST_ONEADAPT_DNN(object)->p;
  G_OBJECT_CLASS(gst_oneadapt_dnn_parent_class)->finalize(object);
}

static void gst_oneadapt_dnn_class_init(GstOneadaptDnnClass *klass) {
  GObjectClass *object_class = G_OBJECT_CLASS(klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS(klass);
  GST_DEBUG_CATEGORY_INIT(oneadaptdnn_debug, "oneadaptdnn", 0, "object detection with DNNGrad");
  object_class->set_property = gst_oneadapt_dnn_set_property;
  object_class->get_property = gst_oneadapt_dnn_get_property;
  object_class->finalize = gst_oneadapt_dnn_finalize;
  element_class->change_state = gst_oneadapt_dnn_change_state;

  install_dnn_properties(object_class);

  GstCaps *caps = gst_caps_new_empty();
  for (const DnnMediumRow &medium : dnn_media()) gst_caps_append(caps, gst_caps_from_string(medium.caps));
  for (const auto &[name, direction] : {std::pair("sink", GST_PAD_SINK), std::pair("src", GST_PAD_SRC)})
    gst_element_class_add_pad_template(element_class, gst_pad_template_new(name, direction, GST_PAD_ALWAYS, caps));
  gst_caps_unref(caps);
  gst_element_class_set_static_metadata(element_class, "OneAdapt object detector", "Filter/Analyzer/Video",
                                        "Detects objects with LibTorch and says upstream where its input matters",
                                        "OneAdapt for GStreamer");
}

static void gst_oneadapt_dnn_init(GstOneadaptDnn *self) {
  self->p = new Private;
  const auto new_pad = [self](const char *name) {
    return gst_pad_new_from_template(gst_element_class_get_pad_template(GST_ELEMENT_GET_CLASS(self), name), name);
  };
  self->sink = new_pad("sink");
  self->src = new_pad("src");
  gst_pad_set_chain_function(self->sink, gst_oneadapt_dnn_chain);
  gst_pad_set_event_function(self->sink, gst_oneadapt_dnn_sink_event);
  gst_pad_set_query_function(self->sink, gst_oneadapt_dnn_sink_query);
  gst_pad_set_activatemode_function(self->src, activate_src);
  self->p->queue = std::make_unique<FrameQueue>(
      self->src, FrameQueue::Work{[self](GstBuffer *buffer) { return analyse(self, buffer); },
                                  [self](GstEvent *event) { return handle_event(self, event); },
                                  [self](GstQuery *query) { return answer_serialized(self, query); },
                                  [self](GstBuffer *buffer) { left_out(self, buffer); }});
  for (GstPad *pad : {self->sink, self->src}) {
    GST_PAD_SET_PROXY_CAPS(pad);
    GST_PAD_SET_PROXY_ALLOCATION(pad);
    GST_PAD_SET_PROXY_SCHEDULING(pad);
    gst_element_add_pad(GST_ELEMENT(self), pad);
  }
}
