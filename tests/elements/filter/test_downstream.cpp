// SPDX-License-Identifier: LGPL-2.1-or-later
// What stands downstream decides what may come out: forms and profiles of H.264, sizes, recorders, a flush under way.
// What is not possible is said once, with what helps.
#include <gst/gst.h>
#include <gst/video/video.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace {

/// A launch line, played to its end.
struct Played {
  std::vector<std::string> errors, warnings;  // of the filter; another element's errors are its consequence
  bool ended = false;
  std::string profile;   // in the caps that came out last
  std::set<int> widths;  // of all that came out
  unsigned frames = 0;
};

/// `patience`: how long to wait for a message; a stream that a test stops never ends.
Played play(const std::string &line, const std::function<void(GstElement *, unsigned)> &before_frame = nullptr,
            GstClockTime patience = 20 * GST_SECOND) {
  struct Context {
    Played played;
    std::function<void(GstElement *, unsigned)> before_frame;
    unsigned in = 0;
    GstElement *filter;
  } context{{}, before_frame, 0, nullptr};
  GError *problem = nullptr;
  GstElement *pipeline = gst_parse_launch(line.c_str(), &problem);
  EXPECT_EQ(problem, nullptr) << problem->message;
  context.filter = gst_bin_get_by_name(GST_BIN(pipeline), "f");
  GstPad *in = gst_element_get_static_pad(context.filter, "sink"),
         *out = gst_element_get_static_pad(context.filter, "src");
  gst_pad_add_probe(
      in, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *c = static_cast<Context *>(data);
        if (c->before_frame) c->before_frame(c->filter, c->in);
        c->in++;
        return GST_PAD_PROBE_OK;
      },
      &context, nullptr);
  gst_pad_add_probe(
      out, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *pad, GstPadProbeInfo *, gpointer data) {
        auto &played = static_cast<Context *>(data)->played;
        GstCaps *caps = gst_pad_get_current_caps(pad);
        const GstStructure *s = gst_caps_get_structure(caps, 0);
        int width = 0;
        gst_structure_get_int(s, "width", &width);
        played.widths.insert(width);
        if (const gchar *profile = gst_structure_get_string(s, "profile")) played.profile = profile;
        gst_caps_unref(caps);
        played.frames++;
        return GST_PAD_PROBE_OK;
      },
      &context, nullptr);
  gst_element_set_state(pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus(pipeline);
  const auto kinds = GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  bool failed = false;
  while (GstMessage *m = gst_bus_timed_pop_filtered(bus, failed ? 200 * GST_MSECOND : patience, kinds)) {
    const bool is_error = GST_MESSAGE_TYPE(m) == GST_MESSAGE_ERROR,
               own = GST_MESSAGE_SRC(m) == GST_OBJECT(context.filter);
    context.played.ended = context.played.ended || GST_MESSAGE_TYPE(m) == GST_MESSAGE_EOS;
    failed = failed || is_error || context.played.ended;
    if (GST_MESSAGE_TYPE(m) != GST_MESSAGE_EOS && own) {
      GError *error = nullptr;
      (is_error ? gst_message_parse_error : gst_message_parse_warning)(m, &error, nullptr);
      (is_error ? context.played.errors : context.played.warnings).push_back(error->message);
      g_clear_error(&error);
    }
    gst_message_unref(m);
  }
  gst_element_set_state(pipeline, GST_STATE_NULL);
  for (gpointer object : {gpointer(bus), gpointer(in), gpointer(out), gpointer(context.filter), gpointer(pipeline)})
    gst_object_unref(object);
  return context.played;
}

const std::string kSource = "videotestsrc pattern=ball num-buffers=";
std::string source(int frames, const std::string &format = "I420", const std::string &size = "width=64,height=48") {
  return kSource + std::to_string(frames) + " ! video/x-raw,format=" + format + "," + size + ",framerate=10/1 ! ";
}

bool says(const std::string &text, const std::vector<std::string> &words) {
  for (const std::string &word : words)
    if (text.find(word) == std::string::npos) return false;
  return true;
}

/// Half the size from the second interval on, all of it from the fourth.
void scale_moves(GstElement *filter, unsigned frame) {
  if (frame == 5) g_object_set(filter, "scale", 0.5, nullptr);
  if (frame == 25) g_object_set(filter, "scale", 1.0, nullptr);
}

}  // namespace

TEST(FilterDownstream, PicturesThatCannotBeCodedAreRefusedOnceWithTheRemedy) {
  for (const auto &[format, size] : {std::pair<const char *, const char *>{"YUY2", "width=64,height=48"},
                                     {"RGB", "width=64,height=48"},
                                     {"I420", "width=15,height=15"}}) {
    const Played played = play(source(3, format, size) + "oneadaptfilter name=f ! h264parse ! fakesink");
    ASSERT_EQ(played.errors.size(), 1u) << format;
    EXPECT_TRUE(says(played.errors[0], {format, "I420, NV12, GRAY8 or GRAY16_LE", "videoconvert or videoscale"})) << played.errors[0];
    EXPECT_FALSE(played.ended);
  }
}

TEST(FilterDownstream, AConverterInFrontStillConverts) {
  const Played played = play(source(3, "YUY2") + "videoconvert ! oneadaptfilter name=f ! h264parse ! fakesink");
  EXPECT_TRUE(played.ended);
  EXPECT_EQ(played.frames, 3u);
}

