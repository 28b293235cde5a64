// SPDX-License-Identifier: LGPL-2.1-or-later
// What every medium's model has: the same errors for the same faults, and one file that is loaded once.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "model/device.h"
#include "model/sequence_model.h"
#include "model/torch_errors.h"
#include "model/torch_model.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Kind = ModelError::Kind;

/// A medium: how its model is loaded, and how one is saved.
struct MediumOfModel {
  const char *name;
  std::function<std::string(const TemporaryFolder &)> save;
  std::function<std::unique_ptr<LoadedModel>(const ModelOptions &)> load;
  /// A forward pass with autograd of something that has an element.
  std::function<void(LoadedModel &)> run_for_gradient;
};

void run_picture(LoadedModel &model) {
  const auto pixels = plain_rgb(32, 24, 204, 0, 0);
  static_cast<Model &>(model).infer_for_gradient({pixels.data(), 3 * 32, 32, 24});
}

void run_sound(LoadedModel &model) {
  std::vector<float> samples(8000);
  for (std::size_t i = 0; i < samples.size(); ++i)
    samples[i] = i > 3000 && i < 5000 ? float(0.2 * std::sin(2 * M_PI * 500 * double(i) / 8000)) : 0.f;
  static_cast<SequenceModel &>(model).infer_for_gradient(samples, 0, samples.size());
}

class AnyMedium : public ::testing::TestWithParam<MediumOfModel> {
 protected:
  ModelOptions options(const std::string &path) const {
    ModelOptions options;
    options.path = path;
    options.device = "cpu";
    return options;
  }
  /// Kind and text of what loading throws.
  std::pair<Kind, std::string> error(const ModelOptions &options) const {
    try {
      GetParam().load(options);
    } catch (const ModelError &e) {
      return {e.kind(), e.what()};
    }
    ADD_FAILURE() << "nothing was thrown";
    return {};
  }
  TemporaryFolder folder;
};

