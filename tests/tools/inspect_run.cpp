// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inspect_run.h"

#include "last_picture.h"
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

Image last_picture(const std::string &line, int count) {
  std::string problem;
  Pixels picture = last_pixels(line, count, problem);
  EXPECT_EQ(problem, "") << line;
  return {picture.width, picture.height, std::string(picture.rgb.begin(), picture.rgb.end())};
}

Image read_image(const std::string &path) { return last_picture("filesrc location=\"" + path + "\" ! pngdec"); }

}  // namespace inspect_test
