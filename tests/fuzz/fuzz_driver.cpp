// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs fuzz_wire.cpp where libFuzzer is not: mutations of messages, the same ones for the same seed.
//   fuzz-wire [INPUTS [SEED]]      200000 inputs
//   fuzz-wire --corpus FOLDER      writes the messages that it starts from, for libFuzzer
// The input of a failure is in the file fuzz-wire.crash.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "wire/key_request.h"
#include "wire/message.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

using Bytes = std::vector<std::uint8_t>;
using oneadapt::BlockMap;
using oneadapt::Gradient;

Bytes current;

void keep_current(int signal) {
  if (FILE *f = std::fopen("fuzz-wire.crash", "wb")) {
    std::fwrite(current.data(), 1, current.size(), f);
    std::fclose(f);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

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
  bad(5, {0x20});                           // a domain that there is not
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

void mutate(Bytes &bytes, const std::vector<Bytes> &seeds, std::mt19937 &random) {
  const auto place = [&] { return bytes.empty() ? 0 : random() % bytes.size(); };
  static const std::uint8_t kTelling[] = {0, 1, 2, 15, 16, 17, 0x7f, 0x80, 0xf0, 0xff};
  const std::uint8_t telling = kTelling[random() % sizeof kTelling];
  switch (random() % 8) {
    case 0:
      if (!bytes.empty()) bytes[place()] ^= std::uint8_t(1u << random() % 8);
      break;
    case 1:
      if (!bytes.empty()) bytes[place()] = std::uint8_t(random());
      break;
    case 2:
      if (!bytes.empty()) bytes[place()] = telling;
      break;
    case 3:  // the header is where the sizes are
      if (bytes.size() > 16) bytes[5 + random() % 11] = random() % 2 ? telling : std::uint8_t(random());
      break;
    case 4:
      bytes.insert(bytes.begin() + std::ptrdiff_t(place()), 1 + random() % 8, std::uint8_t(random()));
      break;
    case 5: {
      const std::size_t at = place(), n = std::min<std::size_t>(bytes.size() - at, 1 + random() % 8);
      bytes.erase(bytes.begin() + std::ptrdiff_t(at), bytes.begin() + std::ptrdiff_t(at + n));
      break;
    }
    case 6:
      bytes.resize(place());
      break;
    case 7: {  // another one's end
      const Bytes &other = seeds[random() % seeds.size()];
      const std::size_t at = std::min(place(), other.size());
      bytes.resize(std::min(bytes.size(), at));
      bytes.insert(bytes.end(), other.begin() + std::ptrdiff_t(at), other.end());
      break;
    }
  }
}

}  // namespace

int main(int argc, char **argv) {
  const std::vector<Bytes> seeds = corpus();
  if (argc == 3 && !std::strcmp(argv[1], "--corpus")) {
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      std::ofstream out(std::string(argv[2]) + "/message-" + std::to_string(i), std::ios::binary);
      out.write(reinterpret_cast<const char *>(seeds[i].data()), std::streamsize(seeds[i].size()));
      if (!out.flush()) {
        std::fprintf(stderr, "cannot write to the folder \"%s\"\n", argv[2]);
        return 1;
      }
    }
    return 0;
  }
  const long inputs = argc > 1 ? std::atol(argv[1]) : 200000;
  std::mt19937 random(argc > 2 ? unsigned(std::atol(argv[2])) : 1u);
  if (inputs < 1) {
    std::fprintf(stderr, "usage: %s [INPUTS [SEED]] | --corpus FOLDER\n", argv[0]);
    return 2;
  }
  for (int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGILL}) std::signal(signal, keep_current);
  for (long n = 0; n < inputs; ++n) {
    current = seeds[std::size_t(n) % seeds.size()];
    if (n >= long(seeds.size()))  // the seeds themselves first
      for (unsigned changes = 1 + random() % 4; changes > 0; --changes) mutate(current, seeds, random);
    LLVMFuzzerTestOneInput(current.data(), current.size());
  }
  std::printf("%ld inputs\n", inputs);
  return 0;
}
