// SPDX-License-Identifier: LGPL-2.1-or-later
// What downstream offers to understand on buffers, for elements that look at the pixels; for our elements, not
// installed.
#pragma once
#include <gst/gst.h>

#include <initializer_list>

namespace oneadapt {

/// Takes metas out of an answered allocation query that downstream would heed and this element would not: with them,
/// upstream may leave work to downstream (cropping, say), and the pixels that come are not those that will be seen.
inline void withhold_metas(GstQuery *allocation, std::initializer_list<GType> apis) {
  for (const GType api : apis) {
    guint index = 0;
    while (gst_query_find_allocation_meta(allocation, api, &index))
      gst_query_remove_nth_allocation_meta(allocation, index);
  }
}

}  // namespace oneadapt
