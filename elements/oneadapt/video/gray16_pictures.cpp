// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/gray16_pictures.h"

namespace oneadapt {

BufferRef Gray16Pictures::map(const GstVideoInfo &info, GstBuffer *picture) {
  if (!table_) table_ = std::make_unique<Gray16Table>(mapping_);
  const GstVideoInfo gray = mapped(info);
  BufferRef output = take_buffer(gst_buffer_new_allocate(nullptr, gray.size, nullptr));
  MappedFrame in(info, picture, GST_MAP_READ), out(gray, output.get(), GST_MAP_WRITE);
  table_->convert(static_cast<const std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(in.get(), 0)),
                  std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(in.get(), 0)),
                  static_cast<std::uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(out.get(), 0)),
                  std::size_t(GST_VIDEO_FRAME_PLANE_STRIDE(out.get(), 0)), unsigned(info.width), unsigned(info.height));
  return output;
}

}  // namespace oneadapt
