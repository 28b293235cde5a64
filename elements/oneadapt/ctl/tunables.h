// SPDX-License-Identifier: LGPL-2.1-or-later
// Finding the tunables that a controller steers.
#pragma once
#include <gst/gst.h>

#include <string>
#include <vector>

/// References to elements that implement GstOneadaptTunable; the destructor drops them.
class TunableList {
 public:
  TunableList() = default;
  ~TunableList() { clear(); }
  TunableList(const TunableList &) = delete;
  TunableList &operator=(const TunableList &) = delete;
  TunableList(TunableList &&other) noexcept { elements_.swap(other.elements_); }
  TunableList &operator=(TunableList &&other) noexcept {
    elements_.swap(other.elements_);
    return *this;
  }
  void add(GstElement *element) { elements_.push_back(GST_ELEMENT(gst_object_ref(element))); }
  void clear() {
    for (GstElement *e : elements_) gst_object_unref(e);
    elements_.clear();
  }
  bool empty() const { return elements_.empty(); }
  std::size_t size() const { return elements_.size(); }
  auto begin() const { return elements_.begin(); }
  auto end() const { return elements_.end(); }

 private:
  std::vector<GstElement *> elements_;
};

/// All tunables that can be reached downstream of `src`, nearest first, through bins and across threads.
TunableList tunables_downstream(GstPad *src);

/// The tunables with these names, anywhere in the pipeline that `element` is in. On failure the list is empty and
/// `error` says which name is wrong and why.
TunableList tunables_by_name(GstElement *element, const std::vector<std::string> &names, std::string &error);
