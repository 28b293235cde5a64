// SPDX-License-Identifier: LGPL-2.1-or-later
// The controller's own thread: probes, decides, applies. Locks: see ctl.cpp.
#include <sstream>
#include <utility>

#include "ctl/ctl_impl.h"

#define GST_CAT_DEFAULT oneadaptctl_debug

namespace {

std::vector<std::string> split(const std::string &list) {
  std::vector<std::string> out;
  std::stringstream stream(list);
  for (std::string item; std::getline(stream, item, ',');) {
    const auto from = item.find_first_not_of(" \t"), to = item.find_last_not_of(" \t");
    if (from != std::string::npos) out.push_back(item.substr(from, to - from + 1));
  }
  return out;
}

/// NULL: there is none of that name, which the worker says when it is made.
const oneadapt::PolicyInfo *policy_of(const CtlSettings &s) {
  for (const oneadapt::PolicyInfo &policy : oneadapt::policies())
    if (policy.name == s.policy) return &policy;
  return nullptr;
}

KnobSelection selection_of(const CtlSettings &s) {
  const oneadapt::PolicyInfo *policy = policy_of(s);
  return {split(s.knobs), policy && policy->needs.gradient, s.max_frames_per_second > 0};
}

oneadapt::PolicySettings policy_settings(const CtlSettings &s) {
  oneadapt::PolicySettings settings;
  settings.alpha = s.alpha;
  settings.lambda = s.lambda_bandwidth < 0 ? s.lambda : s.lambda_bandwidth;
  settings.lambda_compute = s.lambda_compute;
  settings.min_accuracy = ctl_asked_accuracy(s);
  settings.profile_interval = s.profile_interval;
  settings.profile_configurations = s.profile_configurations;
  settings.profile_top = s.profile_top;
  return settings;
}

/// Throws oneadapt::PolicyFileError, which does not name the file.
std::string read_all(const std::string &path) {
  gchar *text = nullptr;
  gsize size = 0;
  GError *error = nullptr;
  if (!g_file_get_contents(path.c_str(), &text, &size, &error)) {
    const std::string why = error->message;  // which names the file once more; what comes after that is the cause
    g_clear_error(&error);
    const auto cause = why.rfind(": ");
    throw oneadapt::PolicyFileError("cannot be read (" + why.substr(cause == why.npos ? 0 : cause + 2) + ")");
  }
  const std::string whole(text, size);
  g_free(text);
  return whole;
}

DecisionBudget budget_of(const CtlSettings &s) {
  const double seconds = double(s.interval) / GST_SECOND;
  return {double(s.max_bitrate) / 8 * seconds, s.max_frames_per_second * seconds};
}

}  // namespace

double ctl_asked_accuracy(const CtlSettings &s) {
  const oneadapt::PolicyInfo *policy = policy_of(s);
  if (!policy || !policy->heeds.min_accuracy) return 0;
  return s.min_accuracy < 0 && s.weighs ? 0 : s.min_accuracy;
}

CtlSettings ctl_settings(GstOneadaptCtl *self) {
  GST_OBJECT_LOCK(self);
  CtlSettings s = self->state->settings;
  GST_OBJECT_UNLOCK(self);
  return s;
}

