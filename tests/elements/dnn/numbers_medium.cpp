// SPDX-License-Identifier: LGPL-2.1-or-later
#include "numbers_medium.h"

#include <algorithm>

namespace oneadapt_test {

NumbersScript *numbers_script = nullptr;

namespace {

using namespace oneadapt;

std::vector<double> read_numbers(GstBuffer *buffer) {
  std::vector<double> numbers(gst_buffer_get_size(buffer) / sizeof(double));
  gst_buffer_extract(buffer, 0, numbers.data(), numbers.size() * sizeof(double));
  return numbers;
}

std::size_t found_in(const std::vector<double> &numbers) {
  return std::size_t(std::count_if(numbers.begin(), numbers.end(), [](double x) { return x > 0.5; }));
}

/// z is the number of elements, and every block of the map is 1.
class NumbersModel final : public LoadedModel {
 public:
  explicit NumbersModel(NumbersScript &script) : script_(script) { description_.task = "counting"; }
  const ModelDescription &description() const override { return description_; }
  const std::vector<std::string> &labels() const override { return description_.labels; }
  double theta() const override { return 0.5; }
  const std::string &device() const override { return device_; }
  const std::string &device_reason() const override { return device_; }
  ModelWeights weights() const override { return {}; }

  std::size_t infer(const std::vector<double> &numbers, bool with_gradient) {
    if (!script_.fail_infer.empty()) throw ModelError(ModelError::Kind::Run, script_.fail_infer);
    if (with_gradient) graph_ = found_in(numbers);
    return found_in(numbers);
  }
  void backward(Gradient &gradient) override {
    script_.log.push_back(graph_ ? "backward" : "backward without graph");
    if (!script_.fail_backward.empty()) throw ModelError(ModelError::Kind::NotFinite, script_.fail_backward);
    gradient.z = double(graph_.value_or(0));
    gradient.elements = unsigned(graph_.value_or(0));
    gradient.map = BlockMap(32, 16);
    std::fill(gradient.map.values.begin(), gradient.map.values.end(), 1.f);
    graph_.reset();
  }
  void drop_graph() override {
    graph_.reset();
    script_.log.push_back("drop");
  }

 private:
  NumbersScript &script_;
  ModelDescription description_;
  const std::string device_ = "abacus";
  std::optional<std::size_t> graph_;
};

/// Of two equal counts accuracy is 1, else 0.
class NumbersProfile final : public Profile {
 public:
  explicit NumbersProfile(NumbersModel &model) : model_(model) {}
  std::optional<double> accuracy(RenderingRef rendering, ProfileInferences &inferences) override {
    std::size_t count = 0;
    for (guint i = 0; i < rendering->samples->len; ++i) {
      auto *sample = static_cast<GstSample *>(rendering->samples->pdata[i]);
      const bool done = inferences.run([&] {
        count += model_.infer(read_numbers(gst_sample_get_buffer(sample)), false);
        return true;
      });
      if (!done) return std::nullopt;
    }
    if (!best_) best_ = count;
    return count == *best_ ? 1 : 0;
  }

 private:
  NumbersModel &model_;
  std::optional<std::size_t> best_;
};

/// A pass a buffer, and one more for each interval after its first that the buffer reaches into.
class NumbersMedium final : public DnnMedium {
 public:
  explicit NumbersMedium(const MediumPlace &place) : DnnMedium(place), script_(*numbers_script), model_(script_) {}

  LoadedModel &model() override { return model_; }
  bool set_caps(const GstCaps *) override { return ready_ = true; }
  bool ready() const override { return ready_; }
  void reset(bool flushed) override {
    passes_.clear();
    script_.log.push_back(flushed ? "flush" : "new stream");
  }
  const char *without_time() const override { return "Numbers without time are counted only"; }
  bool take_in(GstBuffer *buffer, const Stamp &stamp, const RunSettings &settings) override {
    if (script_.fail_take_in) {
      GST_ELEMENT_ERROR(place_.element, STREAM, FORMAT, ("No numbers."), (nullptr));
      return false;
    }
    numbers_ = read_numbers(buffer);
    const GstClockTime interval = place_.time.interval();
    Pass pass;
    pass.due.own = settings.gradient && stamp.known();
    for (pass.time = stamp.time; passes_.empty() || pass.time < stamp.time + GST_BUFFER_DURATION(buffer);
         pass.time += interval)
      passes_.push_back(pass);
    return true;
  }
  std::optional<Pass> next() override {
    if (passes_.empty()) return std::nullopt;
    const Pass pass = passes_.front();
    passes_.erase(passes_.begin());
    return pass;
  }
  std::optional<Pass> rest() override {
    if (!script_.held_back) return std::nullopt;
    --script_.held_back;
    return Pass{};
  }
  bool infer(GstBuffer *, bool with_gradient, const RunSettings &) override {
    script_.log.push_back(with_gradient ? "infer for gradient" : "infer");
    found_ = model_.infer(numbers_, with_gradient);
    return true;
  }
  Report report(BufferRef &buffer, bool) override {
    script_.log.push_back(buffer ? "report" : "report alone");
    return {guint(found_), "{\"count\": " + std::to_string(found_) + "}"};
  }
  void on_placed() override { script_.log.push_back("taken"); }
  std::unique_ptr<Profile> profile(const RunSettings &) override { return std::make_unique<NumbersProfile>(model_); }

 private:
  NumbersScript &script_;
  NumbersModel model_;
  bool ready_ = false;
  std::vector<Pass> passes_;
  std::vector<double> numbers_;
  std::size_t found_ = 0;
};

}  // namespace

const DnnMedia &numbers_media() {
  static const DnnMedia media{
      {"numbers",
       "application/x-numbers",
       "application/x-numbers",
       {"counting", "summing"},
       [](const MediumPlace &place, const RunSettings &) -> std::unique_ptr<DnnMedium> {
         return std::make_unique<NumbersMedium>(place);
       }},
      {"letters", "application/x-letters", "application/x-letters", {"spelling", "reading"}, nullptr},
  };
  return media;
}

}  // namespace oneadapt_test
