// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs a target of libFuzzer's where that is not: mutations of a corpus, the same ones for the same seed.
//   fuzz-wire [INPUTS [SEED]]      200000 inputs
//   fuzz-wire --corpus FOLDER      writes the inputs that it starts from, for libFuzzer
// The input of a failure is in the file fuzz-wire.crash, or fuzz-cloud.crash.
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "corpus.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);

namespace {

const std::string crash_file = std::string(kTarget) + ".crash";
Bytes current;

void keep_current(int signal) {
  if (FILE *f = std::fopen(crash_file.c_str(), "wb")) {
    std::fwrite(current.data(), 1, current.size(), f);
    std::fclose(f);
  }
  std::signal(signal, SIG_DFL);
  std::raise(signal);
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
      if (bytes.size() > kHeaderBytes)
        bytes[5 + random() % (kHeaderBytes - 5)] = random() % 2 ? telling : std::uint8_t(random());
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
      std::ofstream out(std::string(argv[2]) + "/input-" + std::to_string(i), std::ios::binary);
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