bool ctl_find_tunables(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  const CtlSettings settings = ctl_settings(self);
  const auto names = split(settings.tunables);
  std::string error;
  TunableList found =
      names.empty() ? tunables_downstream(self->srcpad) : tunables_by_name(GST_ELEMENT(self), names, error);
  const bool again = st->had_tunables;  // one has left
  if (!error.empty() && again) {
    GST_ELEMENT_WARNING(
        self, RESOURCE, NOT_FOUND,
        ("A tunable has left the pipeline, and there is nothing to adapt. Property \"tunables\": %s.", error.c_str()),
        ("it is looked for again in the next interval"));
  } else if (!error.empty()) {
    GST_ELEMENT_ERROR(self, RESOURCE, NOT_FOUND, ("Property \"tunables\": %s.", error.c_str()),
                      ("name elements that are in the same pipeline, or leave the property empty"));
    return false;
  }
  if (again && !found.empty()) {
    std::string names_found;
    for (GstElement *e : found) names_found += (names_found.empty() ? "" : ", ") + std::string(GST_OBJECT_NAME(e));
    GST_ELEMENT_INFO(self, RESOURCE, NOT_FOUND,
                     ("A tunable has left the pipeline. Adapted now: %s.", names_found.c_str()), (nullptr));
  }
  if (found.empty() && error.empty() && !std::exchange(st->warned, true))
    GST_ELEMENT_WARNING(self, RESOURCE, NOT_FOUND, ("There is nothing to adapt: no tunable element downstream."),
                        ("put an oneadaptfilter behind oneadaptctl, or name one in the property \"tunables\""));
  const auto wanted = split(settings.knobs);
  for (const std::string &name : wanted) {
    bool known = found.empty();
    std::string all;
    for (GstElement *e : found) {
      GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(e));
      // Before caps a tunable may not know its knobs yet; then the check is left to the decisions.
      known = known || knobs->len == 0;
      for (guint i = 0; i < knobs->len; ++i) {
        const gchar *k = static_cast<GstOneadaptKnob *>(knobs->pdata[i])->name;
        const std::string own = std::string(GST_OBJECT_NAME(e)) + "." + k;
        known = known || name == k || name == own;
        all += (all.empty() ? "" : ", ") + (found.size() > 1 ? own : k);
      }
      g_ptr_array_unref(knobs);
    }
    if (!known) {
      GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("Property \"knobs\": there is no knob \"%s\".", name.c_str()),
                        ("knobs that can be adapted here: %s", all.c_str()));
      return false;
    }
  }
  std::lock_guard<std::mutex> lock(st->tunables_mutex);
  st->had_tunables = st->had_tunables || !found.empty();
  st->tunables = std::move(found);
  return true;
}

void ctl_warm_start(GstOneadaptCtl *self, guint64 interval) {
  const CtlSettings s = ctl_settings(self);
  std::vector<oneadapt::KnobObservation> all;
  struct Knob {
    GstElement *element;
    std::string name;
    bool follows;
  };
  std::vector<Knob> knobs;
  const TunableList tunables = ctl_tunables(self->state);
  for (GstElement *element : tunables) {
    GPtrArray *list = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(element));
    for (const GstOneadaptKnob *knob : adapted_knobs(element, list, selection_of(s))) {
      all.push_back(observe(element, knob));
      knobs.push_back({element, knob->name, bool(knob->flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT)});
    }
    g_ptr_array_unref(list);
  }
  try {
    const bool needs_gradient = oneadapt::find_policy(s.policy).needs.gradient;
    const auto policy = oneadapt::make_policy(s.policy, self->state->policy_file);
    oneadapt::PolicySettings settings = policy_settings(s);
    settings.min_accuracy = kept_accuracy(settings.min_accuracy, all);
    const auto rungs = policy->start(all, settings);
    for (GstElement *element : tunables) {
      GstStructure *configuration = gst_structure_new_empty("configuration");
      for (std::size_t i = 0; i < knobs.size(); ++i)
        if (knobs[i].element == element &&
            (rungs[i] != all[i].rung || (knobs[i].follows && needs_gradient)))  // so that it gets ready
          gst_structure_set(configuration, knobs[i].name.c_str(), G_TYPE_DOUBLE, all[i].ladder[rungs[i]], nullptr);
      GError *error = nullptr;
      if (gst_structure_n_fields(configuration) &&
          !gst_oneadapt_tunable_apply(GST_ONEADAPT_TUNABLE(element), interval, configuration, &error)) {
        GST_WARNING_OBJECT(self, "no warm start: %s", error->message);
        g_clear_error(&error);
      }
      gst_structure_free(configuration);
    }
  } catch (const std::exception &e) {  // the worker has said, or will say, what is wrong with the policy
    GST_WARNING_OBJECT(self, "no warm start: %s", e.what());
  }
}

TunableList ctl_tunables(CtlState *st) {
  TunableList copy;
  std::lock_guard<std::mutex> lock(st->tunables_mutex);
  for (GstElement *e : st->tunables) copy.add(e);
  return copy;
}

/// What the worker reads of the loop for a job, under its mutex.
struct WorkerView {
  CtlSettings settings;
  GstClockTime now = GST_CLOCK_TIME_NONE;
  guint64 extra_inferences = 0;
  std::optional<CtlAnswer> answer;
  bool lost = false;  // no feedback for too long
};

