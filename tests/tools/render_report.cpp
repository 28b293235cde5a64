// SPDX-License-Identifier: LGPL-2.1-or-later
// results.json on standard input, the page on standard output.
#include <iostream>
#include <nlohmann/json.hpp>

#include "eval/report.h"

int main() { std::cout << oneadapt::eval::render_report(nlohmann::json::parse(std::cin)); }
