// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inspect_run.h"

#include "play.h"

#include <cstdlib>

namespace inspect_test {

std::string variable(const char *name) {
  const char *value = std::getenv(name);
  return value ? value : ".";
}

Outcome inspect(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), variable("ONEADAPT_BUILD_DIR") + "/tools/inspect/oneadapt-inspect");
  std::vector<char *> argv;
  for (std::string &a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  Outcome run;
  gchar *out = nullptr, *err = nullptr;
  gint status = 0;
  GError *error = nullptr;
  if (!g_spawn_sync(nullptr, argv.data(), nullptr, G_SPAWN_DEFAULT, nullptr, nullptr, &out, &err, &status, &error)) {
    ADD_FAILURE() << error->message;
    g_clear_error(&error);
    return run;
  }
  run.out = out;
  run.err = err;
  run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  g_free(out);
  g_free(err);
  return run;
}

bool has(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

void expect_line(const Outcome &run, int status, const std::string &part) {
  EXPECT_EQ(run.status, status) << run.err;
  EXPECT_EQ(run.err.rfind("oneadapt-inspect: ", 0), 0u) << run.err;
  EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
  EXPECT_TRUE(has(run.err, part)) << run.err << "wants: " << part;
}

bool launch(const std::string &line) { return play_line(line).empty(); }

void take(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
  auto *image = static_cast<Image *>(data);
  GstCaps *caps = gst_pad_get_current_caps(pad);
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  gst_structure_get_int(s, "width", &image->width);
  gst_structure_get_int(s, "height", &image->height);
  gst_caps_unref(caps);
  image->rgb.resize(gst_buffer_get_size(buffer));
  gst_buffer_extract(buffer, 0, image->rgb.data(), image->rgb.size());
}

Image last_picture(const std::string &line, int count) {
  Image image;
  const std::string whole = line +
                            " ! videoconvert ! video/x-raw,format=RGB ! fakesink name=sink signal-handoffs=true "
                            "sync=false num-buffers=" +
                            std::to_string(count);
  GstElement *pipeline = gst_parse_launch(whole.c_str(), nullptr);
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(sink, "handoff", G_CALLBACK(take), &image);
  EXPECT_EQ(play_through(pipeline), "") << line;
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  return image;
}

Image read_image(const std::string &path) { return last_picture("filesrc location=\"" + path + "\" ! pngdec"); }

}  // namespace inspect_test
