// SPDX-License-Identifier: LGPL-2.1-or-later
#include "network.h"

#include <torch/script.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "common/output.h"

namespace oneadapt_speech {
namespace {

constexpr int kWindow = 256, kHop = 80, kBands = 40, kChannels = 128, kWide = 256, kBlocks = 6, kReach = 9;
constexpr double kQuiet = 1e-7;  ///< power that is added before the logarithm: below it all is silence

double mel(double frequency) { return 2595 * std::log10(1 + frequency / 700); }

/// cos and sin of every frequency under a Hann window, 2·(kWindow/2) × 1 × kWindow. Convolutions, not an FFT: what
/// makes the features is part of the model, and has a gradient.
at::Tensor make_waves() {
  at::Tensor waves = at::zeros({kWindow, 1, kWindow});
  auto a = waves.accessor<float, 3>();
  for (int k = 0; k < kWindow / 2; ++k)
    for (int n = 0; n < kWindow; ++n) {
      const double hann = (0.5 - 0.5 * std::cos(2 * M_PI * (n + 0.5) / kWindow)) * 2 / kWindow;
      a[k][0][n] = float(hann * std::cos(2 * M_PI * k * n / kWindow));
      a[k + kWindow / 2][0][n] = float(hann * std::sin(2 * M_PI * k * n / kWindow));
    }
  return waves;
}

/// Triangles, evenly spaced in mel from 60 to 3900 Hz: kBands × kWindow/2 × 1.
at::Tensor make_bands() {
  at::Tensor bands = at::zeros({kBands, kWindow / 2, 1});
  auto a = bands.accessor<float, 3>();
  const double low = mel(60), wide = (mel(3900) - low) / (kBands + 1);
  for (int b = 0; b < kBands; ++b)
    for (int k = 0; k < kWindow / 2; ++k) {
      const double at = (mel(double(k) * kRate / kWindow) - low) / wide - b;
      a[b][k][0] = float(std::max(0.0, 1 - std::abs(at - 1)));
    }
  return bands;
}

/// Logarithms of the power in each band, every 10 ms, about 0 for speech of usual level.
at::Tensor features(const at::Tensor &x, const at::Tensor &waves, const at::Tensor &bands) {
  const at::Tensor y = torch::conv1d(x.unsqueeze(1), waves, {}, kHop, (kWindow - kHop) / 2);
  const at::Tensor power = y.narrow(1, 0, kWindow / 2).square() + y.narrow(1, kWindow / 2, kWindow / 2).square();
  return (torch::conv1d(power, bands) + kQuiet).log() * 0.25 + 2.5;
}

/// A convolution without bias, and batch normalisation.
struct LayerImpl : torch::nn::Module {
  LayerImpl(int in, int out, int reach, int stride, int groups)
      : conv(register_module("conv", torch::nn::Conv1d(torch::nn::Conv1dOptions(in, out, reach)
                                                           .stride(stride)
                                                           .padding(reach / 2)
                                                           .groups(groups)
                                                           .bias(false)))),
        norm(register_module("norm", torch::nn::BatchNorm1d(out))) {}
  at::Tensor forward(const at::Tensor &x) { return norm(conv(x)); }
  torch::nn::Conv1d conv;
  torch::nn::BatchNorm1d norm;
};
TORCH_MODULE(Layer);

struct NetImpl : torch::nn::Module {
  NetImpl() {
    const auto add = [&](int in, int out, int reach, int stride, int groups) {
      layers.push_back(register_module("layer" + std::to_string(layers.size()), Layer(in, out, reach, stride, groups)));
    };
    add(kBands, kChannels, 5, 1, 1);
    add(kChannels, kChannels, 5, 2, 1);
    for (int b = 0; b < kBlocks; ++b) {
      add(kChannels, kChannels, kReach, 1, kChannels);
      add(kChannels, kWide, 1, 1, 1);
      add(kWide, kChannels, 1, 1, 1);
    }
    head = register_module("head", torch::nn::Conv1d(kChannels, kClasses, 1));
  }
  /// Features to logits, items × classes × steps.
  at::Tensor forward(at::Tensor x) {
    x = layers[0]->forward(x).relu();
    x = layers[1]->forward(x).relu();
    for (int b = 0; b < kBlocks; ++b) {
      at::Tensor y = layers[std::size_t(2 + 3 * b)]->forward(x).relu();
      y = layers[std::size_t(3 + 3 * b)]->forward(y).relu();
      y = torch::dropout(y, 0.1, is_training());
      x = (x + layers[std::size_t(4 + 3 * b)]->forward(y)).relu();
    }
    return head(torch::dropout(x, 0.2, is_training()));
  }
  std::vector<Layer> layers;
  torch::nn::Conv1d head{nullptr};
};
TORCH_MODULE(Net);

/// SpecAugment (Park et al., 2019): some bands, and some moments, are not there.
void mask(at::Tensor &x, Random &random) {
  for (std::int64_t i = 0; i < x.size(0); ++i) {
    at::Tensor item = x[i];
    const double quiet = std::log(kQuiet) * 0.25 + 2.5;
    if (random.chance(0.4)) {
      const auto wide = std::int64_t(1 + random.below(8));
      item.narrow(0, std::int64_t(random.below(std::size_t(kBands - wide))), wide)
          .fill_(random.chance(0.5) ? 0 : quiet);
    }
    if (random.chance(0.3)) {
      const auto wide = std::int64_t(1 + random.below(8));
      item.narrow(1, std::int64_t(random.below(std::size_t(item.size(1) - wide))), wide).fill_(quiet);
    }
  }
}

/// Makes batches ahead. Item n depends on the seed and n alone.
class Kitchen {
 public:
  Kitchen(const Sources &sources, const TrainingOptions &options) : sources_(sources), options_(options) {
    thread_ = std::thread([this] { work(); });
  }
  ~Kitchen() {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  std::vector<Item> take() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty(); });
    std::vector<Item> batch = std::move(ready_.front());
    ready_.pop_front();
    changed_.notify_all();
    return batch;
  }

