// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ctl/tunables.h"

#include "gstoneadapt.h"
#include "walk.h"

TunableList tunables_downstream(GstPad *src) {
  TunableList found;
  oneadapt::walk_pads(src, [&](GstElement *element, GstPad *) {
    if (GST_IS_ONEADAPT_TUNABLE(element)) found.add(element);
    return true;
  });
  return found;
}

TunableList tunables_by_name(GstElement *element, const std::vector<std::string> &names, std::string &error) {
  TunableList found;
  GstObject *top = GST_OBJECT(gst_object_ref(element));
  while (GstObject *parent = gst_object_get_parent(top)) {
    gst_object_unref(top);
    top = parent;
  }
  for (const std::string &name : names) {
    GstElement *e = GST_IS_BIN(top) ? gst_bin_get_by_name(GST_BIN(top), name.c_str()) : nullptr;
    if (!e) {
      error = "there is no element named \"" + name + "\" in the pipeline";
    } else if (!GST_IS_ONEADAPT_TUNABLE(e)) {
      error = "\"" + name + "\" is no tunable element (such as oneadaptfilter)";
    } else {
      found.add(e);
    }
    if (e) gst_object_unref(e);
    if (!error.empty()) {
      found.clear();
      break;
    }
  }
  gst_object_unref(top);
  return found;
}
