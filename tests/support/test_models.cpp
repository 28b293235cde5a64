// SPDX-License-Identifier: LGPL-2.1-or-later
#include "test_models.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/script.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

namespace oneadapt_test {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "oneadapt-XXXXXX").string();
  if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ec;
  std::filesystem::remove_all(path_, ec);
}

void write_file(const std::string &path, const std::string &bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  if (!out) throw std::runtime_error("cannot write " + path);
}

std::string read_file(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void save_module(const std::string &path, const std::string &forward, const std::string &description) {
  torch::jit::Module module("Model");
  module.define(forward);
  torch::jit::ExtraFilesMap extra;
  if (!description.empty()) extra["oneadapt.json"] = description;
  module.save(path, extra);
}

std::string colours_forward() {
  return R"(
def forward(self, x):
    scores = torch.stack([x[0, 0, 4:12, 4:12].mean(), x[0, 1, 4:12, 16:24].mean(), x[0, 2, 16:24, 4:12].mean()])
    boxes = torch.tensor([[4., 4., 12., 12.], [16., 4., 24., 12.], [4., 16., 12., 24.]], device=x.device)
    return boxes, scores, torch.tensor([0, 1, 2], device=x.device)
)";
}

std::string colours_description(const std::string &extra) {
  auto json = nlohmann::json::parse(R"({
    "format": 1, "name": "colours", "input": {"multiple_of": 1},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2},
    "labels": ["red thing", "green thing", "blue thing"]})");
  json.merge_patch(nlohmann::json::parse(extra));
  return json.dump();
}

std::string save_colours(const TemporaryFolder &folder, const std::string &extra) {
  const std::string path = folder.file("colours.pt");
  save_module(path, colours_forward(), colours_description(extra));
  return path;
}

std::string save_brightest(const TemporaryFolder &folder) {
  const std::string path = folder.file("brightest.pt");
  save_module(path, R"(
def forward(self, x):
    cells = torch.avg_pool2d(x.mean(dim=1, keepdim=True), [8, 8])
    columns = cells.size(3)
    flat = cells.reshape([-1])
    best = flat.argmax()
    y = (best // columns) * 8
    x0 = (best % columns) * 8
    box = torch.stack([x0, y, x0 + 8, y + 8]).to(x.dtype).reshape([1, 4])
    return box, flat[best].reshape([1]), torch.tensor([0], device=x.device)
)",
              R"({"format": 1, "name": "brightest", "input": {"multiple_of": 8},
    "output": {"layout": "boxes", "boxes": [0], "scores": [1], "labels": 2}, "labels": ["bright thing"]})");
  return path;
}

std::string save_random_nanodet(const TemporaryFolder &folder, unsigned seed) {
  at::manual_seed(seed);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  torch::jit::Module module("Model");
  const auto weight = [&](const char *name, at::Tensor value) {
    value.requires_grad_(true);
    module.register_parameter(name, value, /*is_buffer=*/false);
  };
  weight("w1", at::randn({6, 3, 3, 3}, options) * 0.5);
  weight("w2", at::randn({3, 6, 1, 1}, options) * 1.5);
  weight("w3", at::randn({16, 6, 1, 1}, options));
  module.define(R"(
def forward(self, x):
    y = torch.avg_pool2d(torch.tanh(torch.conv2d(x, self.w1, None, [1, 1], [1, 1])), [8, 8])
    s = torch.sigmoid(torch.conv2d(y, self.w2))
    b = torch.conv2d(y, self.w3)
    return s.flatten(2).permute(0, 2, 1), b.flatten(2).permute(0, 2, 1)
)");
  torch::jit::ExtraFilesMap extra;
  extra["oneadapt.json"] = R"({"format": 1,
    "input": {"multiple_of": 8, "colour": "BGR", "range": 255, "mean": [100, 110, 120], "std": [50, 55, 60]},
    "output": {"layout": "nanodet", "strides": [8], "scores": [0], "boxes": [1], "bins": 4},
    "labels": ["a", "b", "c"]})";
  const std::string path = folder.file("nanodet.pt");
  module.save(path, extra);
  return path;
}

std::string save_painted(const TemporaryFolder &folder, const std::string &extra) {
  auto json = nlohmann::json::parse(R"({
    "format": 1, "task": "segmentation", "name": "painted", "input": {"multiple_of": 1},
    "output": {"layout": "semantic", "smallest": 0.01}, "labels": ["background", "red thing", "green thing"]})");
  json.merge_patch(nlohmann::json::parse(extra));
  const std::string path = folder.file("painted.pt");
  save_module(path, R"(
def forward(self, x):
    return torch.cat([torch.full_like(x[:, 0:1], 2.0), x[:, 0:2] * 5], 1)
)",
              json.dump());
  return path;
}

std::string save_brightness(const TemporaryFolder &folder) {
  const std::string path = folder.file("brightness.pt");
  save_module(path, R"(
def forward(self, x):
    y = torch.avg_pool2d(torch.mean(x, [1], True), [8, 8])
    return torch.cat([torch.zeros_like(y), (0.35 - y) * 40, (y - 0.8) * 40], 1)
)",
              R"({"format": 1, "task": "segmentation", "name": "brightness", "input": {"multiple_of": 8},
    "output": {"layout": "semantic"}, "labels": ["middle", "dark", "bright"]})");
  return path;
}

