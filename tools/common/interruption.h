// SPDX-License-Identifier: LGPL-2.1-or-later
// Ctrl-C (SIGINT), SIGTERM, SIGHUP (the terminal is gone), SIGPIPE (whoever read the output is gone): how the programs
// end then.
#pragma once
#include <functional>

namespace oneadapt::tools {

/// The exit status then, whichever signal it was; shells have it for SIGINT.
constexpr int kInterrupted = 130;

/// From now on the first of these signals makes interrupted() true, and `on_interrupt` is called, once, in a thread of
/// its own. A second signal ends the program at once, with kInterrupted. One that follows within a tenth of a second is
/// taken for the first: terminals and timeout(1) send a signal both to a program and to its group. SIGHUP stays
/// ignored where it was (nohup). Files that may not become larger (ulimit -f) are errors from now on, instead of a
/// signal that ends the program. Call it once, from the main thread.
void catch_interrupts(std::function<void()> on_interrupt = {});

/// Any thread.
bool interrupted();

/// Prints the one line of an interrupted program, and returns kInterrupted. `what` follows "interrupted; ".
int end_of_interrupted(const char *program, const char *what);

/// For work that cannot be called off halfway: the first signal removes the files that have been begun (output.h),
/// prints the line, and ends the program.
void end_on_interrupts(const char *program, const char *what);

}  // namespace oneadapt::tools
