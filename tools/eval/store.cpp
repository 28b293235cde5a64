// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/store.h"

#include <glib.h>
#include <gst/gst.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <system_error>

#include "common/output.h"
#include "config.h"
#include "eval/medium.h"
#include "eval/text.h"

namespace oneadapt::eval {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// Size and time of change: another file under the same name is another input. Of a folder, those of its files.
std::string stamp(const std::string &path) {
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    std::vector<std::string> files;
    for (const auto &entry : fs::directory_iterator(path, ec))
      if (entry.is_regular_file(ec)) files.push_back(stamp(entry.path().string()));
    std::sort(files.begin(), files.end());
    return joined(files, "|");
  }
  const auto size = fs::file_size(path, ec);
  if (ec) return path;
  return fs::absolute(path, ec).string() + ":" + std::to_string(size) + ":" +
         std::to_string(fs::last_write_time(path, ec).time_since_epoch().count());
}

std::string build_stamp() {
  std::string all = VERSION;
  for (const char *name : {"oneadapt", "oneadapttorch", "oneadaptoverlay", "oneadaptlidar"})
    if (GstPlugin *plugin = gst_registry_find_plugin(gst_registry_get(), name)) {
      if (const gchar *file = gst_plugin_get_filename(plugin)) all += "|" + stamp(file);
      gst_object_unref(plugin);
    }
  return all;
}

json to_json(const IntervalRow &r) {
  json knobs = json::array();
  for (const KnobValue &k : r.knobs)
    knobs.push_back({k.name, k.value, k.output_grad_up, k.output_grad_down, k.acc_grad_up, k.acc_grad_down,
                     k.resource_change_up, k.resource_change_down, k.next});
  return {{"interval", r.interval},
          {"seconds", r.seconds},
          {"bytes", r.bytes},
          {"z", r.z},
          {"objects", r.objects},
          {"feedback", r.feedback},
          {"measured", r.measured_resource},
          {"predicted", r.predicted_resource},
          {"accuracy", {r.measured_accuracy, r.expected_accuracy, r.accuracy_deviation}},
          {"knobs", knobs}};
}

IntervalRow interval_of(const json &j) {
  IntervalRow r;
  r.interval = j.at("interval");
  r.seconds = j.at("seconds");
  r.bytes = j.at("bytes");
  r.z = j.at("z");
  r.objects = j.at("objects");
  r.feedback = j.at("feedback");
  r.measured_resource = j.at("measured");
  r.predicted_resource = j.at("predicted");
  const json &accuracy = j.at("accuracy");
  r.measured_accuracy = accuracy.at(0);
  r.expected_accuracy = accuracy.at(1);
  r.accuracy_deviation = accuracy.at(2);
  for (const json &k : j.at("knobs"))
    r.knobs.push_back({k.at(0), k.at(1), k.at(2), k.at(3), k.at(4), k.at(5), k.at(6), k.at(7), k.at(8)});
  return r;
}

json to_json(const std::vector<FrameResult> &frames) {
  json results = json::array();
  for (const FrameResult &f : frames) {
    json boxes = json::array();
    for (const ScoredBox &b : f.boxes) {
      boxes.push_back({b.box.x0, b.box.y0, b.box.x1, b.box.y1, b.score, b.label});
      if (!b.mask.none()) boxes.back().push_back({b.mask.width, b.mask.height, b.mask.counts});
    }
    results.push_back({f.stream_time, boxes});
    if (f.words.empty() && f.boxes3d.empty()) continue;
    json words = json::array(), in_space = json::array();
    for (const SequenceElement &w : f.words) words.push_back({w.label, w.time});
    for (const auto &[b, score, label] : f.boxes3d)
      in_space.push_back({b.x, b.y, b.z, b.length, b.width, b.height, b.yaw, score, label});
    results.back().push_back(words);
    results.back().push_back(in_space);
  }
  return results;
}

std::vector<FrameResult> frames_of(const json &j) {
  std::vector<FrameResult> frames;
  for (const json &f : j) {
    FrameResult frame;
    frame.stream_time = f.at(0);
    for (const json &b : f.at(1)) {
      frame.boxes.push_back({{b.at(0), b.at(1), b.at(2), b.at(3)}, b.at(4), b.at(5)});
      if (b.size() > 6) frame.boxes.back().mask = {b.at(6).at(0), b.at(6).at(1), b.at(6).at(2)};
    }
    if (f.size() > 2)
      for (const json &w : f.at(2)) frame.words.push_back({w.at(0), w.at(1)});
    if (f.size() > 3)
      for (const json &b : f.at(3))
        frame.boxes3d.push_back({{b.at(0), b.at(1), b.at(2), b.at(3), b.at(4), b.at(5), b.at(6)}, b.at(7), b.at(8)});
    frames.push_back(std::move(frame));
  }
  return frames;
}

