// SPDX-License-Identifier: LGPL-2.1-or-later
#include "place_run.h"

#include <gst/app/gstappsrc.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <numeric>

namespace oneadapt_test {
namespace {

constexpr GstClockTime kFrame = 100 * GST_MSECOND;

std::string caps_of(const Camera &camera) {
  return "video/x-raw,format=I420,framerate=10/1,width=" + std::to_string(camera.width) +
         ",height=" + std::to_string(camera.height) + camera.caps;
}

/// What a probe writes down.
struct Recorder {
  std::mutex mutex;
  std::vector<Map> maps;  // under mutex
  bool takes = true;
};

/// Upstream gradients end here, like at a controller; others (and all, where nobody takes them) go on.
GstPadProbeReturn record(GstPad *, GstPadProbeInfo *info, gpointer data) {
  auto *recorder = static_cast<Recorder *>(data);
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  const bool upstream = gst_event_is_oneadapt_gradient(event);
  if (!upstream && !gst_event_is_oneadapt_gradient_downstream(event)) return GST_PAD_PROBE_OK;
  {
    std::lock_guard<std::mutex> lock(recorder->mutex);
    recorder->maps.push_back(map_of(event));
  }
  if (!upstream || !recorder->takes) return GST_PAD_PROBE_OK;
  gst_event_unref(event);
  return GST_PAD_PROBE_HANDLED;
}

void watch(GstElement *pipeline, const std::string &name, GstPadProbeType type, Recorder &recorder) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name.c_str());
  ASSERT_NE(element, nullptr) << name;
  GstPad *pad = gst_element_get_static_pad(element, "src");
  gst_pad_add_probe(pad, type, record, &recorder, nullptr);
  gst_object_unref(pad);
  gst_object_unref(element);
}

void send_tags(GstElement *source, const Camera &camera) {
  if (camera.orientation.empty()) return;
  GstTagList *tags = gst_tag_list_new(GST_TAG_IMAGE_ORIENTATION, camera.orientation.c_str(), nullptr);
  gst_tag_list_set_scope(tags, camera.scope);
  gst_element_send_event(source, gst_event_new_tag(tags));
}

void feed(GstElement *pipeline, const std::vector<Camera> &cameras, int frames) {
  for (int i = 0; i <= frames; ++i)
    for (std::size_t c = 0; c < cameras.size(); ++c) {
      GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), ("cam" + std::to_string(c)).c_str());
      if (i == 0) send_tags(source, cameras[c]);
      if (i == frames)
        gst_app_src_end_of_stream(GST_APP_SRC(source));
      else
        gst_app_src_push_buffer(GST_APP_SRC(source), picture(cameras[c], GstClockTime(i) * kFrame));
      gst_object_unref(source);
    }
}

/// Until the end of the stream or an error.
void listen(GstElement *pipeline, PlaceResult &result) {
  constexpr GstClockTime kPatience = 60 * GST_SECOND;  // for a pipeline that hangs
  GstBus *bus = gst_element_get_bus(pipeline);
  const auto types = GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
  bool over = false;
  while (!over) {
    GstMessage *message = gst_bus_timed_pop_filtered(bus, kPatience, types);
    if (!message) {
      result.errors.push_back("it hangs");
      break;
    }
    GError *error = nullptr;
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_WARNING) {
      gst_message_parse_warning(message, &error, nullptr);
      if (g_str_has_prefix(GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), "dnn")) result.warnings.push_back(error->message);
    } else if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR) {
      gst_message_parse_error(message, &error, nullptr);
      result.errors.push_back(error->message);
      over = true;
    } else {
      over = true;
    }
    g_clear_error(&error);
    gst_message_unref(message);
  }
  gst_object_unref(bus);
}

}  // namespace

Map map_of(const GstOneadaptGradient &g) {
  Map map;
  map.width = g.frame_width;
  map.height = g.frame_height;
  map.columns = g.columns;
  map.values.assign(g.values, g.values + gsize(g.columns) * g.rows);
  map.regions.assign(g.regions, g.regions + g.n_regions);
  map.early = g.early;
  map.stream = g.stream;
  return map;
}

