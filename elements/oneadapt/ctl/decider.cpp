// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/decider.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "gradient_convert.h"

using oneadapt::Decision;
using oneadapt::KnobObservation;
using oneadapt::Observation;
using oneadapt::StepEffect;

namespace {

/// A gradient that knows nothing of places and objects: as much as `g` on average, everywhere, for one object.
oneadapt::Gradient flat(oneadapt::Gradient g) {
  std::vector<float> &values = g.map.values;
  const double sum = std::accumulate(values.begin(), values.end(), 0.0),
               n = double(std::max<std::size_t>(1, values.size()));
  std::fill(values.begin(), values.end(), float(sum / n / std::max(1u, g.confident)));
  g.confident = 0;
  return g;
}

struct FreeProbe {
  void operator()(GstOneadaptProbe *probe) const { gst_oneadapt_probe_free(probe); }
};
using ProbeRef = std::unique_ptr<GstOneadaptProbe, FreeProbe>;
using KnobsRef = std::unique_ptr<GPtrArray, decltype(&g_ptr_array_unref)>;

/// One tunable's part of an observation.
struct Part {
  GstElement *element;
  ProbeRef probe;
  std::size_t first;  // index of its first knob in the observation
  std::vector<GstOneadaptKnob *> knobs;
};

}  // namespace

struct ProbedTunables {
  std::vector<Part> parts;
  // Shares of the most expensive configuration's. Tunables stand one behind the other, so theirs multiply.
  double resource = 1, compute = 1;
  bool known = false;  // `resource` is
  guint64 bytes = 0, frames_in = 0, frames_out = 0;
  // What the last tunable passes on is what is sent, and what the DNN gets.
  double bytes_left = 0, frames_left = 0;
};

