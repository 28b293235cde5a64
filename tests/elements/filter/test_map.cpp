// SPDX-License-Identifier: GPL-2.0-or-later
// The QP of every macroblock through the element: map and regions of interest as they were asked for, read back from
// the bitstream; sizes that change under a map; what is no map.
#include <tuple>

#include "../../support/h264_reader.h"
#include "codec/h264.h"
#include "core/macroblock/allocation.h"
#include "run.h"

using oneadapt::coded_qp;

namespace {

struct Grid {
  unsigned columns = 0, rows = 0;
  std::vector<double> offsets;
};

struct Region {
  unsigned x, y, width, height;
  int delta;
};

std::string caps(unsigned width, unsigned height, const char *format = "I420") {
  return "video/x-raw,format=" + std::string(format) + ",framerate=10/1,width=" + std::to_string(width) +
         ",height=" + std::to_string(height);
}

/// Black and white by chance, in squares of `grain` pixels: every macroblock has residual.
GstBuffer *noise(const FilterRun &run, unsigned i, unsigned grain = 1) {
  GstBuffer *buffer = run.picture(i);
  std::mt19937 random(i);
  GstVideoFrame frame;
  gst_video_frame_map(&frame, const_cast<GstVideoInfo *>(&run.info), buffer, GST_MAP_WRITE);
  for (guint p = 0; p < GST_VIDEO_FRAME_N_PLANES(&frame); p++) {
    auto *data = static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&frame, p));
    const auto stride = unsigned(GST_VIDEO_FRAME_PLANE_STRIDE(&frame, p));
    const auto rows = unsigned(GST_VIDEO_FRAME_COMP_HEIGHT(&frame, p));
    for (unsigned y = 0; y < rows; y++)
      for (unsigned x = 0; x < stride; x++)
        data[y * stride + x] = y % grain      ? data[(y - 1) * stride + x]
                               : x % grain    ? data[y * stride + x - 1]
                               : random() & 1 ? 235
                                              : 16;
  }
  gst_video_frame_unmap(&frame);
  return buffer;
}

GstStructure *structure_of(const Grid &map) {
  GValue offsets = G_VALUE_INIT, number = G_VALUE_INIT;
  g_value_init(&offsets, GST_TYPE_ARRAY);
  g_value_init(&number, G_TYPE_DOUBLE);
  for (double offset : map.offsets) {
    g_value_set_double(&number, offset);
    gst_value_array_append_value(&offsets, &number);
  }
  GstStructure *s =
      gst_structure_new("map", "columns", G_TYPE_INT, int(map.columns), "rows", G_TYPE_INT, int(map.rows), nullptr);
  gst_structure_take_value(s, "offsets", &offsets);
  return s;
}

void set_map(FilterRun &run, const Grid &map) {
  GstStructure *s = map.columns ? structure_of(map) : nullptr;
  g_object_set(run.filter, "qp-map", s, nullptr);
  if (s) gst_structure_free(s);
}

void add_region(GstBuffer *buffer, const Region &r) {
  auto *roi = gst_buffer_add_video_region_of_interest_meta(buffer, "r", r.x, r.y, r.width, r.height);
  gst_video_region_of_interest_meta_add_param(
      roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_INT, r.delta, nullptr));
}

/// What every macroblock of a picture of that size is to have, at scale 1.
std::vector<int> asked(unsigned width, unsigned height, int base, const Grid &map, const std::vector<Region> &regions) {
  std::vector<int> qps;
  const unsigned columns = (width + 15) / 16, rows = (height + 15) / 16;
  for (unsigned y = 0; y < rows; y++)
    for (unsigned x = 0; x < columns; x++) {
      double offset = 0;
      if (map.columns)
        offset =
            map.offsets[(2 * y + 1) * map.rows / (2 * rows) * map.columns + (2 * x + 1) * map.columns / (2 * columns)];
      double delta = 0;
      for (const Region &r : regions)
        if (r.width && r.height && r.x < std::min(width, 16 * x + 16) && r.y < std::min(height, 16 * y + 16) &&
            guint64(r.x) + r.width > 16 * x && guint64(r.y) + r.height > 16 * y)
          delta = std::min(51, std::max(-51, r.delta));
      qps.push_back(coded_qp(base, float(offset + delta)));
    }
  return qps;
}

