// SPDX-License-Identifier: LGPL-2.1-or-later
#include "lidar/pcd_header.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "lidar/point_cloud.h"

namespace oneadapt {
namespace {

constexpr std::size_t kMostFields = 64, kMostNumbers = 4096;  // of a point

using Tokens = std::vector<std::string_view>;

[[noreturn]] void refuse(const std::string &why) { throw CloudError("it is no PCD file that can be read: " + why); }

Tokens split(std::string_view line) {
  Tokens tokens;
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  for (std::size_t at = 0; at < line.size();) {
    while (at < line.size() && space(line[at])) at++;
    const std::size_t from = at;
    while (at < line.size() && !space(line[at])) at++;
    if (at > from) tokens.push_back(line.substr(from, at - from));
  }
  return tokens;
}

std::size_t number(std::string_view text, const char *line) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    refuse("its line " + std::string(line) + " has \"" + std::string(text.substr(0, 40)) + "\", which is no number");
  return value;
}

/// The lines of a header, by their first word.
struct Lines {
  Tokens fields, size, type, count, width, height, points, data;
  std::size_t bytes = 0;
};

Lines read_lines(std::string_view text) {
  Lines lines;
  const std::pair<std::string_view, Tokens *> known[] = {
      {"FIELDS", &lines.fields}, {"COLUMNS", &lines.fields}, {"SIZE", &lines.size},
      {"TYPE", &lines.type},     {"COUNT", &lines.count},    {"WIDTH", &lines.width},
      {"HEIGHT", &lines.height}, {"POINTS", &lines.points},  {"DATA", &lines.data}};
  while (lines.data.empty()) {
    const std::size_t end = text.find('\n', lines.bytes);
    if (end == std::string_view::npos) refuse("it ends within its header, before the line DATA");
    Tokens tokens = split(text.substr(lines.bytes, end - lines.bytes));
    lines.bytes = end + 1;
    if (tokens.empty() || tokens[0][0] == '#') continue;
    for (const auto &[word, into] : known)
      if (tokens[0] == word) into->assign(tokens.begin() + 1, tokens.end());
    if (tokens[0] == "DATA" && lines.data.empty()) refuse("its line DATA says nothing");
  }
  return lines;
}

void read_fields(const Lines &lines, PcdHeader &header) {
  const std::size_t n = lines.fields.size();
  if (!n || n > kMostFields) refuse("its line FIELDS must name 1 to " + std::to_string(kMostFields) + " fields");
  if (lines.size.size() != n || lines.type.size() != n || (!lines.count.empty() && lines.count.size() != n))
    refuse("its lines SIZE, TYPE and COUNT must have one entry for each of the " + std::to_string(n) +
           " names in FIELDS");
  for (std::size_t i = 0; i < n; i++) {
    PcdField field;
    field.name = std::string(lines.fields[i]);
    const std::size_t size = number(lines.size[i], "SIZE");
    const std::size_t count = lines.count.empty() ? 1 : number(lines.count[i], "COUNT");
    field.type = lines.type[i][0];
    const bool real = field.type == 'F', integer = field.type == 'I' || field.type == 'U';
    const bool fits = real ? size == 4 || size == 8 : integer && (size == 1 || size == 2 || size == 4 || size == 8);
    if (!fits || lines.type[i].size() != 1)
      refuse("field \"" + field.name + "\" has TYPE " + std::string(lines.type[i].substr(0, 40)) + " and SIZE " +
             std::to_string(size) + "; there are F of 4 and 8 bytes, I and U of 1, 2, 4 and 8");
    if (count > kMostNumbers || header.columns + count > kMostNumbers)
      refuse("a point has more than " + std::to_string(kMostNumbers) + " numbers");
    field.size = unsigned(size);
    field.count = unsigned(count);
    field.offset = header.point_bytes;
    field.column = header.columns;
    header.point_bytes += field.bytes();
    header.columns += count;
    header.fields.push_back(std::move(field));
  }
}

void find_used(PcdHeader &header) {
  const std::vector<const char *> names[4] = {{"x"}, {"y"}, {"z"}, {"intensity", "reflectivity", "reflectance", "i"}};
  for (std::size_t use = 0; use < 4; use++) {
    header.used[use] = -1;
    for (const char *name : names[use])
      for (std::size_t f = 0; f < header.fields.size() && header.used[use] < 0; f++)
        if (header.fields[f].name == name && header.fields[f].count >= 1) header.used[use] = int(f);
    if (use < 3 && header.used[use] < 0)
      refuse("it has no field \"" + std::string(names[use][0]) + "\"; a point needs x, y and z");
  }
}

void read_size(const Lines &lines, PcdHeader &header) {
  const auto one = [](const Tokens &tokens, const char *line) {
    if (tokens.size() != 1) refuse("its line " + std::string(line) + " must be one number");
    return number(tokens[0], line);
  };
  const bool has_size = !lines.width.empty() || !lines.height.empty();
  std::size_t points = 0;
  if (has_size) {
    const std::size_t width = one(lines.width, "WIDTH"), height = one(lines.height, "HEIGHT");
    points = height && width > kMostPoints / height ? kMostPoints + 1 : width * height;
  }
  if (!lines.points.empty()) {
    header.points = one(lines.points, "POINTS");
    if (has_size && header.points != points && points <= kMostPoints)
      refuse("its lines WIDTH, HEIGHT and POINTS do not agree");
  } else if (has_size) {
    header.points = points;
  } else {
    refuse("it says neither WIDTH and HEIGHT nor POINTS");
  }
  if (header.points > kMostPoints)
    throw CloudError("it has more than " + std::to_string(kMostPoints) +
                     " points, the most that a cloud may have here; divide it");
}

}  // namespace

PcdHeader read_pcd_header(const std::uint8_t *data, std::size_t size) {
  const Lines lines = read_lines({reinterpret_cast<const char *>(data), size});
  PcdHeader header;
  header.bytes = lines.bytes;
  read_fields(lines, header);
  find_used(header);
  read_size(lines, header);
  if (lines.data[0] == "ascii")
    header.data = PcdData::Ascii;
  else if (lines.data[0] == "binary")
    header.data = PcdData::Binary;
  else if (lines.data[0] == "binary_compressed")
    header.data = PcdData::Compressed;
  else
    refuse("its line DATA says \"" + std::string(lines.data[0].substr(0, 40)) +
           "\"; there are ascii, binary and binary_compressed");
  return header;
}

}  // namespace oneadapt
