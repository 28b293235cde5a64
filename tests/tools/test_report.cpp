// SPDX-License-Identifier: LGPL-2.1-or-later
// The report's page as text; report_browser.py looks at it in a browser.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <string>

#include "eval/report.h"

using nlohmann::json;
using oneadapt::eval::data_uri;
using oneadapt::eval::render_report;

namespace {

json results() {
  return json::parse(R"({
    "command": "oneadapt-eval --clip a.mp4", "metric": "f1", "clips": [{
      "clip": "a.mp4", "reference": {"kbps": 1252.25},
      "curves": [{"policy": "uniform", "points": [{"setting": "qp=30", "bandwidth": 0.258, "accuracy": 0.899}]}],
      "bd_rate": [{"policy": "oneadapt", "against": "uniform", "percent": -38.25}]}]})");
}

/// What the page's own script will parse.
std::string embedded(const std::string &page) {
  const std::string start = "<script type=\"application/json\" id=\"results\">";
  const auto from = page.find(start);
  if (from == std::string::npos) return "";
  return page.substr(from + start.size(), page.find("</script>", from) - from - start.size());
}
std::size_t count(const std::string &text, const std::string &what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + what.size())) ++n;
  return n;
}

}  // namespace

TEST(Report, HoldsTheResultsUnchanged) { EXPECT_EQ(json::parse(embedded(render_report(results()))), results()); }

TEST(Report, TextFromResultsCannotEndTheScript) {
  const std::size_t plain = count(render_report(results()), "</script>");
  json r = results();
  r["clips"][0]["clip"] = "</script><script>alert(1)</script><!--<script>.mp4";
  const std::string page = render_report(r);
  EXPECT_EQ(count(page, "</script>"), plain);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
  EXPECT_EQ(embedded(page).find('<'), std::string::npos);
  EXPECT_EQ(json::parse(embedded(page)), r);
}

// A name in the results that looks like one of the page's own placeholders stays what it is.
TEST(Report, ResultsAreNotSearchedForParts) {
  json r = results();
  r["clips"][0]["clip"] = "{{style.css}} {{results}} {{nothing}}";
  EXPECT_EQ(json::parse(embedded(render_report(r))), r);
}

TEST(Report, LoadsNothing) {
  const std::string page = render_report(results());
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_FALSE(
      std::regex_search(page, std::regex("<(script|img|iframe)[^>]* src=|<link[^>]*href=\"[^d]|@import|url\\(")));
  // Comments may name a home page (Chart.js's licence does), and an XML namespace is a name.
  EXPECT_NE(page.find("/*!\n * Chart.js"), std::string::npos) << "the licence has to stay";
  std::string rest;
  for (std::size_t at = 0; at < page.size();) {
    const auto open = page.find("/*!", at);
    rest += page.substr(at, open - at);
    if (open == std::string::npos) break;
    at = page.find("*/", open);
  }
  for (const char *name : {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}) {
    for (auto at = rest.find(name); at != std::string::npos; at = rest.find(name))
      rest.erase(at, std::string(name).size());
  }
  for (const char *scheme : {"http://", "https://", "\"//", "'//"}) {
    const auto at = rest.find(scheme);
    EXPECT_EQ(at, std::string::npos) << rest.substr(at == std::string::npos ? 0 : at, 80);
  }
}

TEST(Report, EveryPartIsIn) {
  const std::string page = render_report(results());
  EXPECT_EQ(page.find("{{style.css}}"), std::string::npos);
  EXPECT_EQ(page.find("{{page.js}}"), std::string::npos);
  for (const char *part :
       {"function tradeoffChart(", "function showClip(", "function convergence(", "function waveChart(", "Chart.js v"})
    EXPECT_NE(page.find(part), std::string::npos) << part;
  EXPECT_EQ(page.rfind("</html>\n"), page.size() - 8);
}

TEST(Report, WorksWithoutResults) {
  for (const json &r :
       {json::object(), json(nullptr), json::array(), json{{"clips", nullptr}}, json{{"clips", {json::object()}}}})
    EXPECT_EQ(json::parse(embedded(render_report(r))), r);
}

// A clip's name is bytes; what is no UTF-8 must not end the evaluation after hours of runs.
TEST(Report, ReplacesWhatIsNoUtf8) {
  json r = results();
  r["clips"][0]["clip"] = "caf\xe9.mp4";
  EXPECT_EQ(json::parse(embedded(render_report(r)))["clips"][0]["clip"], "caf\xef\xbf\xbd.mp4");
}

TEST(Report, DataUri) {
  EXPECT_EQ(data_uri({0xff, 0xd8, 0xff, 0xe0, 0x00}), "data:image/jpeg;base64,/9j/4AA=");
  EXPECT_EQ(data_uri({}), "data:image/jpeg;base64,");
}
