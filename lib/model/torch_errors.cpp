// SPDX-License-Identifier: LGPL-2.1-or-later
#include "model/torch_errors.h"

#include <c10/util/Exception.h>

#include <sstream>

namespace oneadapt {

std::string first_sentence(const std::exception &e) {
  const auto *torch_error = dynamic_cast<const c10::Error *>(&e);
  std::string text = torch_error ? torch_error->what_without_backtrace() : e.what();
  // An interpreter's error quotes the program and ends with the reason.
  const bool traceback = text.find("Traceback of TorchScript") != std::string::npos;
  std::istringstream lines(text);
  std::string line, chosen;
  while (std::getline(lines, line)) {
    if (line.rfind("Exception raised from", 0) == 0) break;
    const std::size_t from = line.find_first_not_of(" \t");
    if (from == std::string::npos) continue;
    if (chosen.empty() || traceback) chosen = line.substr(from);
    if (!traceback && !chosen.empty()) break;
  }
  const std::string prefix = "RuntimeError: ";
  if (chosen.rfind(prefix, 0) == 0) chosen.erase(0, prefix.size());
  return chosen.empty() ? "no reason given" : chosen;
}

}  // namespace oneadapt
