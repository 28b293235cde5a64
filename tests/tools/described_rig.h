// SPDX-License-Identifier: LGPL-2.1-or-later
// TorchScript files that oneadapt-import --describe is run on.
#pragma once
#include <torch/script.h>

#include <fstream>

#include "import_run.h"

namespace import_test {

/// A scripted model, whose forward(x) is given, in a folder of its own with two labels.
class Described : public testing::Test {
 protected:
  Described() : path(folder.path("m.pt")) { std::ofstream(folder.path("labels.txt")) << "cat\ndog\n"; }
  void save(const std::string &body, const std::string &description = "",
            const torch::jit::ExtraFilesMap &files = {{"notes.txt", "keep me"}}) const {
    torch::jit::Module module("M");
    module.define("def forward(self, x):\n" + body);
    torch::jit::ExtraFilesMap extra = files;
    if (!description.empty()) extra["oneadapt.json"] = description;
    module.save(path, extra);
  }
  Outcome describe(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"--describe", path});
    return import(arguments);
  }
  std::string extra(const std::string &name) const {
    torch::jit::ExtraFilesMap files{{name, ""}};
    torch::jit::load(path, torch::kCPU, files);
    return files[name];
  }
  std::string labels() const { return folder.path("labels.txt"); }
  static void expect(const std::string &text, const std::string &what) {
    EXPECT_NE(text.find(what), std::string::npos) << text;
  }

  /// The model must be described on pictures of that size, and all of `texts` be said.
  void expect_described(const std::string &size, const std::vector<std::string> &texts) const {
    const Outcome outcome = describe({"--input-size", size, "--labels", labels()});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    for (const std::string &text : texts) expect(outcome.out, text);
  }

  Folder folder;
  const std::string path;
};

}  // namespace import_test
