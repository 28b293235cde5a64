// SPDX-License-Identifier: LGPL-2.1-or-later
// What is adapted, and which accuracy is kept, where the user says neither.
#include "ctl/knob_selection.h"
#include "ctl_rig.h"

namespace {

using Names = std::vector<std::string>;

/// Knobs as oneadaptfilter has them; `map`: of coded pictures.
class Defaults : public testing::Test {
 protected:
  ~Defaults() override { gst_object_unref(element_); }
  Names of(const KnobSelection &selection, bool map = true) {
    GPtrArray *knobs = g_ptr_array_new_with_free_func(GDestroyNotify(gst_oneadapt_knob_free));
    const auto add = [&](const char *name, unsigned flags, bool frames = false) {
      const gdouble ladder[] = {1, 2}, compute[] = {0.5, 1};
      GstOneadaptKnob *knob = gst_oneadapt_knob_new(name, ladder, 2, 0);
      gst_oneadapt_knob_set_typical(knob, compute, compute);
      if (frames) gst_oneadapt_knob_set_typical_compute(knob, compute);
      knob->flags = GstOneadaptKnobFlags(flags);
      g_ptr_array_add(knobs, knob);
    };
    add("qp", GST_ONEADAPT_KNOB_SUPERSEDED);
    add("framerate", GST_ONEADAPT_KNOB_SUPERSEDED, true);
    if (map) add("qp-map", GST_ONEADAPT_KNOB_FOLLOWS_GRADIENT);
    add("b-bias", 0);
    add("threshold", GST_ONEADAPT_KNOB_ON_REQUEST, true);
    Names names;
    for (const GstOneadaptKnob *knob : adapted_knobs(element_, knobs, selection)) names.push_back(knob->name);
    g_ptr_array_unref(knobs);
    return names;
  }

 private:
  GstElement *element_ = GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("identity", "camera")));
};

/// What a decision says is kept; −1: nothing.
double kept(const char *properties, unsigned flags) {
  Rig rig((std::string("lockstep=true ") + properties).c_str());
  rig.tunable->typical = true;
  rig.tunable->flags = GstOneadaptKnobFlags(flags);
  rig.caps();
  rig.interval();
  rig.answer(0);
  rig.push();
  GstMessage *m = rig.pop(GST_MESSAGE_ELEMENT);
  double accuracy = -1;
  if (m) {
    gst_structure_get_double(gst_message_get_structure(m), "min-accuracy", &accuracy);
    gst_message_unref(m);
  } else {
    ADD_FAILURE() << "no decision";
  }
  return accuracy;
}

}  // namespace

TEST_F(Defaults, AMapTakesThePlaceOfKnobsOfTheWholePicture) {
  EXPECT_EQ(of({{}, true, false}), (Names{"qp-map", "b-bias"}));
  EXPECT_EQ(of({{}, true, false}, false), (Names{"qp", "framerate", "b-bias"})) << "there is no map";
  EXPECT_EQ(of({{}, false, false}), (Names{"qp", "framerate", "b-bias"})) << "without gradients none can be made";
}

TEST_F(Defaults, WhereFramesAreLimitedSomethingChoosesThem) {
  EXPECT_EQ(of({{}, true, true}), (Names{"framerate", "qp-map", "b-bias"}));
}

TEST_F(Defaults, NamesGoFirst) {
  EXPECT_EQ(of({{"qp", "camera.threshold", "other.framerate"}, true, false}), (Names{"qp", "threshold"}));
}

TEST(CtlDefaults, AnAccuracyIsKeptWhereCodingIsMeasuredUnlessLambdaIsSet) {
  constexpr unsigned kMeasured = GST_ONEADAPT_KNOB_MEASURED;
  EXPECT_EQ(kept("", kMeasured), 0.9);
  EXPECT_EQ(kept("", 0), -1) << "nobody could measure it";
  EXPECT_EQ(kept("lambda=1", kMeasured), -1);
  EXPECT_EQ(kept("lambda-compute=0.1", kMeasured), -1);
  EXPECT_EQ(kept("lambda=1 min-accuracy=0.7", kMeasured), 0.7);
  EXPECT_EQ(kept("min-accuracy=0", kMeasured), -1);
  EXPECT_EQ(kept("policy=uniform", kMeasured), -1) << "it heeds none";
}