/// The QP map that the filter announced last; empty: none.
std::vector<float> announced(FilterRun &run) {
  std::vector<float> map;
  while (GstEvent *event = gst_harness_try_pull_event(run.h)) {
    guint width = 0, height = 0, block = 0;
    gfloat *offsets = nullptr;
    if (gst_event_is_oneadapt_configuration(event)) {
      map.clear();
      if (gst_event_parse_oneadapt_qp_map(event, &width, &height, &block, &offsets, nullptr))
        map.assign(offsets, offsets + std::size_t((width + 15) / 16) * ((height + 15) / 16));
      g_free(offsets);
    }
    gst_event_unref(event);
  }
  return map;
}

/// Pushes a picture and reads it back.
std::vector<int> read_back(FilterRun &run, H264Reader &reader, GstBuffer *picture) {
  EXPECT_EQ(gst_harness_push(run.h, picture), GST_FLOW_OK);
  const auto out = run.pull();
  EXPECT_EQ(out.size(), 1u);
  if (out.size() != 1 || !reader.decode(out[0].data.data(), out[0].data.size())) {
    ADD_FAILURE() << "a decoder does not take the stream";
    return {};
  }
  EXPECT_EQ(reader.width(), unsigned(out[0].width));
  EXPECT_EQ(reader.height(), unsigned(out[0].height));
  return reader.qps();
}

void expect_exact(const QpTally &tally, const std::string &what = "") {
  EXPECT_GT(tally.blocks, 0u) << what;
  EXPECT_EQ(tally.wrong, 0u) << what;
  EXPECT_EQ(tally.odd, 0u) << what;
  EXPECT_LE(tally.without, tally.blocks / 20) << what;
}

/// Collects warnings instead of printing them.
class Warnings {
 public:
  Warnings() {
    texts().clear();
    old_ = g_log_set_default_handler(
        [](const gchar *, GLogLevelFlags, const gchar *text, gpointer) { texts().push_back(text); }, nullptr);
  }
  ~Warnings() { g_log_set_default_handler(old_, nullptr); }
  static std::vector<std::string> &texts() {
    static std::vector<std::string> all;
    return all;
  }

 private:
  GLogFunc old_;
};

}  // namespace

// Two pictures, IDR and P, for each of 60 random settings and each format and size; even the regions are at random,
// many of them partly or wholly outside the picture.
TEST(FilterMap, MapAndRegionsAreInTheBitstream) {
  std::mt19937 random(9);
  const auto within = [&](int least, int most) { return least + int(random() % unsigned(most - least + 1)); };
  for (const auto &[width, height, format] :
       {std::tuple<unsigned, unsigned, const char *>{178, 102, "I420"}, {48, 34, "NV12"}, {117, 67, "I420"}}) {
    FilterRun run(caps(width, height, format), "video/x-h264", "interval=200000000");
    const unsigned w = width & ~1u, h = height & ~1u;
    H264Reader reader;
    QpTally tally;
    int base = 20;
    Grid map;
    for (unsigned i = 0; i < 120; i++) {
      if (i % 2 == 0) {
        base = within(0, 51);
        map = Grid();
        if (random() % 4) {
          map.columns = unsigned(within(1, 20));
          map.rows = unsigned(within(1, 12));
          for (unsigned b = 0; b < map.columns * map.rows; b++)
            map.offsets.push_back(i % 4 ? within(-51, 51) : within(-200, 200) / 4.0);
        }
        g_object_set(run.filter, "qp", base, nullptr);
        set_map(run, map);
      }
      GstBuffer *picture = noise(run, i);
      std::vector<Region> regions;
      for (int n = i < 8 ? 0 : within(0, 4); n > 0; n--) {
        const int absurd[] = {G_MAXINT, G_MININT, 52, -1000};
        regions.push_back({unsigned(within(0, int(2 * w))), unsigned(within(0, int(h + 20))),
                           random() % 8 ? unsigned(within(0, 60)) : G_MAXUINT,
                           random() % 8 ? unsigned(within(1, 60)) : 0,
                           random() % 8 ? within(-20, 20) : absurd[random() % 4]});
        add_region(picture, regions.back());
      }
      const auto found = read_back(run, reader, picture);
      const auto wanted = asked(w, h, base, map, regions);
      tally.add(base, wanted, found);
      if (i % 2 == 0) {
        const auto told = announced(run);
        ASSERT_EQ(told.size(), map.columns ? wanted.size() : 0u);
        for (std::size_t b = 0; b < told.size() && regions.empty(); b++) ASSERT_EQ(base + int(told[b]), wanted[b]);
      }
    }
    expect_exact(tally, std::to_string(width) + "×" + std::to_string(height));
    run.expect_all_accounted_for(120);
  }
}