static DecisionRequest request_of(GstOneadaptCtl *self, const CtlLoop::Job &job, const WorkerView &view) {
  const CtlSettings &s = view.settings;
  DecisionRequest request;
  request.tunables = ctl_tunables(self->state);
  request.interval = job.interval;
  request.gradient = job.gradient ? &*job.gradient : nullptr;
  request.knobs = selection_of(s);
  request.settings = policy_settings(s);
  request.now = view.now;
  request.answer = view.answer ? &view.answer->answer : nullptr;
  request.budget = budget_of(s);
  if (view.lost) request.loss = s.warm_start ? FeedbackLoss::Typical : FeedbackLoss::AsSet;
  return request;
}

/// Asks what a decision wants to know.
static void ask(GstOneadaptCtl *self, const CtlLoop::Job &job, DecisionRecord &record, bool lockstep) {
  CtlProfile profile;
  profile.epoch = job.epoch;
  profile.begun = job.frames;
  if (!record.unaskable.empty()) {
    ctl_profile_impossible(self, profile, record.unaskable);
  } else if (record.question) {
    profile.question = std::move(*record.question);
    // In lockstep the stream waits for it, so that it is of the same pictures each time; it is told just as late.
    if (lockstep)
      ctl_profile(self, std::move(profile), false);
    else
      ctl_profile_later(self, std::move(profile));
  }
}

/// Whether somebody measures the accuracy that is to be kept. Of the worker.
struct Measuring {
  unsigned without = 0;  ///< gradients that have come, of which none said so
  bool told = false;     ///< it is known, or that there is none was said
};

static void watch_measuring(GstOneadaptCtl *self, const CtlLoop::Job &job, const DecisionRecord &record,
                            Measuring &measuring) {
  constexpr unsigned kPatience = 10;  // one picture in seven is measured, and there may be one an interval
  if (measuring.told || !record.keeps_accuracy || !job.gradient) return;
  measuring.told = job.gradient->measured.frames || ++measuring.without >= kPatience;
  if (job.gradient->measured.frames || !measuring.told) return;
  GST_ELEMENT_WARNING(self, STREAM, FAILED,
                      ("Property \"min-accuracy\": nobody measures accuracy, so what is typical is taken for it; put "
                       "oneadaptshadow between the decoder and oneadaptdnn, or set \"lambda\"."),
                      ("%u gradients without a measurement", kPatience));
}

static DecisionRecord decide(GstOneadaptCtl *self, Decider &decider, const CtlLoop::Job &job, const WorkerView &view) {
  if (view.lost)
    GST_WARNING_OBJECT(self, "no feedback for %u intervals: the knobs go to the safe configuration",
                       view.settings.feedback_timeout);
  DecisionRecord record = decider.decide(request_of(self, job, view));
  gst_structure_set(record.structure, "extra-inferences", G_TYPE_UINT64, view.extra_inferences, nullptr);
  if (!record.problem.empty())
    GST_WARNING_OBJECT(self, "interval %" G_GUINT64_FORMAT ": %s", job.interval, record.problem.c_str());
  gst_element_post_message(GST_ELEMENT(self),
                           gst_message_new_element(GST_OBJECT(self), gst_structure_copy(record.structure)));
  ask(self, job, record, view.settings.lockstep);
  return record;
}

static void follow(GstOneadaptCtl *self, Decider &decider, const CtlLoop::Job &job, const CtlSettings &settings) {
  const std::string problem =
      decider.follow(ctl_tunables(self->state), job.interval, *job.gradient, selection_of(settings));
  if (!problem.empty())
    GST_WARNING_OBJECT(self, "interval %" G_GUINT64_FORMAT ", early gradient: %s", job.interval, problem.c_str());
}

