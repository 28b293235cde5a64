// SPDX-License-Identifier: LGPL-2.1-or-later
// Profiles for policies that want them: the tunable renders, the DNN downstream judges (a query). Locks: see ctl.cpp;
// none is held while rendering or querying.
#include <cmath>
#include <utility>

#include "ctl/ctl_impl.h"

#define GST_CAT_DEFAULT oneadaptctl_debug

namespace {

/// One profile under way; its thread only.
struct Run {
  GstOneadaptCtl *self;
  const CtlProfile &profile;
  bool paced;
  bool begun = false;       // somebody asked for a rendering
  bool called_off = false;  // a flush, a new stream, the end
  bool unable = false;      // the tunable will never render
  guint64 samples = 0;
  std::vector<double> resources;
  std::string problem;
};

/// Waits until the budget has room for another rendering. False: the profile is called off.
bool wait_for_turn(Run &run) {
  const double budget = ctl_settings(run.self).profile_budget;
  CtlLoop &loop = run.self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  const auto off = [&] { return !loop.running || loop.flushing || loop.epoch != run.profile.epoch; };
  if (run.paced)
    loop.paced.wait(lock, [&] {
      return off() || double(loop.counters.buffers - run.profile.begun) * budget >= double(run.samples);
    });
  run.called_off = off();
  return !run.called_off;
}

GstOneadaptRendering *render(guint index, gpointer data) {
  Run &run = *static_cast<Run *>(data);
  run.begun = true;
  if (!wait_for_turn(run)) return nullptr;
  const ProfileQuestion &question = run.profile.question;
  auto *tunable = GST_ONEADAPT_TUNABLE(*question.tunable.begin());
  GError *error = nullptr;
  GstOneadaptRendering *rendering =
      gst_oneadapt_tunable_render(tunable, question.interval, question.configurations[index].get(), &error);
  if (rendering && rendering->resource < 0) {
    run.problem = "the resource of a configuration is unknown";
    gst_oneadapt_rendering_free(rendering);
    return nullptr;
  }
  if (!rendering) {
    run.problem = error ? error->message : "no rendering";
    run.unable = !GST_ONEADAPT_TUNABLE_GET_INTERFACE(tunable)->render;
    g_clear_error(&error);
    return nullptr;
  }
  run.samples += rendering->samples->len;
  run.resources[index] = rendering->resource;
  return rendering;
}

/// Leaves an answer; not one to a question of the past.
void leave(CtlLoop &loop, const CtlProfile &profile, CtlAnswer answer) {
  std::lock_guard<std::mutex> lock(loop.mutex);
  loop.counters.extra_inferences += answer.answer.inferences;  // with it: who sees the count may rely on the answer
  if (loop.epoch == profile.epoch) loop.profile.answer = std::move(answer);
}

void profiler(GstOneadaptCtl *self) {
  CtlLoop &loop = self->state->loop;
  std::unique_lock<std::mutex> lock(loop.mutex);
  for (;;) {
    loop.paced.wait(lock, [&] { return !loop.running || loop.profile.asked; });
    if (!loop.running) return;
    CtlProfile profile = std::move(*loop.profile.asked);
    loop.profile.asked.reset();
    lock.unlock();
    ctl_profile(self, std::move(profile), true);
    lock.lock();
  }
}

}  // namespace

void ctl_profile_impossible(GstOneadaptCtl *self, const CtlProfile &profile, const std::string &why) {
  CtlLoop &loop = self->state->loop;
  {
    std::lock_guard<std::mutex> lock(loop.mutex);
    if (loop.epoch == profile.epoch) loop.profile.answer = CtlAnswer();
    if (std::exchange(loop.profile.warned, true)) return;
  }
  GST_ELEMENT_WARNING(self, RESOURCE, NOT_FOUND,
                      ("Property \"policy\": \"%s\" cannot measure configurations, so all knobs stay: %s.",
                       ctl_settings(self).policy.c_str(), why.c_str()),
                      ("said once a run; other policies need no profile"));
}

void ctl_profile(GstOneadaptCtl *self, CtlProfile profile, bool paced) {
  CtlLoop &loop = self->state->loop;
  {
    std::lock_guard<std::mutex> lock(loop.mutex);
    loop.profile.under_way = true;
  }
  const ProfileQuestion &question = profile.question;
  Run run{self, profile, paced};
  run.resources.assign(question.rungs.size(), 0);
  GstQuery *query = gst_query_new_oneadapt_profile(guint(question.rungs.size()), render, &run);
  gdouble *accuracies = nullptr;
  guint count = 0;
  CtlAnswer answer;
  const bool answered = gst_pad_peer_query(self->srcpad, query) &&
                        gst_query_parse_oneadapt_profile_result(query, &accuracies, &count, &answer.answer.inferences);
  gst_query_unref(query);
  if (answered) {
    for (guint i = 0; i < count; ++i)
      answer.answer.profile.push_back({question.rungs[i], accuracies[i], run.resources[i]});
    g_free(accuracies);
    const double budget = ctl_settings(self).profile_budget;
    answer.due = profile.begun + guint64(std::ceil(double(answer.answer.inferences) / budget - 1e-9));
    GST_DEBUG_OBJECT(self,
                     "profile of interval %" G_GUINT64_FORMAT ": %u configurations, %" G_GUINT64_FORMAT " inferences",
                     question.interval, count, answer.answer.inferences);
    leave(loop, profile, std::move(answer));
  } else if (!run.begun && wait_for_turn(run)) {
    ctl_profile_impossible(self, profile, "it needs an oneadaptdnn downstream in the same process, and none answers");
  } else if (run.unable) {
    ctl_profile_impossible(self, profile, run.problem);
  } else if (!run.called_off) {
    GST_WARNING_OBJECT(self, "no profile of interval %" G_GUINT64_FORMAT ": %s", question.interval,
                       run.problem.empty() ? "the DNN gave it up" : run.problem.c_str());
    leave(loop, profile, {});
  }
  std::lock_guard<std::mutex> lock(loop.mutex);
  loop.profile.under_way = false;
}

void ctl_profile_later(GstOneadaptCtl *self, CtlProfile profile) {
  CtlLoop &loop = self->state->loop;
  std::lock_guard<std::mutex> lock(loop.mutex);
  if (loop.epoch != profile.epoch) return;
  loop.profile.asked = std::move(profile);
  loop.paced.notify_all();
  if (!loop.profiler.joinable()) loop.profiler = std::thread(profiler, self);
}
