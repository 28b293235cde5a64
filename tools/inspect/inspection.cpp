// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inspection.h"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "drawing.h"
#include "model/files.h"

namespace oneadapt::inspect {
namespace {

namespace fs = std::filesystem;

/// Made pictures that are tried until the model takes something in one for an element.
constexpr unsigned kSeeds = 8;
/// Scores and z of equal runs may differ by this: sums on a GPU come in any order.
constexpr double kSame = 1e-3;
constexpr unsigned kWarmUp = 2;

double milliseconds(const std::function<void()> &work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + std::ptrdiff_t(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// A line of /proc/self/status, in bytes; 0 where there is none.
double process_bytes(const char *name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == name) {
      double kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  return 0;
}

/// What `work` adds to the process at its peak.
double growth(double &peak, const std::function<void()> &work) {
  std::ofstream("/proc/self/clear_refs") << 5;  // the peak begins anew
  const double before = process_bytes("VmRSS:");
  work();
  const double after = process_bytes("VmHWM:");
  peak = std::max(peak, after);
  return std::max(0.0, after - before);
}

std::string sha256_of(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::unique_ptr<GChecksum, decltype(&g_checksum_free)> sum(g_checksum_new(G_CHECKSUM_SHA256), g_checksum_free);
  std::vector<char> chunk(1 << 20);
  while (in.read(chunk.data(), std::streamsize(chunk.size())), in.gcount() > 0)
    g_checksum_update(sum.get(), reinterpret_cast<const guchar *>(chunk.data()), gssize(in.gcount()));
  return g_checksum_get_string(sum.get());
}

bool same(const std::vector<Detection> &a, const std::vector<Detection> &b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].label != b[i].label || std::abs(a[i].score - b[i].score) > kSame || iou(a[i].box, b[i].box) < 1 - kSame)
      return false;
  return true;
}

/// What the runs of one inspection have in common.
class Runs {
 public:
  Runs(Inspection &inspection, const Options &options) : in_(inspection), options_(options), model_(*inspection.model) {
    model_.set_gradient(options.method, options.memory);
  }

  /// As the element does, and once more for comparison.
  Frame analyse(const Picture &picture) {
    Frame f;
    f.seconds = picture.seconds;
    f.size = {picture.width, picture.height};
    choose_size(f.size);
    f.seen = model_.input_size(f.size);
    const RgbFrame frame = picture.frame();
    const auto plain = first_pass(frame);
    f.objects = model_.infer_for_gradient(frame);
    if (!same(plain, f.objects)) in_.repeatable = false;
    try {
      model_.backward(f.gradient);
      const auto &values = f.gradient.map.values;
      if (!values.empty()) f.greatest = double(*std::max_element(values.begin(), values.end()));
    } catch (const ModelError &e) {
      if (e.kind() != ModelError::Kind::NotFinite) throw;
      f.gradient_error = e.what();
    }
    if (f.objects.empty() && !in_.made_up) f.best = best_of(frame, f.size);
    return f;
  }

  void measure(const Picture &picture) {
    const RgbFrame frame = picture.frame();
    choose_size({picture.width, picture.height});
    Gradient gradient;
    const auto backward = [&] {
      try {
        model_.backward(gradient);
      } catch (const ModelError &e) {
        if (e.kind() != ModelError::Kind::NotFinite) throw;
      }
    };
    MemoryUse &memory = in_.memory;
    memory.forward = bytes_of_tensors([&] { model_.infer(frame); });
    memory.with_autograd = bytes_of_tensors([&] { model_.infer_for_gradient(frame); });
    model_.drop_graph();
    memory.gradient = bytes_of_tensors([&] {
                        model_.infer_for_gradient(frame);
                        backward();
                      }).peak;
    std::vector<double> forward, with_autograd, back;
    std::vector<Detection> first;
    double z = 0;
    for (unsigned i = 0; i < kWarmUp + options_.repeat; ++i) {  // in turns: what else the machine does hits all of them
      std::vector<Detection> objects;
      const double f = milliseconds([&] { objects = model_.infer(frame); });
      const double a = milliseconds([&] { model_.infer_for_gradient(frame); });
      const double b = milliseconds(backward);
      if (!i) {
        first = objects;
        z = gradient.z;
      } else if (!same(first, objects) || std::abs(z - gradient.z) > kSame * (1 + std::abs(z))) {
        in_.repeatable = false;
      }
      if (i < kWarmUp) continue;
      forward.push_back(f);
      with_autograd.push_back(a);
      back.push_back(b);
    }
    Times &times = in_.times;
    times.repeat = options_.repeat;
    times.forward = median(forward);
    times.with_autograd = median(with_autograd);
    times.backward = median(back);
  }

 private:
  void choose_size(FrameSize frame) {
    const InputSize &size = options_.input_size;
    // "auto" is the largest frame's; here all frames are of one size.
    if (size.mode == InputSize::Mode::Fixed) frame = {size.width, size.height};
    model_.set_input_size(frame.width, frame.height);
  }