std::string save_tones(const TemporaryFolder &folder, const std::string &extra) {
  auto json = nlohmann::json::parse(R"({
    "format": 1, "task": "ctc", "name": "tones", "input": {"sample_rate": 8000, "context": 0.5, "lookahead": 0.1},
    "output": {"layout": "ctc"}, "labels": ["<blank>", "low", "high"]})");
  json.merge_patch(nlohmann::json::parse(extra));
  const std::string path = folder.file("tones.pt");
  // The amplitude of each tone over windows of 20 ms, by its Fourier component; logits 80·amplitude − 4 against 0.
  torch::jit::Module module("Model");
  const at::Tensor t = at::arange(160, at::TensorOptions().dtype(at::kFloat)) * (2 * 3.14159265358979 / 8000);
  const at::Tensor waves = at::stack({(t * 500).cos(), (t * 500).sin(), (t * 3000).cos(), (t * 3000).sin()});
  module.register_buffer("waves", (waves / 80).unsqueeze(1));
  module.define(R"(
def forward(self, x):
    y = torch.conv1d(x.unsqueeze(1), self.waves, None, [160])
    low = torch.sqrt(y[:, 0] * y[:, 0] + y[:, 1] * y[:, 1] + 1e-10)
    high = torch.sqrt(y[:, 2] * y[:, 2] + y[:, 3] * y[:, 3] + 1e-10)
    return torch.stack([torch.zeros_like(low), low * 80 - 4, high * 80 - 4], 2)
)");
  torch::jit::ExtraFilesMap files;
  files["oneadapt.json"] = json.dump();
  module.save(path, files);
  return path;
}

std::string save_posts(const TemporaryFolder &folder, const std::string &extra) {
  auto json = nlohmann::json::parse(R"({
    "format": 1, "task": "detection3d", "name": "posts", "input": {}, "output": {"layout": "boxes3d"},
    "labels": ["post", "tree"]})");
  json.merge_patch(nlohmann::json::parse(extra));
  torch::jit::Module module("Model");
  module.register_buffer(
      "boxes", at::tensor({10., 0., 0., 2., 2., 2., 0., 0., 20., 0., 2., 2., 2., 0., 10.5, 0., 0., 2., 2., 2., 0.3})
                   .to(at::kFloat)
                   .view({3, 7}));
  module.register_buffer("labels", at::tensor({0, 1, 0}).to(at::kLong));
  module.define(R"(
def forward(self, points, presence):
    away = (points[:, :3].unsqueeze(1) - self.boxes[:, :3].unsqueeze(0)).abs()
    inside = (away.amax(2) <= 1.0).to(points.dtype)
    n = (inside * presence.unsqueeze(1)).sum(0)
    return self.boxes, n / (n + 4.0), self.labels
)");
  torch::jit::ExtraFilesMap files;
  files["oneadapt.json"] = json.dump();
  const std::string path = folder.file("posts.pt");
  module.save(path, files);
  return path;
}

std::string save_random_semantic(const TemporaryFolder &folder, unsigned seed) {
  at::manual_seed(seed);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  torch::jit::Module module("Model");
  module.register_parameter("w1", at::randn({6, 3, 5, 5}, options) * 0.5, /*is_buffer=*/false);
  module.register_parameter("w2", at::randn({3, 6, 5, 5}, options), /*is_buffer=*/false);
  module.define(R"(
def forward(self, x):
    y = torch.tanh(torch.conv2d(x, self.w1, None, [2, 2], [2, 2]))
    return {"out": torch.conv2d(y, self.w2, None, [1, 1], [2, 2])}
)");
  torch::jit::ExtraFilesMap extra;
  extra["oneadapt.json"] = R"({"format": 1, "task": "segmentation", "input": {"multiple_of": 2},
    "output": {"layout": "semantic", "smallest": 0.01}, "labels": ["background", "a", "b"], "slope": 4})";
  const std::string path = folder.file("semantic.pt");
  module.save(path, extra);
  return path;
}

void save_pickled_weights(const std::string &path) {
  c10::Dict<std::string, at::Tensor> weights;
  weights.insert("w", at::ones({2, 2}));
  const std::vector<char> pickled = torch::jit::pickle_save(weights);
  write_file(path, std::string(pickled.begin(), pickled.end()));
}

void paint(std::vector<std::uint8_t> &pixels, unsigned width, unsigned x, unsigned y, unsigned w, unsigned h,
           std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  for (unsigned row = y; row < y + h; ++row)
    for (unsigned column = x; column < x + w; ++column) {
      std::uint8_t *const pixel = &pixels[3 * (std::size_t(row) * width + column)];
      pixel[0] = r;
      pixel[1] = g;
      pixel[2] = b;
    }
}

std::vector<std::uint8_t> plain_rgb(unsigned width, unsigned height, std::uint8_t r, std::uint8_t g, std::uint8_t b) {
  std::vector<std::uint8_t> pixels;
  for (unsigned i = 0; i < width * height; ++i) pixels.insert(pixels.end(), {r, g, b});
  return pixels;
}

}  // namespace oneadapt_test