static void work(GstOneadaptCtl *self, Decider decider) {
  CtlLoop &loop = self->state->loop;
  Measuring measuring;
  std::unique_lock<std::mutex> lock(loop.mutex);
  for (;;) {
    loop.wake.wait(lock, [&] { return !loop.running || !loop.jobs.empty(); });
    if (!loop.running) return;
    const CtlLoop::Job job = std::move(loop.jobs.front());
    loop.jobs.pop_front();
    loop.busy = true;
    const bool reset = std::exchange(loop.reset, false);
    const bool stale = job.epoch != loop.epoch, early = job.gradient && job.gradient->early;
    WorkerView view;
    view.now = loop.reached.now;
    if (!stale && loop.profile.answer && job.frames >= loop.profile.answer->due)
      view.answer = std::exchange(loop.profile.answer, std::nullopt);
    view.extra_inferences = loop.counters.extra_inferences;
    view.settings = ctl_settings(self);
    view.lost = !stale && !job.gradient && decider.needs_gradient() && loop.feedback.closed && !loop.feedback.safe &&
                view.settings.feedback_timeout && loop.feedback.silent >= view.settings.feedback_timeout;
    lock.unlock();

    if (reset) decider.reset();
    DecisionRecord record;
    if (!stale && early)
      follow(self, decider, job, view.settings);
    else if (!stale)
      record = decide(self, decider, job, view);
    if (!stale && !early) watch_measuring(self, job, record, measuring);

    lock.lock();
    if (view.answer && record.structure && job.epoch == loop.epoch) {
      // Where no tunable could be asked, nothing could be decided: it keeps for the next time.
      if (!record.knows_knobs)
        loop.profile.answer = std::move(view.answer);
      else if (!view.answer->answer.profile.empty())
        ++loop.counters.profiles;
    }
    if (record.structure) {
      if (loop.last) gst_structure_free(loop.last);
      loop.last = record.structure;
      ++loop.counters.decisions;
      if (view.lost && record.knows_knobs && job.epoch == loop.epoch && loop.feedback.silent) loop.feedback.safe = true;
      // Nobody is silent about what was not sent.
      if (!job.gradient && record.nothing_sent && job.epoch == loop.epoch && loop.feedback.silent)
        --loop.feedback.silent;
    }
    if (!early && job.epoch == loop.epoch && (loop.done == kNone || job.interval > loop.done)) loop.done = job.interval;
    loop.busy = false;
    loop.decided.notify_all();
  }
}

bool ctl_start_worker(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  const CtlSettings s = ctl_settings(self);
  st->policy_file.reset();
  try {
    if (!oneadapt::find_policy(s.policy).needs.file.empty() && !s.policy_file.empty())
      st->policy_file = read_all(s.policy_file);
    Decider decider(s.policy, s.smoothing, st->policy_file);
    std::lock_guard<std::mutex> lock(st->loop.mutex);
    st->loop.running = true;
    st->loop.needs_gradient = decider.needs_gradient();
    st->loop.profile.warned = false;
    st->loop.profile.asked.reset();
    st->loop.profile.answer.reset();
    st->loop.flushing = false;
    st->loop.reached.current = st->loop.done = kNone;
    st->loop.reached.now = GST_CLOCK_TIME_NONE;
    st->loop.reached.frames = 0;
    st->loop.feedback = {};
    st->loop.warned_held_back = false;
    st->loop.counters = CtlCounters();
    st->loop.worker = std::thread([self, d = std::move(decider)]() mutable { work(self, std::move(d)); });
    return true;
  } catch (const oneadapt::PolicyFileError &e) {
    const std::string path = s.policy_file.empty() ? "" : "\"" + s.policy_file + "\" ";
    GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS,
                      ("Property \"policy-file\": %s%s; name a file that %s made.", path.c_str(), e.what(),
                       oneadapt::find_policy(s.policy).needs.file.c_str()),
                      (NULL));
    return false;
  } catch (const std::exception &e) {
    GST_ELEMENT_ERROR(self, LIBRARY, SETTINGS, ("Property \"policy\": %s.", e.what()), (NULL));
    return false;
  }
}

void ctl_stop_worker(GstOneadaptCtl *self) {
  CtlState *st = self->state;
  {
    std::lock_guard<std::mutex> lock(st->loop.mutex);
    st->loop.running = false;
    st->loop.wake.notify_all();
    st->loop.decided.notify_all();
    st->loop.paced.notify_all();
  }
  if (st->loop.worker.joinable()) st->loop.worker.join();  // first: it may yet start the other
  if (st->loop.profiler.joinable()) st->loop.profiler.join();
  std::lock_guard<std::mutex> lock(st->loop.mutex);
  st->loop.jobs.clear();
}

void ctl_forget(CtlLoop &loop) {
  ++loop.epoch;
  loop.reached.current = loop.done = kNone;
  loop.reached.begun.clear();
  loop.reached.now = GST_CLOCK_TIME_NONE;
  loop.reached.frames = 0;
  loop.feedback = {};
  loop.reset = true;
  loop.profile.asked.reset();
  loop.profile.answer.reset();
  loop.paced.notify_all();
  loop.jobs.clear();
}