  std::vector<Detection> first_pass(const RgbFrame &frame) {
    std::vector<Detection> objects;
    if (watched_) return model_.infer(frame);
    watched_ = true;
    in_.memory.running = growth(in_.memory.peak, [&] {
      in_.training = watch_training_calls([&] { objects = model_.infer(frame); });
      model_.infer_for_gradient(frame);
      try {
        Gradient gradient;
        model_.backward(gradient);
      } catch (const ModelError &) {  // it is said when the frame is analysed
      }
    });
    return objects;
  }

  /// The best of those that are below θ.
  std::optional<Detection> best_of(const RgbFrame &frame, FrameSize size) {
    if (!lenient_) {
      ModelOptions all = options_.model;
      all.threshold = 0;
      lenient_ = Model::load(all);  // the weights are shared
    }
    if (options_.input_size.mode == InputSize::Mode::Fixed)
      size = {options_.input_size.width, options_.input_size.height};
    lenient_->set_input_size(size.width, size.height);
    std::optional<Detection> best;
    for (const Detection &d : lenient_->infer(frame))
      if (!best || d.score > best->score) best = d;
    return best;
  }

  Inspection &in_;
  const Options &options_;
  Model &model_;
  std::unique_ptr<Model> lenient_;
  bool watched_ = false;
};

void prepare_folder(const std::string &folder) {
  if (folder.empty()) return;
  if (!can_draw())
    throw InspectError("--output: this program was built without Pango and Cairo; build with -Doverlay=enabled");
  std::error_code ec;
  fs::create_directories(folder, ec);
  if (!fs::is_directory(folder, ec))
    throw InspectError("--output: '" + folder + "' is no folder and cannot be made; name another");
}

void draw(Frame &frame, const Picture &picture, const Model &model, const std::string &folder, std::size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "frame-%04zu", number);
  const std::string base = (fs::path(folder) / name).string();
  draw_objects(picture, frame.objects, model.labels(), base + "-objects.png");
  frame.objects_file = base + "-objects.png";
  if (!frame.gradient_error.empty()) return;
  draw_gradient(picture, frame.gradient.map, base + "-gradient.png");
  frame.gradient_file = base + "-gradient.png";
}

}  // namespace

Inspection load(const Options &options) {
  Inspection in;
  in.file.path = options.model.path;
  in.memory.loading = growth(in.memory.peak, [&] { in.model = Model::load(options.model); });
  std::error_code ec;
  in.file.bytes = fs::file_size(in.file.path, ec);
  in.file.sha256 = sha256_of(in.file.path);
  if (const auto sidecar = read_sidecar(in.file.path)) in.file.sidecar = sidecar->path;
  return in;
}

void run(Inspection &in, const Options &options, const std::function<void(std::size_t)> &on_frame) {
  prepare_folder(options.output);
  Runs runs(in, options);
  Picture measured;  // the first that has elements, else the first
  const auto take = [&](const Picture &picture, Frame frame) {
    const bool better = in.frames.empty() || (!in.frames[in.times.frame].gradient.elements && frame.gradient.elements);
    if (better && options.repeat) {
      measured = picture;
      in.times.frame = in.frames.size();
    }
    if (!options.output.empty()) draw(frame, picture, *in.model, options.output, in.frames.size() + 1);
    in.frames.push_back(std::move(frame));
    on_frame(in.frames.size() - 1);
  };
  if (options.input.empty()) {
    in.made_up = true;
    const ModelDescription &d = in.model->description();
    FrameSize size{d.width, d.height};
    if (options.input_size.mode == InputSize::Mode::Fixed) size = {options.input_size.width, options.input_size.height};
    if (!size.width || !size.height) size = {640, 480};
    Picture picture;
    Frame frame;
    for (unsigned seed = 1; seed <= kSeeds && !frame.gradient.elements; ++seed) {
      picture = made_picture(size, seed);
      frame = runs.analyse(picture);
    }
    take(picture, std::move(frame));
  } else {
    Footage footage(options.input);
    in.clip = footage.is_clip();
    double from = in.clip ? options.start : 0;
    const unsigned wanted = in.clip ? options.frames : 1;
    while (in.frames.size() < wanted) {
      const auto picture = footage.next(from);
      if (!picture) break;
      take(*picture, runs.analyse(*picture));
      if (picture->seconds) from = *picture->seconds + options.step;
    }
    if (in.frames.empty()) {
      char text[96] = "holds no frame";
      if (options.start > 0)
        std::snprintf(text, sizeof text, "has no frame from %g s on; it lasts %.1f s", options.start,
                      footage.duration());
      throw InspectError("--start: '" + options.input + "' " + text);
    }
  }
  if (options.repeat) runs.measure(measured);
}

}  // namespace oneadapt::inspect
