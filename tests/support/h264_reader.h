// SPDX-License-Identifier: LGPL-2.1-or-later
// A second opinion on coded pictures: libavcodec reads the macroblocks' QPs out of the stream, and decodes it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavutil/video_enc_params.h>
}

class H264Reader {
 public:
  H264Reader() {
    const AVCodec *codec = avcodec_find_decoder(AV_CODEC_ID_H264);
    context_ = avcodec_alloc_context3(codec);
    context_->export_side_data = AV_CODEC_EXPORT_DATA_VIDEO_ENC_PARAMS;
    context_->thread_count = 1;
    context_->flags |= AV_CODEC_FLAG_LOW_DELAY;
    context_->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_CAREFUL;
    avcodec_open2(context_, codec, nullptr);
  }
  ~H264Reader() {
    av_packet_free(&packet_);
    av_frame_free(&frame_);
    avcodec_free_context(&context_);
  }
  H264Reader(const H264Reader &) = delete;
  H264Reader &operator=(const H264Reader &) = delete;

  /// One access unit in, one picture out; false for anything else, and for the least fault in the stream.
  bool decode(const std::uint8_t *data, std::size_t size) {
    if (av_new_packet(packet_, int(size)) < 0) return false;
    std::memcpy(packet_->data, data, size);
    const int sent = avcodec_send_packet(context_, packet_);
    av_packet_unref(packet_);
    return sent == 0 && avcodec_receive_frame(context_, frame_) == 0 && !frame_->decode_error_flags;
  }
  unsigned width() const { return unsigned(frame_->width); }
  unsigned height() const { return unsigned(frame_->height); }
  unsigned columns() const { return (width() + 15) / 16; }
  unsigned rows() const { return (height() + 15) / 16; }
  /// A row of plane 0 … 2 (4:2:0).
  const std::uint8_t *row(unsigned plane, unsigned y) const {
    return frame_->data[plane] + std::ptrdiff_t(y) * frame_->linesize[plane];
  }
  /// The picture's macroblocks' QPs, row by row. A macroblock without residual has none in the stream: it is given that
  /// of the one before, the picture's first one the picture's (H.264, 7.4.5).
  std::vector<int> qps() const {
    std::vector<int> all;
    const AVFrameSideData *side = av_frame_get_side_data(frame_, AV_FRAME_DATA_VIDEO_ENC_PARAMS);
    if (!side) return all;
    auto *params = reinterpret_cast<AVVideoEncParams *>(side->data);
    for (unsigned i = 0; i < params->nb_blocks; i++)
      all.push_back(params->qp + av_video_enc_params_block(params, i)->delta_qp);
    return all;
  }

 private:
  AVCodecContext *context_ = nullptr;
  AVFrame *frame_ = av_frame_alloc();
  AVPacket *packet_ = av_packet_alloc();
};

/// What was asked for against what was found, over many pictures.
struct QpTally {
  unsigned long blocks = 0;
  unsigned long without = 0;  ///< with the QP of the one before, so that they may have no residual
  unsigned long wrong = 0;    ///< neither
  unsigned long odd = 0;      ///< an odd number of steps from their picture's QP

  /// `base`: the picture's QP.
  void add(int base, const std::vector<int> &asked, const std::vector<int> &found) {
    if (asked.size() != found.size()) wrong += asked.size();
    int before = base;
    for (std::size_t i = 0; i < found.size() && i < asked.size(); i++) {
      blocks++;
      if (found[i] != asked[i]) ++(found[i] == before ? without : wrong);
      odd += (found[i] - base) % 2 != 0;
      before = found[i];
    }
  }
};