Map map_of(GstEvent *event) {
  GstOneadaptGradient *g = nullptr;
  EXPECT_TRUE(gst_event_parse_oneadapt_gradient(event, &g, nullptr));
  if (!g) return {};
  const Map map = map_of(*g);
  gst_oneadapt_gradient_free(g);
  return map;
}

GstBuffer *picture(const Camera &camera, GstClockTime time) {
  constexpr guint8 kBackground = 50;
  const gsize luma = gsize(camera.width) * gsize(camera.height);
  GstBuffer *buffer = gst_buffer_new_allocate(nullptr, luma * 3 / 2, nullptr);
  gst_buffer_memset(buffer, 0, kBackground, luma);
  gst_buffer_memset(buffer, luma, 128, luma / 2);
  const Rectangle &t = camera.thing;
  for (int y = t.y; y < t.y + t.height; ++y)
    gst_buffer_memset(buffer, gsize(y) * gsize(camera.width) + gsize(t.x), guint8(camera.brightness), gsize(t.width));
  GST_BUFFER_PTS(buffer) = time;
  GST_BUFFER_DURATION(buffer) = kFrame;
  return buffer;
}

double Map::weight() const { return weight({0, 0, int(width), int(height)}); }

double Map::weight(const Rectangle &where) const {
  double sum = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int x = int(i % columns) * 16, y = int(i / columns) * 16;
    const int right = std::min(x + 16, int(width)), bottom = std::min(y + 16, int(height));
    if (x < where.x + where.width && right > where.x && y < where.y + where.height && bottom > where.y)
      sum += double(values[i]) * (right - x) * (bottom - y);
  }
  return sum;
}

Rectangle Map::scaled(const Rectangle &where, const Camera &camera) const {
  const int w = int(width), h = int(height);
  return {where.x * w / camera.width, where.y * h / camera.height, where.width * w / camera.width,
          where.height * h / camera.height};
}

std::string Map::text() const {
  const auto best = std::size_t(std::max_element(values.begin(), values.end()) - values.begin());
  return std::to_string(width) + "×" + std::to_string(height) + ", greatest at (" +
         std::to_string(int(best % columns) * 16 + 8) + ", " + std::to_string(int(best / columns) * 16 + 8) +
         "), in all " + std::to_string(weight());
}

PlaceResult run_place(const std::vector<Camera> &cameras, const std::string &launch, const PlaceOptions &options) {
  const TemporaryFolder folder;
  PlaceResult result;
  std::string text;
  for (std::size_t c = 0; c < cameras.size(); ++c)
    text += "appsrc name=cam" + std::to_string(c) + " format=time caps=" + caps_of(cameras[c]) + " ";
  text += "videoconvert name=dnn_in ! oneadaptdnn name=dnn device=cpu raise-elements=false model=MODEL " +
          options.properties + " ! fakesink name=sink async=false " + launch;
  const std::string model = save_brightest(folder);
  for (std::size_t at = 0; (at = text.find("MODEL", at)) != std::string::npos; at += model.size())
    text.replace(at, 5, model);
  GError *error = nullptr;
  GstElement *pipeline = gst_parse_launch(text.c_str(), &error);
  EXPECT_EQ(error, nullptr) << error->message << ": " << text;
  g_clear_error(&error);
  if (!pipeline) return result;

  std::vector<Recorder> recorders(cameras.size() + 1);  // the last one: downstream
  watch(pipeline, "dnn", GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, recorders.back());
  for (std::size_t c = 0; c < cameras.size(); ++c) {
    recorders[c].takes = options.upstream;
    watch(pipeline, "cam" + std::to_string(c), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, recorders[c]);
  }
  if (options.setup) options.setup(pipeline);
  EXPECT_NE(gst_element_set_state(pipeline, GST_STATE_PLAYING), GST_STATE_CHANGE_FAILURE) << text;
  feed(pipeline, cameras, options.frames);
  listen(pipeline, result);
  for (std::size_t c = 0; c < cameras.size(); ++c) {
    GstElement *source = gst_bin_get_by_name(GST_BIN(pipeline), ("cam" + std::to_string(c)).c_str());
    GstPad *pad = gst_element_get_static_pad(source, "src");
    result.streams.push_back(gst_oneadapt_pad_stream(pad));
    gst_object_unref(pad);
    gst_object_unref(source);
  }
  if (options.finish) options.finish(pipeline);
  gst_element_set_state(pipeline, GST_STATE_NULL);
  gst_object_unref(pipeline);
  for (std::size_t c = 0; c < cameras.size(); ++c) result.maps.push_back(std::move(recorders[c].maps));
  result.echoes = std::move(recorders.back().maps);
  EXPECT_TRUE(result.errors.empty()) << result.errors.front() << ": " << text;
  return result;
}

