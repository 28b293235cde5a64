// SPDX-License-Identifier: LGPL-2.1-or-later
#include "play.h"

#include <gst/video/video.h>

#include <atomic>
#include <fstream>
#include <memory>

#include "feeder.h"
#include "message_text.h"

namespace random_pipelines {
namespace {

bool is_for_main(Deed deed) {
  return deed == Deed::Seek || deed == Deed::Pause || deed == Deed::Restart || deed == Deed::Stop;
}

class Player {
 public:
  Player(const Recipe &recipe, GstElement *pipeline, const std::string &results, Watchdog &watchdog)
      : recipe_(recipe),
        results_(results),
        watchdog_(watchdog),
        pipeline_(pipeline),
        bus_(gst_element_get_bus(pipeline)),
        sights_(pipeline, recipe),
        done_(recipe.actions.size()) {
    for (std::size_t c = 0; c < recipe.cameras.size(); ++c) {
      GstElement *source = find("cam" + std::to_string(c));
      feeders_.push_back(std::make_unique<Feeder>(
          source, recipe.cameras[c], [this, c](int frame) { return c == 0 ? before(frame) : !held_.load(); }));
      gst_object_unref(source);
    }
  }
  ~Player() { gst_object_unref(bus_); }

  Outcome play() {
    set_state(GST_STATE_PLAYING, "going to PLAYING");
    watchdog_.now("playing from the start");
    while (!over_) listen();
    set_state(GST_STATE_NULL, "going to NULL at the end");
    watchdog_.now("looking at what came of it");
    if (wrong_.empty()) check();
    watchdog_.now("");
    return {wrong_, "", sights_.tally()};
  }

 private:
  GstElement *find(const std::string &name) { return gst_bin_get_by_name(GST_BIN(pipeline_), name.c_str()); }
  void set_state(GstState state, const std::string &what);
  bool before(int frame);
  void perform_here(const Action &action, GstClockTime time);
  void perform(const Action &action);
  void settle(const std::string &what);
  void release();
  void listen();
  void note_warning(GstMessage *m);
  void forget_ends();
  void check();
  void check_filter(GstElement *filter);
  void check_dnn(GstElement *dnn);
  void check_controller(GstElement *controller);

