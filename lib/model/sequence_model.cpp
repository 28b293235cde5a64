// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/sequence_model.h"

#include <algorithm>

#include "core/sequence/sequence.h"
#include "model/files.h"
#include "model/heads.h"
#include "model/heads_common.h"
#include "model/saved_tensors.h"
#include "model/torch_passes.h"

namespace oneadapt {
namespace {

using Kind = ModelError::Kind;

/// A word, and the tokens (places in the posteriors) that its score comes from.
struct Spelled {
  Word word;
  std::vector<CtcToken> tokens;
};

class TorchSequence final : public LoadedFile<SequenceModel> {
 public:
  explicit TorchSequence(const ModelOptions &options)
      : LoadedFile(options, {"one tensor 1×N of samples", "interval"}), classes_(options.classes) {
    if (description_.task != "ctc")
      throw ModelError(Kind::Description, "model file '" + path_ + "' is for " + description_.medium() +
                                              " (\"task\": \"" + description_.task +
                                              "\"), but the input is sound; use a model of task \"ctc\"");
    if (takes_list_)
      throw ModelError(Kind::Format, "model file '" + path_ +
                                         "': forward() takes a list, but a model of sound is given "
                                         "one tensor 1×N of samples");
    // Spelled words may be any.
    if (description_.separator < 0) wanted_ = select_classes(labels_, options.classes);
  }

  std::vector<Word> infer(const std::vector<float> &samples) override {
    return run_plain([&] { return sure(words(forward(upload(samples)), samples.size())); });
  }

  std::vector<Word> infer_for_gradient(const std::vector<float> &samples, std::size_t first,
                                       std::size_t count) override {
    return run_with_graph([&] {
      if (!count || first + count > samples.size())
        throw ModelError(Kind::Input, "the interval lies outside the window");
      at::Tensor leaf = upload(samples);
      leaf.requires_grad_(true);
      at::Tensor posteriors;
      {
        const SavedTensorsGuard less(GradientMemory::Exact, leaf.sizes(), 0);
        posteriors = forward(leaf);
      }
      const auto all = words(posteriors, samples.size());
      graph_ = {leaf, scores_of(all, posteriors, double(first), double(first + count))};
      first_ = std::int64_t(first);
      count_ = std::int64_t(count);
      return sure(all);
    });
  }

 private:
  Domain domain() const override { return Domain::Signal; }
  BlockMap map_of(const at::Tensor &gradient) override {
    BlockMap map(unsigned(count_), 1, sound_block(description_.sample_rate));
    const std::int64_t block = map.block_size;
    // Blocks cut by the end are averaged over what they have.
    const at::Tensor part = gradient.narrow(1, first_, count_).unsqueeze(0).to(at::kFloat);
    fill(map, at::avg_pool1d(part, {block}, {block}, {0}, /*ceil_mode=*/true, /*count_include_pad=*/false));
    return map;
  }

  /// Scores, with their graph, of the words that count: the likeliest step from sample `first` to before `end`.
  at::Tensor scores_of(const std::vector<Spelled> &all, const at::Tensor &posteriors, double first, double end) const {
    std::vector<at::Tensor> scores;
    const double from = first / description_.sample_rate, to = end / description_.sample_rate;
    for (const Spelled &s : all) {
      if (s.word.peak < from || s.word.peak >= to || s.word.score < description_.floor) continue;
      at::Tensor sum;
      for (const CtcToken &t : s.tokens) {
        const at::Tensor score = posteriors[std::int64_t(t.peak)][t.label];
        sum = sum.defined() ? sum + score : score;
      }
      scores.push_back(sum / double(s.tokens.size()));
    }
    return scores.empty() ? at::zeros({0}) : at::stack(scores);
  }

  at::Tensor upload(const std::vector<float> &samples) const {
    if (samples.size() < description_.sample_rate / 10)
      throw ModelError(Kind::Input, "less than a tenth of a second of sound");
    return at::from_blob(const_cast<float *>(samples.data()), {1, std::int64_t(samples.size())})
        .to(device_.device, type_, false, true);
  }

