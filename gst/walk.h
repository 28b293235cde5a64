// SPDX-License-Identifier: LGPL-2.1-or-later
// Walking the elements that a pad leads to, for the library and our elements; not installed.
#pragma once
#include <gst/gst.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace oneadapt {

/// Called with an element and the pad by which it was reached; for a bin whose border is crossed, with its ghost pad.
/// Returns false to stop there.
using WalkVisitor = std::function<bool(GstElement *element, GstPad *pad)>;

/// Visits each element that data pushed on `pad` (a source pad) reaches, or, from a sink pad, each that data comes
/// from; nearest first, through bins and across threads, each element once. The walk is a snapshot: pads may be added
/// or removed meanwhile. Thread-safe.
inline void walk_pads(GstPad *pad, const WalkVisitor &visit, std::set<GstElement *> *seen_before = nullptr) {
  std::set<GstElement *> own;
  std::set<GstElement *> &seen = seen_before ? *seen_before : own;
  const bool downstream = gst_pad_get_direction(pad) == GST_PAD_SRC;
  GstPad *peer = gst_pad_get_peer(pad);
  // A ghost pad leads into a bin, an internal proxy pad out of one: both go on at their other half.
  while (peer && GST_IS_PROXY_PAD(peer)) {
    GstProxyPad *other = gst_proxy_pad_get_internal(GST_PROXY_PAD(peer));
    GstPad *ghost = GST_IS_GHOST_PAD(peer) ? peer : other && GST_IS_GHOST_PAD(other) ? GST_PAD(other) : nullptr;
    GstElement *bin = ghost ? gst_pad_get_parent_element(ghost) : nullptr;
    const bool on = !bin || !seen.insert(bin).second || visit(bin, ghost);
    gst_clear_object(&bin);
    gst_object_unref(peer);
    peer = on && other ? gst_pad_get_peer(GST_PAD(other)) : nullptr;
    gst_clear_object(&other);
  }
  if (!peer) return;
  GstElement *element = gst_pad_get_parent_element(peer);
  if (element && seen.insert(element).second && visit(element, peer)) {
    std::vector<GstPad *> pads;
    GST_OBJECT_LOCK(element);
    for (GList *l = downstream ? element->srcpads : element->sinkpads; l; l = l->next)
      pads.push_back(GST_PAD(gst_object_ref(l->data)));
    GST_OBJECT_UNLOCK(element);
    for (GstPad *next : pads) {
      walk_pads(next, visit, &seen);
      gst_object_unref(next);
    }
  }
  gst_clear_object(&element);
  gst_object_unref(peer);
}

/// Whether what is pushed on `pad` reaches a DNN of this process.
inline bool leads_to_dnn(GstPad *pad) {
  bool found = false;
  walk_pads(pad, [&](GstElement *element, GstPad *) {
    GstElementFactory *factory = gst_element_get_factory(element);
    found = found || (factory && std::string(GST_OBJECT_NAME(factory)) == "oneadaptdnn");
    return !found;
  });
  return found;
}

/// Whether what is pushed on `pad` goes to a network: a payloader, or an element that calls itself "Network".
inline bool leads_to_network(GstPad *pad) {
  bool network = false;
  walk_pads(pad, [&](GstElement *element, GstPad *) {
    const gchar *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
    for (const char *word : {"Network", "Payloader"})
      network = network || (klass && g_strrstr(klass, word) && !g_strrstr(klass, "Depayloader"));
    return !network;
  });
  return network;
}

/// The first element downstream that records and goes by the caps that came first, by name; empty: there is none. A
/// muxer does, but for MPEG-TS. Not beyond a decoder, or an element that makes one size or rate of all.
inline std::string recorder_downstream(GstPad *pad) {
  std::string recorder;
  walk_pads(pad, [&](GstElement *element, GstPad *) {
    const gchar *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
    GstElementFactory *factory = gst_element_get_factory(element);
    const std::string name = factory ? GST_OBJECT_NAME(factory) : "";
    if (!klass || !recorder.empty()) return recorder.empty();
    for (const char *word : {"Decoder", "Demuxer", "Scaler"})
      if (g_strrstr(klass, word)) return false;
    if (name == "mpegtsmux" || name == "hlssink2" || name == "audioresample") return false;
    if (g_strrstr(klass, "Muxer")) recorder = name;
    return recorder.empty();
  });
  return recorder;
}

}  // namespace oneadapt
