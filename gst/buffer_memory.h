// SPDX-License-Identifier: LGPL-2.1-or-later
// Vectors as the memory of buffers, and buffers that are mapped for as long as an object lives. Internal.
#pragma once
#include <gst/gst.h>

#include <utility>
#include <vector>

namespace oneadapt {

/// A buffer that owns the vector. (transfer full)
template <class T>
GstBuffer *buffer_of(std::vector<T> values) {
  if (values.empty()) return gst_buffer_new();
  auto *owned = new std::vector<T>(std::move(values));
  const gsize size = owned->size() * sizeof(T);
  return gst_buffer_new_wrapped_full(GST_MEMORY_FLAG_READONLY, owned->data(), size, 0, size, owned,
                                     [](gpointer data) { delete static_cast<std::vector<T> *>(data); });
}

/// A buffer that is held and mapped for reading.
class MappedBuffer {
 public:
  explicit MappedBuffer(GstBuffer *buffer) : buffer_(gst_buffer_ref(buffer)) {
    ok_ = gst_buffer_map(buffer_, &map_, GST_MAP_READ);
  }
  ~MappedBuffer() {
    if (ok_) gst_buffer_unmap(buffer_, &map_);
    gst_buffer_unref(buffer_);
  }
  MappedBuffer(const MappedBuffer &) = delete;
  MappedBuffer &operator=(const MappedBuffer &) = delete;
  bool ok() const { return ok_; }
  const guint8 *data() const { return map_.data; }
  gsize size() const { return ok_ ? map_.size : 0; }

 private:
  GstBuffer *buffer_;
  GstMapInfo map_{};
  bool ok_;
};

}  // namespace oneadapt
