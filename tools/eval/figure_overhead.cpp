// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 11 of the paper: what a gradient costs, in time and memory. Each way runs in a process of its own, because a
// process's peak of memory never falls.
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>

#include "eval/clip_source.h"
#include "eval/figure_parts.h"
#include "eval/gradient_cost.h"
#include "eval/medium.h"

namespace oneadapt::eval {

using nlohmann::json;
namespace {

/// The clip's first frames as packed RGB, rows padded to 4 bytes, in `path`.
void write_frames(const std::string &clip, const std::string &path) {
  GError *error = nullptr;
  GstElement *pipeline =
      gst_parse_launch((std::string(kClipSource) +
                        " ! videoconvert ! video/x-raw,format=RGB ! identity eos-after=10 ! filesink name=sink")
                           .c_str(),
                       &error);
  if (!pipeline || error) throw RunError("the pipeline cannot be built: " + std::string(error ? error->message : "?"));
  for (const auto &[name, value] : {std::pair<const char *, std::string>{"source", clip}, {"sink", path}}) {
    GstElement *e = gst_bin_get_by_name(GST_BIN(pipeline), name);
    g_object_set(e, "location", value.c_str(), nullptr);
    gst_object_unref(e);
  }
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  GstMessage *m =
      gst_bus_timed_pop_filtered(bus, GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  const bool failed = GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR;
  gst_message_unref(m);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  if (failed) throw RunError("--clip: \"" + clip + "\" cannot be decoded");
}

}  // namespace

std::vector<std::string> gradient_cost_modes() {
  return {"inference only", "with weight gradients, every frame", "input gradient only, every frame",
          "input gradient only, reused over 10 frames"};
}

json overhead(Runner &runner) {
  const std::string &clip = runner.options().clips.front();
  const tools::FileFacts file = open_clip(clip).file;
  const std::string size = std::to_string(file.width) + "x" + std::to_string(file.height);
  gchar *folder = g_dir_make_tmp("oneadapt-XXXXXX", nullptr);
  if (!folder) throw RunError("no temporary folder can be made; set TMPDIR to one that can be written");
  const std::string frames = std::string(folder) + "/frames.rgb";
  json rows = json::array();
  try {
    write_frames(clip, frames);
    for (const std::string &mode : gradient_cost_modes()) {
      std::fprintf(stderr, "%s\n", mode.c_str());
      gchar *self = g_file_read_link("/proc/self/exe", nullptr);
      const gchar *argv[] = {self,
                             kGradientCostFlag,
                             mode.c_str(),
                             runner.options().model.c_str(),
                             runner.options().classes.c_str(),
                             frames.c_str(),
                             size.c_str(),
                             runner.options().device.c_str(),
                             nullptr};
      gchar *out = nullptr, *err = nullptr;
      gint status = 0;
      const bool run = g_spawn_sync(nullptr, const_cast<gchar **>(argv), nullptr, G_SPAWN_DEFAULT, nullptr, nullptr,
                                    &out, &err, &status, nullptr);
      std::string text = out ? out : "", why = err ? err : "";
      g_free(self);
      g_free(out);
      g_free(err);
      json row = json::parse(text, nullptr, false);
      if (!run || status != 0 || row.is_discarded()) {
        if (!why.empty() && why.back() == '\n') why.pop_back();
        throw RunError("--figure overhead: " + (why.empty() ? "the measuring process failed" : why));
      }
      rows.push_back(row);
    }
  } catch (...) {
    std::remove(frames.c_str());
    std::remove(folder);
    g_free(folder);
    throw;
  }
  std::remove(frames.c_str());
  std::remove(folder);
  g_free(folder);
  return rows;
}

}  // namespace oneadapt::eval