json to_json(const RunResult &r) {
  json packets = json::array(), intervals = json::array();
  for (const Packet &p : r.packets) packets.push_back({p.stream_time, p.bytes});
  for (const IntervalRow &i : r.intervals) intervals.push_back(to_json(i));
  json stills = json::array();
  for (const Still &still : r.stills) {
    gchar *text = g_base64_encode(still.jpeg.data(), still.jpeg.size());
    stills.push_back({still.stream_time, text});
    g_free(text);
  }
  json gradients = json::array();
  for (const GradientMap &g : r.gradient_maps)
    gradients.push_back({g.stream_time, g.map.frame_width, g.map.frame_height, g.map.block_size, g.map.values});
  return {{"input", r.input},
          {"warnings", r.warnings},
          {"gradients", gradients},
          {"stills", stills},
          {"results", to_json(r.results)},
          {"uncertain", to_json(r.uncertain)},
          {"intervals", intervals},
          {"packets", packets},
          {"bytes", r.bytes},
          {"seconds", r.seconds},
          {"width", r.width},
          {"height", r.height},
          {"device", r.device},
          {"medium", r.medium->name()},
          {"envelope", r.envelope},
          {"times", {r.inference_s, r.gradient_s, r.encode_s, r.probe_s}},
          {"counts", {r.inferences, r.gradients, r.feedback_bytes}},
          {"threshold", r.threshold},
          {"ladders", r.ladders},
          {"typical", {r.typical_accuracy, r.typical_resource}}};
}

RunResult result_of(const json &j) {
  RunResult r;
  j.at("input").get_to(r.input);
  j.at("warnings").get_to(r.warnings);
  r.results = frames_of(j.at("results"));
  r.uncertain = frames_of(j.at("uncertain"));
  for (const json &s : j.at("stills")) {
    gsize size = 0;
    guchar *data = g_base64_decode(s.at(1).get<std::string>().c_str(), &size);
    r.stills.push_back({s.at(0), {data, data + size}});
    g_free(data);
  }
  for (const json &g : j.at("gradients")) {
    GradientMap kept{g.at(0), BlockMap(g.at(1), g.at(2), g.at(3))};
    g.at(4).get_to(kept.map.values);
    r.gradient_maps.push_back(std::move(kept));
  }
  for (const json &p : j.at("packets")) r.packets.push_back({p.at(0), p.at(1)});
  for (const json &i : j.at("intervals")) r.intervals.push_back(interval_of(i));
  r.bytes = j.at("bytes");
  r.seconds = j.at("seconds");
  r.width = j.at("width");
  r.height = j.at("height");
  r.device = j.at("device");
  r.medium = &find_medium(j.at("medium"));
  j.at("envelope").get_to(r.envelope);
  const json &t = j.at("times"), &c = j.at("counts");
  r.inference_s = t.at(0);
  r.gradient_s = t.at(1);
  r.encode_s = t.at(2);
  r.probe_s = t.at(3);
  r.inferences = c.at(0);
  r.gradients = c.at(1);
  r.feedback_bytes = c.at(2);
  j.at("threshold").get_to(r.threshold);
  j.at("ladders").get_to(r.ladders);
  j.at("typical").at(0).get_to(r.typical_accuracy);
  j.at("typical").at(1).get_to(r.typical_resource);
  return r;
}

/// Names of files and devices may be no UTF-8.
std::string text_of(const json &j) { return j.dump(-1, ' ', false, json::error_handler_t::replace); }

json to_json(const SecondPass &pass) {
  json frames = json::array();
  for (const auto &[time, map] : pass.blocks)
    frames.push_back({time, map.frame_width, map.frame_height, map.block_size, map.values});
  return {pass.first_qp, frames};
}

std::string checksum(const std::string &text) {
  gchar *sum =
      g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar *>(text.data()), text.size());
  const std::string out = sum;
  g_free(sum);
  return out;
}

}  // namespace

RunStore::RunStore(std::string folder) : folder_(std::move(folder)), build_(build_stamp()) {
  tools::make_folder(folder_, "--output");
}

std::string RunStore::path(const RunOptions &o) const {
  json key{build_,    stamp(o.clip),    stamp(o.model),   o.source, o.classes, o.device,
           o.threads, o.gradient,       o.per_class,      o.fps,    o.seconds, o.policy,
           o.lambda,  o.alpha,          o.smoothing,      o.knobs,  o.start,   o.properties,
           o.stills,  o.keep_gradients, o.uncertain_from, o.raw,    o.interval};
  if (o.second_pass) key.push_back(to_json(*o.second_pass));
  if (o.medium != &video_medium()) key.push_back(o.medium->name());
  if (!o.schedule.empty()) key.push_back({{"schedule", o.schedule}});
  if (!o.policy_file.empty()) key.push_back(stamp(o.policy_file));
  if (!o.encoder.empty()) key.push_back({{"encoder", o.encoder}});
  if (o.min_accuracy > 0) key.push_back({{"min-accuracy", o.min_accuracy}});
  if (o.key_int_max) key.push_back({{"key-int-max", o.key_int_max}});
  if (o.feedback_loss > 0) key.push_back({{"lost", o.feedback_loss}, {"seed", o.seed}});
  return folder_ + "/" + checksum(text_of(key)).substr(0, 32) + ".json";
}

std::optional<RunResult> RunStore::find(const RunOptions &options) const {
  std::ifstream file(path(options), std::ios::binary);
  std::ostringstream whole;
  if (!file || !(whole << file.rdbuf())) return std::nullopt;
  const std::string text = whole.str(), sum = text.substr(0, text.find('\n')),
                    body = text.substr(std::min(text.size(), sum.size() + 1));
  if (sum != checksum(body)) return std::nullopt;  // cut short or changed: it is made again
  try {
    return result_of(json::parse(body));
  } catch (const json::exception &) {
    return std::nullopt;  // of another version
  }
}

void RunStore::keep(const RunOptions &options, const RunResult &result) const {
  const std::string body = text_of(to_json(result));
  tools::write_file(path(options), checksum(body) + "\n" + body, "--output");
}

}  // namespace oneadapt::eval
