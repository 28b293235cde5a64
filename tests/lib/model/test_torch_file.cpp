// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that are no model, or none of pictures, and what is said of them; labels, classes and devices.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <random>

#include "model/torch_model.h"
#include "model_rig.h"
#include "test_models.h"

namespace {

using namespace oneadapt;
using namespace oneadapt_test;
using Kind = ModelError::Kind;

TEST(BadModel, EachFileHasItsOwnSentence) {
  TemporaryFolder folder;
  const std::string good = save_colours(folder), bytes = read_file(good);
  const auto file = [&](const char *name, const std::string &content) {
    write_file(folder.file(name), content);
    return cpu_options(folder.file(name));
  };
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options("")), "no model file"));
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options(folder.file("none.pt"))), "does not exist"));
  EXPECT_TRUE(has(load_error(Kind::File, cpu_options(folder.path())), "is a directory"));
  ASSERT_EQ(mkfifo(folder.file("pipe.pt").c_str(), 0600), 0);
  ASSERT_EQ(mkfifo(folder.file("pipe.onnx").c_str(), 0600), 0);
  for (const char *pipe : {"pipe.pt", "pipe.onnx", "/dev/null"})
    EXPECT_TRUE(
        has(load_error(Kind::File, cpu_options(*pipe == '/' ? pipe : folder.file(pipe))), "a pipe or a device"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("empty.pt", "")), "is empty"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("short.pt", "P")), "is not TorchScript"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("random.pt", std::string(5000, 'x'))), "is not TorchScript"));
  EXPECT_TRUE(has(load_error(Kind::Format, file("pickle.pt", "\x80\x02}q\x01.")), "pickled Python object"));
  save_pickled_weights(folder.file("weights.pt"));
  EXPECT_TRUE(has(load_error(Kind::Format, cpu_options(folder.file("weights.pt"))), "state_dict"));
  for (std::size_t keep : {std::size_t(30), bytes.size() / 3, bytes.size() / 2, bytes.size() - 30})
    EXPECT_TRUE(has(load_error(Kind::Format, file("cut.pt", bytes.substr(0, keep))), "is truncated")) << keep;
  // An end without a beginning: some other zip.
  EXPECT_TRUE(has(load_error(Kind::Format, file("zip.pt", "PK\x03\x04" + std::string(40, 'x') + "PK\x05\x06" +
                                                              std::string(18, '\0'))),
                  "zip archive but not TorchScript"));
}

TEST(BadModel, FilesOfOtherRuntimesAreKnown) {
  TemporaryFolder folder;
  const auto expect = [&](const std::string &bytes, const std::string &what) {
    write_file(folder.file("m.pt"), bytes);
    const std::string text = load_error(Kind::Format, cpu_options(folder.file("m.pt")));
    EXPECT_TRUE(has(text, what)) << text;
  };
  expect(std::string("\x1c\0\0\0TFL3", 8) + std::string(64, '\0'), "TensorFlow Lite");
  expect(std::string("\x24\0\0\0ORTM", 8) + std::string(64, '\0'), "ONNX Runtime's own format");
  expect(std::string("\x40\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\"}}", 29), "safetensors");
  expect("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "git lfs pull");
  expect("<!DOCTYPE html><html><head></head></html>", "page of a web site");
  expect("\x89HDF\r\n\x1a\n" + std::string(64, '\0'), "HDF5");
  expect("ptrt" + std::string(64, '\0'), "TensorRT");
  expect("<?xml version=\"1.0\"?><net/>", "OpenVINO");
  expect("\x1f\x8b\x08" + std::string(64, '\0'), "gunzip");
  expect("PK\x03\x04" + std::string(30, ' ') + "archive/archive_format" + "PK\x05\x06" + std::string(18, '\0'),
         "torch.export");
}

TEST(BadModel, DamageAnywhereIsAnErrorNotACrash) {
  TemporaryFolder folder;
  const std::string bytes = read_file(save_colours(folder));
  std::mt19937 random(11);
  for (int i = 0; i < 60; ++i) {
    std::string damaged = bytes;
    for (int k = 0; k < 8; ++k) damaged[random() % damaged.size()] = char(random());
    write_file(folder.file("damaged.pt"), damaged);
    try {
      Model::load(cpu_options(folder.file("damaged.pt")));
    } catch (const ModelError &e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    }
  }
}

TEST(BadModel, DescriptionIsMissing) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), "");
  const std::string text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "m.pt.json")) << text;
  EXPECT_TRUE(has(text, "\"layout\"")) << text;
}

TEST(BadModel, DescriptionNamesFileAndKey) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), colours_description(R"({"slope": -1})"));
  std::string text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "\"slope\"") && has(text, "oneadapt.json")) << text;
  write_file(folder.file("m.pt.json"), R"({"floor": "low"})");
  text = load_error(Kind::Description, cpu_options(folder.file("m.pt")));
  EXPECT_TRUE(has(text, "m.pt.json")) << text;
  write_file(folder.file("m.pt.json"), "{");
  EXPECT_TRUE(has(load_error(Kind::Description, cpu_options(folder.file("m.pt"))), "JSON"));
  for (const char bracket : {'[', '{'}) {
    const std::string open = bracket == '[' ? "[" : "{\"a\":";
    std::string deep = "{\"a\":";
    for (int i = 0; i < 200000; ++i) deep += open;
    write_file(folder.file("m.pt.json"), deep);
    EXPECT_TRUE(has(load_error(Kind::Description, cpu_options(folder.file("m.pt"))), "64 levels deep"));
  }
  ASSERT_EQ(std::remove(folder.file("m.pt.json").c_str()), 0);
  ASSERT_EQ(mkfifo(folder.file("m.pt.json").c_str(), 0600), 0);
  EXPECT_TRUE(has(load_error(Kind::Description, cpu_options(folder.file("m.pt"))), "a pipe or a device"));
}

