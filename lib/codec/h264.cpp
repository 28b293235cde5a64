// SPDX-License-Identifier: GPL-2.0-or-later
// libx264 behind h264.h. How an exact QP per macroblock is had:
//  - every picture's QP is forced (i_qpplus1): no rate control, no smoothing over past pictures, and it may change from
//    one picture to the next without a reconfiguration;
//  - without offsets that is constant-QP mode, the cheapest. Its QP range follows from the I and B factors: made so
//    wide that it is 0…51 (neither factor moves a forced QP);
//  - offsets are only looked at while adaptive quantisation is on, which constant-QP mode or a strength of 0 would
//    switch off: hence CRF with AQ of a strength that rounds to nothing. It pays for a look-ahead that nobody uses;
//  - with B pictures and without offsets, a new encoder a GOP has the QP as its constant: what kind a picture will be,
//    and so how much coarser it is to be, is not known when it is handed over. B pictures of an encoder with offsets
//    have the QP of the others;
//  - x264 gives a macroblock the QP of the one before when they differ by 1: so they never do (coded_qp());
//  - from sub-pixel refinement 10 on x264 chooses QPs itself, around those asked for, as far as AQ is on: 9 at most.
#include "codec/h264.h"

#include <x264.h>

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <map>

#include "core/macroblock/allocation.h"

namespace oneadapt {
namespace {

constexpr int kNominalQp = 26;          // never used: every picture's QP is forced. 0 would mean lossless
constexpr float kNegligibleAq = 1e-4f;  // AQ must be on for offsets to count, but must not move any QP itself
constexpr int kQpMax = 51;
constexpr int kNeverB = -100;           // x264 itself takes no less than -90, which is not never
constexpr float kBFactor = 1.3f;        // x264's default: B pictures 2 QP coarser
constexpr std::uint8_t kNeutral = 128;  // chroma of a gray picture
constexpr int kMostRefinement = 9;      // from 10 on: "QP-RD", x264's own choice of QPs

unsigned macroblocks(unsigned pixels) { return (pixels + 15) / 16; }

int csp_of(Picture::Format format) { return format == Picture::Format::NV12 ? X264_CSP_NV12 : X264_CSP_I420; }

const std::uint8_t *after_start_code(const std::uint8_t *begin, const std::uint8_t *end) {
  while (begin < end && *begin == 0) begin++;
  return begin < end ? begin + 1 : end;
}

/// An SEI NAL unit of one message, user data (7.3.2.3, D.1.7), with start code and emulation prevention.
std::vector<std::uint8_t> user_data_nal(const std::vector<std::uint8_t> &data) {
  constexpr std::uint8_t kUnregistered = 5, kTrailing = 0x80;
  std::vector<std::uint8_t> nal = {0, 0, 1, NAL_SEI};
  int zeros = 0;
  const auto put = [&](std::uint8_t byte) {
    if (zeros >= 2 && byte <= 3) {
      nal.push_back(3);
      zeros = 0;
    }
    zeros = byte ? 0 : zeros + 1;
    nal.push_back(byte);
  };
  put(kUnregistered);
  put(std::uint8_t(data.size()));
  for (const std::uint8_t byte : data) put(byte);
  put(kTrailing);
  return nal;
}

std::string known_presets() {
  std::string all;
  for (const char *const *name = x264_preset_names; *name; name++)
    all += (all.empty() ? "" : ", ") + std::string(*name);
  return all;
}

}  // namespace

struct H264Encoder::Impl {
  H264Settings settings;
  x264_t *encoder = nullptr;
  bool started = false;
  bool ended = false;  // B pictures: flushed, so a new x264 is due
  bool b_allowed = false;
  std::int64_t last_pts = 0;
  std::vector<float> offsets;
  std::vector<std::uint8_t> neutral;  // chroma, both planes, of a gray picture
  std::string log;                    // x264's last complaint, for the exception's text
  std::vector<std::uint8_t> sps;
  std::vector<std::uint8_t> altered;                            // the last one that is not just as x264 made it
  std::map<std::int64_t, std::vector<std::uint8_t>> user_data;  // of pictures that x264 has, by their pts

  ~Impl() {
    if (encoder) x264_encoder_close(encoder);
  }

