// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunables.h"

#include <set>

#include "gstoneadapt.h"

namespace {

/// The pad of a real element that data pushed on `src` reaches; (transfer full), NULL when unlinked.
GstPad *real_peer(GstPad *src) {
  GstPad *peer = gst_pad_get_peer(src);
  // A ghost pad leads into a bin, an internal proxy pad out of one: both go on at their other half.
  while (peer && GST_IS_PROXY_PAD(peer)) {
    GstProxyPad *other = gst_proxy_pad_get_internal(GST_PROXY_PAD(peer));
    gst_object_unref(peer);
    if (!other) return nullptr;
    peer = gst_pad_get_peer(GST_PAD(other));
    gst_object_unref(other);
  }
  return peer;
}

void walk(GstPad *src, std::set<GstElement *> &seen, TunableList &found) {
  GstPad *peer = real_peer(src);
  if (!peer) return;
  GstElement *element = gst_pad_get_parent_element(peer);
  gst_object_unref(peer);
  if (!element) return;
  if (seen.insert(element).second) {
    if (GST_IS_ONEADAPT_TUNABLE(element)) found.add(element);
    // A snapshot: pads may come and go while this runs.
    std::vector<GstPad *> pads;
    GST_OBJECT_LOCK(element);
    for (GList *l = element->srcpads; l; l = l->next) pads.push_back(GST_PAD(gst_object_ref(l->data)));
    GST_OBJECT_UNLOCK(element);
    for (GstPad *pad : pads) {
      walk(pad, seen, found);
      gst_object_unref(pad);
    }
  }
  gst_object_unref(element);
}

}  // namespace

TunableList tunables_downstream(GstPad *src) {
  std::set<GstElement *> seen;
  TunableList found;
  walk(src, seen, found);
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
