// SPDX-License-Identifier: LGPL-2.1-or-later
// What the gradient message keeps of a model's maps, at each setting of its map and within its budget.
//   bench-wire MODEL.pt WIDTHxHEIGHT FRAMES CLIP...
// FRAMES frames, two seconds apart, of the clip scaled to WIDTHxHEIGHT; of several clips, a mosaic. Environment:
// CLASSES=car,truck (all). Columns: bytes of the message (mean, greatest); cosine of the map with the exact one (mean,
// least); blocks that get another QP from it (mean, greatest share), and by how much QP changes over all blocks (mean).
#include <gst/gst.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "core/macroblock/allocation.h"
#include "model/model.h"
#include "play.h"
#include "wire/map_code.h"
#include "wire/message.h"

namespace {

using oneadapt::BlockMap;
using oneadapt::Gradient;

std::vector<std::vector<std::uint8_t>> load(const std::vector<std::string> &clips, int width, int height, int frames) {
  const int side = int(std::ceil(std::sqrt(double(clips.size()))));
  const int w = width / side, h = height / side;
  std::string launch = "compositor name=all ! videoconvert ! video/x-raw,format=RGB,width=" + std::to_string(width) +
                       ",height=" + std::to_string(height) +
                       " ! fakesink name=sink sync=false signal-handoffs=true num-buffers=" + std::to_string(frames);
  for (std::size_t i = 0; i < clips.size(); ++i) {
    const std::string number = std::to_string(i);
    launch += " filesrc name=clip" + number +
              " ! decodebin ! videorate ! video/x-raw,framerate=1/2 ! videoconvert ! videoscale ! video/x-raw,width=" +
              std::to_string(w) + ",height=" + std::to_string(h) + ",pixel-aspect-ratio=1/1 ! all.sink_" + number;
  }
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
  if (!pipeline) throw std::runtime_error(error->message);
  GstElement *all = gst_bin_get_by_name(GST_BIN(pipeline), "all");
  for (std::size_t i = 0; i < clips.size(); ++i) {
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), ("clip" + std::to_string(i)).c_str());
    g_object_set(source, "location", clips[i].c_str(), nullptr);
    gst_object_unref(source);
    GstPad *pad = gst_element_get_static_pad(all, ("sink_" + std::to_string(i)).c_str());
    g_object_set(pad, "xpos", int(i) % side * w, "ypos", int(i) / side * h, nullptr);
    gst_object_unref(pad);
  }
  gst_object_unref(all);
  std::vector<std::vector<std::uint8_t>> pictures;
  GstElement *sink = gst_bin_get_by_name(GST_BIN(pipeline), "sink");
  g_signal_connect(sink, "handoff", G_CALLBACK(+[](GstElement *, GstBuffer *buffer, GstPad *, gpointer data) {
                     GstMapInfo map;
                     gst_buffer_map(buffer, &map, GST_MAP_READ);
                     static_cast<decltype(pictures) *>(data)->emplace_back(map.data, map.data + map.size);
                     gst_buffer_unmap(buffer, &map);
                   }),
                   &pictures);
  const std::string failure = play_through(pipeline);
  gst_object_unref(sink);
  gst_object_unref(pipeline);
  if (!failure.empty()) throw std::runtime_error(failure);
  return pictures;
}

struct Row {
  double bytes = 0, most = 0, cosine = 0, least = 1, changed = 0, greatest = 0, change = 0;
  int n = 0;

