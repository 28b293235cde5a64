// SPDX-License-Identifier: LGPL-2.1-or-later
#include "inspection.h"

#include <glib.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <utility>

#include "common/output.h"
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

bool same(const std::vector<Found> &a, const std::vector<Found> &b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].name != b[i].name || std::abs(a[i].at.score - b[i].at.score) > kSame ||
        iou(a[i].at.box, b[i].at.box) < 1 - kSame)
      return false;
  return true;
}

std::vector<Found> found_in(const std::vector<Detection> &objects, const std::vector<std::string> &labels) {
  std::vector<Found> found;
  for (const Detection &d : objects) found.push_back({d, labels[std::size_t(d.label)]});
  return found;
}

/// Those whose likeliest instant lies in the interval.
std::vector<Found> found_in(const std::vector<Word> &words, const Sound &sound) {
  std::vector<Found> found;
  const double begin = double(sound.first) / sound.rate, length = double(sound.count()) / sound.rate;
  const auto share = [&](double seconds) { return std::min(1.0, std::max(0.0, (seconds - begin) / length)); };
  for (const Word &w : words) {
    if (w.peak < begin || w.peak >= begin + length) continue;
    Found f;
    f.at.box = {share(w.start), 0, share(w.end), 1};
    f.at.score = w.score;
    f.at.label = w.label;
    f.name = w.text;
    found.push_back(f);
  }
  return found;
}

/// A model's passes over one picture, or one second of sound.
struct Passes {
  std::function<std::vector<Found>()> infer, infer_for_gradient;
  std::function<void(Gradient &)> backward;
  std::function<void()> drop_graph;
};

/// A gradient that is not finite is nothing that fails.
std::string backward(const Passes &passes, Gradient &gradient) {
  try {
    passes.backward(gradient);
  } catch (const ModelError &e) {
    if (e.kind() != ModelError::Kind::NotFinite) throw;
    return e.what();
  }
  return "";
}

/// What the runs of one inspection have in common.
class Runs {
 public:
  Runs(Inspection &inspection, const Options &options) : in_(inspection), options_(options) {
    if (in_.model) in_.model->set_gradient(options.method, options.memory);
  }

  Passes passes(const Picture &picture) {
    Model &model = *in_.model;
    choose_size(model, {picture.width, picture.height});
    const RgbFrame frame = picture.frame();
    return {[&model, frame] { return found_in(model.infer(frame), model.labels()); },
            [&model, frame] { return found_in(model.infer_for_gradient(frame), model.labels()); },
            [&model](Gradient &gradient) { model.backward(gradient); }, [&model] { model.drop_graph(); }};
  }
  Passes passes(const Sound &sound) {
    SequenceModel &model = *in_.hearer;
    return {[&] { return found_in(model.infer(sound.samples), sound); },
            [&] { return found_in(model.infer_for_gradient(sound.samples, sound.first, sound.count()), sound); },
            [&](Gradient &gradient) { model.backward(gradient); }, [&] { model.drop_graph(); }};
  }

  Frame analyse(const Picture &picture) {
    Frame f;
    f.seconds = picture.seconds;
    f.size = {picture.width, picture.height};
    run(passes(picture), f);
    f.seen = in_.model->input_size(f.size);
    if (!f.objects.empty() || in_.made_up) return f;
    if (!lenient_) lenient_ = Model::load(everything());  // the weights are shared
    choose_size(*lenient_, f.size);
    f.best = best_of(found_in(lenient_->infer(picture.frame()), in_.facts.labels));
    return f;
  }

  Frame analyse(const Sound &sound) {
    Frame f;
    f.seconds = sound.seconds;
    f.length = double(sound.count()) / sound.rate;
    run(passes(sound), f);
    const double begin = sound.seconds - double(sound.first) / sound.rate;
    for (Word &word : in_.hearer->infer(sound.samples)) {
      if (found_in({word}, sound).empty()) continue;
      word.start += begin;
      word.end += begin;
      word.peak += begin;
      f.words.push_back(word);
    }
    if (!f.objects.empty() || in_.made_up) return f;
    if (!lenient_hearer_) lenient_hearer_ = SequenceModel::load(everything());
    f.best = best_of(found_in(lenient_hearer_->infer(sound.samples), sound));
    return f;
  }

