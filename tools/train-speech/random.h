// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include "common/random.h"

namespace oneadapt_speech {

using oneadapt::tools::Random;

}  // namespace oneadapt_speech
