// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

namespace oneadapt::tools {

/// That programs keep unless they are told otherwise. What users of detectors put up with, about: one object in ten is
/// another one.
constexpr double kUsualAccuracy = 0.9;

}  // namespace oneadapt::tools