  static void on_log(void *self, int level, const char *format, va_list args) {
    if (level > X264_LOG_WARNING) return;
    char line[256];
    std::vsnprintf(line, sizeof line, format, args);
    auto &log = static_cast<Impl *>(self)->log;
    log = line;
    while (!log.empty() && log.back() == '\n') log.pop_back();
  }

  [[noreturn]] void fail(const std::string &what) const {
    throw CodecError("x264: " + what + (log.empty() ? "" : ": " + log));
  }
  x264_param_t preset();
  void describe_pictures(x264_param_t &p) const;
  void order_pictures(x264_param_t &p, int b_bias) const;
  void set_rate_control(x264_param_t &p, int qp) const;
  void keep_sps();
  void open(int qp, int b_bias);
  AccessUnit code(x264_picture_t *in);
};

/// x264's own values for the settings' preset, without latency. Throws CodecError for one that x264 does not know.
x264_param_t H264Encoder::Impl::preset() {
  // Looked up here, because x264 would accept numbers and complain on stderr.
  bool known = false;
  for (const char *const *name = x264_preset_names; *name; name++) known = known || settings.preset == *name;
  x264_param_t p;
  if (!known || x264_param_default_preset(&p, settings.preset.c_str(), "zerolatency") < 0)
    fail("unknown preset '" + settings.preset + "'; known are " + known_presets());
  p.pf_log = on_log;
  p.p_log_private = this;
  p.i_log_level = X264_LOG_WARNING;
  return p;
}

void H264Encoder::Impl::describe_pictures(x264_param_t &p) const {
  const auto &s = settings;
  p.i_width = int(s.width);
  p.i_height = int(s.height);
  p.i_csp = csp_of(s.format);
  p.i_fps_num = s.fps_num;
  p.i_fps_den = s.fps_den;
  p.b_vfr_input = 0;  // 1 would delay pictures; nothing here depends on time
  p.vui.i_colorprim = s.colour_primaries;
  p.vui.i_transfer = s.transfer;
  p.vui.i_colmatrix = s.matrix;
  p.vui.b_fullrange = s.full_range;
  p.vui.i_sar_width = int(s.sar_num);
  p.vui.i_sar_height = int(s.sar_den);
}

/// Closed GOPs, exactly where the caller asks for them.
void H264Encoder::Impl::order_pictures(x264_param_t &p, int b_bias) const {
  p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
  p.i_keyint_min = 1;
  p.i_scenecut_threshold = 0;
  p.b_open_gop = 0;
  p.b_intra_refresh = 0;
  p.i_bframe = int(settings.b_frames);
  p.i_bframe_adaptive = X264_B_ADAPT_FAST;
  p.i_bframe_bias = b_bias;
  p.i_bframe_pyramid = X264_B_PYRAMID_NONE;
}

/// A QP that is given, or with `qp_offsets` one for each macroblock; no rate control of x264's own.
void H264Encoder::Impl::set_rate_control(x264_param_t &p, int qp) const {
  if (settings.qp_offsets) {
    p.rc.i_rc_method = X264_RC_CRF;
    p.rc.f_rf_constant = kNominalQp;
    p.rc.f_qcompress = 1;
    p.rc.i_aq_mode = X264_AQ_VARIANCE;
    p.rc.f_aq_strength = kNegligibleAq;
    p.rc.f_ip_factor = p.rc.f_pb_factor = 1;
    p.analyse.i_subpel_refine = std::min(p.analyse.i_subpel_refine, kMostRefinement);
  } else {
    p.rc.i_rc_method = X264_RC_CQP;
    p.rc.i_qp_constant = kNominalQp;
    p.rc.i_aq_mode = X264_AQ_NONE;
    p.rc.f_ip_factor = std::exp2((kNominalQp - kQpMax) / 6.0f);
    p.rc.f_pb_factor = std::exp2(-kNominalQp / 6.0f);
    if (settings.b_frames) {
      p.rc.i_qp_constant = std::max(1, qp);  // 0 would mean lossless
      p.rc.f_ip_factor = 1;
      p.rc.f_pb_factor = kBFactor;
    }
  }
  p.rc.b_mb_tree = 0;
  p.rc.i_qp_min = 0;
  p.rc.i_qp_max = kQpMax;
  p.rc.i_qp_step = kQpMax;
  p.rc.i_lookahead = 0;
  p.i_sync_lookahead = 0;
}

void H264Encoder::Impl::keep_sps() {
  x264_nal_t *nals = nullptr;
  int count = 0;
  if (x264_encoder_headers(encoder, &nals, &count) < 0) fail("no stream headers");
  for (int i = 0; i < count; i++) {
    if (nals[i].i_type != NAL_SPS) continue;
    const std::uint8_t *end = nals[i].p_payload + nals[i].i_payload;
    sps.assign(after_start_code(nals[i].p_payload, end), end);
  }
}

void H264Encoder::Impl::open(int qp, int b_bias) {
  const auto &s = settings;
  if (s.width < 16 || s.height < 16 || s.width > 16384 || s.height > 16384 || s.width % 2 || s.height % 2)
    fail("a picture of " + std::to_string(s.width) + "×" + std::to_string(s.height) +
         " cannot be encoded: width and height must be even, 16…16384");
  if (!s.fps_num || !s.fps_den) fail("the nominal frame rate must be greater than 0");
  if (s.b_frames && s.profile == "baseline") fail("the profile baseline has no B pictures");

  x264_param_t p = preset();
  describe_pictures(p);
  order_pictures(p, b_bias);
  set_rate_control(p, qp);
  p.i_threads = s.threads ? int(s.threads) : X264_THREADS_AUTO;
  p.b_sliced_threads = 1;  // frame threads would delay pictures
  p.b_repeat_headers = 1;
  p.b_annexb = 1;
  p.b_aud = 0;
  p.b_full_recon = s.reconstruction;
  if (x264_param_apply_profile(&p, s.profile.c_str()) < 0)
    fail("unknown profile '" + s.profile + "'; known are baseline, main and high");

  if (encoder) x264_encoder_close(encoder);
  encoder = x264_encoder_open(&p);
  if (!encoder) fail("the encoder cannot be opened");
  keep_sps();
  b_allowed = s.b_frames > 0 && b_bias > kNeverB;
  ended = false;
}

H264Encoder::H264Encoder(const H264Settings &settings) : impl_(new Impl) {
  impl_->settings = settings;
  if (settings.b_frames > 16) impl_->fail("at most 16 B pictures in a row");
  impl_->open(kNominalQp, 0);
}

H264Encoder::~H264Encoder() = default;

const H264Settings &H264Encoder::settings() const { return impl_->settings; }

const std::vector<std::uint8_t> &H264Encoder::sps() const { return impl_->sps; }

/// Hands a picture over, or asks for one that is held back.
AccessUnit H264Encoder::Impl::code(x264_picture_t *in) {
  x264_picture_t out;
  x264_nal_t *nals = nullptr;
  int count = 0;
  const int size = x264_encoder_encode(encoder, &nals, &count, in, &out);
  if (size < 0) fail("encoding failed");
  if (size == 0 || count == 0) return {};

  AccessUnit unit;
  unit.data = nals[0].p_payload;
  unit.size = std::size_t(size);
  const auto data = user_data.extract(out.i_pts);
  if (out.b_keyframe || data) {
    // The first unit tells x264's version and options in an SEI of some 700 bytes: left out, so that equal pictures
    // cost equal bytes wherever they come.
    altered.clear();
    bool due = bool(data);
    for (int i = 0; i < count; i++) {
      if (nals[i].i_type == NAL_SEI) continue;
      if (due && nals[i].i_type != NAL_SPS && nals[i].i_type != NAL_PPS) {
        const auto nal = user_data_nal(data.mapped());
        altered.insert(altered.end(), nal.begin(), nal.end());
        due = false;
      }
      altered.insert(altered.end(), nals[i].p_payload, nals[i].p_payload + nals[i].i_payload);
    }
    unit.data = altered.data();
    unit.size = altered.size();
  }
  unit.idr = out.b_keyframe;
  unit.b = out.i_type == X264_TYPE_B;
  unit.pts = out.i_pts;
  unit.reconstruction.format = Picture::Format::NV12;
  unit.reconstruction.width = settings.width;
  unit.reconstruction.height = settings.height;
  if (settings.reconstruction) {
    for (int i = 0; i < 2; i++) {
      unit.reconstruction.plane[i] = out.img.plane[i];
      unit.reconstruction.stride[i] = std::size_t(out.img.i_stride[i]);
    }
  }
  return unit;
}

AccessUnit H264Encoder::encode(const Picture &picture, const H264Frame &frame) {
  auto &self = *impl_;
  const auto &s = self.settings;
  const std::size_t blocks = std::size_t(macroblocks(s.width)) * macroblocks(s.height);
  const bool gray = s.format == Picture::Format::Gray;
  const int planes = gray ? 1 : s.format == Picture::Format::NV12 ? 2 : 3;

  self.log.clear();
  if (picture.width != s.width || picture.height != s.height || picture.format != s.format)
    self.fail("a picture of " + std::to_string(picture.width) + "×" + std::to_string(picture.height) +
              " came to an encoder for " + std::to_string(s.width) + "×" + std::to_string(s.height) +
              " (or in another format)");
  if (frame.qp < 0 || frame.qp > kQpMax) self.fail("QP " + std::to_string(frame.qp) + " is not in 0…51");
  if (!frame.qp_offsets.empty() && !s.qp_offsets) self.fail("this encoder was not opened for QP offsets");
  if (!frame.qp_offsets.empty() && frame.qp_offsets.size() != blocks)
    self.fail(std::to_string(frame.qp_offsets.size()) + " QP offsets for " + std::to_string(blocks) + " macroblocks");
  if (frame.user_data.size() > 254) self.fail("more than 254 bytes of user data");
  if (self.started && frame.pts <= self.last_pts) self.fail("timestamps must rise");

  x264_picture_t in;
  x264_picture_init(&in);
  in.img.i_csp = csp_of(s.format);
  in.img.i_plane = gray ? 3 : planes;
  for (int i = 0; i < planes; i++) {
    if (!picture.plane[i]) self.fail("a picture lacks a plane");
    in.img.plane[i] = const_cast<std::uint8_t *>(picture.plane[i]);  // x264 only reads it
    in.img.i_stride[i] = int(picture.stride[i]);
  }
  if (gray) {
    self.neutral.resize(std::size_t(s.width / 2) * (s.height / 2), kNeutral);
    in.img.plane[1] = in.img.plane[2] = self.neutral.data();
    in.img.i_stride[1] = in.img.i_stride[2] = int(s.width / 2);
  }
  const bool idr = frame.idr || !self.started || self.ended;
  if (idr && s.b_frames) {
    if (self.started && !self.ended && x264_encoder_delayed_frames(self.encoder) > 0)
      self.fail("a GOP starts while pictures are held back");
    self.open(frame.qp, frame.b_bias);
  }
  in.i_pts = frame.pts;
  in.i_type = idr ? X264_TYPE_IDR : !self.b_allowed ? X264_TYPE_P : frame.b ? X264_TYPE_B : X264_TYPE_AUTO;
  if (!s.b_frames || s.qp_offsets) in.i_qpplus1 = frame.qp + 1;
  if (!frame.qp_offsets.empty()) {
    self.offsets.resize(blocks);
    for (std::size_t i = 0; i < blocks; i++)
      self.offsets[i] = float(coded_qp(frame.qp, frame.qp_offsets[i]) - frame.qp);
    in.prop.quant_offsets = self.offsets.data();  // without lookahead it is read before encode() returns
  }

  if (!frame.user_data.empty()) self.user_data[frame.pts] = frame.user_data;
  const AccessUnit unit = self.code(&in);
  if (unit.size == 0 && !s.b_frames) self.fail("a picture was held back");
  self.started = true;
  self.last_pts = frame.pts;
  return unit;
}

AccessUnit H264Encoder::flush() {
  auto &self = *impl_;
  self.log.clear();
  if (!self.settings.b_frames || !self.started) return {};
  self.ended = true;
  while (x264_encoder_delayed_frames(self.encoder) > 0) {
    const AccessUnit unit = self.code(nullptr);
    if (unit.size) return unit;
  }
  return {};
}

}  // namespace oneadapt