  const Recipe &recipe_;
  const std::string results_;
  Watchdog &watchdog_;
  GstElement *const pipeline_;
  GstBus *const bus_;
  Sights sights_;
  std::vector<std::unique_ptr<Feeder>> feeders_;
  std::vector<std::atomic<bool>> done_;  // each action
  std::atomic<bool> held_{false};        // cameras give nothing
  bool over_ = false, ended_ = false, exact_ = true, warned_ = false;
  std::string wrong_;
};

void Player::set_state(GstState state, const std::string &what) {
  watchdog_.now(what);
  if (gst_element_set_state(pipeline_, state) == GST_STATE_CHANGE_FAILURE && wrong_.empty()) {
    wrong_ = "a change of state failed: " + what;
    over_ = true;
  }
}

/// In a camera's thread, ahead of a frame. False: the camera waits.
bool Player::before(int frame) {
  for (std::size_t i = 0; i < recipe_.actions.size(); ++i) {
    const Action &action = recipe_.actions[i];
    if (action.frame != frame || done_[i].exchange(true)) continue;
    if (!is_for_main(action.deed)) {
      perform_here(action, recipe_.cameras[0].frames[std::size_t(frame)].time);
      continue;
    }
    if (action.number % 2 == 0) held_ = true;  // else the pictures flow on meanwhile
    gst_element_post_message(
        pipeline_, gst_message_new_application(GST_OBJECT(pipeline_),
                                               gst_structure_new("action", "index", G_TYPE_INT, int(i), nullptr)));
  }
  return !held_;
}

/// In a camera's thread.
void Player::perform_here(const Action &action, GstClockTime time) {
  GstElement *dnn = find("dnn");
  GstPad *sink = gst_element_get_static_pad(dnn, "sink");
  switch (action.deed) {
    case Deed::Set: {
      if (action.moves) sights_.moved(time);
      GstElement *element = find(action.element);
      gst_util_set_object_arg(G_OBJECT(element), action.property.c_str(), action.value.c_str());
      gst_object_unref(element);
      break;
    }
    case Deed::Gap:
      gst_element_send_event(feeders_[0]->source(), gst_event_new_gap(time, recipe_.interval));
      break;
    case Deed::KeyUnit:
      gst_pad_push_event(sink, gst_video_event_new_upstream_force_key_unit(GST_CLOCK_TIME_NONE, TRUE, 0));
      break;
    case Deed::Reconfigure:
      gst_pad_push_event(sink, gst_event_new_reconfigure());
      break;
    case Deed::EndOfStream:
      gst_app_src_end_of_stream(GST_APP_SRC(feeders_[0]->source()));
      break;
    default:
      break;
  }
  gst_object_unref(sink);
  gst_object_unref(dnn);
}

/// A change of state is over, unless a sink waits for a picture that does not come. GStreamer 1.22 does not always get
/// to PLAYING where one change, or a flush, meets another.
void Player::settle(const std::string &what) {
  watchdog_.now("waiting for a change of state " + what);
  gst_element_get_state(pipeline_, nullptr, nullptr, 2 * GST_SECOND);
}

void Player::release() {
  held_ = false;
  for (auto &feeder : feeders_) feeder->feed();
}

/// In the main thread, while the cameras wait.
void Player::perform(const Action &action) {
  const std::string at = " at frame " + std::to_string(action.frame);
  if (action.deed != Deed::Stop && action.deed != Deed::Restart) {
    release();
    settle("before an action" + at);
  }
  held_ = true;
  switch (action.deed) {
    case Deed::Seek: {
      watchdog_.now("a flushing seek" + at);
      exact_ = false;
      GstElement *sink = find("sink");
      const GstClockTime to = recipe_.cameras[0].frames[std::size_t(action.number)].time;
      gst_element_seek_simple(sink, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, gint64(to));
      gst_object_unref(sink);
      forget_ends();
      break;
    }
    case Deed::Pause:
      set_state(GST_STATE_PAUSED, "pausing" + at);
      release();
      settle("to PAUSED" + at);
      set_state(GST_STATE_PLAYING, "going on after a pause" + at);
      break;
    case Deed::Restart:
      set_state(action.number == 1 ? GST_STATE_NULL : GST_STATE_READY, "stopping for a restart" + at);
      for (auto &feeder : feeders_) feeder->rewind();
      forget_ends();
      sights_.restart();
      held_ = false;
      set_state(GST_STATE_PLAYING, "starting again" + at);
      break;
    default:
      over_ = true;
      return;
  }
  release();
  watchdog_.now("playing on after an action" + at);
}

/// Whether somebody says that places may be lost.
void Player::note_warning(GstMessage *m) {
  const std::string text = text_of(m);
  for (const char *what : {"cannot be followed", "may move things in the picture"})
    warned_ = warned_ || text.find(what) != std::string::npos;
}

/// Of the part of the stream that was left. Messages that are not asked for here would be lost.
void Player::forget_ends() {
  while (GstMessage *m =
             gst_bus_pop_filtered(bus_, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_WARNING | GST_MESSAGE_ERROR))) {
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_WARNING) note_warning(m);
    if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR) wrong_ += "an error at a seek or a restart: " + text_of(m) + "\n";
    gst_message_unref(m);
  }
}

void Player::listen() {
  GstMessage *m = gst_bus_timed_pop_filtered(
      bus_, GST_CLOCK_TIME_NONE,
      GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING | GST_MESSAGE_APPLICATION));
  GError *error = nullptr;
  gchar *details = nullptr;
  switch (GST_MESSAGE_TYPE(m)) {
    case GST_MESSAGE_APPLICATION: {
      int index = 0;
      gst_structure_get_int(gst_message_get_structure(m), "index", &index);
      perform(recipe_.actions[std::size_t(index)]);
      break;
    }
    case GST_MESSAGE_WARNING:
      note_warning(m);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error(m, &error, &details);
      wrong_ = std::string("an error of ") + GST_OBJECT_NAME(GST_MESSAGE_SRC(m)) + ": " + error->message + "\n" +
               (details ? details : "");
      over_ = true;
      break;
    default:
      over_ = ended_ = true;
  }
  g_clear_error(&error);
  g_free(details);
  gst_message_unref(m);
}

guint64 counter(const GstStructure *stats, const char *name) {
  guint64 value = G_MAXUINT64;
  gst_structure_get_uint64(stats, name, &value);
  return value;
}

void expect(std::string &wrong, bool right, GstElement *element, const std::string &what, guint64 a, guint64 b) {
  if (!right)
    wrong += std::string(GST_OBJECT_NAME(element)) + ": " + what + ": " + std::to_string(a) + " and " +
             std::to_string(b) + "\n";
}

