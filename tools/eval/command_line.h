// SPDX-License-Identifier: LGPL-2.1-or-later
// A command as one types it.
#pragma once
#include <glib.h>

#include <string>

namespace oneadapt::eval {

/// `program` and its arguments, in a shell's quotes where they need some.
inline std::string command_line(const std::string &program, int argc, char **argv) {
  std::string out = program;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain = !word.empty() && word.find_first_of(" '\"$&|;<>()*?\\") == std::string::npos;
    gchar *quoted = plain ? g_strdup(argv[i]) : g_shell_quote(argv[i]);
    out += std::string(" ") + quoted;
    g_free(quoted);
  }
  return out;
}

}  // namespace oneadapt::eval