TEST(FilterMap, SurvivesScale) {
  Grid map;
  map.columns = 3;
  map.rows = 2;
  map.offsets = {-8, 0, 8, 12, 4, -4};
  FilterRun run(caps(356, 204), "video/x-h264", "qp=27 interval=200000000");
  set_map(run, map);
  H264Reader reader;
  unsigned i = 0;
  for (const auto &[scale, width] : {std::pair{1.0, 356u}, {0.5, 178u}, {0.75, 268u}, {0.3, 106u}, {1.0, 356u}}) {
    g_object_set(run.filter, "scale", scale, nullptr);
    QpTally tally;
    const unsigned last = i + 4;
    for (; i < last; i++) {
      const auto found = read_back(run, reader, noise(run, i, 8));
      tally.add(27, asked(reader.width(), reader.height(), 27, map, {}), found);
    }
    EXPECT_EQ(reader.width(), width);
    expect_exact(tally, std::to_string(scale));
  }
}

// A region is in pixels of the picture that came: at half the size it covers a quarter of the macroblocks.
TEST(FilterMap, ARegionIsScaledWithThePicture) {
  FilterRun run(caps(256, 128), "video/x-h264", "qp=30 scale=0.5");
  H264Reader reader;
  GstBuffer *picture = noise(run, 0, 8);
  add_region(picture, {64, 32, 64, 32, -10});
  QpTally tally;
  tally.add(30, asked(128, 64, 30, {}, {{32, 16, 32, 16, -10}}), read_back(run, reader, picture));
  expect_exact(tally);
}

TEST(FilterMap, SurvivesNewCapsInMidInterval) {
  Grid map;
  map.columns = map.rows = 2;
  map.offsets = {-6, 4, 7, 10};  // 7 is coded as 6
  FilterRun run(caps(128, 96), "", "qp=30");
  set_map(run, map);
  H264Reader reader;
  unsigned i = 0;
  for (const auto &[width, height, format] : {std::tuple<unsigned, unsigned, const char *>{128, 96, "I420"},
                                              {178, 102, "I420"},
                                              {16, 16, "NV12"},
                                              {90, 70, "RGB"},  // raw: no QPs, no map
                                              {96, 176, "NV12"}}) {
    run.set_caps(caps(width, height, format));
    QpTally tally;
    const unsigned last = i + 3;
    for (; i < last; i++) {
      if (std::string(format) == "RGB") {
        EXPECT_EQ(run.through(i, i + 1).at(0).data.size(), run.info.size);
        continue;
      }
      tally.add(30, asked(width, height, 30, map, {}), read_back(run, reader, noise(run, i)));
    }
    if (std::string(format) != "RGB") expect_exact(tally, std::to_string(width));
  }
  run.expect_all_accounted_for(15);
  EXPECT_EQ(run.messages(GST_MESSAGE_WARNING) + run.messages(GST_MESSAGE_ERROR), 0u);
}

