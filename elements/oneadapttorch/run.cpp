// SPDX-License-Identifier: LGPL-2.1-or-later
#include "run.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "messages.h"

GST_DEBUG_CATEGORY(oneadaptdnn_debug);
#define GST_CAT_DEFAULT oneadaptdnn_debug

namespace oneadapt {
namespace {

const DnnMediumRow &medium_for(const std::string &task, const DnnMedia &media, const std::string &path) {
  for (const DnnMediumRow &row : media)
    if (std::find(row.tasks.begin(), row.tasks.end(), task) != row.tasks.end()) return row;
  throw ModelError(ModelError::Kind::Description,
                   "model file '" + path + "' is for task \"" + task + "\", which oneadaptdnn does not know");
}

}  // namespace

std::vector<PlacedGradient> DnnMedium::place(const Gradient &gradient) {
  std::vector<PlacedGradient> own;
  own.push_back({PadRef(GST_PAD(gst_object_ref(place_.sink))), gradient, false});
  return own;
}

std::unique_ptr<Run> Run::start(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings,
                                const DnnMedia &media) {
  std::unique_ptr<Run> run;
  try {
    const auto description = read_description(settings.model);
    run = std::make_unique<Run>(element, sink, src, settings, media,
                                medium_for(description->task, media, settings.model.path));
  } catch (const ModelError &e) {
    post_model_error(element, e.kind(), e.what());
    return nullptr;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element, LIBRARY, INIT, ("Property \"model\": it cannot be loaded: %s.", e.what()), (nullptr));
    return nullptr;
  }
  if (!run->open(settings)) return nullptr;
  return run;
}

Run::Run(GstElement *element, GstPad *sink, GstPad *src, const RunSettings &settings, const DnnMedia &media,
         const DnnMediumRow &row)
    : element_(element),
      sink_(sink),
      src_(src),
      media_(media),
      row_(row),
      time_(settings.interval),
      medium_(row.make({element, sink, time_}, settings)),
      sender_(element, sink, src),
      results_(element) {
  const LoadedModel &model = medium_->model();
  const PlanReport plan = model.plan();
  statistics_.set_model(
      {model.device(), model.device_reason(), plan.results, plan.gradients, model.description().threshold});
}

bool Run::open(const RunSettings &settings) {
  if (!sender_.open(settings.feedback)) return false;
  const LoadedModel &model = medium_->model();
  GST_INFO_OBJECT(element_, "inference on %s (%s)", model.device().c_str(), model.device_reason().c_str());
  report_plan(settings.model.plan);
  return results_.open(settings.results_location, settings.append_results);
}

/// Where a plan does not give the same results, that is worth a warning; all else goes to the debug log.
void Run::report_plan(const std::string &wanted) {
  const PlanReport plan = medium_->model().plan();
  bool wrong = wanted != "auto" && plan.results != wanted && !plan.problem.empty();
  for (const PlanTrial &trial : plan.trials) {
    GST_INFO_OBJECT(element_, "plan %s: %.1f ms%s%s", trial.name.c_str(), trial.milliseconds,
                    trial.problem.empty() ? "" : ", not used: ", trial.problem.c_str());
    wrong = wrong || (!trial.problem.empty() && !plan.remembered);
  }
  GST_INFO_OBJECT(element_, "plan %s, with a gradient %s%s; %s", plan.results.c_str(), plan.gradients.c_str(),
                  plan.remembered ? " (remembered)" : "", plan.problem.c_str());
  if (wrong)
    GST_ELEMENT_WARNING(
        element_, LIBRARY, SETTINGS,
        ("Property \"plan\": the model is run with \"%s\". %s", plan.results.c_str(), plan.problem.c_str()),
        ("results are right; set plan=plain to silence this"));
  if (!plan.gradient_problem.empty())
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("Property \"model\": %s.", plan.gradient_problem.c_str()),
                        ("results are right; \"oneadapt-inspect MODEL --input PICTURE\" looks closer"));
}

bool Run::set_caps(const GstCaps *caps) {
  if (!gst_structure_has_name(gst_caps_get_structure(caps, 0), row_.media_type)) {
    if (!std::exchange(failed_, true)) post_wrong_type(caps);  // it is asked again with every buffer
    return false;
  }
  ModelTurns::Frame turn(turns_);
  turn.take();
  return medium_->set_caps(caps);
}

