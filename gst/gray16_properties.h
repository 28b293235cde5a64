// SPDX-License-Identifier: LGPL-2.1-or-later
// The properties gray16-black, gray16-white and gray16-hole, the same in all elements that read 16-bit pictures.
#pragma once
#include "core/vision/gray16.h"
#include "setting_properties.h"

namespace oneadapt {

/// `mapping`: a function of the settings that gives a reference to their Gray16Mapping.
template <class Settings, class Mapping>
void add_gray16(SettingProperties<Settings> &rows, GParamFlags flags, Mapping mapping) {
  rows.add(
      g_param_spec_uint("gray16-black", "Gray16 black",
                        "Number of a GRAY16_LE picture that becomes black; what is beyond is black too", 0,
                        Gray16Mapping::kMost, 0, flags),
      [mapping](auto &settings) -> auto & { return mapping(settings).black; });
  rows.add(
      g_param_spec_uint("gray16-white", "Gray16 white",
                        "Number of a GRAY16_LE picture that becomes white; less than \"gray16-black\": small "
                        "numbers are bright",
                        0, Gray16Mapping::kMost, Gray16Mapping::kMost, flags),
      [mapping](auto &settings) -> auto & { return mapping(settings).white; });
  rows.add(
      g_param_spec_int("gray16-hole", "Gray16 hole",
                       "Gray level of the number 0, where a depth camera measured nothing (-1 = as any number)",
                       Gray16Mapping::kNoHole, 255, Gray16Mapping::kNoHole, flags),
      [mapping](auto &settings) -> auto & { return mapping(settings).hole; });
}

}  // namespace oneadapt