// The controller made a map from what a DNN said of the old size, or of the size before that, when the new one begins:
// it is laid over the picture all the same, by relative position.
TEST(FilterMap, OfAGradientOfTheOldSize) {
  for (const bool in_mid_interval : {false, true}) {
    FilterRun run(caps(128, 96), "video/x-h264", "qp=30");
    H264Reader reader;
    const unsigned frames = in_mid_interval ? 6 : 10;
    for (unsigned i = 0; i < frames; i++) read_back(run, reader, noise(run, i));
    GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(128, 96, 16);
    gradient->confident = 1;
    gradient->values[2 * gradient->columns + 2] = 1;
    gradient->values[4 * gradient->columns + 6] = 0.1f;
    const gchar *names[] = {"qp-map", nullptr};
    gst_oneadapt_probe_free(gst_oneadapt_tunable_probe(run.tunable(), 0, gradient, names, nullptr));
    GstStructure *configuration = gst_structure_new("c", "qp-map", G_TYPE_DOUBLE, 32.0, nullptr);
    EXPECT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), 1, configuration, nullptr));
    gst_structure_free(configuration);
    oneadapt::BlockMap core(128, 96);
    core.values.assign(gradient->values, gradient->values + 48);
    const auto offsets = oneadapt::allocate_qp(core);
    gst_oneadapt_gradient_free(gradient);

    run.set_caps(caps(178, 118));
    for (unsigned i = frames; i < 10; i++) read_back(run, reader, noise(run, i));
    QpTally tally;
    Grid map{8, 6, {offsets.begin(), offsets.end()}};
    for (unsigned i = 10; i < 14; i++)
      tally.add(32, asked(178, 118, 32, map, {}), read_back(run, reader, noise(run, i)));
    expect_exact(tally);
    EXPECT_EQ(reader.qps()[3 * 12 + 3], 30) << "two finer than the QP that the map is laid over, where the peak is";
    EXPECT_EQ(reader.qps()[0 * 12 + 11], 48) << "as coarse as it gets, where there is nothing";
  }
}

TEST(FilterMap, WhatIsBeyondTheRangeIsClippedWithAWarning) {
  FilterRun run(caps(64, 48), "video/x-h264", "qp=30");
  H264Reader reader;
  {
    Warnings warnings;
    set_map(run, {2, 1, {1000, -52}});
    ASSERT_EQ(warnings.texts().size(), 1u);
    EXPECT_NE(warnings.texts()[0].find("\"qp-map\" is clipped: 2 of its offsets"), std::string::npos)
        << warnings.texts()[0];
    set_map(run, {2, 1, {51, -51}});
    EXPECT_EQ(warnings.texts().size(), 1u) << "within the range";
  }
  QpTally tally;
  for (unsigned i = 0; i < 3; i++)
    tally.add(30, asked(64, 48, 30, {2, 1, {51, -51}}, {}), read_back(run, reader, noise(run, i)));
  expect_exact(tally);
}

TEST(FilterMap, RegionsThatAreNoneChangeNothing) {
  FilterRun plain(caps(64, 48)), run(caps(64, 48));
  const auto expected = plain.through(0, 3);
  for (unsigned i = 0; i < 3; i++) {
    GstBuffer *picture = run.picture(i);
    add_region(picture, {64, 0, 10, 10, 10});
    add_region(picture, {0, 48, G_MAXUINT, G_MAXUINT, G_MININT});
    add_region(picture, {0, 0, 0, 10, 10});
    auto *roi = gst_buffer_add_video_region_of_interest_meta(picture, "r", 0, 0, 64, 48);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_STRING, "ten", nullptr));
    roi = gst_buffer_add_video_region_of_interest_meta(picture, "r", 0, 0, 64, 48);
    gst_video_region_of_interest_meta_add_param(
        roi, gst_structure_new("roi/oneadaptfilter", "delta-qp", G_TYPE_DOUBLE, double(NAN), nullptr));
    gst_video_region_of_interest_meta_add_param(roi, gst_structure_new_empty("roi/somebody-else"));
    ASSERT_EQ(gst_harness_push(run.h, picture), GST_FLOW_OK);
    EXPECT_EQ(run.pull().at(0).data, expected[i].data) << i;
  }
}

