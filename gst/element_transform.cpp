// SPDX-License-Identifier: LGPL-2.1-or-later
#include "element_transform.h"

#include <gst/video/video.h>

#include <algorithm>
#include <cmath>
#include <string>

namespace oneadapt {

namespace {

using Certainty = ElementTransform::Certainty;

// Elements that leave things where they are; what their class says does not tell.
constexpr const char *kStill[] = {"alpha",
                                  "alphacolor",
                                  "burn",
                                  "cccombiner",
                                  "ccextractor",
                                  "chromahold",
                                  "chromium",
                                  "coloreffects",
                                  "combdetect",
                                  "cudadownload",
                                  "cudaupload",
                                  "d3d11download",
                                  "d3d11upload",
                                  "dodge",
                                  "exclusion",
                                  "gamma",
                                  "gaussianblur",
                                  "gdkpixbufoverlay",
                                  "glcolorbalance",
                                  "glcolorconvert",
                                  "gldownload",
                                  "glupload",
                                  "imagefreeze",
                                  "interlace",
                                  "ivtc",
                                  "lcms",
                                  "navigationtest",
                                  "navseek",
                                  "oneadaptctl",
                                  "oneadaptdnn",
                                  "oneadaptoverlay",
                                  "scenechange",
                                  "simplevideomark",
                                  "simplevideomarkdetect",
                                  "smooth",
                                  "solarize",
                                  "timecodestamper",
                                  "valve",
                                  "videobalance",
                                  "videomedian",
                                  "videorate",
                                  "videosegmentclip",
                                  "vulkandownload",
                                  "vulkanupload"};

// The same by class: "Filter/Analyzer/Video", "Filter/Effect/Video/Deinterlace", "Filter/Editor/Video" (drawing) ...
constexpr const char *kStillClasses[] = {"Generic", "Analyzer",      "Analysis",   "Debug",
                                         "Testing", "Deinterlace",   "Colorspace", "Overlay",
                                         "Editor",  "ClosedCaption", "Connector",  "Subtitle"};

// They move parts of the picture; so do those of class "Transform" (rotate, perspective, fisheye ...).
constexpr const char *kMoving[] = {"dicetv", "quarktv", "revtv", "rippletv", "vertigotv", "warptv"};

// Scalers of the whole picture that know no borders; those that do have a property for it.
constexpr const char *kScaling[] = {"glcolorscale"};

bool has_property(gpointer object, const char *name, GType type) {
  const GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(object), name);
  return spec && (spec->flags & G_PARAM_READABLE) && g_type_is_a(spec->value_type, type);
}

int int_property(gpointer object, const char *name, int otherwise = 0) {
  if (!has_property(object, name, G_TYPE_INT)) return otherwise;
  int value = otherwise;
  g_object_get(object, name, &value, nullptr);
  return value;
}

bool bool_property(gpointer object, const char *name, bool otherwise) {
  if (!has_property(object, name, G_TYPE_BOOLEAN)) return otherwise;
  gboolean value = otherwise;
  g_object_get(object, name, &value, nullptr);
  return value;
}

/// The short name of an enumeration's value; empty when there is no such property.
std::string nick_property(gpointer object, const char *name) {
  if (!has_property(object, name, G_TYPE_ENUM)) return "";
  GValue value = G_VALUE_INIT;
  g_object_get_property(G_OBJECT(object), name, &value);
  const GEnumValue *known =
      g_enum_get_value(G_ENUM_CLASS(g_type_class_peek(G_VALUE_TYPE(&value))), g_value_get_enum(&value));
  const std::string nick = known ? known->value_nick : "";
  g_value_unset(&value);
  return nick;
}

std::string factory_name(GstElement *element) {
  GstElementFactory *factory = gst_element_get_factory(element);
  return factory ? GST_OBJECT_NAME(factory) : "";
}

template <std::size_t N>
bool is_one_of(const std::string &name, const char *const (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

bool is_still(GstElement *element) {
  if (is_one_of(factory_name(element), kStill)) return true;
  const gchar *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
  return klass && std::any_of(std::begin(kStillClasses), std::end(kStillClasses),
                              [klass](const char *word) { return g_strrstr(klass, word) != nullptr; });
}

bool is_moving(GstElement *element) {
  const gchar *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
  return is_one_of(factory_name(element), kMoving) || (klass && g_strrstr(klass, "Transform"));
}

bool same_size(const PictureCaps &a, const PictureCaps &b) { return a.width == b.width && a.height == b.height; }

/// A rectangle in pixels as fractions of a picture.
Box fractions(const PictureCaps &of, double x, double y, double width, double height) {
  return {x / of.width, y / of.height, (x + width) / of.width, (y + height) / of.height};
}

/// `left` and so on: pixels that go (> 0) or are added (< 0).
ElementTransform boxed(const PictureCaps &in, const PictureCaps &out, int left, int right, int top, int bottom) {
  if (in.width - left - right != out.width || in.height - top - bottom != out.height) return {Certainty::OutOfStep, {}};
  const auto gone = [](int side) { return std::max(side, 0); };
  const auto added = [](int side) { return std::max(-side, 0); };
  const int width = in.width - gone(left) - gone(right), height = in.height - gone(top) - gone(bottom);
  if (width <= 0 || height <= 0) return {Certainty::Unknown, {}};
  return {Certainty::Known, FrameTransform::placed(fractions(in, gone(left), gone(top), width, height),
                                                   fractions(out, added(left), added(top), width, height))};
}

/// What videocrop takes from the two sides of one axis; -1: what is left, or half of it, as the caps have it.
std::pair<int, int> cropped(int before, int after, int in, int out) {
  const int gone = in - out;
  if (before < 0 && after < 0) before = gone / 2;
  if (before < 0) before = gone - after;
  return {before, after < 0 ? gone - before : after};
}

ElementTransform crop(GstElement *element, const PictureCaps &in, const PictureCaps &out) {
  const auto [left, right] =
      cropped(int_property(element, "left"), int_property(element, "right"), in.width, out.width);
  const auto [top, bottom] =
      cropped(int_property(element, "top"), int_property(element, "bottom"), in.height, out.height);
  if (left < 0 || right < 0 || top < 0 || bottom < 0) return {Certainty::OutOfStep, {}};
  return boxed(in, out, left, right, top, bottom);
}

/// The largest rectangle in the middle of `out`, in its pixels, that shows `in` undistorted; scalers round down, and
/// the odd pixel goes to the right and the bottom.
GstVideoRectangle letterbox(const PictureCaps &in, const PictureCaps &out) {
  int shape_n = 0, shape_d = 0;  // of `in`, in pixels of `out`
  GstVideoRectangle rectangle{0, 0, out.width, out.height};
  if (!gst_util_fraction_multiply(in.width, in.height, in.par_n, in.par_d, &shape_n, &shape_d) ||
      !gst_util_fraction_multiply(shape_n, shape_d, out.par_d, out.par_n, &shape_n, &shape_d))
    return rectangle;
  rectangle.h = int(gst_util_uint64_scale_int(guint64(out.width), shape_d, shape_n));
  if (rectangle.h > out.height) {
    rectangle.h = out.height;
    rectangle.w = int(gst_util_uint64_scale_int(guint64(out.height), shape_n, shape_d));
  }
  rectangle.x = (out.width - rectangle.w) / 2;
  rectangle.y = (out.height - rectangle.h) / 2;
  return rectangle;
}

ElementTransform scale(const PictureCaps &in, const PictureCaps &out, bool borders) {
  if (!borders) return {};
  const GstVideoRectangle r = letterbox(in, out);
  if (r.w <= 0 || r.h <= 0) return {Certainty::Unknown, {}};
  return {Certainty::Known, FrameTransform::placed({0, 0, 1, 1}, fractions(out, r.x, r.y, r.w, r.h))};
}

Orientation orientation_of(GstVideoOrientationMethod method) {
  switch (method) {
    case GST_VIDEO_ORIENTATION_90R:
      return Orientation::Rotate90;
    case GST_VIDEO_ORIENTATION_180:
      return Orientation::Rotate180;
    case GST_VIDEO_ORIENTATION_90L:
      return Orientation::Rotate270;
    case GST_VIDEO_ORIENTATION_HORIZ:
      return Orientation::FlipHorizontal;
    case GST_VIDEO_ORIENTATION_VERT:
      return Orientation::FlipVertical;
    case GST_VIDEO_ORIENTATION_UL_LR:
      return Orientation::Transpose;
    case GST_VIDEO_ORIENTATION_UR_LL:
      return Orientation::AntiTranspose;
    default:
      return Orientation::Identity;
  }
}

// Where a question is marked as ours; the point that it asks for comes back in it.
constexpr const char *kQuestion = "oneadapt-question";

struct Answer {
  double x = -G_MAXINT, y = -G_MAXINT;
};

/// Takes the answer, and keeps it from those upstream.
GstPadProbeReturn take_answer(GstPad *, GstPadProbeInfo *info, gpointer answer) {
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
  if (GST_EVENT_TYPE(event) != GST_EVENT_NAVIGATION) return GST_PAD_PROBE_OK;
  const GstStructure *s = gst_event_get_structure(event);
  gpointer asker = nullptr;
  if (!gst_structure_get(s, kQuestion, G_TYPE_POINTER, &asker, nullptr)) return GST_PAD_PROBE_OK;
  if (asker != answer) return GST_PAD_PROBE_OK;  // another thread's, which has a probe of its own
  auto *a = static_cast<Answer *>(answer);
  gst_structure_get(s, "pointer_x", G_TYPE_DOUBLE, &a->x, "pointer_y", G_TYPE_DOUBLE, &a->y, nullptr);
  return GST_PAD_PROBE_DROP;
}

/// Only the element itself knows which way it turns by its stream's tags: they may be of the stream or global, older or
/// newer, and versions differ in which counts. It tells where the mouse would be in its own input, for an event that
/// says where it is in its output.
std::optional<Orientation> asked_orientation(GstPad *sink, GstPad *src, const PictureCaps &in, const PictureCaps &out) {
  // No two ways of turning take this point to the same place.
  constexpr double kAcross = 0.25, kDown = 0.125;
  constexpr double kMostOff = 2;  // pixels: some count from 0, some from 1
  Answer answer;
  const gulong probe = gst_pad_add_probe(sink, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, take_answer, &answer, nullptr);
  gst_pad_send_event(src, gst_event_new_navigation(gst_structure_new(
                              "application/x-gst-navigation", "event", G_TYPE_STRING, "mouse-move", "pointer_x",
                              G_TYPE_DOUBLE, kAcross * out.width, "pointer_y", G_TYPE_DOUBLE, kDown * out.height,
                              kQuestion, G_TYPE_POINTER, &answer, nullptr)));
  gst_pad_remove_probe(sink, probe);
  std::optional<Orientation> nearest;
  double least = kMostOff;
  for (int i = 0; i <= int(Orientation::AntiTranspose); ++i) {
    const Box point = FrameTransform::turned(Orientation(i)).to_source({kAcross, kDown, kAcross, kDown});
    const double off = std::max(std::abs(point.x0 * in.width - answer.x), std::abs(point.y0 * in.height - answer.y));
    if (off > least) continue;
    least = off;
    nearest = Orientation(i);
  }
  return nearest;
}

/// None: it cannot be told.
std::optional<Orientation> orientation_of(GstElement *element, GstPad *sink, GstPad *src, const PictureCaps &in,
                                          const PictureCaps &out) {
  GstVideoOrientationMethod method = GST_VIDEO_ORIENTATION_IDENTITY;
  g_object_get(element, "video-direction", &method, nullptr);
  if (method == GST_VIDEO_ORIENTATION_CUSTOM) return std::nullopt;
  if (method == GST_VIDEO_ORIENTATION_AUTO) return asked_orientation(sink, src, in, out);
  return orientation_of(method);
}

/// Hardware's converters can do several things at once, in an order that each has for itself.
bool crops_too(GstElement *element) {
  for (const char *name : {"crop-left", "crop-right", "crop-top", "crop-bottom"})
    if (has_property(element, name, G_TYPE_UINT) || has_property(element, name, G_TYPE_INT)) {
      GValue value = G_VALUE_INIT, number = G_VALUE_INIT;
      g_object_get_property(G_OBJECT(element), name, &value);
      g_value_init(&number, G_TYPE_INT64);
      const bool crops = g_value_transform(&value, &number) && g_value_get_int64(&number) != 0;
      g_value_unset(&value);
      if (crops) return true;
    }
  return false;
}

ElementTransform turn(Orientation orientation, const PictureCaps &in, const PictureCaps &out) {
  PictureCaps turned = in;
  if (swaps_sides(orientation)) std::swap(turned.width, turned.height);
  if (!same_size(turned, out)) return {Certainty::OutOfStep, {}};
  return {Certainty::Known, FrameTransform::turned(orientation)};
}

}  // namespace

std::optional<PictureCaps> picture_caps(GstPad *pad) {
  GstCaps *caps = gst_pad_get_current_caps(pad);
  if (!caps) return std::nullopt;
  PictureCaps p;
  const GstStructure *s = gst_caps_get_structure(caps, 0);
  const bool raw = gst_structure_has_name(s, "video/x-raw") && gst_structure_get_int(s, "width", &p.width) &&
                   gst_structure_get_int(s, "height", &p.height) && p.width > 0 && p.height > 0;
  if (!gst_structure_get_fraction(s, "pixel-aspect-ratio", &p.par_n, &p.par_d) || p.par_n <= 0 || p.par_d <= 0)
    p.par_n = p.par_d = 1;
  const gchar *format = gst_structure_get_string(s, "format");
  const GstVideoFormatInfo *info = format ? gst_video_format_get_info(gst_video_format_from_string(format)) : nullptr;
  p.has_alpha = info && GST_VIDEO_FORMAT_INFO_HAS_ALPHA(info);
  gst_caps_unref(caps);
  return raw ? std::optional<PictureCaps>(p) : std::nullopt;
}

ElementTransform element_transform(GstElement *element, GstPad *sink, GstPad *src) {
  const auto in = picture_caps(sink), out = picture_caps(src);
  if (!in || !out) return {Certainty::Unknown, {}};
  const std::string factory = factory_name(element);
  if (factory == "videocrop") return crop(element, *in, *out);
  if (factory == "videobox")
    return boxed(*in, *out, int_property(element, "left"), int_property(element, "right"), int_property(element, "top"),
                 int_property(element, "bottom"));

  const bool scales = has_property(element, "add-borders", G_TYPE_BOOLEAN) || is_one_of(factory, kScaling);
  if (GST_IS_VIDEO_DIRECTION(element)) {
    const auto orientation = orientation_of(element, sink, src, *in, *out);
    if (!orientation || crops_too(element)) return {Certainty::Unknown, {}};
    if (!scales || *orientation != Orientation::Identity) {
      const ElementTransform turned = turn(*orientation, *in, *out);
      if (scales && turned.certainty != Certainty::Known) return {Certainty::Unknown, {}};
      return turned;
    }
  }
  if (scales)
    return crops_too(element) ? ElementTransform{Certainty::Unknown, {}}
                              : scale(*in, *out, bool_property(element, "add-borders", false));
  if (is_moving(element)) return {Certainty::Unknown, {}};
  if (is_still(element)) return {same_size(*in, *out) ? Certainty::Known : Certainty::OutOfStep, {}};
  return {same_size(*in, *out) ? Certainty::Assumed : Certainty::Unknown, {}};
}

/* ---- mixers -------------------------------------------------------------------------------------------------- */

namespace {

/// Where a mixer puts one of its pads' pictures, in pixels of its output; empty: nowhere.
GstVideoRectangle mixer_rectangle(GstElement *mixer, GstPad *sink, const PictureCaps &in, const PictureCaps &out) {
  int width = int_property(sink, "width", -1), height = int_property(sink, "height", -1);
  const bool zero_is_natural = bool_property(mixer, "zero-size-is-unscaled", true);
  if (width < 0 || (width == 0 && zero_is_natural)) width = in.width;
  if (height < 0 || (height == 0 && zero_is_natural)) height = in.height;
  GstVideoRectangle r{int_property(sink, "xpos"), int_property(sink, "ypos"), width, height};
  guint shape_n = 0, shape_d = 0;  // of the picture when it is shown, as pixels of the output
  if (width == 0 || height == 0 ||
      !gst_video_calculate_display_ratio(&shape_n, &shape_d, guint(width), guint(height), guint(in.par_n),
                                         guint(in.par_d), guint(out.par_n), guint(out.par_d)))
    return {0, 0, 0, 0};
  if (nick_property(sink, "sizing-policy") == "keep-aspect-ratio") {
    PictureCaps place = out;
    place.width = width;
    place.height = height;
    const GstVideoRectangle inside = letterbox(in, place);
    return {r.x + inside.x, r.y + inside.y, inside.w, inside.h};
  }
  // Pixels of another shape: the height stays, unless the width alone comes out even.
  if (guint(height) % shape_n != 0 && guint(width) % shape_d == 0)
    r.h = int(gst_util_uint64_scale_int(guint64(width), int(shape_d), int(shape_n)));
  else
    r.w = int(gst_util_uint64_scale_int(guint64(height), int(shape_n), int(shape_d)));
  return r;
}

/// Whether nothing shines through a mixer's picture.
bool is_opaque(GstPad *sink, const PictureCaps &caps) {
  double alpha = 1;
  if (has_property(sink, "alpha", G_TYPE_DOUBLE)) g_object_get(sink, "alpha", &alpha, nullptr);
  return alpha >= 1 && !caps.has_alpha && nick_property(sink, "operator") != "add";
}

guint z_order(GstPad *sink) {
  guint order = 0;
  if (has_property(sink, "zorder", G_TYPE_UINT)) g_object_get(sink, "zorder", &order, nullptr);
  return order;
}

std::vector<GstPad *> sink_pads(GstElement *element) {
  std::vector<GstPad *> pads;
  GST_OBJECT_LOCK(element);
  for (GList *l = element->sinkpads; l; l = l->next) pads.push_back(GST_PAD(gst_object_ref(l->data)));
  GST_OBJECT_UNLOCK(element);
  return pads;
}

}  // namespace

bool is_mixer(GstElement *element) {
  bool mixer = false;
  for (GstPad *pad : sink_pads(element)) {
    mixer = mixer || (has_property(pad, "xpos", G_TYPE_INT) && has_property(pad, "ypos", G_TYPE_INT));
    gst_object_unref(pad);
  }
  return mixer;
}

ElementTransform mixer_transform(GstElement *mixer, GstPad *sink, GstPad *src) {
  const auto in = picture_caps(sink), out = picture_caps(src);
  if (!in || !out) return {Certainty::Unknown, {}};
  const auto place = [&](GstPad *pad, const PictureCaps &caps) {
    const GstVideoRectangle r = mixer_rectangle(mixer, pad, caps, *out);
    return fractions(*out, r.x, r.y, r.w, r.h);
  };
  double alpha = 1;
  if (has_property(sink, "alpha", G_TYPE_DOUBLE)) g_object_get(sink, "alpha", &alpha, nullptr);
  const Box own = place(sink, *in);
  if (is_empty(own) || alpha <= 0)  // it is nowhere to be seen
    return {Certainty::Known, FrameTransform::placed({0, 0, 1, 1}, {1, 1, 2, 2})};
  ElementTransform result{Certainty::Known, FrameTransform::placed({0, 0, 1, 1}, own)};
  bool later = false;  // of two of one order, the later pad is drawn later
  for (GstPad *pad : sink_pads(mixer)) {
    const auto caps = picture_caps(pad);
    if (pad != sink && caps && (z_order(pad) > z_order(sink) || (later && z_order(pad) == z_order(sink))) &&
        is_opaque(pad, *caps))
      result.transform.hide(place(pad, *caps));
    later = later || pad == sink;
    gst_object_unref(pad);
  }
  return result;
}

}  // namespace oneadapt