  void measure(const Passes &passes) {
    Gradient gradient;
    MemoryUse &memory = in_.memory;
    memory.forward = bytes_of_tensors([&] { passes.infer(); });
    memory.with_autograd = bytes_of_tensors([&] { passes.infer_for_gradient(); });
    passes.drop_graph();
    memory.gradient = bytes_of_tensors([&] {
                        passes.infer_for_gradient();
                        backward(passes, gradient);
                      }).peak;
    std::vector<double> forward, with_autograd, back;
    std::vector<Found> first;
    double z = 0;
    for (unsigned i = 0; i < kWarmUp + options_.repeat; ++i) {  // in turns: what else the machine does hits all of them
      std::vector<Found> objects;
      const double f = milliseconds([&] { objects = passes.infer(); });
      const double a = milliseconds([&] { passes.infer_for_gradient(); });
      const double b = milliseconds([&] { backward(passes, gradient); });
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

  std::string gradient_problem(const Picture &picture) {
    choose_size(*in_.model, {picture.width, picture.height});
    const RgbFrame frame = picture.frame();
    return in_.model->gradient_problem(&frame);
  }

 private:
  void choose_size(Model &model, FrameSize frame) {
    const InputSize &size = options_.input_size;
    // "auto" is the largest frame's; here all frames are of one size.
    if (size.mode == InputSize::Mode::Fixed) frame = {size.width, size.height};
    model.set_input_size(frame.width, frame.height);
  }

  /// Each pass, once more than the element does, for comparison.
  void run(const Passes &passes, Frame &f) {
    const auto plain = first_pass(passes);
    // Frames with a gradient may have another plan, whose results are equal up to rounding.
    if (!same(plain, passes.infer())) in_.repeatable = false;
    f.objects = passes.infer_for_gradient();
    f.gradient_error = backward(passes, f.gradient);
    const auto &values = f.gradient.map.values;
    if (!values.empty()) f.greatest = double(*std::max_element(values.begin(), values.end()));
  }

  std::vector<Found> first_pass(const Passes &passes) {
    std::vector<Found> objects;
    if (std::exchange(watched_, true)) return passes.infer();
    in_.memory.running = growth(in_.memory.peak, [&] {
      in_.training = watch_training_calls([&] { objects = passes.infer(); });
      passes.infer_for_gradient();
      Gradient gradient;
      backward(passes, gradient);
    });
    return objects;
  }

  ModelOptions everything() const {
    ModelOptions all = options_.model;
    all.threshold = 0;
    return all;
  }
  static std::optional<Found> best_of(const std::vector<Found> &all) {
    std::optional<Found> best;
    for (const Found &found : all)
      if (!best || found.at.score > best->at.score) best = found;
    return best;
  }

  Inspection &in_;
  const Options &options_;
  std::unique_ptr<Model> lenient_;
  std::unique_ptr<SequenceModel> lenient_hearer_;
  bool watched_ = false;
};

Facts facts_of(const LoadedModel &model) {
  return {model.description(),   model.labels(),  model.theta(), model.device(),
          model.device_reason(), model.weights(), model.plan()};
}

void prepare_folder(const std::string &folder) {
  if (folder.empty()) return;
  if (!can_draw())
    throw InspectError("--output: this program was built without Pango and Cairo; build with -Doverlay=enabled");
  tools::make_folder(folder, "--output");
}

void draw(Frame &frame, const Picture &picture, const std::string &folder, std::size_t number) {
  char name[32];
  std::snprintf(name, sizeof name, "frame-%04zu", number);
  const std::string base = (fs::path(folder) / name).string();
  std::vector<Detection> objects;
  std::vector<std::string> names;
  for (const Found &found : frame.objects) {
    objects.push_back(found.at);
    names.push_back(found.name);
  }
  draw_objects(picture, objects, names, base + "-objects.png");
  frame.objects_file = base + "-objects.png";
  if (!frame.gradient_error.empty()) return;
  draw_gradient(picture, frame.gradient.map, base + "-gradient.png");
  frame.gradient_file = base + "-gradient.png";
}

const Picture &picture_of(const Picture &picture) { return picture; }
Picture picture_of(const Sound &sound) { return wave_of(sound); }

/// Takes what it is given one by one; remembers the first that has elements, else the first, to measure with.
template <class Input>
class Taker {
 public:
  Taker(Inspection &in, const Options &options, const std::function<void(std::size_t)> &on_frame)
      : in_(in), options_(options), on_frame_(on_frame) {}
  void take(const Input &input, Frame frame) {
    const bool better =
        in_.frames.empty() || (!in_.frames[in_.times.frame].gradient.elements && frame.gradient.elements);
    if (better) {
      measured_ = input;
      in_.times.frame = in_.frames.size();
    }
    if (!options_.output.empty()) draw(frame, picture_of(input), options_.output, in_.frames.size() + 1);
    in_.frames.push_back(std::move(frame));
    on_frame_(in_.frames.size() - 1);
  }
  const Input &measured() const { return measured_; }

 private:
  Inspection &in_;
  const Options &options_;
  const std::function<void(std::size_t)> &on_frame_;
  Input measured_;
};

[[noreturn]] void nothing_there(const Options &options, const char *what, double duration) {
  char text[128];
  std::snprintf(text, sizeof text, "has no %s from %g s on; it lasts %.1f s", what, options.start, duration);
  throw InspectError("--start: '" + options.input + "' " + text);
}

void show_pictures(Inspection &in, const Options &options, Runs &runs, Taker<Picture> &taker) {
  if (in.made_up) {
    const ModelDescription &d = in.facts.description;
    FrameSize size{d.width, d.height};
    if (options.input_size.mode == InputSize::Mode::Fixed) size = {options.input_size.width, options.input_size.height};
    if (!size.width || !size.height) size = {640, 480};
    Picture picture;
    Frame frame;
    for (unsigned seed = 1; seed <= kSeeds && !frame.gradient.elements; ++seed) {
      picture = made_picture(size, seed);
      frame = runs.analyse(picture);
    }
    return taker.take(picture, std::move(frame));
  }
  Footage footage(options.input);
  in.clip = footage.is_clip();
  double from = in.clip ? options.start : 0;
  const unsigned wanted = in.clip ? options.frames : 1;
  while (in.frames.size() < wanted) {
    const auto picture = footage.next(from);
    if (!picture) break;
    taker.take(*picture, runs.analyse(*picture));
    if (picture->seconds) from = *picture->seconds + options.step;
  }
  if (in.frames.empty()) nothing_there(options, "frame", footage.duration());
}

void play_sound(Inspection &in, const Options &options, Runs &runs, Taker<Sound> &taker) {
  const ModelDescription &d = in.facts.description;
  if (in.made_up) {
    const Sound sound = made_sound(d.sample_rate, d.context);
    return taker.take(sound, runs.analyse(sound));
  }
  Recording recording(options.input, d.sample_rate);
  const double step = options.step > 0 ? options.step : 1;
  in.clip = true;
  while (in.frames.size() < options.frames) {
    const double from = options.start + double(in.frames.size()) * step;
    const auto sound = recording.next(from, d.context);
    if (!sound) break;
    taker.take(*sound, runs.analyse(*sound));
  }
  if (in.frames.empty()) nothing_there(options, "sound", recording.duration());
}

}  // namespace

Inspection load(const Options &options) {
  Inspection in;
  in.file.path = options.model.path;
  in.memory.loading = growth(in.memory.peak, [&] {
    const auto description = read_description(options.model);
    if (description->takes_points())
      throw ModelError(ModelError::Kind::Description,
                       "model file '" + options.model.path +
                           "' is for point clouds, which oneadapt-inspect does not show; run oneadaptdnn with it");
    if (description->takes_sound())
      in.hearer = SequenceModel::load(options.model);
    else
      in.model = Model::load(options.model);
  });
  in.facts = in.model ? facts_of(*in.model) : facts_of(*in.hearer);
  std::error_code ec;
  in.file.bytes = fs::file_size(in.file.path, ec);
  in.file.sha256 = sha256_of(in.file.path);
  if (const auto sidecar = read_sidecar(in.file.path)) in.file.sidecar = sidecar->path;
  return in;
}

void run(Inspection &in, const Options &options, const std::function<void(std::size_t)> &on_frame) {
  prepare_folder(options.output);
  in.made_up = options.input.empty();
  Runs runs(in, options);
  if (in.hearer) {
    in.times.inferences = 1;
    Taker<Sound> taker(in, options, on_frame);
    play_sound(in, options, runs, taker);
    if (options.repeat) runs.measure(runs.passes(taker.measured()));
  } else {
    Taker<Picture> taker(in, options, on_frame);
    show_pictures(in, options, runs, taker);
    if (options.repeat) runs.measure(runs.passes(taker.measured()));
    in.results_problem = in.model->results_problem();
    in.gradient_problem = runs.gradient_problem(taker.measured());
  }
}

}  // namespace oneadapt::inspect