namespace {

void add_totals(ProbedTunables &probed, Observation &o, const GstOneadaptProbe &probe) {
  probed.bytes += probe.bytes;
  probed.frames_in += probe.frames_in;
  probed.frames_out += probe.frames_out;
  probed.bytes_left = double(probe.next_bytes ? probe.next_bytes : probe.bytes);
  probed.frames_left = probe.frames_out;
  if (probe.compute >= 0) probed.compute *= probe.compute;
  if (probe.activity >= 0) o.activity = std::max(o.activity.value_or(0), std::min(1.0, probe.activity));
  if (probe.resource < 0) return;
  probed.resource *= probe.resource;
  probed.known = true;
}

/// What a knob changes of its own tunable's share, it changes of what the others leave of it.
void add_effects(const ProbedTunables &probed, Observation &o) {
  for (const Part &part : probed.parts) {
    const double own = part.probe->resource, own_compute = part.probe->compute;
    const double others = own > 0 ? probed.resource / own : 1,
                 others_compute = own_compute > 0 ? probed.compute / own_compute : 1;
    for (std::size_t i = 0; i < part.knobs.size(); ++i) {
      GstOneadaptKnob *k = part.knobs[i];
      for (double *change : {&k->resource_change_up, &k->resource_change_down}) *change *= others;
      for (double *change : {&k->compute_change_up, &k->compute_change_down}) *change *= others_compute;
      KnobObservation &ko = o.knobs[part.first + i];
      if (k->has_up) ko.up = StepEffect{k->output_grad_up, k->resource_change_up, k->compute_change_up};
      if (k->has_down) ko.down = StepEffect{k->output_grad_down, k->resource_change_down, k->compute_change_down};
    }
  }
}

/// Has a tunable use its part of a decision from the next interval on. Without a gradient nothing was learnt: whoever
/// set the knobs meanwhile is not overruled. Returns what went wrong, or nothing.
std::string apply(const Part &part, const Decision &decision, guint64 interval, bool gradient) {
  GstStructure *configuration = gst_structure_new_empty("configuration"), *idle = gst_structure_new_empty("idle");
  bool moves = false;
  for (std::size_t i = 0; i < part.knobs.size(); ++i) {
    const GstOneadaptKnob *k = part.knobs[i];
    const oneadapt::KnobDecision &d = decision.knobs[part.first + i];
    moves = moves || d.rung != k->rung || (d.value && *d.value != k->value) ||
            (gradient && (k->flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT));
    gst_structure_set(configuration, k->name, G_TYPE_DOUBLE, d.value.value_or(k->ladder[d.rung]), nullptr);
    if (d.inactive_rung) gst_structure_set(idle, k->name, G_TYPE_DOUBLE, k->ladder[*d.inactive_rung], nullptr);
  }
  if (gst_structure_n_fields(idle)) {
    gst_structure_set(configuration, "idle", GST_TYPE_STRUCTURE, idle, nullptr);
    moves = true;
  }
  gst_structure_free(idle);
  std::string problem;
  GError *error = nullptr;
  if (moves && !gst_oneadapt_tunable_apply(GST_ONEADAPT_TUNABLE(part.element), interval + 1, configuration, &error)) {
    problem = std::string(GST_OBJECT_NAME(part.element)) + ": " + error->message;
    g_clear_error(&error);
  }
  gst_structure_free(configuration);
  return problem;
}

/// All knobs stay where they are.
Decision no_decision(const Observation &o) {
  Decision decision;
  decision.knobs.resize(o.knobs.size());
  for (std::size_t i = 0; i < o.knobs.size(); ++i)
    decision.knobs[i].rung = std::min(o.knobs[i].rung, o.knobs[i].ladder.size() - 1);
  return decision;
}

void append_knob(GValue *list, const Part &part, const GstOneadaptKnob *k, const oneadapt::KnobDecision &d) {
  GstStructure *s =
      gst_structure_new("knob", "tunable", G_TYPE_STRING, GST_OBJECT_NAME(part.element), "name", G_TYPE_STRING, k->name,
                        "value", G_TYPE_DOUBLE, k->value, "next", G_TYPE_DOUBLE, d.value.value_or(k->ladder[d.rung]),
                        "position", G_TYPE_DOUBLE, d.position, nullptr);
  if (d.inactive_rung) gst_structure_set(s, "next-idle", G_TYPE_DOUBLE, k->ladder[*d.inactive_rung], nullptr);
  if (k->has_up)
    gst_structure_set(s, "output-grad-up", G_TYPE_DOUBLE, k->output_grad_up, "acc-grad-up", G_TYPE_DOUBLE,
                      d.acc_grad_up, "resource-change-up", G_TYPE_DOUBLE, k->resource_change_up, "compute-change-up",
                      G_TYPE_DOUBLE, k->compute_change_up, nullptr);
  if (k->has_down)
    gst_structure_set(s, "output-grad-down", G_TYPE_DOUBLE, k->output_grad_down, "acc-grad-down", G_TYPE_DOUBLE,
                      d.acc_grad_down, "resource-change-down", G_TYPE_DOUBLE, k->resource_change_down,
                      "compute-change-down", G_TYPE_DOUBLE, k->compute_change_down, nullptr);
  GValue value = G_VALUE_INIT;
  g_value_init(&value, GST_TYPE_STRUCTURE);
  g_value_take_boxed(&value, s);
  gst_value_list_append_and_take_value(list, &value);
}

/// Makes the question of a decision that has one.
void ask(DecisionRecord &record, const std::vector<Part> &parts, guint64 interval, const Decision &decision) {
  const Part *only = nullptr;
  for (const Part &part : parts) {
    if (part.knobs.empty()) continue;
    if (only) {
      record.unaskable = "it can profile one tunable, and there are several: name one in the property \"tunables\"";
      return;
    }
    only = &part;
  }
  if (!only) return;
  ProfileQuestion question;
  question.interval = interval;
  question.tunable.add(only->element);
  question.rungs = decision.profile;
  for (const auto &rungs : decision.profile) {
    GstStructure *configuration = gst_structure_new_empty("configuration");
    for (std::size_t i = 0; i < only->knobs.size(); ++i)
      gst_structure_set(configuration, only->knobs[i]->name, G_TYPE_DOUBLE, only->knobs[i]->ladder[rungs[i]], nullptr);
    question.configurations.emplace_back(configuration, gst_structure_free);
  }
  record.question = std::move(question);
}

/// What results are worth later, one number for each of kReuseTimes.
void set_reuse(GstStructure *s, const oneadapt::ReuseAccuracy &reuse) {
  GValue list = G_VALUE_INIT, one = G_VALUE_INIT;
  gst_value_array_init(&list, guint(reuse.accuracy.size()));
  g_value_init(&one, G_TYPE_DOUBLE);
  for (const double accuracy : reuse.accuracy) {
    g_value_set_double(&one, accuracy);
    gst_value_array_append_value(&list, &one);
  }
  gst_structure_set(s, "reuse-frames", G_TYPE_UINT, reuse.frames, nullptr);
  gst_structure_take_value(s, "reuse-accuracy", &list);
}

}  // namespace

