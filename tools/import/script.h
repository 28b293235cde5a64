// SPDX-License-Identifier: LGPL-2.1-or-later
// Programs in TorchScript with words in capitals that stand for numbers.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace oneadapt::import {

using Constants = std::vector<std::pair<std::string, std::string>>;

inline std::string with_constants(std::string text, const Constants &constants) {
  for (const auto &[word, value] : constants)
    for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + value.size()))
      text.replace(at, word.size(), value);
  return text;
}

}  // namespace oneadapt::import