 private:
  void work() {
    const auto samples = std::size_t(options_.item_seconds * kRate) / kStep * kStep;
    for (std::uint64_t step = 0;; ++step) {
      std::vector<Item> batch;
      for (unsigned i = 0; i < options_.batch; ++i) {
        Random random(options_.seed * 1000003 + step * options_.batch + i);
        batch.push_back(compose(sources_, samples, random));
      }
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [&] { return stop_ || ready_.size() < 4; });
      if (stop_) return;
      ready_.push_back(std::move(batch));
      changed_.notify_all();
    }
  }
  const Sources &sources_;
  const TrainingOptions options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<Item>> ready_;
  bool stop_ = false;
  std::thread thread_;
};

std::vector<float> rows(const at::Tensor &logits) {  // classes × steps
  const at::Tensor t = logits.transpose(0, 1).contiguous();
  return {t.data_ptr<float>(), t.data_ptr<float>() + t.numel()};
}

at::Tensor tensor_of(const Sound &sound) {
  return at::from_blob(const_cast<float *>(sound.data()), {1, std::int64_t(sound.size())}).clone();
}

class NetTrainer final : public Trainer {
 public:
  explicit NetTrainer(std::uint64_t seed) {
    torch::manual_seed(seed);
    net_ = Net();
    net_->eval();
  }

  std::vector<float> logits(const Sound &sound) override {
    at::NoGradGuard no_grad;
    return rows(net_->forward(features(tensor_of(sound), waves_, bands_))[0]);
  }
  std::size_t parameters() const override {
    std::size_t sum = 0;
    for (const at::Tensor &p : net_->parameters()) sum += std::size_t(p.numel());
    return sum;
  }

