// SPDX-License-Identifier: LGPL-2.1-or-later
// Fig. 11 of the paper: what a gradient costs, in time and memory. Each way runs in a process of its own, because a
// process's peak of memory never falls.
#include <gst/gst.h>

#include <algorithm>
#include <cstdio>

#include "common/output.h"
#include "eval/clip_source.h"
#include "eval/figure_parts.h"
#include "eval/gradient_cost.h"
#include "eval/medium.h"
#include "eval/messages.h"

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
  std::string why;
  if (GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR)
    why = g_str_equal(GST_MESSAGE_SRC_NAME(m), "sink")
              ? "--figure overhead: frames cannot be written to \"" + path + "\" (" + text_of(m) +
                    "); make room there, or set TMPDIR to a folder that can be written"
              : "--clip: \"" + clip + "\" cannot be decoded";
  gst_message_unref(m);
  gst_object_unref(bus);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  if (!why.empty()) throw RunError(why);
}

/// One way, in a process of its own.
json measure(const std::string &mode, const EvalOptions &o, const std::string &frames, const std::string &size) {
  gchar *self = g_file_read_link("/proc/self/exe", nullptr);
  const gchar *argv[] = {self,           kGradientCostFlag, mode.c_str(),     o.model.c_str(), o.classes.c_str(),
                         frames.c_str(), size.c_str(),      o.device.c_str(), nullptr};
  gchar *out = nullptr, *err = nullptr;
  gint status = 0;
  const bool run = g_spawn_sync(nullptr, const_cast<gchar **>(argv), nullptr, G_SPAWN_DEFAULT, nullptr, nullptr, &out,
                                &err, &status, nullptr);
  const std::string text = out ? out : "";
  std::string why = err ? err : "";
  g_free(self);
  g_free(out);
  g_free(err);
  json row = json::parse(text, nullptr, false);
  if (run && status == 0 && !row.is_discarded()) return row;
  if (!why.empty() && why.back() == '\n') why.pop_back();
  throw RunError("--figure overhead: " + (why.empty() ? "the measuring process failed" : why));
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
  gchar *made = g_dir_make_tmp("oneadapt-XXXXXX", nullptr);
  if (!made) throw RunError("no temporary folder can be made; set TMPDIR to one that can be written");
  const tools::UnfinishedFile folder(made), frames(std::string(made) + "/frames.rgb");
  g_free(made);
  write_frames(clip, frames.path());
  json rows = json::array();
  for (const std::string &mode : gradient_cost_modes()) {
    std::fprintf(stderr, "%s\n", mode.c_str());
    rows.push_back(measure(mode, runner.options(), frames.path(), size));
  }
  return rows;
}

}  // namespace oneadapt::eval
