// SPDX-License-Identifier: LGPL-2.1-or-later
#include "video/pair_check.h"

namespace oneadapt {

std::string PairCheck::problem(const RgbFrame &frame, const ModelDescription &description) {
  const auto &features = description.features;
  const auto found = PairNumber::read(frame.data, frame.stride, 3, frame.width, frame.height, features.mosaic);
  if (found && *found != features.pair)
    return "the features come from the first half of pair " + found->text() + ", but this is the second half of pair " +
           features.pair.text() + "; use halves of one split";
  if (!found && !known_)
    return "it is the second half of a detector, but the pictures are no mosaics of features of " +
           std::to_string(features.mosaic.channels) + " channels; put oneadaptfeatures with the first half of pair " +
           features.pair.text() + " at the sensor";
  known_ = true;
  return "";
}

}  // namespace oneadapt
