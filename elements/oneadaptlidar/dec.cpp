// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptlidardec
 * @title: oneadaptlidardec
 *
 * Point clouds from the frames that oneadaptlidarfilter codes. The caps say the blocks that the cloud was thinned by,
 * and marks which interval it belongs to, so that oneadaptdnn can send a gradient of these blocks back.
 *
 * A frame that is damaged is left out, with a warning; ten in a row are an error.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 multifilesrc location=turns/%06d.pcd ! oneadaptlidarparse ! oneadaptlidarfilter keep=12 !
 * oneadaptlidardec ! fakesink
 * ]| An eighth of the points, as a DNN would get them.
 */
#include "dec.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "buffer_memory.h"
#include "cloud_caps.h"
#include "cloud_metas.h"
#include "config.h"
#include "frame_mark.h"
#include "lidar/coded_cloud.h"

GST_DEBUG_CATEGORY_STATIC(oneadapt_lidar_dec_debug);
#define GST_CAT_DEFAULT oneadapt_lidar_dec_debug

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CODED_CLOUD_TYPE));
static GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CLOUD_TYPE));

constexpr unsigned kMostDamaged = 10;  // as GST_VIDEO_DECODER_MAX_ERRORS

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_LIDAR_DEC (gst_oneadapt_lidar_dec_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptLidarDec, gst_oneadapt_lidar_dec, GST, ONEADAPT_LIDAR_DEC, GstElement)
G_END_DECLS

/// Belongs to the sink pad's stream lock.
struct Decoding {
  std::optional<oneadapt::PolarGrid> grid;  // of the caps that were sent
  unsigned damaged = 0;                     // frames in a row
};

struct _GstOneadaptLidarDec {
  GstElement parent;
  GstPad *sink, *src;
  Decoding *decoding;
};

G_DEFINE_TYPE(GstOneadaptLidarDec, gst_oneadapt_lidar_dec, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptlidardec, "oneadaptlidardec", GST_RANK_NONE, GST_TYPE_ONEADAPT_LIDAR_DEC,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_lidar_dec_debug, "oneadaptlidardec", 0,
                                                              "point clouds from coded ones"))

/// A frame cannot be read.
static GstFlowReturn leave_out(GstOneadaptLidarDec *self, const std::string &why) {
  const unsigned damaged = ++self->decoding->damaged;
  if (damaged == kMostDamaged) {
    GST_ELEMENT_ERROR(self, STREAM, DECODE, ("%u frames in a row cannot be read: %s.", damaged, why.c_str()),
                      ("what comes must be from oneadaptlidarfilter, a whole frame a buffer"));
    return GST_FLOW_ERROR;
  }
  if (damaged == 1)
    GST_ELEMENT_WARNING(self, STREAM, DECODE, ("A coded point cloud is left out: %s.", why.c_str()), (nullptr));
  return GST_FLOW_OK;
}

/// Says on the buffer, which must be writable, how much of each block was kept.
static void attach_shares(GstBuffer *buffer, const std::vector<float> &shares) {
  static const gchar *no_tags[] = {nullptr};
  static const GstMetaInfo *const info =
      gst_meta_register_custom(oneadapt::kSharesMeta, no_tags, nullptr, nullptr, nullptr);
  if (!info) return;  // another kind of metadata has the name
  GValue array = G_VALUE_INIT;
  g_value_init(&array, GST_TYPE_ARRAY);
  for (const float share : shares) {
    GValue value = G_VALUE_INIT;
    g_value_init(&value, G_TYPE_DOUBLE);
    g_value_set_double(&value, double(share));
    gst_value_array_append_and_take_value(&array, &value);
  }
  GstCustomMeta *meta = gst_buffer_add_custom_meta(buffer, oneadapt::kSharesMeta);
  gst_structure_take_value(gst_custom_meta_get_structure(meta), "shares", &array);
}

