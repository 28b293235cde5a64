// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>
#include <x264.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "codec/h264.h"
#include "pictures.h"

using oneadapt::AccessUnit;
using oneadapt::CodecError;
using oneadapt::H264Encoder;
using oneadapt::H264Frame;
using oneadapt::H264Settings;
using oneadapt::Picture;

namespace {

double psnr(const Image &image, const Picture &recon, unsigned x0, unsigned x1) {
  double sum = 0;
  for (unsigned r = 0; r < image.height; r++)
    for (unsigned c = x0; c < x1; c++) {
      const double d = double(image.y[std::size_t(r) * image.width + c]) - recon.plane[0][r * recon.stride[0] + c];
      sum += d * d;
    }
  return 10 * std::log10(255.0 * 255.0 * image.height * (x1 - x0) / sum);
}

std::vector<int> nal_types(const AccessUnit &unit) {
  std::vector<int> types;
  for (std::size_t i = 0; i + 3 < unit.size; i++)
    if (unit.data[i] == 0 && unit.data[i + 1] == 0 && unit.data[i + 2] == 1) types.push_back(unit.data[i + 3] & 31);
  return types;
}

std::vector<float> halves(unsigned w, unsigned h, float left, float right) {
  const unsigned columns = (w + 15) / 16, rows = (h + 15) / 16;
  std::vector<float> map;
  for (unsigned r = 0; r < rows; r++)
    for (unsigned c = 0; c < columns; c++) map.push_back(c < columns / 2 ? left : right);
  return map;
}

}  // namespace

TEST(H264, IdrOnlyWhereAskedAndHeadersWithIt) {
  H264Encoder encoder(settings(64, 48));
  for (int i = 0; i < 40; i++) {
    const bool idr = i == 7 || i == 30;
    H264Frame frame;
    frame.idr = idr;
    frame.pts = i;
    // A cut of the scene at 12 must not bring a key picture of its own.
    const AccessUnit unit = encoder.encode(Image(64, 48, i < 12 ? i : 5000 + 97 * i).picture(), frame);
    EXPECT_EQ(unit.idr, idr || i == 0) << i;
    const auto types = nal_types(unit);
    EXPECT_EQ(std::count(types.begin(), types.end(), 7), unit.idr) << "SPS, picture " << i;
    EXPECT_EQ(std::count(types.begin(), types.end(), 8), unit.idr) << "PPS, picture " << i;
    EXPECT_EQ(std::count(types.begin(), types.end(), 5), unit.idr) << "IDR slice, picture " << i;
    EXPECT_EQ(std::count(types.begin(), types.end(), 1), !unit.idr) << "other slice, picture " << i;
  }
}

// So that sizes can be compared: neither x264's greeting nor anything else from the past.
TEST(H264, AClosedGopCostsTheSameWhereverItComes) {
  H264Encoder encoder(settings(64, 48));
  std::vector<std::size_t> first, second;
  for (int i = 0; i < 6; i++) {
    H264Frame frame;
    frame.idr = i == 0 || i == 3;
    frame.pts = i;
    const AccessUnit unit = encoder.encode(Image(64, 48, unsigned(i % 3)).picture(), frame);
    const auto types = nal_types(unit);
    EXPECT_EQ(std::count(types.begin(), types.end(), 6), 0) << "no SEI";
    EXPECT_EQ(types.size(), unit.idr ? 3u : 1u);
    (i < 3 ? first : second).push_back(unit.size);
  }
  for (std::size_t i = 0; i < 3; i++) EXPECT_NEAR(double(first[i]), double(second[i]), 2) << i;
}

TEST(H264, LowerQpCostsMoreAndShowsMore) {
  double last_psnr = 0;
  std::size_t last_size = 0;
  for (int qp : {51, 40, 30, 20, 10, 0}) {
    H264Encoder encoder(settings(128, 96));
    H264Frame frame;
    frame.qp = qp;
    Image image(128, 96);
    const AccessUnit unit = encoder.encode(image.picture(), frame);
    const double quality = psnr(image, unit.reconstruction, 0, 128);
    EXPECT_GT(unit.size, last_size) << qp;
    EXPECT_GT(quality, last_psnr) << qp;
    last_size = unit.size;
    last_psnr = quality;
  }
}