void Run::post_wrong_type(const GstCaps *caps) {
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  const char *name = gst_structure_get_name(s);
  std::string tasks;
  for (const DnnMediumRow &row : media_) {
    if (!gst_structure_has_name(s, row.media_type)) continue;
    name = row.name;
    for (const std::string &task : row.tasks) tasks += (tasks.empty() ? "\"" : " or \"") + task + "\"";
  }
  GST_ELEMENT_ERROR(element_, STREAM, WRONG_TYPE,
                    ("Property \"model\": it is for %s (task \"%s\"), but the stream is %s; set a model of task %s.",
                     row_.name, medium_->model().description().task.c_str(), name, tasks.c_str()),
                    (nullptr));
}

void Run::reset(bool flushed) {
  time_.reset(flushed);
  mean_ = {};
  accuracy_.reset();
  reuse_.reset();
  taken_.reset();
  sent_.reset();
  ModelTurns::Frame turn(turns_);
  turn.take();
  medium_->reset(flushed);
  if (flushed) medium_->model().drop_graph();
}

void Run::warn_of_no_time() {
  if (std::exchange(warned_time_, true)) return;
  GST_ELEMENT_WARNING(
      element_, STREAM, FAILED,
      ("%s; let the source stamp them in a time segment, or set gradient=false.", medium_->without_time()),
      ("segment format %s", gst_format_get_name(time_.format())));
}

void Run::skip(GstBuffer *buffer, const GstSegment &segment) {
  statistics_.count_skipped();
  const RunStats::Results results = statistics_.read().results;
  const GstClockTime pts = GST_BUFFER_PTS(buffer);
  const bool timed = segment.format == GST_FORMAT_TIME;
  GstMessage *message =
      gst_message_new_qos(GST_OBJECT(element_), TRUE,
                          timed ? gst_segment_to_running_time(&segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE,
                          timed ? gst_segment_to_stream_time(&segment, GST_FORMAT_TIME, pts) : GST_CLOCK_TIME_NONE, pts,
                          GST_BUFFER_DURATION(buffer));
  gst_message_set_qos_stats(message, GST_FORMAT_BUFFERS, results.frames, results.skipped);
  gst_element_post_message(element_, message);
  warn_of_slowness(results.frames, results.skipped);
}

void Run::warn_of_slowness(guint64 analysed, guint64 skipped) {
  constexpr guint64 kMany = 20, kShare = 10;  // not for a model that warms up, nor one frame now and then
  if (skipped < kMany || skipped * kShare < analysed || std::exchange(warned_slow_, true)) return;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                      ("Property \"model\": it is slower than the live stream, so frames are left out: the newest is "
                       "analysed, and gradients go on. Set \"input-size\" or \"inference-interval\", send fewer frames "
                       "a second, or take a faster model or device."),
                      ("%" G_GUINT64_FORMAT " left out, %" G_GUINT64_FORMAT
                       " analysed so far; said once a run, see skipped in \"stats\"; keep-up=off analyses all, however "
                       "late",
                       skipped, analysed));
}

GstFlowReturn Run::chain(GstBuffer *buffer, const RunSettings &settings) {
  Passage passage{BufferRef(buffer), std::nullopt};
  if (failed_) return GST_FLOW_ERROR;
  if (!medium_->ready()) return GST_FLOW_NOT_NEGOTIATED;
  failed_ = !take_in(buffer, settings);
  while (!failed_) {
    const std::optional<Pass> pass = medium_->next();
    if (!pass) break;
    failed_ = !run(*pass, passage, settings);
  }
  if (failed_) return GST_FLOW_ERROR;
  if (!passage.flow) push(passage);
  return *passage.flow;
}

bool Run::take_in(GstBuffer *buffer, const RunSettings &settings) {
  const GstClockTime interval = time_.interval();
  const Stamp stamp = time_.stamp(buffer);
  if (stamp.marked) statistics_.count_mark();
  if (stamp.renewed) {
    if (time_.interval() != interval)
      GST_INFO_OBJECT(element_, "the camera's intervals last %" GST_TIME_FORMAT, GST_TIME_ARGS(time_.interval()));
    medium_->renew_intervals();
  }
  if (stamp.renewed || !settings.gradient) mean_ = {};
  if (!medium_->take_in(buffer, stamp, settings)) return false;
  if (settings.gradient && !stamp.known()) warn_of_no_time();
  return true;
}

