// SPDX-License-Identifier: LGPL-2.1-or-later
/**
 * SECTION:element-oneadaptlidarfilter
 * @title: oneadaptlidarfilter
 *
 * Input filtering at a LiDAR sensor: the share of its points that is kept, in each block of the space around it,
 * adjustable while the stream runs. Puts out coded point clouds when downstream takes them, else thinned ones.
 *
 * Time is divided into adaptation intervals of stream time (#GstOneadaptLidarFilter:interval). A configuration takes
 * effect at an interval's first turn; then the property is notified.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 multifilesrc location=turns/%06d.bin ! oneadaptlidarparse ! oneadaptlidarfilter keep=25 ! filesink
 * location=drive.oapc
 * ]| A quarter of the points, coded.
 */
#include "config.h"

#include "filter.h"

#include <memory>
#include <utility>

#include "cloud_caps.h"
#include "gstoneadapt.h"
#include "stream.h"
#include "tunable/medium_element.h"

GST_DEBUG_CATEGORY_STATIC(oneadapt_lidar_filter_debug);
#define GST_CAT_DEFAULT oneadapt_lidar_filter_debug

using oneadapt::CloudMedium;
using oneadapt::CloudSettings;
using oneadapt::PolarGrid;
using Element = oneadapt::MediumElement<CloudMedium, oneadapt::CloudStream>;

static GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CLOUD_TYPE));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(ONEADAPT_CODED_CLOUD_TYPE "; " ONEADAPT_CLOUD_TYPE));

static oneadapt::KnobProperties knob_properties(oneadapt::cloud_knobs());

G_BEGIN_DECLS
#define GST_TYPE_ONEADAPT_LIDAR_FILTER (gst_oneadapt_lidar_filter_get_type())
G_DECLARE_FINAL_TYPE(GstOneadaptLidarFilter, gst_oneadapt_lidar_filter, GST, ONEADAPT_LIDAR_FILTER, GstElement)
struct _GstOneadaptLidarFilter : Element {};
G_END_DECLS

G_DEFINE_TYPE_WITH_CODE(GstOneadaptLidarFilter, gst_oneadapt_lidar_filter, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_ONEADAPT_TUNABLE, oneadapt::init_tunable<Element::adaptive_of>))
GST_ELEMENT_REGISTER_DEFINE_WITH_CODE(oneadaptlidarfilter, "oneadaptlidarfilter", GST_RANK_NONE,
                                      GST_TYPE_ONEADAPT_LIDAR_FILTER,
                                      GST_DEBUG_CATEGORY_INIT(oneadapt_lidar_filter_debug, "oneadaptlidarfilter", 0,
                                                              "input filtering of point clouds for a DNN"))

/// The one knob that is no number.
static bool is_map(guint id) { return knob_properties.knob_of(id) == oneadapt::kKeepMap; }

static void set_map(GstOneadaptLidarFilter *self, const GstStructure *structure) {
  auto map = std::make_shared<oneadapt::ShareMap>();
  std::string complaint;
  const auto first_ring = float(self->parts->medium.settings.lock()->first_ring);
  if (!oneadapt::share_map_parse(structure, first_ring, *map, complaint)) {
    g_warning(
        "%s: property \"keep-map\" is left as it was: %s; write for instance "
        "\"map,sectors=2,rings=1,factors=<2.0,0.5>\"",
        GST_OBJECT_NAME(self), complaint.c_str());
    return;
  }
  self->parts->adaptive.settings().lock()->payload = std::move(map);
}

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) {
  auto *self = GST_ONEADAPT_LIDAR_FILTER(object);
  if (oneadapt::is_fixed_now(self, pspec)) return;
  if (is_map(id))
    set_map(self, gst_value_get_structure(value));
  else if (!self->parts->adaptive.set_property(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) {
  auto &parts = *GST_ONEADAPT_LIDAR_FILTER(object)->parts;
  if (is_map(id))
    g_value_take_boxed(
        value, oneadapt::share_map_structure(oneadapt::share_map_of(parts.adaptive.settings().lock()->payload)));
  else if (!parts.adaptive.get_property(id, value))
    G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
}

static void gst_oneadapt_lidar_filter_init(GstOneadaptLidarFilter *self) { self->init(knob_properties); }

static void install_properties(GObjectClass *klass) {
  const auto fixed = GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
  auto &settings = CloudMedium::setting_properties;
  settings.add(g_param_spec_uint64("interval", "Interval", "Adaptation interval in ns of stream time", GST_MSECOND,
                                   3600 * GST_SECOND, GST_SECOND, fixed),
               &CloudSettings::interval);
  settings.add(g_param_spec_uint("sectors", "Sectors", "Parts that a ring is divided into", 1, PolarGrid::kMostSectors,
                                 PolarGrid().sectors, fixed),
               &CloudSettings::sectors);
  settings.add(g_param_spec_uint("rings", "Rings",
                                 "Rings around the sensor; each ends at twice the distance of the one before, and the "
                                 "last has no end",
                                 1, PolarGrid::kMostRings, PolarGrid().rings, fixed),
               &CloudSettings::rings);
  settings.add(g_param_spec_double("first-ring", "First ring", "Where the innermost ring ends, in m", 0.1, 1000,
                                   double(PolarGrid().first_ring), fixed),
               &CloudSettings::first_ring);
  settings.add(g_param_spec_uint("seed", "Seed", "Which points are kept: another one keeps others, as many", 0,
                                 G_MAXUINT, 0, fixed),
               &CloudSettings::seed);
  settings.add(g_param_spec_double("resolution", "Resolution", "Step of a coded coordinate, in m",
                                   double(oneadapt::kLeastResolution), double(oneadapt::kMostResolution), 0.01, fixed),
               &CloudSettings::resolution);
  settings.add(g_param_spec_int("speed", "Speed", "Draco's: 0 (fewest bytes) to 10 (least CPU time)", 0,
                                oneadapt::kMostSpeed, oneadapt::kDefaultSpeed, fixed),
               &CloudSettings::speed);
  const guint next = knob_properties.install(
      klass, "",
      "turns, points-in, points-out, without-place (points that are not finite, or too far away), intervals, bytes, "
      "last-interval-bytes, probes, code-time and probe-time (ns of CPU), and every knob as it is in force");
  settings.install(klass, next);
}

static void gst_oneadapt_lidar_filter_class_init(GstOneadaptLidarFilterClass *klass) {
  auto *element = GST_ELEMENT_CLASS(klass);
  Element::init_class(element, &sink_template, &src_template);
  G_OBJECT_CLASS(klass)->set_property = set_property;
  G_OBJECT_CLASS(klass)->get_property = get_property;
  install_properties(G_OBJECT_CLASS(klass));
  gst_element_class_set_static_metadata(element, "OneAdapt point cloud filter", "Filter/Converter",
                                        "Filters point clouds for a DNN: the share of points kept in each block of "
                                        "space, adapted while the stream runs",
                                        "OneAdapt for GStreamer");
}