PlaceResult run_between(const Camera &camera, const std::string &between, const PlaceOptions &options) {
  return run_place({camera}, "cam0. ! " + between + " ! dnn_in.", options);
}

void expect_on_the_thing(const PlaceResult &result, const Camera &camera, std::size_t index, int around) {
  ASSERT_LT(index, result.maps.size());
  ASSERT_GE(result.maps[index].size(), 2u) << "one early gradient, one of each interval";
  EXPECT_TRUE(result.warnings.empty()) << result.warnings.front();
  for (const Map &map : result.maps[index]) {
    SCOPED_TRACE(map.text() + "; the thing is at (" + std::to_string(camera.thing.x + camera.thing.width / 2) + ", " +
                 std::to_string(camera.thing.y + camera.thing.height / 2) + ")");
    EXPECT_EQ(map.stream, result.streams[index]);
    EXPECT_GT(map.weight(), 0);
    const Rectangle &t = camera.thing;
    EXPECT_GE(map.weight(map.scaled({t.x - around, t.y - around, t.width + 2 * around, t.height + 2 * around}, camera)),
              0.99 * map.weight());
    ASSERT_EQ(map.regions.size(), 1u);
    const GstOneadaptRegion &r = map.regions.front();
    const double x = (r.x_min + r.x_max) / 2 * camera.width, y = (r.y_min + r.y_max) / 2 * camera.height;
    EXPECT_TRUE(x > camera.thing.x && x < camera.thing.x + camera.thing.width) << x;
    EXPECT_TRUE(y > camera.thing.y && y < camera.thing.y + camera.thing.height) << y;
  }
}

std::vector<Camera> corners() {
  std::vector<Camera> cameras;
  for (const auto &[x, y] : {std::pair{24, 8}, {208, 16}, {8, 152}, {216, 144}}) {
    Camera camera;
    camera.thing = {x, y, 24, 24};
    cameras.push_back(camera);
  }
  return cameras;
}

void set_property(GstElement *pipeline, const char *name, const char *property, const std::string &value) {
  GstElement *element = gst_bin_get_by_name(GST_BIN(pipeline), name);
  ASSERT_NE(element, nullptr) << name;
  gst_util_set_object_arg(G_OBJECT(element), property, value.c_str());
  gst_object_unref(element);
}

void AtPicture::watch(GstElement *bin) {
  pipeline = bin;
  GstElement *camera = gst_bin_get_by_name(GST_BIN(bin), "cam0");
  GstPad *pad = gst_element_get_static_pad(camera, "src");
  gst_pad_add_probe(
      pad, GST_PAD_PROBE_TYPE_BUFFER,
      [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *self = static_cast<AtPicture *>(data);
        if (self->seen++ == self->number) self->then(self->pipeline);
        return GST_PAD_PROBE_OK;
      },
      this, nullptr);
  gst_object_unref(pad);
  gst_object_unref(camera);
}

bool there_is(const std::string &element) {
  GstElementFactory *factory = gst_element_factory_find(element.substr(0, element.find(' ')).c_str());
  if (factory) gst_object_unref(factory);
  return factory != nullptr;
}

}  // namespace oneadapt_test
