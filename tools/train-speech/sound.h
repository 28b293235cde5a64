// SPDX-License-Identifier: LGPL-2.1-or-later
// Sound in memory: one channel of float samples, full scale ±1. Decoding and resampling are GStreamer's; gst_init()
// first.
#pragma once
#include <string>
#include <vector>

namespace oneadapt_speech {

using Sound = std::vector<float>;

/// What GStreamer decodes from the file, as one channel at `rate` Hz. Throws std::runtime_error that names the file.
Sound load_sound(const std::string &path, int rate);
/// `out_rate` ÷ `in_rate` times as many samples (rounded), aligned in time; a lower rate loses what is above its half.
Sound resample(const Sound &in, int in_rate, int out_rate);
/// 16 bit WAV; samples beyond ±1 are clipped. Throws std::runtime_error that names the file.
void save_wav(const std::string &path, const Sound &sound, int rate);

/// Root of the mean square; 0 of nothing.
double rms(const Sound &sound);
double decibels(double factor);
double factor_of(double decibels);
/// Cuts off both ends where 10 ms have less than `below_peak` dB (negative) of the loudest 10 ms; `margin` s are kept.
Sound trimmed(const Sound &sound, int rate, double below_peak = -38, double margin = 0.02);

}  // namespace oneadapt_speech