  /// Steps × classes, on the model's device.
  at::Tensor forward(const at::Tensor &samples) {
    at::Tensor input = samples;
    if (description_.normalise) input = (input - input.mean()) / (input.var(/*unbiased=*/false) + 1e-7).sqrt();
    const c10::IValue value = call(module_, input, std::to_string(input.size(1)) + " samples of sound (tensor 1×N)",
                                   "that it is a model of sound that takes a waveform");
    const at::Tensor scores = output(tensors_of(value), description_.score_outputs[0], 2, "scores");
    if (scores.size(1) != std::int64_t(labels_.size()) || scores.size(0) < 1)
      bad_output("the model's output (output.scores) has shape " + shape_text(scores) + ", but steps × " +
                 std::to_string(labels_.size()) + " (one a label) are due");
    const at::Tensor posteriors = (scores / description_.temperature).softmax(1);
    if (!std::isfinite(posteriors.detach().sum().item<double>()))
      bad_output("the model gave scores that are not finite");
    return posteriors;
  }

  std::vector<Spelled> words(const at::Tensor &posteriors, std::size_t samples) const {
    const at::Tensor plain = posteriors.detach().to(at::kFloat).cpu().contiguous();
    const auto *data = plain.data_ptr<float>();
    const std::vector<float> values(data, data + plain.numel());
    const ModelDescription &d = description_;
    const double step = double(samples) / d.sample_rate / double(plain.size(0));
    std::vector<Spelled> found;
    const auto extend = [&](Spelled &s, const CtcToken &t) {
      const double n = double(s.tokens.size());
      if (s.tokens.empty()) s.word.start = double(t.first) * step;
      s.word.end = double(t.last + 1) * step;
      s.word.score = (s.word.score * n + t.score) / (n + 1);
      s.tokens.push_back(t);
    };
    if (d.separator < 0) {
      for (const CtcToken &t : ctc_tokens(values, labels_.size(), d.blank, d.floor)) {
        if (!wanted_[std::size_t(t.label)]) continue;
        Spelled s;
        s.word.text = labels_[std::size_t(t.label)];
        s.word.label = t.label;
        extend(s, t);
        s.word.peak = (double(t.peak) + 0.5) * step;
        found.push_back(std::move(s));
      }
      return found;
    }
    // Letters that the blank beats would change how a word is spelled.
    Spelled current;
    const auto close = [&] {
      current.word.peak = (current.word.start + current.word.end) / 2;
      if (!current.tokens.empty() && spelled_wanted(current.word.text)) found.push_back(current);
      current = {};
    };
    for (const CtcToken &t : ctc_tokens(values, labels_.size(), d.blank, 1)) {
      if (t.label == d.separator) {
        close();
        continue;
      }
      current.word.text += labels_[std::size_t(t.label)];
      extend(current, t);
    }
    close();
    return found;
  }

  bool spelled_wanted(const std::string &text) const {
    return classes_.empty() || std::find(classes_.begin(), classes_.end(), text) != classes_.end();
  }

  std::vector<Word> sure(const std::vector<Spelled> &all) const {
    std::vector<Word> result;
    for (const Spelled &s : all)
      if (s.word.score >= theta_) result.push_back(s.word);
    return result;
  }

  std::vector<std::string> classes_;
  std::vector<bool> wanted_;  ///< one a label

  std::int64_t first_ = 0, count_ = 0;  ///< samples of the leaf that the map is of
};

}  // namespace

unsigned sound_block(unsigned sample_rate) { return std::max(1u, (sample_rate + 50) / 100); }

std::unique_ptr<SequenceModel> SequenceModel::load(const ModelOptions &options) {
  return loading(options, [&]() -> std::unique_ptr<SequenceModel> { return std::make_unique<TorchSequence>(options); });
}

}  // namespace oneadapt