void Player::check_filter(GstElement *filter) {
  GstStructure *stats = nullptr;
  g_object_get(filter, "stats", &stats, nullptr);
  const guint64 in = counter(stats, "frames-in"), out = counter(stats, "frames-out"),
                dropped = counter(stats, "dropped");
  const Sights::Counts pads = sights_.counts(filter);
  expect(wrong_, in == out + dropped, filter, "frames in, and out and dropped", in, out + dropped);
  const bool all = exact_ && ended_;
  expect(wrong_, all ? in == pads.in : in <= pads.in, filter, "frames in, and buffers at the pad", in, pads.in);
  expect(wrong_, all ? out == pads.out : out >= pads.out, filter, "frames out, and buffers at the pad", out, pads.out);
  gst_structure_free(stats);
}

void Player::check_dnn(GstElement *dnn) {
  GstStructure *stats = nullptr;
  g_object_get(dnn, "stats", &stats, nullptr);
  // A live stream that is faster than the DNN has frames left out, and those that wait when it is stopped go unseen.
  const guint64 frames = counter(stats, "frames"), taken = frames + counter(stats, "skipped");
  const Sights::Counts pads = sights_.counts(dnn);
  const bool all = !recipe_.live || (exact_ && ended_);
  expect(wrong_, all ? taken == pads.in : taken <= pads.in, dnn, "frames with those left out, and buffers at the pad",
         taken, pads.in);
  expect(wrong_, exact_ && ended_ ? frames == pads.out : frames >= pads.out, dnn, "frames, and buffers out", frames,
         pads.out);
  expect(wrong_, counter(stats, "failed-gradients") == 0, dnn, "failed gradients", counter(stats, "failed-gradients"),
         0);
  gst_structure_free(stats);
  if (!recipe_.results) return;
  std::ifstream file(results_);
  guint64 lines = 0;
  for (std::string line; std::getline(file, line);) ++lines;
  expect(wrong_, lines == frames, dnn, "lines of results, and frames", lines, frames);
}

/// In lockstep a gradient comes in time; one that is never taken was not known for one's own.
void Player::check_controller(GstElement *controller) {
  GstStructure *stats = nullptr;
  g_object_get(controller, "stats", &stats, nullptr);
  const guint64 taken = counter(stats, "gradients") + counter(stats, "early-gradients"),
                ignored = counter(stats, "gradients-ignored");
  constexpr guint64 kMany = 3;
  // A frame that waits for the next one, or for another camera's, comes too late; so do all of them where several
  // sinks want their first buffers, and the first inference takes longer than lockstep waits.
  const auto has = [&](const char *what) { return recipe_.launch.find(what) != std::string::npos; };
  const bool in_time =
      recipe_.lockstep && recipe_.cameras.size() == 1 && !has("videorate") && !has("fakesink async=false");
  expect(wrong_, !in_time || taken || ignored < kMany, controller, "gradients taken, and ignored", taken, ignored);
  gst_structure_free(stats);
}

void Player::check() {
  GstIterator *all = gst_bin_iterate_recurse(GST_BIN(pipeline_));
  GValue item = G_VALUE_INIT;
  while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
    auto *element = GST_ELEMENT(g_value_get_object(&item));
    const std::string type = GST_OBJECT_NAME(gst_element_get_factory(element));
    if (type == "oneadaptfilter") check_filter(element);
    if (type == "oneadaptdnn") check_dnn(element);
    if (type == "oneadaptctl") check_controller(element);
    g_value_reset(&item);
  }
  g_value_unset(&item);
  gst_iterator_free(all);
  while (GstMessage *m = gst_bus_pop_filtered(bus_, GST_MESSAGE_WARNING)) {
    note_warning(m);
    gst_message_unref(m);
  }
  wrong_ += sights_.verdict(warned_);
}

void replace_all(std::string &text, const std::string &what, const std::string &by) {
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += by.size())
    text.replace(at, what.size(), by);
}

}  // namespace

Outcome play(const Recipe &recipe, const std::string &model, const std::string &results, Watchdog &watchdog) {
  std::string launch = recipe.launch;
  replace_all(launch, "MODEL", model);
  replace_all(launch, "RESULTS", results);
  GError *error = nullptr;
  watchdog.now("building the pipeline");
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  Outcome outcome;
  if (error) {
    const bool missing = g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_NO_SUCH_ELEMENT);
    (missing ? outcome.missing : outcome.wrong) = error->message;
    g_clear_error(&error);
  } else {
    outcome = Player(recipe, pipeline, results, watchdog).play();
  }
  watchdog.now("");
  if (pipeline) gst_object_unref(pipeline);
  return outcome;
}

}  // namespace random_pipelines