/// False: an error has been posted.
bool Run::run(const Pass &pass, Passage &passage, const RunSettings &settings) {
  const bool gradient = pass.due.any();
  ModelTurns::Frame turn(turns_);
  if (pass.infer) {
    turn.take();
    if (!infer(passage.buffer.get(), gradient, settings)) return false;
    if (!gradient) turn.give_back();  // else the model keeps the graph for the gradient
  }
  if (pass.report && !report(passage)) {
    if (gradient) medium_->model().drop_graph();
    return false;
  }
  // Downstream first: nobody waits for the backward pass.
  if (passage.buffer) push(passage);
  const bool flows = passage.flow.value_or(GST_FLOW_OK) == GST_FLOW_OK;
  if (gradient && pass.infer && flows)
    backward(pass, settings);
  else if (gradient && pass.infer)
    medium_->model().drop_graph();
  if (pass.infer && flows && medium_->can_measure()) {
    if (!turn.taken()) turn.take();
    measure(pass, settings);
  }
  if (pass.infer && flows && settings.gradient && GST_CLOCK_TIME_IS_VALID(pass.time)) count_objects(pass);
  if (gradient && flows) send_due(pass);
  return true;
}

/// What the objects of a picture say of accuracy.
void Run::count_objects(const Pass &pass) {
  const guint64 interval = interval_of(pass.time, time_.interval());
  if (accuracy_.active()) accuracy_.frame(interval, medium_->scores());
  reuse_.frame(interval, pass.time, medium_->objects());
}

/// Counts what is measured for the interval that the picture is of.
void Run::measure(const Pass &pass, const RunSettings &settings) {
  const guint64 begin = now_ns();
  try {
    const auto repeated = medium_->measure(settings);
    if (repeated && GST_CLOCK_TIME_IS_VALID(pass.time))
      accuracy_.repeat(interval_of(pass.time, time_.interval()), *repeated);
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(element_, "accuracy not measured at %" GST_TIME_FORMAT ": %s", GST_TIME_ARGS(pass.time),
                       e.what());
  }
  statistics_.count_measurement(now_ns() - begin);
}

bool Run::infer(GstBuffer *buffer, bool with_gradient, const RunSettings &settings) {
  const guint64 begin = now_ns();
  bool done = false;
  try {
    done = medium_->infer(buffer, with_gradient, settings);
  } catch (const ModelError &e) {
    post_model_error(element_, e.kind(), e.what());
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(element_, STREAM, FAILED, ("Property \"model\": the model failed: %s.", e.what()), (nullptr));
  }
  if (done) warn_of_results();
  if (done)
    statistics_.count_inference(now_ns() - begin);
  else
    medium_->model().drop_graph();
  return done;
}

bool Run::report(Passage &passage) {
  const Report report = medium_->report(passage.buffer, results_.is_open());
  if (results_.is_open() && !results_.write(report.line)) return false;
  statistics_.count_frame(report.objects);
  return true;
}

void Run::push(Passage &passage) { passage.flow = gst_pad_push(src_, passage.buffer.release()); }

void Run::backward(const Pass &pass, const RunSettings &settings) {
  Gradient gradient;
  const guint64 begin = now_ns();
  std::string why;
  try {
    medium_->model().backward(gradient);
    medium_->complete(gradient, settings);
  } catch (const std::exception &e) {
    why = e.what();
  }
  const bool good = why.empty();
  statistics_.count_gradient(now_ns() - begin, !good);
  if (!good) warn_of_no_gradient(why, pass.time);
  if (good) warn_of_zero_gradient(gradient);
  taken_.reset();
  if (good) taken_ = std::move(gradient);
}

/// Sends what the pass's gradient completes.
void Run::send_due(const Pass &pass) {
  const GradientDue &due = pass.due;
  const guint64 interval = interval_of(pass.time, time_.interval());
  std::optional<Gradient> gradient = std::exchange(taken_, std::nullopt);
  if (due.missed) {
    if (gradient) mean_.add(*due.missed, *gradient);
    send_mean(*due.missed, pass.time);
  }
  if (gradient && (due.own || due.also)) mean_.add(interval, *gradient);
  if (due.own) send_mean(interval, pass.time);
  if (due.first && gradient) {
    gradient->early = true;
    send(std::move(*gradient), interval, pass.time);
  }
}

void Run::warn_of_no_gradient(const std::string &why, GstClockTime time) {
  GST_WARNING_OBJECT(element_, "no gradient at %" GST_TIME_FORMAT ": %s", GST_TIME_ARGS(time), why.c_str());
  if (!std::exchange(warned_gradient_, true))
    GST_ELEMENT_WARNING(element_, STREAM, FAILED,
                        ("Property \"model\": %s. Results go on, without this gradient.", why.c_str()),
                        ("said once a run; see failed-gradients in \"stats\""));
}

