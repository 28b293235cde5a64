// SPDX-License-Identifier: LGPL-2.1-or-later
// Nothing is drawn twice, and memory is used again.
#include <gtest/gtest.h>

#include "painter.h"

using oneadapt::Painter;
using oneadapt::Scene;
using oneadapt::SceneBox;

namespace {

Scene example() {
  Scene scene;
  scene.width = 320;
  scene.height = 240;
  SceneBox box;
  box.label = g_quark_from_static_string("car");
  box.confidence = 0.5;
  box.x0 = box.y0 = 0.25;
  box.x1 = box.y1 = 0.5;
  scene.boxes.push_back(box);
  scene.status.z = 1.5;
  return scene;
}

}  // namespace

TEST(Painter, TheSameSceneIsDrawnOnce) {
  Painter painter;
  const Scene scene = example();
  GstVideoOverlayComposition *first = painter.paint(scene);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(gst_video_overlay_composition_n_rectangles(first), 2u);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(painter.paint(example()), first);
  EXPECT_EQ(painter.drawings(), 1u);
}
TEST(Painter, AnyDifferenceIsDrawn) {
  Painter painter;
  unsigned drawn = 0;
  const auto expect_drawn = [&](const Scene &scene) {
    painter.paint(scene);
    EXPECT_EQ(painter.drawings(), ++drawn);
  };
  Scene scene = example();
  expect_drawn(scene);
  scene.boxes[0].x0 += 0.01;
  expect_drawn(scene);
  scene.boxes[0].confidence = 0.6;
  expect_drawn(scene);
  scene.status.objects = 1;
  expect_drawn(scene);
  scene.boxes[0].mask = oneadapt::GridCut{2, 2, {0, 0, 1, 1, {255}}};
  expect_drawn(scene);
  scene.boxes[0].mask->cut.x = 1;
  expect_drawn(scene);
  scene.outlines = false;
  expect_drawn(scene);
  scene.gradient = std::make_shared<oneadapt::BlockMap>(320, 240);
  expect_drawn(scene);
  scene.gradient_opacity = 0.3;
  expect_drawn(scene);
  scene.legend = true;
  expect_drawn(scene);
  scene.qp_map = std::make_shared<oneadapt::BlockMap>(320, 240);
  expect_drawn(scene);
  scene.font_scale = 2;
  expect_drawn(scene);
  scene.height = 200;
  expect_drawn(scene);
}
TEST(Painter, AnEmptySceneNeedsNothing) {
  Painter painter;
  Scene scene;
  scene.width = scene.height = 100;
  EXPECT_EQ(painter.paint(scene), nullptr);
  EXPECT_EQ(painter.drawings(), 0u);
}
TEST(Painter, MemoryIsUsedAgainUnlessSomebodyHoldsIt) {
  Painter painter;
  Scene scene = example();
  const auto pixels = [&] {
    GstVideoOverlayComposition *c = painter.paint(scene);
    return gst_video_overlay_rectangle_get_pixels_unscaled_raw(gst_video_overlay_composition_get_rectangle(c, 1),
                                                               GST_VIDEO_OVERLAY_FORMAT_FLAG_PREMULTIPLIED_ALPHA);
  };
  GstBuffer *first = pixels();
  scene.status.z = 2;
  EXPECT_EQ(pixels(), first);
  gst_buffer_ref(first);
  scene.status.z = 3;
  EXPECT_NE(pixels(), first);
  gst_buffer_unref(first);
}
TEST(Scene, NumbersHaveAPointInEveryLanguage) {
  GstStructure *knobs = gst_structure_new("knobs", "scale", G_TYPE_DOUBLE, 0.75, "qp", G_TYPE_INT, 32, nullptr);
  const std::string markup = oneadapt::knobs_markup(knobs);
  gst_structure_free(knobs);
  EXPECT_NE(markup.find(">scale<"), std::string::npos) << markup;
  EXPECT_NE(markup.find("<b>0.75</b>"), std::string::npos) << markup;
  EXPECT_NE(markup.find("<b>32</b>"), std::string::npos) << markup;
  EXPECT_LT(markup.find("scale"), markup.find("qp"));
}
TEST(Scene, TheLineHasTheMapsEnds) {
  GstStructure *knobs = gst_structure_new("knobs", "qp", G_TYPE_INT, 32, nullptr);
  oneadapt::BlockMap map(32, 16);
  map.values = {-2, 14};
  const std::string markup = oneadapt::knobs_markup(knobs, &map);
  map.values.clear();
  EXPECT_EQ(oneadapt::knobs_markup(knobs, &map), oneadapt::knobs_markup(knobs));
  gst_structure_free(knobs);
  EXPECT_NE(markup.find("<b>-2 … +14</b>"), std::string::npos) << markup;
  EXPECT_NE(markup.find(">qp-map<"), std::string::npos) << markup;
}
TEST(Scene, TheLegendSaysWhereColoursEndAndWhatIsGreatest) {
  using oneadapt::legend_markup;
  oneadapt::LegendMarkup words = legend_markup(0.25, 0.5);
  EXPECT_NE(words.left.find("<b>0</b>"), std::string::npos) << words.left;
  EXPECT_NE(words.right.find("<b>\u2265 0.25</b>"), std::string::npos) << words.right;
  EXPECT_NE(words.right.find("<b>0.5</b>"), std::string::npos) << words.right;
  words = legend_markup(0.5, 0.5);
  EXPECT_EQ(words.right, "<b>0.5</b>");
  words = legend_markup(0, 0);
  EXPECT_NE(words.left.find("0 everywhere"), std::string::npos) << words.left;
  EXPECT_TRUE(words.right.empty());
}
TEST(Scene, TheStatusLineHasAllThatIsKnown) {
  oneadapt::SceneStatus status;
  EXPECT_TRUE(status.empty());
  status.kbps = 400;
  status.interval = 7;
  status.z = 1.25;
  status.accuracy = 0.907;
  status.objects = 0;
  const std::string markup = oneadapt::status_markup(status);
  for (const char *part : {">interval<", "<b>7</b>", ">kbit/s<", "<b>400</b>", ">z<", "<b>1.25</b>", ">accuracy<",
                           "<b>0.91</b>", ">objects<", "<b>0</b>"})
    EXPECT_NE(markup.find(part), std::string::npos) << part;
}