KnobObservation observe(GstElement *element, const GstOneadaptKnob *knob) {
  KnobObservation o;
  o.name = std::string(GST_OBJECT_NAME(element)) + "." + knob->name;
  o.ladder.assign(knob->ladder, knob->ladder + knob->n_ladder);
  o.rung = knob->rung;
  o.value = knob->value;
  o.continuous = knob->flags & GST_ONEADAPT_KNOB_CONTINUOUS;
  o.self_scaling = knob->flags & GST_ONEADAPT_KNOB_SELF_SCALING;
  o.refines = knob->flags & GST_ONEADAPT_KNOB_REFINES;
  o.measured = knob->flags & GST_ONEADAPT_KNOB_MEASURED;
  o.halved = knob->flags & GST_ONEADAPT_KNOB_HALVED;
  o.reuses_results = knob->flags & GST_ONEADAPT_KNOB_REUSES_RESULTS;
  if (knob->typical_accuracy && knob->typical_resource) {
    o.typical_accuracy.assign(knob->typical_accuracy, knob->typical_accuracy + knob->n_ladder);
    o.typical_resource.assign(knob->typical_resource, knob->typical_resource + knob->n_ladder);
    if (knob->typical_compute) o.typical_compute.assign(knob->typical_compute, knob->typical_compute + knob->n_ladder);
  }
  return o;
}

Decider::Decider(const std::string &policy, double weight, const std::optional<std::string> &file)
    : info_(&oneadapt::find_policy(policy)),
      policy_(oneadapt::make_policy(policy, file)),
      smoother_(policy_->averages() ? weight : 1) {}

void Decider::reset() {
  policy_->reset();
  smoother_.reset();
  newest_.reset();
}

oneadapt::Gradient Decider::push(oneadapt::Gradient gradient) {
  policy_->prepare(gradient);
  newest_ = smoother_.push(gradient);
  return *newest_;
}

GstOneadaptProbe *Decider::probe_tunable(GstElement *element, guint64 interval, const gchar *const *knobs,
                                         GError **error) {
  const oneadapt::Gradient *gradient = places_.of(element);
  const oneadapt::GradientRef c = gradient ? oneadapt::to_c(*gradient) : nullptr;
  return gst_oneadapt_tunable_probe(GST_ONEADAPT_TUNABLE(element), interval, c.get(), knobs, error);
}

std::string Decider::follow(const TunableList &tunables, guint64 interval, const oneadapt::Gradient &gradient,
                            const KnobSelection &selection) {
  std::string problem;
  const oneadapt::Gradient smooth = push(gradient);
  places_.set(tunables, &smooth);
  for (GstElement *element : tunables) {
    GPtrArray *knobs = gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(element));
    std::vector<const gchar *> wanted;
    GstStructure *configuration = gst_structure_new_empty("configuration");
    for (const GstOneadaptKnob *k : adapted_knobs(element, knobs, selection)) {
      if (!(k->flags & GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT)) continue;
      wanted.push_back(k->name);
      gst_structure_set(configuration, k->name, G_TYPE_DOUBLE, k->value, nullptr);
    }
    if (!wanted.empty()) {
      wanted.push_back(nullptr);
      GError *error = nullptr;
      GstOneadaptProbe *probe = probe_tunable(element, interval, wanted.data(), &error);
      if (!probe || !gst_oneadapt_tunable_apply(GST_ONEADAPT_TUNABLE(element), interval, configuration, &error))
        problem = std::string(GST_OBJECT_NAME(element)) + ": " + (error ? error->message : "it failed");
      if (probe) gst_oneadapt_probe_free(probe);
      g_clear_error(&error);
    }
    gst_structure_free(configuration);
    g_ptr_array_unref(knobs);
  }
  return problem;
}

