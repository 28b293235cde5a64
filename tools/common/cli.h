// SPDX-License-Identifier: LGPL-2.1-or-later
// What the command lines of the programs have in common.
#pragma once
#include <glib.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "common/output.h"

namespace oneadapt::tools {

// Limits of numbers, in words (CLI11's own end in a number of 309 digits).
inline CLI::Validator number_from_0(bool zero_too) {
  return CLI::Validator(
      [zero_too](std::string &text) {
        double value = 0;
        const bool good = CLI::detail::lexical_cast(text, value) && std::isfinite(value);
        if (good && (value > 0 || (zero_too && value == 0))) return std::string();
        return std::string("wants a number ") + (zero_too ? "that is not negative" : "above 0") + ", got \"" + text +
               "\"";
      },
      "");
}
inline CLI::Validator not_negative() { return number_from_0(true); }
inline CLI::Validator share() { return CLI::Range(0.0, 1.0).description(""); }
inline CLI::Validator positive() { return number_from_0(false); }

/// What an element's property of type int takes, from 0 on.
inline CLI::Validator whole_number() { return CLI::Range(0, std::numeric_limits<int>::max()).description(""); }

/// The options under one heading of the help. The app must outlive it.
class OptionGroup {
 public:
  OptionGroup(CLI::App &app, std::string heading) : app_(app), heading_(std::move(heading)) {}
  /// An option whose value the help calls `type`.
  template <class T>
  CLI::Option *add(const std::string &name, T &value, const std::string &text, const std::string &type) const {
    return app_.add_option(name, value, text)->type_name(type)->group(heading_);
  }
  /// The same, with its default in the help.
  template <class T>
  CLI::Option *add_shown(const std::string &name, T &value, const std::string &text, const std::string &type) const {
    return add(name, value, text, type)->capture_default_str();
  }
  CLI::Option *flag(const std::string &name, bool &value, const std::string &text) const {
    return app_.add_flag(name, value, text)->group(heading_);
  }

 private:
  CLI::App &app_;
  std::string heading_;
};

/// The exit status of a program whose command line is wrong.
constexpr int kWrongUsage = 2;

/// Parses the command line of `program`, then calls `check`, which may throw CLI::ValidationError for what the parser
/// does not see. Returns the exit status when the program is to end here: after --help or --version, or because of a
/// mistake, which is printed in one line.
inline std::optional<int> parse_command_line(CLI::App &app, const char *program, int argc, char **argv,
                                             const std::function<void()> &check = {}) {
  try {
    app.parse(argc, argv);
    if (check) check();
    return std::nullopt;
  } catch (const CLI::ParseError &e) {
    if (e.get_exit_code() == 0) return app.exit(e);
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return kWrongUsage;
  }
}

/// Runs the program's work. What it throws is printed in one line, and is the exit status of a mistake.
inline int run_program(const char *program, const std::function<void()> &work) {
  try {
    work();
    check_standard_output();
    return 0;
  } catch (const std::exception &e) {
    std::fprintf(stderr, "%s: %s\n", program, e.what());
    return kWrongUsage;
  }
}

/// `program` and its arguments as one types them, in a shell's quotes where they need some.
inline std::string command_text(const std::string &program, int argc, char **argv) {
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

}  // namespace oneadapt::tools
