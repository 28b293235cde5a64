// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "eval/medium.h"
#include "eval/text.h"

namespace oneadapt::eval {

const Medium &sound_medium();
const Medium &lidar_medium();

const std::vector<const Medium *> &media() {
  // A clip with both is video.
  static const std::vector<const Medium *> all{&video_medium(), &sound_medium(), &lidar_medium()};
  return all;
}

namespace {

/// What a file may hold: "video or sound".
std::string in_files(const char *between) {
  std::vector<std::string> list;
  for (const Medium *medium : media())
    if (!medium->traits().folders) list.push_back(medium->name());
  return joined(list, between);
}

}  // namespace

const Medium &find_medium(const std::string &name) {
  for (const Medium *medium : media())
    if (medium->name() == name) return *medium;
  throw RunError("there is no medium \"" + name + "\"");
}

const Medium &medium_in(const nlohmann::json &clip) {
  for (const Medium *medium : media())
    if (clip.contains(medium->name())) return *medium;
  return video_medium();
}

Clip open_clip(const std::string &path) {
  const bool folder = std::filesystem::is_directory(path);
  if (!folder && !std::filesystem::is_regular_file(path))
    throw RunError("--clip: there is no file \"" + path + "\"; name a file of " + in_files(" or ") +
                   ", or a folder of point clouds");
  tools::FileFacts file;
  if (folder)
    file.clouds = tools::numbered_clouds(path);
  else
    file = tools::discover(path);
  for (const Medium *medium : media())
    if (medium->holds(file)) return {medium, file};
  const std::string clip = "--clip: \"" + path + "\" ";
  if (folder)
    throw RunError(clip + "is a folder without point clouds; name one with files such as 000000.bin or 000000.pcd");
  if (file.readable) throw RunError(clip + "has neither " + in_files(" nor ") + " in it; name a file that has");
  throw RunError(clip + "cannot be read (" + (file.problem.empty() ? "is it a video file?" : file.problem) +
                 "); name a file of " + in_files(" or ") + " that GStreamer can decode");
}

RunError only_for(const std::string &option, const std::string &medium, const std::string &clips) {
  return RunError(option + " is for " + medium + ", and the clips are " + clips + "; leave it out");
}

const FrameResult *result_in_force(const RunResult &run, std::uint64_t time) {
  // Time stamps may have been rounded on their way through a codec.
  constexpr std::uint64_t kSlack = GST_MSECOND;
  const auto after = std::upper_bound(run.results.begin(), run.results.end(), time + kSlack,
                                      [](std::uint64_t t, const FrameResult &r) { return t < r.stream_time; });
  return after == run.results.begin() ? nullptr : &*std::prev(after);
}

void refuse_options_of_video(const EvalOptions &options, const std::string &clips) {
  const std::pair<const char *, bool> of_video[] = {{"--figure", !options.figures.empty()},
                                                    {"--resource frames", options.frames},
                                                    {"--metric miou", options.metric == Metric::MeanIou},
                                                    {"--key-int-max", options.key_int_max > 0},
                                                    {"--train-casva", !options.train_casva.empty()}};
  for (const auto &[option, given] : of_video)
    if (given) throw only_for(option, "video", clips);
}

double Medium::mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric) const {
  double sum = 0;
  for (double value : frame_accuracy(result, reference, metric)) sum += value;
  return reference.input.empty() ? 0 : sum / double(reference.input.size());
}

std::vector<double> frame_accuracy(const RunResult &result, const RunResult &reference, Metric metric) {
  return reference.medium->frame_accuracy(result, reference, metric);
}

double mean_accuracy(const RunResult &result, const RunResult &reference, Metric metric) {
  return reference.medium->mean_accuracy(result, reference, metric);
}

}  // namespace oneadapt::eval
