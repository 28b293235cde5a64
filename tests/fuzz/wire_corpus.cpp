// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <random>

#include "corpus.h"
#include "wire/key_request.h"
#include "wire/message.h"

using oneadapt::BlockMap;
using oneadapt::Gradient;

const char *const kTarget = "fuzz-wire";
const std::size_t kHeaderBytes = 16;

/// Whole messages of several grids, maps, budgets; then bad ones made by hand.
std::vector<Bytes> corpus() {
  std::vector<Bytes> messages;
  std::mt19937 random(1);
  struct Shape {
    unsigned width, height, block, regions;
    std::size_t budget;
  };
  for (const Shape &s : {Shape{64, 48, 16, 0, 1300}, Shape{200, 120, 16, 3, 1300}, Shape{33, 17, 16, 1, 1300},
                         Shape{1, 1, 1, 0, 96}, Shape{320, 180, 16, 60, 500}, Shape{640, 352, 16, 2, 200},
                         Shape{72000, 1, 80, 0, 1300}, Shape{0xffffffff, 70000, 1u << 29, 1, 1300}})
    for (unsigned kind = 0; kind < 3; ++kind) {
      Gradient g;
      g.interval = random();
      g.interval_duration = 1000000000;
      g.stream_time = g.interval * g.interval_duration;
      g.z = -3.5;
      g.domain = s.height == 1 && s.width > 1 ? oneadapt::Domain::Signal : oneadapt::Domain::Grid;
      g.map = BlockMap(s.width, s.height, s.block);
      for (float &v : g.map.values) v = kind == 0 ? 0 : kind == 1 ? float(random() % 8 ? 0.01 : 1) : float(random());
      for (unsigned i = 0; i < s.regions; ++i) g.regions.push_back({0.1, 0.1, 0.2, 0.01 * i});
      messages.push_back(oneadapt::encode_gradient(g, s.budget));
    }
  const Bytes good = messages[4];
  const auto bad = [&](std::size_t at, const Bytes &change) {
    Bytes b = good;
    std::copy(change.begin(), change.end(), b.begin() + std::ptrdiff_t(at));
    messages.push_back(b);
  };
  messages.push_back({});
  messages.push_back(oneadapt::encode_key_request({1}));
  messages.push_back({'O', 'A', 'G', 'R', 5});
  bad(4, {4});                              // the version before
  bad(5, {4});                              // a flag that there is not
  bad(5, {2});                              // wide, without the bytes for it
  bad(5, {0x10});                           // a signal that is not one high
  bad(5, {0x30});                           // a domain that there is not
  bad(6, {16});                             // pooling
  bad(7, {0});                              // levels
  bad(7, {16});                             // more levels than there are
  bad(54, {64});                            // more regions than there are
  bad(10, {0, 0});                          // no blocks
  bad(10, {0, 1, 4, 0, 4, 0});              // 2^20 blocks
  bad(10, {0, 1, 0xff, 0xff, 0xff, 0xff});  // 2^32 blocks
  bad(26, {0, 0, 0, 0, 0, 0, 0, 0});        // an interval without duration
  bad(10, {0xff, 0xff});                    // a block of 65535 pixels
  bad(42, {0x7f, 0xc0});                    // z is not a number
  bad(55, {0xff, 0xff, 0xff, 0, 0, 0});     // a region that is turned over
  Bytes stored = good;                      // a stored block that claims 65535 bytes
  stored.insert(stored.end() - 4, {1, 0xff, 0xff, 0, 0});
  messages.push_back(stored);
  stored.resize(good.size() / 2);
  messages.push_back(stored);
  return messages;
}