static GstFlowReturn push(GstOneadaptLidarDec *self, GstBuffer *output, const oneadapt::PolarGrid &grid) {
  if (self->decoding->grid != grid) {
    GstCaps *caps = oneadapt::cloud_caps(grid);
    const bool taken = gst_pad_push_event(self->src, gst_event_new_caps(caps));
    gst_caps_unref(caps);
    if (!taken) {
      gst_buffer_unref(output);
      return GST_PAD_IS_FLUSHING(self->src) ? GST_FLOW_FLUSHING : GST_FLOW_NOT_NEGOTIATED;
    }
    self->decoding->grid = grid;
  }
  return gst_pad_push(self->src, output);
}

static GstFlowReturn chain(GstPad *, GstObject *parent, GstBuffer *input) {
  auto *self = GST_ONEADAPT_LIDAR_DEC(parent);
  oneadapt::PointCloud points;
  oneadapt::CloudHeader header;
  std::string why = "its memory cannot be read";
  bool ok = false;
  {
    const oneadapt::MappedBuffer coded(input);
    ok = coded.ok() && oneadapt::decode_cloud(coded.data(), coded.size(), points, header, why);
  }
  if (!ok) {
    gst_buffer_unref(input);
    return leave_out(self, why);
  }
  self->decoding->damaged = 0;
  GstBuffer *output = oneadapt::buffer_of(std::move(points));
  gst_buffer_copy_into(output, input, GST_BUFFER_COPY_METADATA, 0, gsize(-1));
  gst_buffer_unref(input);
  if (header.mark) oneadapt::set_mark(output, *header.mark);
  attach_shares(output, header.shares);
  return push(self, output, header.grid);
}

static gboolean sink_event(GstPad *pad, GstObject *parent, GstEvent *event) {
  auto *self = GST_ONEADAPT_LIDAR_DEC(parent);
  if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) {  // the frames say what ours are
    gst_event_unref(event);
    return TRUE;
  }
  if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT && !self->decoding->grid) {
    // A segment must not go ahead of the first caps: the usual blocks, until a frame says others.
    const oneadapt::PolarGrid usual;
    GstCaps *caps = oneadapt::cloud_caps(usual);
    if (gst_pad_push_event(self->src, gst_event_new_caps(caps))) self->decoding->grid = usual;
    gst_caps_unref(caps);
  }
  return gst_pad_event_default(pad, parent, event);
}

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
  const GstStateChangeReturn result =
      GST_ELEMENT_CLASS(gst_oneadapt_lidar_dec_parent_class)->change_state(element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) *GST_ONEADAPT_LIDAR_DEC(element)->decoding = Decoding();
  return result;
}

static void finalize(GObject *object) {
  delete GST_ONEADAPT_LIDAR_DEC(object)->decoding;
  G_OBJECT_CLASS(gst_oneadapt_lidar_dec_parent_class)->finalize(object);
}

static void gst_oneadapt_lidar_dec_init(GstOneadaptLidarDec *self) {
  self->decoding = new Decoding();
  self->sink = gst_pad_new_from_static_template(&sink_template, "sink");
  gst_pad_set_chain_function(self->sink, chain);
  gst_pad_set_event_function(self->sink, sink_event);
  gst_element_add_pad(GST_ELEMENT(self), self->sink);
  self->src = gst_pad_new_from_static_template(&src_template, "src");
  gst_pad_use_fixed_caps(self->src);
  gst_element_add_pad(GST_ELEMENT(self), self->src);
}

static void gst_oneadapt_lidar_dec_class_init(GstOneadaptLidarDecClass *klass) {
  auto *element = GST_ELEMENT_CLASS(klass);
  G_OBJECT_CLASS(klass)->finalize = finalize;
  element->change_state = change_state;
  gst_element_class_add_static_pad_template(element, &sink_template);
  gst_element_class_add_static_pad_template(element, &src_template);
  gst_element_class_set_static_metadata(element, "OneAdapt point cloud decoder", "Codec/Decoder",
                                        "Decodes point clouds that oneadaptlidarfilter coded",
                                        "OneAdapt for GStreamer");
}