std::optional<oneadapt::Gradient> Decider::take(const DecisionRequest &request, Observation &o) {
  o.interval = request.interval;
  o.gradient = request.gradient != nullptr;
  o.feedback_lost = request.loss != FeedbackLoss::None;
  std::optional<oneadapt::Gradient> smooth;
  if (request.gradient) {
    smooth = push(*request.gradient);
    o.z = smooth->z;
    o.confident = smoother_.confident();
    o.elements = request.gradient->elements;
    o.measured = request.gradient->measured;
    o.reuse = request.gradient->reuse;
    o.micro_averaged = request.gradient->micro_averaged();
  } else if (o.feedback_lost) {
    if (newest_) smooth = flat(*newest_);
    newest_.reset();
    smoother_.reset();
  }
  return smooth;
}

ProbedTunables Decider::probe(const DecisionRequest &request, Observation &o, std::string &problem) {
  ProbedTunables probed;
  for (GstElement *element : request.tunables) {
    const KnobsRef all(gst_oneadapt_tunable_list_knobs(GST_ONEADAPT_TUNABLE(element)), g_ptr_array_unref);
    std::vector<const gchar *> wanted;
    for (const GstOneadaptKnob *k : adapted_knobs(element, all.get(), request.knobs)) wanted.push_back(k->name);
    wanted.push_back(nullptr);
    GError *error = nullptr;
    ProbeRef probe(probe_tunable(element, request.interval, wanted.data(), &error));
    if (!probe) {
      problem = std::string(GST_OBJECT_NAME(element)) + ": " + (error ? error->message : "the probe failed");
      g_clear_error(&error);
      continue;
    }
    add_totals(probed, o, *probe);
    Part part{element, std::move(probe), o.knobs.size(), {}};
    for (guint i = 0; i < part.probe->knobs->len; ++i) {
      auto *k = static_cast<GstOneadaptKnob *>(part.probe->knobs->pdata[i]);
      if (!g_strv_contains(wanted.data(), k->name)) continue;
      KnobObservation knob = observe(element, k);
      knob.has_lookahead = part.probe->has_lookahead;
      const std::size_t first = first_.emplace(knob.name, knob.rung).first->second;
      if (request.loss == FeedbackLoss::AsSet) knob.safe = std::min<std::size_t>(first, k->n_ladder - 1);
      o.knobs.push_back(std::move(knob));
      part.knobs.push_back(k);
    }
    probed.parts.push_back(std::move(part));
  }
  add_effects(probed, o);
  if (probed.known) o.resource = probed.resource;
  return probed;
}