  void add(std::size_t size, const BlockMap &exact, const BlockMap &got) {
    const std::vector<double> a(exact.values.begin(), exact.values.end()), b(got.values.begin(), got.values.end());
    const double same = oneadapt::cosine(a, b);
    const auto wanted = oneadapt::allocate_qp(exact), qp = oneadapt::allocate_qp(got);
    double other = 0, by = 0;
    for (std::size_t i = 0; i < qp.size(); ++i) {
      other += qp[i] != wanted[i];
      by += std::abs(qp[i] - wanted[i]);
    }
    const double blocks = double(wanted.size());
    ++n;
    bytes += double(size);
    most = std::max(most, double(size));
    cosine += same;
    least = std::min(least, same);
    changed += other / blocks;
    greatest = std::max(greatest, other / blocks);
    change += by / blocks;
  }
  void print(const char *name) const {
    std::printf("%-28s %6.0f %6.0f   %.3f %.3f   %5.1f %% %5.1f %%   %.3f\n", name, bytes / n, most, cosine / n, least,
                100 * changed / n, 100 * greatest, change / n);
  }
};

}  // namespace

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  int width = 0, height = 0;
  if (argc < 5 || std::sscanf(argv[2], "%dx%d", &width, &height) != 2 || width < 16 || height < 16 ||
      std::atoi(argv[3]) < 1) {
    std::fprintf(stderr, "usage: [CLASSES=car,truck] %s MODEL.pt WIDTHxHEIGHT FRAMES CLIP...\n", argv[0]);
    return 2;
  }
  try {
    oneadapt::ModelOptions options;
    options.path = argv[1];
    std::stringstream classes(std::getenv("CLASSES") ? std::getenv("CLASSES") : "");
    for (std::string name; std::getline(classes, name, ',');) options.classes.push_back(name);
    const auto model = oneadapt::Model::load(options);
    std::vector<Gradient> gradients;
    double confident = 0;
    const std::size_t stride = (std::size_t(width) * 3 + 3) / 4 * 4;
    for (const auto &picture : load({argv + 4, argv + argc}, width, height, std::atoi(argv[3]))) {
      oneadapt::RgbFrame frame;
      frame.data = picture.data();
      frame.stride = stride;
      frame.width = unsigned(width);
      frame.height = unsigned(height);
      Gradient gradient;
      gradient.interval_duration = 1000000000;
      const auto found = model->infer_for_gradient(frame);
      model->backward(gradient);
      if (gradient.elements == 0) continue;  // nothing to say: an empty map is exact at any setting
      for (const auto &detection : found) gradient.regions.push_back(detection.box);
      confident += gradient.confident;
      gradients.push_back(std::move(gradient));
    }
    if (gradients.empty()) throw std::runtime_error("the model found nothing in these frames");
    std::printf("%dx%d, %zu blocks, %zu frames, %.1f objects a frame\n", width, height,
                gradients.front().map.values.size(), gradients.size(), confident / double(gradients.size()));
    std::printf("%-28s %6s %6s   %5s %5s   %7s %7s   %s\n", "blocks a cell, levels", "bytes", "most", "cos", "least",
                "other QP", "most", "|QP|");

    BlockMap rebuilt;
    for (unsigned pooling = 0; pooling < 3; ++pooling)
      for (const auto &quantiser : oneadapt::kMapLadder) {
        Row row;
        for (const Gradient &gradient : gradients) {
          BlockMap cells = gradient.map;
          for (unsigned i = 0; i < pooling; ++i) cells = oneadapt::pooled(cells);
          const auto coded = oneadapt::code_cells(cells, pooling, quantiser, oneadapt::kMaxMessageBytes);
          if (!coded) throw std::runtime_error("a map of more than 65535 bytes");
          rebuilt = gradient.map;
          if (!oneadapt::decode_map(pooling, coded->levels, coded->packed.data(), coded->packed.size(), rebuilt))
            throw std::logic_error("a map does not come back");
          // Header, checksum, regions: docs/wire-format.md.
          row.add(59 + 6 * std::min<std::size_t>(gradient.regions.size(), 51) + coded->bytes(), gradient.map, rebuilt);
        }
        char name[64];
        std::snprintf(name, sizeof name, "%ux%u, %u levels, %.1f octaves", 1u << pooling, 1u << pooling,
                      quantiser.levels, quantiser.depth);
        row.print(name);
      }
    Row row;
    double milliseconds = 0, sum = 0;
    for (const Gradient &gradient : gradients) {
      std::vector<std::uint8_t> message;
      double fastest = 1e9;  // other programs' turns are not its cost
      for (int round = 0; round < 5; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        message = oneadapt::encode_gradient(gradient);
        const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
        fastest = std::min(fastest, took.count());
      }
      milliseconds += fastest;
      Gradient back;
      std::string why;
      if (!oneadapt::decode_gradient(message.data(), message.size(), back, why)) throw std::logic_error(why);
      row.add(message.size(), gradient.map, back.map);
      const BlockMap ones = [&] {
        BlockMap map = gradient.map;
        std::fill(map.values.begin(), map.values.end(), 1.0f);
        return map;
      }();
      sum = std::max(sum,
                     std::abs(oneadapt::output_grad(back.map, ones) / oneadapt::output_grad(gradient.map, ones) - 1));
    }
    row.print("within 1300 bytes");
    std::printf("encoding takes %.2f ms; the sum is off by at most %.1e\n", milliseconds / double(gradients.size()),
                sum);
    return row.most <= double(oneadapt::kMessageBudget) ? 0 : 1;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 2;
  }
}
