#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Lists the pairs of places in the C++ code that share six lines or more, most similar first, and counts them. Alike is
# what has the same tokens but for names of variables, strings and numbers. Needs sim_c++ (Debian: similarity-tester).
# Usage: tools/duplicates.sh [FOLDER]
set -eu
command -v sim_c++ >/dev/null || {
  echo "duplicates.sh: there is no sim_c++; install similarity-tester" >&2
  exit 2
}
cd "${1:-$(dirname "$0")/..}"
# 50 tokens: six lines have at least that many, unless they are lists of names or closing braces.
find elements examples gst lib tests tools \( -name '*.cpp' -o -name '*.h' \) | sort | sim_c++ -i -n -T -F -r50 |
  awk -F'[ |-]+|\\[' '
    # FILE: line A-B|FILE: line C-D[TOKENS]
    / line / && $4 - $3 >= 6 && $8 - $7 >= 6 { print; ++pairs }
    END { print pairs + 0, "pairs" }'