GstStructure *Decider::describe(const DecisionRequest &request, const Observation &o, const ProbedTunables &probed,
                                const Decision &decision) const {
  GValue list = G_VALUE_INIT;
  gst_value_list_init(&list, probed.parts.size());
  for (const Part &part : probed.parts)
    for (std::size_t i = 0; i < part.knobs.size(); ++i)
      append_knob(&list, part, part.knobs[i], decision.knobs[part.first + i]);
  GstStructure *s = gst_structure_new(
      "oneadapt-decision", "interval", G_TYPE_UINT64, request.interval, "policy", G_TYPE_STRING, info_->name.c_str(),
      "alpha", G_TYPE_DOUBLE, request.settings.alpha, "lambda", G_TYPE_DOUBLE, request.settings.lambda, "feedback",
      G_TYPE_BOOLEAN, o.gradient, "feedback-lost", G_TYPE_BOOLEAN, o.feedback_lost, "bytes", G_TYPE_UINT64,
      probed.bytes, "frames-in", G_TYPE_UINT64, probed.frames_in, "frames-out", G_TYPE_UINT64, probed.frames_out,
      "profile", G_TYPE_BOOLEAN, !o.profile.empty(), nullptr);
  gst_structure_take_value(s, "knobs", &list);
  if (const oneadapt::Gradient *g = request.gradient) {
    gst_structure_set(s, "z", G_TYPE_DOUBLE, g->z, "elements", G_TYPE_UINT, g->elements, "confident", G_TYPE_UINT,
                      g->confident, nullptr);
    if (GST_CLOCK_TIME_IS_VALID(request.now) && request.now >= g->stream_time)
      gst_structure_set(s, "gradient-age", GST_TYPE_CLOCK_TIME, request.now - g->stream_time, nullptr);
  }
  if (o.measured.frames)
    gst_structure_set(s, "measured-frames", G_TYPE_UINT, o.measured.frames, "measured-occupied", G_TYPE_UINT,
                      o.measured.occupied, "measured-accuracy", G_TYPE_DOUBLE, o.measured.accuracy, "measured-objects",
                      G_TYPE_UINT, o.measured.objects, nullptr);
  if (o.reuse.frames) set_reuse(s, o.reuse);
  if (decision.accuracy)
    gst_structure_set(s, "expected-accuracy", G_TYPE_DOUBLE, decision.accuracy->expected, "accuracy-deviation",
                      G_TYPE_DOUBLE, decision.accuracy->deviation, nullptr);
  const DecisionBudget &budget = request.budget;
  if (budget.bytes > 0) gst_structure_set(s, "budget", G_TYPE_UINT64, guint64(budget.bytes), nullptr);
  if (budget.frames > 0) gst_structure_set(s, "frame-budget", G_TYPE_DOUBLE, budget.frames, nullptr);
  if (o.resource) gst_structure_set(s, "measured-resource", G_TYPE_DOUBLE, *o.resource, nullptr);
  if (o.activity) gst_structure_set(s, "activity", G_TYPE_DOUBLE, *o.activity, nullptr);
  if (probed.known) gst_structure_set(s, "measured-compute", G_TYPE_DOUBLE, probed.compute, nullptr);
  if (decision.predicted_resource)
    gst_structure_set(s, "predicted-resource", G_TYPE_DOUBLE, *decision.predicted_resource, nullptr);
  return s;
}

double kept_accuracy(double asked, const std::vector<KnobObservation> &knobs) {
  if (asked >= 0) return asked;
  const bool measured = std::any_of(knobs.begin(), knobs.end(), [](const KnobObservation &k) { return k.measured; });
  return measured ? kUsualAccuracy : 0;
}

DecisionRecord Decider::decide(const DecisionRequest &request) {
  DecisionRecord record;
  Observation o;
  const std::optional<oneadapt::Gradient> smooth = take(request, o);
  places_.set(request.tunables, needs_gradient() && smooth ? &*smooth : nullptr);
  const ProbedTunables probed = probe(request, o, record.problem);
  record.knows_knobs = !o.knobs.empty();
  oneadapt::PolicySettings settings = request.settings;
  settings.min_accuracy = kept_accuracy(settings.min_accuracy, o.knobs);
  record.keeps_accuracy = settings.min_accuracy > 0;
  for (const Part &part : probed.parts)
    record.nothing_sent = record.nothing_sent || (part.probe->frames_in && !part.probe->frames_out);
  if (request.answer && record.knows_knobs) {
    o.profile = request.answer->profile;
    o.profile_lost = request.answer->profile.empty();
  }

  Decision decision;
  try {
    oneadapt::PolicySettings within = settings;
    const DecisionBudget &budget = request.budget;
    if (budget.bytes > 0 && probed.bytes_left > 0) within.allowed = budget.bytes / probed.bytes_left;
    if (budget.frames > 0 && probed.frames_left > 0) within.allowed_compute = budget.frames / probed.frames_left;
    decision = policy_->decide(o, within);
    if (!decision.profile.empty()) ask(record, probed.parts, request.interval, decision);
    for (const Part &part : probed.parts) {
      const std::string problem = apply(part, decision, request.interval, bool(smooth));
      if (!problem.empty()) record.problem = problem;
    }
  } catch (const std::exception &e) {
    record.problem = e.what();
    decision = no_decision(o);
  }
  record.structure = describe(request, o, probed, decision);
  if (record.keeps_accuracy)
    gst_structure_set(record.structure, "min-accuracy", G_TYPE_DOUBLE, settings.min_accuracy, nullptr);
  return record;
}
