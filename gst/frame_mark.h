// SPDX-License-Identifier: LGPL-2.1-or-later
// The mark that a frame carries across a network (lib/wire/mark.h), as metadata of its buffer on the receiving side.
// Internal.
#pragma once
#include <gst/gst.h>

#include <optional>

#include "wire/mark.h"

namespace oneadapt {

/// The mark that a buffer carries as user data (GstVideoSEIUserDataUnregisteredMeta); none: it has none, or a wrong
/// one.
std::optional<IntervalMark> mark_of(GstBuffer *buffer);

/// Gives a buffer, which must be writable, a mark that mark_of() finds: for a decoder that is ours.
void set_mark(GstBuffer *buffer, const IntervalMark &mark);

}  // namespace oneadapt
