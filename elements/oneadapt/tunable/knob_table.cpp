// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tunable/knob_table.h"

#include <cmath>

namespace oneadapt {

bool parse_ladder(const KnobRow &row, const std::string &text, std::vector<double> &values, std::string &error) {
  std::vector<double> found;
  std::string word;
  for (std::size_t i = 0; i <= text.size(); i++) {
    if (i < text.size() && text[i] != ',' && text[i] != ' ') {
      word += text[i];
      continue;
    }
    if (word.empty()) continue;
    gchar *end = nullptr;
    const double value = g_ascii_strtod(word.c_str(), &end);
    if (*end || !std::isfinite(value)) {
      error = "'" + word + "' is no number";
      return false;
    }
    if (value < row.min || value > row.max || (row.type != KnobType::Double && value != std::floor(value))) {
      error = "'" + word + "' is not a value that " + row.name + " can take";
      return false;
    }
    if (!found.empty() && (row.rises ? value <= found.back() : value >= found.back())) {
      error = std::string("its values must ") + (row.rises ? "rise" : "fall") + " (cheap to expensive)";
      return false;
    }
    found.push_back(value);
    word.clear();
  }
  if (found.empty() && !text.empty() && text.find_first_not_of(" ") != std::string::npos) {
    error = "it holds no number";
    return false;
  }
  values = std::move(found);
  return true;
}

bool parse_ladder_property(const char *element, const KnobRow &row, const char *text, std::vector<double> &values) {
  std::string error;
  if (parse_ladder(row, text ? text : "", values, error)) return true;
  g_warning("%s: property \"%s-ladder\" is left as it was: %s in \"%s\"; give %s, cheap to expensive, such as \"%s\"",
            element, row.name, error.c_str(), text, row.ladder_blurb, *row.ladder ? row.ladder : "1,2,5,10");
  return false;
}

std::vector<double> default_ladder(const KnobRow &row) {
  std::vector<double> ladder;
  std::string none;
  parse_ladder(row, row.ladder, ladder, none);
  return ladder;
}

std::vector<double> ladder_up_to(const std::vector<double> &ladder, double top) {
  std::vector<double> below;
  for (double value : ladder) {
    if (value <= 0) continue;
    if (top > 0 && value >= top) {
      below.push_back(top);
      break;
    }
    below.push_back(value);
  }
  if (below.empty() && top > 0) below.push_back(top);
  return below;
}

std::size_t rung_of(const KnobRow &row, double value, const std::vector<double> &ladder) {
  std::size_t best = ladder.size() - 1;
  if (row.zero_is_top && value <= 0) return best;
  for (std::size_t i = 0; i < ladder.size(); i++)
    if (std::abs(ladder[i] - value) < std::abs(ladder[best] - value)) best = i;
  return best;
}

std::size_t KnobTable::find(const std::string &name) const {
  std::size_t knob = 0;
  while (knob < size_ && name != rows_[knob].name) knob++;
  return knob;
}

Values KnobTable::neutral() const {
  Values values;
  for (std::size_t knob = 0; knob < size_; knob++) values.push_back(rows_[knob].neutral);
  return values;
}

std::optional<PartialValues> KnobTable::read(const char *element, const GstStructure *configuration,
                                             GError **error) const {
  PartialValues values(size_);
  for (int i = 0; i < gst_structure_n_fields(configuration); i++) {
    const gchar *name = gst_structure_nth_field_name(configuration, guint(i));
    const std::size_t knob = find(name);
    if (knob == size_) {
      g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_KNOB, "%s has no knob \"%s\"", element, name);
      return std::nullopt;
    }
    const KnobRow &row = rows_[knob];
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_DOUBLE);
    const GValue *given = gst_structure_get_value(configuration, name);
    const bool is_number = !G_VALUE_HOLDS_STRING(given) && g_value_transform(given, &number);
    double value = is_number ? g_value_get_double(&number) : NAN;
    if (row.type != KnobType::Double) value = std::round(value);
    if (!(value >= row.min && value <= row.max)) {
      g_set_error(error, GST_ONEADAPT_ERROR, GST_ONEADAPT_ERROR_KNOB, "knob \"%s\" of %s takes a number in %g…%g", name,
                  element, row.min, row.max);
      return std::nullopt;
    }
    values[knob] = value;
  }
  return values;
}

double interpolated(const std::vector<std::array<double, 2>> &points, double x) {
  if (x <= points.front()[0]) return points.front()[1];
  for (std::size_t i = 1; i < points.size(); i++)
    if (x <= points[i][0]) {
      const double share = (x - points[i - 1][0]) / (points[i][0] - points[i - 1][0]);
      return points[i - 1][1] + share * (points[i][1] - points[i - 1][1]);
    }
  return points.back()[1];
}

}  // namespace oneadapt