void Run::warn_of_zero_gradient(const Gradient &gradient) {
  const std::vector<float> &values = gradient.map.values;
  const auto counts = [](float value) { return double(value) > kNoGradient; };
  // Scores that are sure have no gradient either, and nothing is wrong with that.
  constexpr double kSure = 0.99;
  constexpr unsigned kInARow = 3;
  const bool sure = std::abs(gradient.z) > kSure * gradient.elements;
  if (warned_no_path_ || !gradient.elements || sure || std::any_of(values.begin(), values.end(), counts)) {
    zeros_ = 0;
    return;
  }
  if (++zeros_ < kInARow) return;
  warned_no_path_ = true;
  GST_ELEMENT_WARNING(
      element_, STREAM, FAILED,
      ("Property \"model\": the gradient is 0 everywhere though there are %u elements: their scores do not depend on "
       "the input (they are rounded, or detached), or are so near to 0 or 1 that the sigmoid is flat there. Without a "
       "gradient nothing adapts; \"oneadapt-inspect MODEL --input PICTURE\" shows it.",
       gradient.elements),
      ("said once a run"));
}

void Run::warn_of_results() {
  if (const std::string problem = medium_->model().plan_problem(); !warned_plan_ && !problem.empty()) {
    warned_plan_ = true;
    GST_ELEMENT_WARNING(element_, LIBRARY, SETTINGS, ("Property \"plan\": %s.", problem.c_str()), ("said once a run"));
  }
  if (warned_results_) return;
  const std::string problem = medium_->model().results_problem();
  if (problem.empty()) return;
  warned_results_ = true;
  GST_ELEMENT_WARNING(element_, STREAM, FAILED, ("Property \"model\": %s.", problem.c_str()), ("said once a run"));
}

void Run::send_mean(guint64 interval, GstClockTime time) {
  constexpr guint64 kMostBehind = 0xffff;  // that a message can say (docs/wire-format.md); stale long before
  std::optional<Gradient> gradient = mean_.take(interval);
  if (!gradient) return;  // none was finite
  gradient->measured = accuracy_.take(interval);
  gradient->reuse = reuse_.take(interval);
  if (interval_of(time, time_.interval()) - interval <= kMostBehind) send(std::move(*gradient), interval, time);
}

void Run::send(Gradient gradient, guint64 interval, GstClockTime time) {
  gradient.interval = interval;
  gradient.interval_duration = time_.interval();
  if (!gradient.early) sent_ = interval;
  gradient.stream_time = time;
  gradient.regions = medium_->regions();
  statistics_.count_sent(gradient);
  GST_DEBUG_OBJECT(element_, "interval %" G_GUINT64_FORMAT ": z %.3f of %u elements, %u confident", interval,
                   gradient.z, gradient.elements, gradient.confident);
  if (sender_.send(gradient, medium_->place(gradient), time_.camera())) medium_->on_placed();
}

void Run::drain(const RunSettings &settings) {
  Passage nothing;
  while (!failed_) {
    const std::optional<Pass> pass = medium_->rest();
    if (!pass) break;
    failed_ = !run(*pass, nothing, settings);
  }
}

bool Run::end_interval(guint64 interval, GstClockTime duration, const RunSettings &settings) {
  if (failed_ || !settings.gradient || duration != time_.interval()) return false;
  if (const std::optional<Pass> pass = medium_->end(interval)) {
    Passage nothing;
    failed_ = !run(*pass, nothing, settings);
  }
  // Of an older interval: where a camera's clock is put back, another one of that number comes.
  if (sent_ && *sent_ != interval) sent_.reset();
  return sent_.has_value();
}

void Run::finish() { failed_ = !results_.close(/*quiet=*/failed_) || failed_; }

RunStats Run::stats() const {
  RunStats stats = statistics_.read();
  stats.feedback = sender_.feedback_stats();
  return stats;
}

bool Run::profile(guint count, const RenderingSource &source, const RunSettings &settings,
                  std::vector<double> &accuracies, guint64 &inferences) {
  accuracies.assign(count, 0);
  inferences = 0;
  ProfileInferences passes(turns_, statistics_);
  try {
    const std::unique_ptr<Profile> profile = medium_->profile(settings);
    if (!profile) return false;
    for (guint n = 0; n < count; ++n) {
      const guint index = n == 0 ? count - 1 : n - 1;
      RenderingRef rendering(source(index));
      if (!rendering) return false;
      const std::optional<double> accuracy = profile->accuracy(std::move(rendering), passes);
      if (!accuracy) return false;
      accuracies[index] = *accuracy;
      GST_LOG_OBJECT(element_, "profile: configuration %u has accuracy %.3f", index, *accuracy);
    }
    inferences = passes.count();
    return true;
  } catch (const std::exception &e) {
    GST_WARNING_OBJECT(element_, "a profile failed: %s", e.what());
    return false;
  }
}

}  // namespace oneadapt
