// SPDX-License-Identifier: LGPL-2.1-or-later
// What the blocks of a gradient are, and what follows from it. A new domain is a value and a row here.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace oneadapt {

/// The numbers are those of the wire (docs/wire-format.md) and of the C API (GstOneadaptDomain).
enum class Domain : std::uint8_t {
  Grid = 0,    ///< a picture: blocks are places, which stay what they are from one interval to the next
  Signal = 1,  ///< a signal in time, such as sound: blocks are instants of the interval, in one row
  Space = 2,   ///< points in the space around a sensor: blocks are sectors of rings, one "pixel" each
};

struct DomainTraits {
  const char *name;
  bool averages_over_intervals;  ///< a block means the same in the next interval, so that maps may be averaged
  bool micro_averaged;           ///< accuracy counts over all elements of a stream (docs/glossary.md)
  bool one_row;                  ///< a map has a height of one
};

/// By the number of the domain.
inline constexpr std::array<DomainTraits, 3> kDomains{{{"grid in space", true, false, false},
                                                       {"signal in time", false, true, true},
                                                       {"space around a sensor", true, false, false}}};

inline constexpr const DomainTraits &traits(Domain domain) { return kDomains[std::size_t(domain)]; }

/// None for a number that no domain has.
inline constexpr std::optional<Domain> domain_of(unsigned number) {
  return number < kDomains.size() ? std::optional<Domain>(Domain(number)) : std::nullopt;
}

}  // namespace oneadapt