TEST(FilterMap, AGradientThatIsNoNumberMakesNoMap) {
  FilterRun run(caps(128, 96), "video/x-h264", "qp=30");
  H264Reader reader;
  for (unsigned i = 0; i < 10; i++) read_back(run, reader, noise(run, i));
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    GstOneadaptGradient *gradient = gst_oneadapt_gradient_new(128, 96, 16);
    gradient->confident = 1;
    gradient->values[0] = 1;
    gradient->values[7] = bad;
    GError *error = nullptr;
    const gchar *names[] = {"qp-map", nullptr};
    EXPECT_EQ(gst_oneadapt_tunable_probe(run.tunable(), 0, gradient, names, &error), nullptr);
    EXPECT_TRUE(g_error_matches(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_FAILED));
    g_clear_error(&error);
    gst_oneadapt_gradient_free(gradient);
  }
  GstStructure *configuration = gst_structure_new("c", "qp-map", G_TYPE_DOUBLE, 32.0, nullptr);
  EXPECT_TRUE(gst_oneadapt_tunable_apply(run.tunable(), 1, configuration, nullptr));
  gst_structure_free(configuration);
  for (int qp : read_back(run, reader, noise(run, 10))) EXPECT_EQ(qp, 32) << "uniform";
}

// The encoder's reconstruction is what probing and rendering go by; avdec_h264 shows the same of the element's stream.
TEST(FilterMap, AvdecShowsTheReconstructionBitForBit) {
  for (const char *preset : {"ultrafast", "veryfast", "medium"})
    for (const auto &[width, height] : {std::pair<unsigned, unsigned>{178, 102}, {150, 90}, {48, 34}})
      for (const bool mapped : {false, true}) {
        FilterRun run(caps(width, height), "video/x-raw,format=I420",
                      (std::string("qp=26 speed-preset=") + preset +
                       (mapped ? " qp-map=\"map,columns=3,rows=2,offsets=<-9,0,6,14,3,-2>\"" : "") +
                       " ! h264parse ! avdec_h264 max-threads=1")
                          .c_str());
        oneadapt::H264Settings settings;
        settings.width = width;
        settings.height = height;
        settings.preset = preset;
        settings.qp_offsets = true;
        settings.reconstruction = true;
        oneadapt::H264Encoder encoder(settings);
        oneadapt::H264Frame coding;
        coding.qp = 26;
        if (mapped)
          coding.qp_offsets =
              oneadapt::stretch_offsets({-9, 0, 6, 14, 3, -2}, 3, 2, (width + 15) / 16, (height + 15) / 16);
        for (unsigned i = 0; i < 12; i++) {
          GstBuffer *picture = run.picture(i);
          GstVideoFrame in, out;
          ASSERT_TRUE(gst_video_frame_map(&in, &run.info, picture, GST_MAP_READ));
          oneadapt::Picture source;
          source.width = width;
          source.height = height;
          for (guint p = 0; p < 3; p++) {
            source.plane[p] = static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&in, p));
            source.stride[p] = std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&in, p));
          }
          coding.pts = i;
          coding.idr = i == 0;
          const oneadapt::Picture shown = encoder.encode(source, coding).reconstruction;
          gst_video_frame_unmap(&in);
          ASSERT_EQ(gst_harness_push(run.h, picture), GST_FLOW_OK);
          GstBuffer *decoded = gst_harness_try_pull(run.h);
          ASSERT_TRUE(decoded) << i;
          GstCaps *now = gst_pad_get_current_caps(run.h->sinkpad);
          GstVideoInfo info;
          ASSERT_TRUE(gst_video_info_from_caps(&info, now));
          gst_caps_unref(now);
          ASSERT_EQ(unsigned(info.width), width);
          ASSERT_EQ(unsigned(info.height), height);
          ASSERT_TRUE(gst_video_frame_map(&out, &info, decoded, GST_MAP_READ));
          unsigned different = 0;
          for (guint c = 0; c < 3; c++)
            for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&out, c); y++)
              for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&out, c); x++) {
                const auto theirs = static_cast<const std::uint8_t *>(
                    GST_VIDEO_FRAME_COMP_DATA(&out, c))[y * GST_VIDEO_FRAME_COMP_STRIDE(&out, c) + x];
                const auto ours = c == 0
                                      ? shown.plane[0][std::size_t(y) * shown.stride[0] + std::size_t(x)]
                                      : shown.plane[1][std::size_t(y) * shown.stride[1] + std::size_t(2 * x) + c - 1];
                different += theirs != ours;
              }
          EXPECT_EQ(different, 0u) << preset << ' ' << width << "×" << height << ", picture " << i;
          gst_video_frame_unmap(&out);
          gst_buffer_unref(decoded);
        }
      }
}