// The left half at QP 20 and the right at QP 40 look like uniform QP 20 and QP 40 there.
TEST(H264, OffsetsMoveTheirMacroblocksOnly) {
  const unsigned w = 256, h = 112;
  Image image(w, h);
  double uniform[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    H264Encoder encoder(settings(w, h));
    H264Frame frame;
    frame.qp = i ? 40 : 20;
    uniform[i] = psnr(image, encoder.encode(image.picture(), frame).reconstruction, i ? w / 2 : 0, i ? w : w / 2);
  }
  H264Encoder encoder(settings(w, h, true));
  H264Frame frame;
  frame.qp = 30;
  frame.qp_offsets = halves(w, h, -10, 10);
  const AccessUnit unit = encoder.encode(image.picture(), frame);
  EXPECT_NEAR(psnr(image, unit.reconstruction, 0, w / 2), uniform[0], 0.3);
  EXPECT_NEAR(psnr(image, unit.reconstruction, w / 2, w), uniform[1], 0.3);
  EXPECT_GT(uniform[0], uniform[1] + 8);
}

TEST(H264, TheModeThatTakesOffsetsCostsNoBytes) {
  H264Settings plain = settings(256, 192), with = plain;
  with.qp_offsets = true;
  H264Encoder a(plain), b(with);
  double bytes[2] = {0, 0};
  for (int i = 0; i < 10; i++) {
    H264Frame frame;
    frame.qp = 30;
    frame.idr = i == 0;
    frame.pts = i;
    const Image image(256, 192, unsigned(i));
    bytes[0] += double(a.encode(image.picture(), frame).size);
    bytes[1] += double(b.encode(image.picture(), frame).size);
  }
  EXPECT_NEAR(bytes[1] / bytes[0], 1, 0.05);
}

TEST(H264, TakesNv12AndGivesTheSamePicture) {
  const unsigned w = 70, h = 50;  // no multiples of 16
  Image image(w, h);
  std::vector<std::uint8_t> uv;
  for (std::size_t i = 0; i < image.u.size(); i++) {
    uv.push_back(image.u[i]);
    uv.push_back(image.v[i]);
  }
  Picture nv12 = image.picture();
  nv12.format = Picture::Format::NV12;
  nv12.plane[1] = uv.data();
  nv12.plane[2] = nullptr;
  nv12.stride[1] = w;
  H264Settings s = settings(w, h);
  H264Encoder planar(s);
  s.format = Picture::Format::NV12;
  H264Encoder interleaved(s);
  const AccessUnit a = planar.encode(image.picture(), {}), b = interleaved.encode(nv12, {});
  ASSERT_EQ(a.size, b.size);
  EXPECT_EQ(0, std::memcmp(a.data, b.data, a.size));
  EXPECT_EQ(a.reconstruction.width, w);
  EXPECT_EQ(a.reconstruction.height, h);
}

TEST(H264, NoReconstructionUnlessAskedFor) {
  H264Encoder encoder(settings(64, 48, false, false));
  EXPECT_EQ(encoder.encode(Image(64, 48).picture(), {}).reconstruction.plane[0], nullptr);
}

TEST(H264, SlicedThreadsHoldNothingBack) {
  H264Settings s = settings(256, 192);
  s.threads = 3;
  H264Encoder encoder(s);
  for (int i = 0; i < 10; i++) {
    H264Frame frame;
    frame.pts = i;
    EXPECT_GT(encoder.encode(Image(256, 192, i).picture(), frame).size, 0u);
  }
}

TEST(H264, SpsNamesTheProfile) {
  H264Encoder encoder(settings(64, 48));
  ASSERT_GT(encoder.sps().size(), 4u);
  EXPECT_EQ(encoder.sps()[0] & 31, 7);
  EXPECT_EQ(encoder.sps()[1], 100);  // High: veryfast uses the 8×8 transform
}

TEST(H264, RefusesWhatItCannotDo) {
  EXPECT_THROW(H264Encoder(settings(63, 48)), CodecError);
  EXPECT_THROW(H264Encoder(settings(8, 48)), CodecError);
  EXPECT_THROW(H264Encoder(settings(16386, 48)), CodecError);
  H264Settings s = settings(64, 48);
  s.preset = "warp";
  try {
    H264Encoder encoder(s);
    FAIL();
  } catch (const CodecError &error) {
    EXPECT_NE(std::string(error.what()).find("veryfast"), std::string::npos) << error.what();
  }
  s = settings(64, 48);
  s.fps_num = 0;
  EXPECT_THROW(H264Encoder{s}, CodecError);

  H264Encoder plain(settings(64, 48));
  H264Frame frame;
  frame.qp_offsets.assign(4 * 3, 2);
  EXPECT_THROW(plain.encode(Image(64, 48).picture(), frame), CodecError) << "offsets that were not announced";
  frame.qp_offsets.clear();

  H264Encoder encoder(settings(64, 48, true));
  EXPECT_THROW(encoder.encode(Image(66, 48).picture(), frame), CodecError);
  frame.qp = 52;
  EXPECT_THROW(encoder.encode(Image(64, 48).picture(), frame), CodecError);
  frame.qp = 20;
  frame.qp_offsets = {1, 2, 3};
  EXPECT_THROW(encoder.encode(Image(64, 48).picture(), frame), CodecError);
  frame.qp_offsets.clear();
  EXPECT_NO_THROW(encoder.encode(Image(64, 48).picture(), frame));
  EXPECT_THROW(encoder.encode(Image(64, 48).picture(), frame), CodecError) << "the same timestamp twice";
  frame.pts = 1;
  frame.qp_offsets.assign(4 * 3, std::nanf(""));
  EXPECT_NO_THROW(encoder.encode(Image(64, 48).picture(), frame)) << "a bad offset counts as none";
}

