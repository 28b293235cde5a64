// SPDX-License-Identifier: LGPL-2.1-or-later
#include "random_network.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "central_differences.h"
#include "growing_network.h"

namespace oneadapt_test {
namespace {

std::vector<const Part *> all_parts() {
  std::vector<const Part *> all;
  for (const auto *parts : {&norms(), &activations(), &others(), &token_parts()})
    for (const Part &part : *parts) all.push_back(&part);
  return all;
}

/// Scores of every place, however they come there.
void head(Growing &g) {
  const std::string weight = g.weight({3, g.channels});
  static const char *const ways[] = {
      "t = torch.matmul(x.flatten(2).transpose(1, 2), $w.t())[0]",
      "t = torch.einsum(\"bchw,kc->bhwk\", [x, $w]).reshape([-1, 3])",
      "t = torch.conv2d(x, $w.view([3, -1, 1, 1])).permute([0, 2, 3, 1]).reshape([-1, 3])",
      "t = torch.matmul($w, x.flatten(2))[0].t()"};
  std::string line = ways[g.pick(4)];
  line.replace(line.find("$w"), 2, weight);
  g.line(line);
  g.line("s = torch.sigmoid(t - 0.5).max(1)[0]");
  g.line("i = torch.arange(s.size(0), device=x.device, dtype=x.dtype) * 10");
  g.line("return torch.stack([i, i, i + 5, i + 5], 1), s, torch.zeros([s.size(0)], dtype=4, device=x.device)");
}

const char *const kDescription = R"({"format": 1, "input": {"width": $w, "height": $h},
  "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2, "nms_iou": 1},
  "labels": ["a"], "slope": 4, "floor": 0})";

void grow(Growing &g, const Part &part, RandomNetwork &network) {
  network.kinds.insert(part.kind);
  part.grow(g);
}

}  // namespace

std::vector<std::string> network_kinds() {
  std::vector<std::string> names;
  for (const Part *part : all_parts()) names.push_back(part->kind);
  return names;
}

RandomNetwork save_random_network(const TemporaryFolder &folder, unsigned seed, const std::vector<std::string> &parts) {
  RandomNetwork network;
  std::mt19937 sizes(seed);
  // Large maps are treated in other ways than small ones.
  const bool large = sizes() % 3 == 0;
  network.width = large ? 160 : 48;
  network.height = large ? 128 : 32;
  Growing g(seed, network.width, network.height);
  const auto any = [&](const std::vector<Part> &of) -> const Part & { return of[std::size_t(g.pick(int(of.size())))]; };
  g.conv(16, large ? 3 : 4, large ? 2 : 4);
  const int depth = 2 + g.pick(4), wanted = g.pick(depth);
  for (int i = 0; i < depth; ++i) {
    for (std::size_t n = 0; n < parts.size(); ++n)
      for (const Part *each : all_parts())
        if (i == int(std::size_t(wanted) + n) % depth && parts[n] == each->kind) grow(g, *each, network);
    grow(g, any(norms()), network);
    if (g.pick(2)) grow(g, any(activations()), network);
    grow(g, any(g.pick(3) ? others() : token_parts()), network);
  }
  head(g);
  network.source = "def forward(self, x):\n" + g.lines;
  g.module.define(network.source);
  std::string description = kDescription;
  description.replace(description.find("$w"), 2, std::to_string(network.width));
  description.replace(description.find("$h"), 2, std::to_string(network.height));
  torch::jit::ExtraFilesMap extra{{"oneadapt.json", description}};
  network.single = folder.file("single.pt");
  network.twice = folder.file("twice.pt");
  g.module.save(network.single, extra);
  g.module.to(at::kDouble);
  g.module.save(network.twice, extra);
  return network;
}

/// Of two steps, where the wider one reaches over a kink or a jump, the narrower one.
static double difference_of(oneadapt::TorchModel &model, const at::Tensor &y, std::int64_t place) {
  const double wide = central_difference(model, y, place, 1e-6), narrow = central_difference(model, y, place, 1e-7);
  return std::abs(wide - narrow) > 1e-3 * std::max(wide, narrow) ? narrow : wide;
}

std::map<std::string, GradientCheck> check_gradients(const RandomNetwork &network, unsigned seed, int places) {
  oneadapt::ModelOptions options;
  options.device = "cpu";
  options.path = network.twice;
  options.plan = "plain";
  oneadapt::TorchModel exact(options);
  at::manual_seed(seed);
  const at::Tensor y = at::rand({1, 3, network.height, network.width});
  const at::Tensor precise = y.to(at::kDouble);
  const double expected = z_of(exact, precise);
  std::map<std::int64_t, double> known;  // central differences, which all plans share
  std::map<std::string, GradientCheck> checks;
  options.path = network.single;
  for (const char *plan : {"plain", "channels-last", "onednn"}) {
    options.plan = plan;
    oneadapt::TorchModel model(options);
    double z = 0;
    model.run_for_gradient(y.clone());
    const at::Tensor g = model.pixel_gradient(z).contiguous().to(at::kDouble);
    // At random those, too, that the gradient says nothing of.
    if (known.empty()) {
      const at::Tensor greatest = std::get<1>(g.view(-1).topk(places / 3));
      for (std::int64_t i = 0; i < greatest.numel(); ++i) known[greatest[i].item<std::int64_t>()] = 0;
      std::mt19937 random(seed);
      while (int(known.size()) < places) known[std::int64_t(random() % std::size_t(y.numel()))] = 0;
      for (auto &[place, difference] : known) difference = difference_of(exact, precise, place);
    }
    Agreement agreement;
    for (const auto &[place, difference] : known) agreement.add(difference, g.view(-1)[place].item<double>());
    GradientCheck &check = checks[plan];
    check.relative_error = agreement.relative_error();
    check.length = std::sqrt(agreement.norm);
    check.z_error = std::abs(z - expected) / (1 + std::abs(expected));
    if (checks.size() > 1) continue;
    const at::Tensor bytes = y.squeeze(0).permute({1, 2, 0}).mul(255).to(at::kByte).contiguous();
    const oneadapt::RgbFrame frame{bytes.data_ptr<std::uint8_t>(), std::size_t(3) * network.width, network.width,
                                   network.height};
    check.doubt = model.gradient_problem(&frame);
  }
  return checks;
}

}  // namespace oneadapt_test