TEST_P(AnyMedium, FilesOptionsAndDescriptionsFailAlike) {
  const std::string good = GetParam().save(folder);
  const auto expect = [&](const ModelOptions &options, Kind kind, const std::string &part) {
    const auto [found, text] = error(options);
    EXPECT_EQ(int(found), int(kind)) << text;
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  expect(options(folder.file("none.pt")), Kind::File, "none.pt' does not exist");
  write_file(folder.file("bad.pt"), "no archive");
  expect(options(folder.file("bad.pt")), Kind::Format, "bad.pt'");
  ModelOptions o = options(good);
  o.threshold = 1.5;
  expect(o, Kind::Input, "the threshold must be from 0 to 1");
  o = options(good);
  o.device = "gpu";
  expect(o, Kind::Device, "there is no device \"gpu\"; write auto, cpu, cuda or cuda:N");
  o = options(good);
  o.classes = {"nothing of the kind"};
  expect(o, Kind::Classes, "nothing of the kind");
  o = options(good);
  o.labels_file = folder.file("labels.txt");
  write_file(o.labels_file, "only one\n");
  expect(o, Kind::Labels, "labels.txt");
  write_file(good + ".json", "{\"threshold\": 2}");
  expect(options(good), Kind::Description, good + ".json' (laid over the model's own)");
}

TEST_P(AnyMedium, OneDescriptionWhoeverReadsIt) {
  const ModelOptions o = options(GetParam().save(folder));
  const auto description = read_description(o);
  const auto model = GetParam().load(o);
  EXPECT_EQ(model->description().to_json(), description->to_json());
  EXPECT_EQ(model->labels(), description->labels);
  EXPECT_EQ(model->theta(), description->threshold);
  EXPECT_EQ(model->device(), "cpu");
  EXPECT_EQ(model->device_reason(), "asked for");
  EXPECT_EQ(model->weights().type, "float32");
}

TEST_P(AnyMedium, AGraphServesOneBackwardPass) {
  const auto model = GetParam().load(options(GetParam().save(folder)));
  Gradient gradient;
  const auto failure = [&] {
    try {
      model->backward(gradient);
    } catch (const ModelError &e) {
      return std::string(e.what());
    }
    return std::string();
  };
  EXPECT_EQ(failure(), "there is no forward pass to backpropagate through");
  GetParam().run_for_gradient(*model);
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(gradient.confident, 1u);
  EXPECT_EQ(gradient.theta, model->theta());
  EXPECT_EQ(gradient.slope, model->description().slope);
  EXPECT_GT(gradient.z, 0);
  EXPECT_EQ(failure(), "there is no forward pass to backpropagate through");
  GetParam().run_for_gradient(*model);
  model->drop_graph();
  EXPECT_EQ(failure(), "there is no forward pass to backpropagate through");
}

INSTANTIATE_TEST_SUITE_P(
    Media, AnyMedium,
    ::testing::Values(MediumOfModel{"Pictures", [](const TemporaryFolder &f) { return save_colours(f); },
                                    [](const ModelOptions &o) { return Model::load(o); }, run_picture},
                      MediumOfModel{"Sound", [](const TemporaryFolder &f) { return save_tones(f); },
                                    [](const ModelOptions &o) { return SequenceModel::load(o); }, run_sound}),
    [](const auto &medium) { return medium.param.name; });

TEST(Description, WhoHoldsItSharesWhatWasLoaded) {
  TemporaryFolder folder;
  ModelOptions options;
  options.path = save_colours(folder);
  options.device = "cpu";
  auto description = read_description(options);
  const std::weak_ptr<SharedModule> loaded = load_shared(options.path, c10::kCPU, options.plan, {});
  EXPECT_FALSE(loaded.expired()) << "the description does not keep it";
  EXPECT_EQ(&TorchModel(options).shared(), loaded.lock().get());
  description.reset();
  EXPECT_TRUE(loaded.expired());
}

TEST(Errors, OneSentenceOfWhatLibTorchThrows) {
  const auto sentence = [](const std::string &text) { return first_sentence(std::runtime_error(text)); };
  EXPECT_EQ(sentence("first\nsecond"), "first");
  EXPECT_EQ(sentence("  padded\nException raised from somewhere"), "padded");
  EXPECT_EQ(sentence("Traceback of TorchScript, original code:\n  x = 1\nRuntimeError: the reason\n"), "the reason");
  EXPECT_EQ(sentence(""), "no reason given");
}

TEST(Errors, WhatIsAModelErrorStaysIt) {
  const auto thrown = [](auto work) -> std::pair<Kind, std::string> {
    try {
      guarded("the model failed", work);
    } catch (const ModelError &e) {
      return {e.kind(), e.what()};
    }
    return {Kind::File, ""};
  };
  const auto own = thrown([] { throw ModelError(Kind::Labels, "as it is"); });
  EXPECT_EQ(int(own.first), int(Kind::Labels));
  EXPECT_EQ(own.second, "as it is");
  const auto other = thrown([] { throw std::runtime_error("why\nand where"); });
  EXPECT_EQ(int(other.first), int(Kind::Run));
  EXPECT_EQ(other.second, "the model failed: why");
}

TEST(Devices, TheCpuIsThereAndOthersAreNamed) {
  EXPECT_EQ(choose_device("cpu").name, "cpu");
  EXPECT_EQ(choose_device("cpu").reason, "asked for");
  EXPECT_FALSE(choose_device("auto").reason.empty());
  EXPECT_EQ(choose_device("").name, choose_device("auto").name);
  for (const char *wanted : {"cuda:", "cuda:x", "cuda:1000", "tpu"}) {
    try {
      choose_device(wanted);
      ADD_FAILURE() << wanted;
    } catch (const ModelError &e) {
      EXPECT_EQ(std::string(e.what()),
                "there is no device \"" + std::string(wanted) + "\"; write auto, cpu, cuda or cuda:N");
    }
  }
}

}  // namespace
