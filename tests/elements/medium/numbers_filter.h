// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once
#include <gst/gst.h>

/// An element of caps application/x-numbers, with a knob "bits" (1 to 8).
GType numbers_filter_get_type(void);