// x264's own constant-QP mode, without any adaptive quantisation, is the yardstick for "exact" when there is no
// decoder: the same key picture bit for bit, and the others (where AQ takes part in the choice of modes) as good.
TEST(H264, EqualsConstantQpMode) {
  const unsigned w = 150, h = 90;
  for (int qp : {20, 26, 27, 40}) {
    H264Encoder encoder(settings(w, h));
    x264_param_t p;
    ASSERT_EQ(0, x264_param_default_preset(&p, "veryfast", "zerolatency"));
    p.i_log_level = X264_LOG_NONE;
    p.i_width = w;
    p.i_height = h;
    p.i_threads = 1;
    p.i_csp = X264_CSP_I420;
    p.i_keyint_max = X264_KEYINT_MAX_INFINITE;
    p.i_scenecut_threshold = 0;
    p.rc.i_rc_method = X264_RC_CQP;
    p.rc.i_qp_constant = qp;
    p.rc.f_ip_factor = 1;
    p.b_full_recon = 1;
    x264_t *plain = x264_encoder_open(&p);
    ASSERT_TRUE(plain);
    for (int i = 0; i < 6; i++) {
      const Image image(w, h, 3 * i);
      H264Frame frame;
      frame.pts = i;
      frame.qp = qp;
      const AccessUnit unit = encoder.encode(image.picture(), frame);
      x264_picture_t in, out;
      x264_picture_init(&in);
      in.i_pts = i;
      in.img.i_csp = X264_CSP_I420;
      in.img.i_plane = 3;
      for (int k = 0; k < 3; k++) {
        in.img.plane[k] = const_cast<std::uint8_t *>(image.picture().plane[k]);
        in.img.i_stride[k] = int(image.picture().stride[k]);
      }
      x264_nal_t *nals;
      int count;
      const int size = x264_encoder_encode(plain, &nals, &count, &in, &out);
      ASSERT_GT(size, 0);
      Picture theirs = unit.reconstruction;
      theirs.plane[0] = out.img.plane[0];
      theirs.stride[0] = std::size_t(out.img.i_stride[0]);
      EXPECT_NEAR(psnr(image, theirs, 0, w), psnr(image, unit.reconstruction, 0, w), 0.3) << "QP " << qp << ", " << i;
      for (unsigned r = 0; r < h && i == 0; r++)
        ASSERT_EQ(0, std::memcmp(out.img.plane[0] + int(r) * out.img.i_stride[0],
                                 unit.reconstruction.plane[0] + r * unit.reconstruction.stride[0], w))
            << "QP " << qp << ", picture " << i << ", row " << r;
    }
    x264_encoder_close(plain);
  }
}

TEST(H264, BPicturesComeLaterAndAreCoarser) {
  H264Settings s = settings(128, 96);
  s.b_frames = 2;
  H264Encoder encoder(s);
  double b_bytes = 0, p_bytes = 0;
  unsigned b_count = 0, p_count = 0;
  std::vector<std::int64_t> pts;
  auto take = [&](const AccessUnit &unit) {
    if (!unit.size) return false;
    pts.push_back(unit.pts);
    if (unit.idr) return true;
    (unit.b ? b_bytes : p_bytes) += double(unit.size);
    ++(unit.b ? b_count : p_count);
    return true;
  };
  for (int gop = 0; gop < 2; gop++) {
    for (int i = 0; i < 12; i++) {
      H264Frame frame;
      frame.qp = 32;
      frame.idr = i == 0;
      frame.pts = 12 * gop + i;
      frame.b_bias = 100;
      take(encoder.encode(Image(128, 96, unsigned(3 * frame.pts)).picture(), frame));
    }
    while (take(encoder.flush())) {
    }
    EXPECT_EQ(pts.size(), 12u * (gop + 1)) << "a flush leaves nothing behind";
  }
  EXPECT_GT(b_count, 8u);
  EXPECT_FALSE(std::is_sorted(pts.begin(), pts.end()));
  EXPECT_LT(b_bytes / b_count, 0.8 * p_bytes / p_count) << "2 QP coarser";
  EXPECT_EQ(encoder.flush().size, 0u);
}