TEST(Sidecar, StandsAloneOrIsLaidOver) {
  TemporaryFolder folder;
  save_module(folder.file("m.pt"), colours_forward(), "");
  write_file(folder.file("m.json"), colours_description(R"({"name": "beside"})"));
  EXPECT_EQ(Model::load(cpu_options(folder.file("m.pt")))->description().name, "beside");
  write_file(folder.file("m.pt.json"), colours_description(R"({"name": "first choice"})"));
  EXPECT_EQ(Model::load(cpu_options(folder.file("m.pt")))->description().name, "first choice");

  save_module(folder.file("n.pt"), colours_forward(), colours_description());
  write_file(folder.file("n.pt.json"), R"({"threshold": 0.25})");
  const auto model = Model::load(cpu_options(folder.file("n.pt")));
  EXPECT_EQ(model->theta(), 0.25);
  EXPECT_EQ(model->description().name, "colours");

  save_module(folder.file("o.pt"), colours_forward(), colours_description());
  write_file(folder.file("o.json"), R"({"format": "graph-model", "modelTopology": {}})");  // a TensorFlow.js graph
  EXPECT_EQ(Model::load(cpu_options(folder.file("o.pt")))->description().name, "colours");
}

TEST(Labels, FileMustMatch) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.labels_file = folder.file("labels.txt");
  EXPECT_TRUE(has(load_error(Kind::Labels, options), "cannot be read"));
  write_file(options.labels_file, "rot\r\ngrün\nblau\n\n");
  EXPECT_EQ(Model::load(options)->labels(), (std::vector<std::string>{"rot", "grün", "blau"}));
  options.classes = {"blau"};
  Model::load(options);
  write_file(options.labels_file, "rot\nblau\n");
  const std::string text = load_error(Kind::Labels, options);
  EXPECT_TRUE(has(text, "2 labels") && has(text, "3 classes")) << text;
}

TEST(Labels, AsPeopleWriteThem) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.labels_file = folder.file("labels.txt");
  const std::vector<std::string> names{"red", "green", "blue"};
  for (const char *text : {"\xef\xbb\xbfred\ngreen\nblue\n", "red\r\ngreen\r\nblue", "0: red\n1: green\n2: blue\n",
                           "1 red\n2 green\n3 blue\n", "0,red\n1,green\n2,blue\n\n"}) {
    write_file(options.labels_file, text);
    EXPECT_EQ(Model::load(options)->labels(), names) << text;
  }
  // Numbers that do not count are names.
  write_file(options.labels_file, "3 red\n1 green\n2 blue\n");
  EXPECT_EQ(Model::load(options)->labels()[0], "3 red");
  write_file(options.labels_file, "rouge\nvert p\xe2le\nbleu\n");
  EXPECT_TRUE(has(load_error(Kind::Labels, options), "no UTF-8 in line 2"));
  write_file(options.labels_file, "red\n\ngreen\nblue\n");
  EXPECT_TRUE(has(load_error(Kind::Labels, options), "a blank line 2"));
  write_file(options.labels_file, "\n\n");
  EXPECT_TRUE(has(load_error(Kind::Labels, options), "holds no name"));
}

TEST(Classes, UnknownOnesListWhatLooksLikeThem) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  options.classes = {"red thing", "grean thing"};
  const std::string text = load_error(Kind::Classes, options);
  EXPECT_TRUE(has(text, "\"grean thing\"; it has \"green thing\"")) << text;
}

TEST(Device, OnlyWhatThereIs) {
  TemporaryFolder folder;
  auto options = cpu_options(save_colours(folder));
  for (const char *name : {"cuda:9", "tpu", "cuda:", "cuda:x", "cuda:-1", "CPU"}) {
    options.device = name;
    EXPECT_TRUE(has(load_error(Kind::Device, options), name));
  }
  options.device = "auto";
  const auto model = Model::load(options);
  EXPECT_FALSE(model->device_reason().empty());
  EXPECT_TRUE(at::hasCUDA() || model->device() == "cpu") << model->device();
}

TEST(BadModel, SixteenBitsOnTheCpu) {
  TemporaryFolder folder;
  torch::jit::Module module("Half");
  module.register_buffer("weight", at::ones({3}, at::kHalf));
  module.define("\ndef forward(self, x):\n    return x * self.weight.view(1, 3, 1, 1)\n");
  module.save(folder.file("m.pt"), {{"oneadapt.json", colours_description()}});
  EXPECT_TRUE(has(load_error(Kind::Format, cpu_options(folder.file("m.pt"))), "net.float()"));
}

}  // namespace
