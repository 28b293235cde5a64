// SPDX-License-Identifier: LGPL-2.1-or-later
// The model that setup.sh converts, on the clip that it brings: does it see what is there?
#include <gst/gst.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "last_picture.h"
#include "model/model.h"

namespace {

std::string source_dir() {
  const char *directory = std::getenv("ONEADAPT_SOURCE_DIR");
  return directory ? directory : ".";
}

/// Frame number `frames` of the clip.
Pixels frame_of(const std::string &clip, int frames) {
  std::string problem;
  return last_pixels(
      "filesrc location=\"" + clip + "\" ! avidemux ! decodebin ! videoconvert ! video/x-raw,width=768,height=576",
      frames, problem);
}

class NanoDet : public testing::Test {
 protected:
  void SetUp() override {
    const std::string file = source_dir() + "/models/nanodet.pt", clip = source_dir() + "/clips/vtest.avi";
    if (access(file.c_str(), R_OK) != 0 || access(clip.c_str(), R_OK) != 0)
      GTEST_SKIP() << "tools/setup.sh has not made " << file << " and " << clip;
    oneadapt::ModelOptions options;
    options.path = file;
    options.device = "cpu";
    model = oneadapt::Model::load(options);
    picture = frame_of(clip, 151);
    ASSERT_EQ(picture.rgb.size(), 768U * 576U * 3U);
    frame.data = picture.rgb.data();
    frame.stride = std::size_t(picture.width) * 3;
    frame.width = unsigned(picture.width);
    frame.height = unsigned(picture.height);
  }

  std::vector<oneadapt::Box> persons() {
    std::vector<oneadapt::Box> boxes;
    for (const auto &found : model->infer(frame))
      if (model->labels().at(std::size_t(found.label)) == "person") boxes.push_back(found.box);
    return boxes;
  }

  std::unique_ptr<oneadapt::Model> model;
  Pixels picture;
  oneadapt::RgbFrame frame;
};

}  // namespace

TEST_F(NanoDet, DescribesItself) {
  const auto &d = model->description();
  EXPECT_EQ(d.multiple_of, 32U);
  EXPECT_EQ(d.width, 416U);
  EXPECT_EQ(d.labels.size(), 80U);
  EXPECT_EQ(d.labels.front(), "person");
  EXPECT_EQ(d.labels.back(), "toothbrush");
  EXPECT_NE(d.licence.find("Apache-2.0"), std::string::npos);
  EXPECT_DOUBLE_EQ(model->theta(), 0.4);
}

TEST_F(NanoDet, SeesThePersonsOnTheStreet) {
  const auto boxes = persons();
  EXPECT_GE(boxes.size(), 5U);
  EXPECT_LE(boxes.size(), 14U);
  for (const auto &box : boxes)
    EXPECT_GT((box.y1 - box.y0) * 576, (box.x1 - box.x0) * 768) << "a walking person is taller than wide";
  // One walks alone, right of the middle; read off the picture.
  const oneadapt::Box walker{588.0 / 768, 227.0 / 576, 627.0 / 768, 317.0 / 576};
  double best = 0;
  for (const auto &box : boxes) best = std::max(best, oneadapt::iou(box, walker));
  EXPECT_GT(best, 0.7);
}

TEST_F(NanoDet, SeesTheSameAtOtherSizes) {
  const auto whole = persons();
  model->set_input_size(640, 480);
  std::size_t again = 0;
  for (const auto &box : persons())
    for (const auto &other : whole)
      if (oneadapt::iou(box, other) > 0.5) {
        ++again;
        break;
      }
  EXPECT_GE(again, whole.size() / 2);
}

int main(int argc, char **argv) {
  gst_init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