TEST(FilterDownstream, TheProfileThatIsAskedFor) {
  for (const char *profile : {"constrained-baseline", "baseline", "main", "high", "constrained-high"}) {
    const Played played = play(source(30) + "oneadaptfilter name=f ! video/x-h264,profile=" + profile +
                               " ! h264parse ! avdec_h264 ! fakesink");
    EXPECT_TRUE(played.ended) << profile;
    EXPECT_EQ(played.frames, 30u) << profile;
    EXPECT_EQ(played.profile, profile);
    EXPECT_TRUE(played.warnings.empty());
  }
}

// As payloaders of an RTSP server have it, which name a profile first and take any.
TEST(FilterDownstream, TheBestProfileThatIsTaken) {
  for (const auto &[taken, profile] :
       {std::pair<const char *, const char *>{"video/x-h264,profile=constrained-baseline;video/x-h264", "high"},
        {"video/x-h264,profile={(string)baseline,(string)main}", "main"}}) {
    const Played played =
        play(source(10) + "oneadaptfilter name=f ! capsfilter caps=\"" + taken + "\" ! h264parse ! fakesink");
    EXPECT_TRUE(played.ended) << taken;
    EXPECT_EQ(played.profile, profile) << taken;
  }
}

TEST(FilterDownstream, ABaselineHasNoBPictures) {
  const Played played = play(source(30) +
                             "oneadaptfilter name=f b-frames=3 b-bias=100 ! "
                             "video/x-h264,profile=constrained-baseline ! h264parse ! avdec_h264 ! fakesink");
  EXPECT_TRUE(played.ended);
  ASSERT_EQ(played.warnings.size(), 1u);
  EXPECT_TRUE(says(played.warnings[0], {"b-frames", "constrained-baseline"})) << played.warnings[0];
}

TEST(FilterDownstream, AProfileThatIsNotMadeIsNamed) {
  const Played played = play(source(3) + "oneadaptfilter name=f ! video/x-h264,profile=high-10 ! fakesink");
  ASSERT_EQ(played.errors.size(), 1u);
  EXPECT_TRUE(says(played.errors[0], {"profile high, main or constrained-baseline"})) << played.errors[0];
}

TEST(FilterDownstream, RawForWantOfAParserIsSaid) {
  const Played played = play(source(10) + "oneadaptfilter name=f ! matroskamux ! fakesink");
  EXPECT_TRUE(played.ended);
  ASSERT_EQ(played.warnings.size(), 1u);
  EXPECT_TRUE(says(played.warnings[0], {"Raw pictures", "h264parse"})) << played.warnings[0];
  EXPECT_TRUE(play(source(10) + "oneadaptfilter name=f ! video/x-raw ! fakesink").warnings.empty());
}

TEST(FilterDownstream, ARecorderKeepsItsSize) {
  for (const char *recorder : {"matroskamux", "mp4mux", "qtmux", "flvmux"}) {
    const Played played =
        play(source(50) + "oneadaptfilter name=f ! h264parse ! queue ! " + recorder + " ! fakesink", scale_moves);
    EXPECT_TRUE(played.ended) << recorder;
    EXPECT_EQ(played.frames, 50u) << recorder;
    EXPECT_EQ(played.widths, std::set<int>{64}) << recorder;
    ASSERT_EQ(played.warnings.size(), 1u) << recorder;
    EXPECT_TRUE(says(played.warnings[0], {"scale", recorder, "mpegtsmux", "knobs="})) << played.warnings[0];
  }
}

TEST(FilterDownstream, TransportStreamsAndDecodersTakeAnySize) {
  for (const char *rest : {"h264parse ! mpegtsmux",
                           "h264parse ! avdec_h264 ! videoscale ! video/x-raw,width=64,height=48 "
                           "! x264enc ! h264parse ! matroskamux"}) {
    const Played played = play(source(50) + "oneadaptfilter name=f ! " + rest + " ! fakesink", scale_moves);
    EXPECT_TRUE(played.ended) << rest;
    EXPECT_EQ(played.widths, (std::set<int>{32, 64})) << rest;
    EXPECT_TRUE(played.warnings.empty()) << rest;
  }
}

// The element asks downstream whether it takes the new size; a flush begins just then.
TEST(FilterDownstream, AFlushIsNoRefusal) {
  static unsigned asked;
  asked = 0;
  const Played played = play(
      source(60) + "oneadaptfilter name=f ! h264parse ! fakesink",
      [](GstElement *filter, unsigned frame) {
        if (frame != 5) return;
        g_object_set(filter, "scale", 0.5, nullptr);
        GstPad *src = gst_element_get_static_pad(filter, "src");
        gst_pad_add_probe(
            src, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM,
            [](GstPad *pad, GstPadProbeInfo *info, gpointer) {
              if (GST_QUERY_TYPE(GST_PAD_PROBE_INFO_QUERY(info)) != GST_QUERY_CAPS || asked++) return GST_PAD_PROBE_OK;
              GstElement *element = gst_pad_get_parent_element(pad);
              GstPad *sink = gst_element_get_static_pad(element, "sink");
              gst_pad_send_event(sink, gst_event_new_flush_start());
              gst_object_unref(sink);
              gst_object_unref(element);
              return GST_PAD_PROBE_OK;
            },
            nullptr, nullptr);
        gst_object_unref(src);
      },
      2 * GST_SECOND);
  EXPECT_GT(asked, 0u);
  EXPECT_TRUE(played.errors.empty());
  EXPECT_TRUE(played.warnings.empty()) << played.warnings[0];
}