TEST(H264, UserDataStaysWithAPictureThatIsHeldBack) {
  H264Settings s = settings(128, 96);
  s.b_frames = 2;
  H264Encoder encoder(s);
  std::vector<std::int64_t> with;
  bool reordered = false;
  const auto take = [&](const AccessUnit &unit) {
    if (!unit.size) return false;
    reordered = reordered || unit.b;
    const auto types = nal_types(unit);
    if (std::count(types.begin(), types.end(), 6)) with.push_back(unit.pts);
    return true;
  };
  for (int i = 0; i < 12; i++) {
    H264Frame frame;
    frame.pts = i;
    frame.b_bias = 100;
    if (i == 0 || i == 4 || i == 11) frame.user_data.assign(16, 7);
    take(encoder.encode(Image(128, 96, unsigned(3 * i)).picture(), frame));
  }
  while (take(encoder.flush())) {
  }
  EXPECT_TRUE(reordered);
  std::sort(with.begin(), with.end());
  EXPECT_EQ(with, (std::vector<std::int64_t>{0, 4, 11}));
}

TEST(H264, BPicturesNever) {
  H264Settings s = settings(128, 96);
  s.b_frames = 2;
  H264Encoder encoder(s);
  for (int i = 0; i < 12; i++) {
    H264Frame frame;
    frame.pts = i;
    frame.b_bias = -100;
    EXPECT_FALSE(encoder.encode(Image(128, 96, unsigned(3 * i)).picture(), frame).b);
  }
  while (true) {
    const AccessUnit unit = encoder.flush();
    if (!unit.size) break;
    EXPECT_FALSE(unit.b);
  }
}

TEST(H264, AGopMustNotStartWhilePicturesAreHeldBack) {
  H264Settings s = settings(64, 48);
  s.b_frames = 3;
  H264Encoder encoder(s);
  H264Frame frame;
  encoder.encode(Image(64, 48).picture(), frame);
  frame.pts = 1;
  encoder.encode(Image(64, 48, 1).picture(), frame);
  frame.pts = 2;
  frame.idr = true;
  EXPECT_THROW(encoder.encode(Image(64, 48, 2).picture(), frame), CodecError);
}

TEST(H264, UserDataTravelsWithItsPictureAndChangesNothingElse) {
  H264Encoder plain(settings(64, 48)), with(settings(64, 48));
  // Bytes that look like a start code must not become one.
  const std::vector<std::uint8_t> data = {0, 0, 0, 0, 0, 1, 7, 0, 0, 2, 0, 0, 3, 0, 0, 0};
  const std::vector<std::uint8_t> coded = {0, 0, 1, 6, 5, 16, 0, 0, 3, 0, 0, 3, 0, 1,
                                           7, 0, 0, 3, 2, 0,  0, 3, 3, 0, 0, 3, 0, 0x80};
  for (int i = 0; i < 6; i++) {
    H264Frame frame;
    frame.pts = i;
    frame.idr = i == 3;
    const Image image(64, 48, i);
    const AccessUnit a = plain.encode(image.picture(), frame);
    const std::vector<std::uint8_t> before(a.data, a.data + a.size);
    if (i != 4) frame.user_data = data;
    const AccessUnit b = with.encode(image.picture(), frame);
    std::vector<std::uint8_t> after(b.data, b.data + b.size);
    const auto types = nal_types(b);
    EXPECT_EQ(std::count(types.begin(), types.end(), 6), i != 4) << i;
    if (i != 4) {
      const auto at = std::search(after.begin(), after.end(), coded.begin(), coded.end());
      ASSERT_NE(at, after.end()) << i;
      EXPECT_EQ(types[b.idr ? 2 : 0], 6) << "after SPS and PPS, before the slice";
      after.erase(at, at + std::ptrdiff_t(coded.size()));
    }
    EXPECT_EQ(after, before) << i;
  }
  H264Frame frame;
  frame.pts = 6;
  frame.user_data.resize(255);
  EXPECT_THROW(with.encode(Image(64, 48, 6).picture(), frame), CodecError);
}