  void train(const Sources &sources, const TrainingOptions &options,
             const std::function<void(const Progress &)> &report) override {
    torch::manual_seed(options.seed);
    net_->train();
    torch::optim::AdamW optimiser(net_->parameters(), torch::optim::AdamWOptions(options.rate).weight_decay(0.02));
    std::vector<at::Tensor> state, mean;
    for (const at::Tensor &p : net_->parameters()) state.push_back(p);
    for (const at::Tensor &b : net_->buffers())
      if (b.is_floating_point()) state.push_back(b);
    for (const at::Tensor &s : state) mean.push_back(s.detach().clone());
    Kitchen kitchen(sources, options);
    Random random(options.seed + 77);
    const double warm = std::min(100.0, options.steps / 10.0);
    double loss_sum = 0;
    std::size_t counted = 0;
    for (unsigned step = 1; step <= options.steps; ++step) {
      const std::vector<Item> batch = kitchen.take();
      std::vector<at::Tensor> sounds;
      std::vector<std::int64_t> targets, lengths;
      for (const Item &item : batch) {
        sounds.push_back(tensor_of(item.sound));
        for (int word : item.words) targets.push_back(word + 1);
        lengths.push_back(std::int64_t(item.words.size()));
      }
      at::Tensor x;
      {
        at::NoGradGuard no_grad;
        x = features(torch::cat(sounds), waves_, bands_);
        mask(x, random);
      }
      const double position = double(step) / options.steps;
      const double rate = options.rate * std::min(1.0, step / warm) * (0.5 + 0.5 * std::cos(M_PI * position));
      for (auto &group : optimiser.param_groups()) static_cast<torch::optim::AdamWOptions &>(group.options()).lr(rate);
      const at::Tensor logits = net_->forward(x);
      const at::Tensor steps = logits.permute({2, 0, 1}).log_softmax(2);
      const at::Tensor loss = torch::ctc_loss(steps, torch::tensor(targets, torch::kLong),
                                              torch::full({std::int64_t(batch.size())}, steps.size(0), torch::kLong),
                                              torch::tensor(lengths, torch::kLong), 0, at::Reduction::Sum, true) /
                              double(batch.size());
      optimiser.zero_grad();
      loss.backward();
      torch::nn::utils::clip_grad_norm_(net_->parameters(), 5.0);
      optimiser.step();
      loss_sum += loss.item<double>();
      ++counted;
      {
        at::NoGradGuard no_grad;
        const double keep = std::min(0.995, 1 - 1.0 / (1 + step / 10.0));
        for (std::size_t i = 0; i < state.size(); ++i) mean[i].mul_(keep).add_(state[i].detach(), 1 - keep);
      }
      if (report && (step % 100 == 0 || step == options.steps)) {
        report({step, loss_sum / double(counted)});
        loss_sum = 0;
        counted = 0;
      }
    }
    at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < state.size(); ++i) state[i].copy_(mean[i]);
    net_->eval();
  }

  void save(const std::string &path, const std::string &description) override {
    at::NoGradGuard no_grad;
    torch::jit::Module module("Recogniser");
    module.register_buffer("waves", waves_);
    module.register_buffer("bands", bands_);
    std::ostringstream code;
    code << "def forward(self, x):\n"
         << "    y = torch.conv1d(x.unsqueeze(1), self.waves, None, [" << kHop << "], [" << (kWindow - kHop) / 2
         << "])\n"
         << "    p = y[:, :" << kWindow / 2 << "] * y[:, :" << kWindow / 2 << "] + y[:, " << kWindow / 2 << ":] * y[:, "
         << kWindow / 2 << ":]\n"
         << "    x = torch.log(torch.conv1d(p, self.bands) + " << kQuiet << ") * 0.25 + 2.5\n";
    const auto layer = [&](std::size_t i, const char *from, const char *to, bool relu) {
      Layer &l = net_->layers[i];
      const at::Tensor gain = l->norm->weight / (l->norm->running_var + l->norm->options.eps()).sqrt();
      const std::string name = "l" + std::to_string(i);
      module.register_parameter(name + "_w", (l->conv->weight * gain.view({-1, 1, 1})).detach().clone(), false);
      module.register_parameter(name + "_b", (l->norm->bias - l->norm->running_mean * gain).detach().clone(), false);
      const auto &o = l->conv->options;
      code << "    " << to << " = " << (relu ? "torch.relu(" : "") << "torch.conv1d(" << from << ", self." << name
           << "_w, self." << name << "_b, [" << o.stride()->at(0) << "], [" << o.kernel_size()->at(0) / 2 << "], [1], "
           << o.groups() << ")" << (relu ? ")" : "") << "\n";
    };
    layer(0, "x", "x", true);
    layer(1, "x", "x", true);
    for (std::size_t b = 0; b < std::size_t(kBlocks); ++b) {
      layer(2 + 3 * b, "x", "y", true);
      layer(3 + 3 * b, "y", "y", true);
      layer(4 + 3 * b, "y", "y", false);
      code << "    x = torch.relu(x + y)\n";
    }
    module.register_parameter("head_w", net_->head->weight.detach().clone(), false);
    module.register_parameter("head_b", net_->head->bias.detach().clone(), false);
    code << "    return torch.conv1d(x, self.head_w, self.head_b).transpose(1, 2)\n";
    module.define(code.str());
    for (const at::Tensor &p : module.parameters()) p.set_requires_grad(false);
    module.eval();
    torch::jit::ExtraFilesMap extra;
    extra["oneadapt.json"] = description;
    std::ostringstream bytes;
    module.save(bytes, extra);
    const at::Tensor probe = at::rand({1, 20000}) - 0.5;
    const at::Tensor here = net_->forward(features(probe, waves_, bands_)).transpose(1, 2);
    oneadapt::tools::write_file(path, bytes.str(), "--output", [&](const std::string &copy) {
      const at::Tensor there = torch::jit::load(copy).forward({probe}).toTensor();
      if (here.sizes() != there.sizes() || !at::allclose(here, there, 1e-3, 1e-3))
        throw std::runtime_error("the file for '" + path + "' computes something else than what was trained");
    });
  }

 private:
  const at::Tensor waves_ = make_waves(), bands_ = make_bands();
  Net net_{nullptr};
};

class FileRecogniser final : public Recogniser {
 public:
  explicit FileRecogniser(const std::string &path) : module_(torch::jit::load(path)) {}
  std::vector<float> logits(const Sound &sound) override {
    at::NoGradGuard no_grad;
    return rows(module_.forward({tensor_of(sound)}).toTensor()[0].transpose(0, 1));
  }
  std::size_t parameters() const override {
    std::size_t sum = 0;
    for (const at::Tensor &p : module_.parameters()) sum += std::size_t(p.numel());
    return sum;
  }

 private:
  torch::jit::Module module_;
};

}  // namespace

std::unique_ptr<Trainer> Trainer::make(std::uint64_t seed) { return std::make_unique<NetTrainer>(seed); }

std::unique_ptr<Recogniser> load_recogniser(const std::string &path) {
  try {
    return std::make_unique<FileRecogniser>(path);
  } catch (const c10::Error &e) {
    throw std::runtime_error("model file '" + path + "' cannot be loaded: " + e.what_without_backtrace());
  }
}

}  // namespace oneadapt_speech
