// SPDX-License-Identifier: LGPL-2.1-or-later
#include "eval/report.h"

#include <gio/gio.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

extern "C" {
#include "report-parts.h"  // made by glib-compile-resources from report/report.gresource.xml
}

namespace oneadapt::eval {
namespace {

std::string part(const std::string &name) {
  GError *error = nullptr;
  std::unique_ptr<GBytes, decltype(&g_bytes_unref)> bytes(
      g_resource_lookup_data(oneadapt_report_get_resource(), ("/oneadapt/report/" + name).c_str(),
                             G_RESOURCE_LOOKUP_FLAGS_NONE, &error),
      g_bytes_unref);
  if (!bytes) {
    const std::string text = error->message;
    g_clear_error(&error);
    throw std::runtime_error("the report's page is not in this program (" + text + "): build it again");
  }
  gsize size;
  const auto *data = static_cast<const char *>(g_bytes_get_data(bytes.get(), &size));
  return std::string(data, size);
}

/// JSON that may stand in a <script>: without "<" there is no end tag and no comment in it, whatever the strings say.
std::string json_for_script(const nlohmann::json &results) {
  const std::string plain = results.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::string out;
  out.reserve(plain.size());
  for (char c : plain) {
    if (c == '<')
      out += "\\u003c";
    else
      out += c;
  }
  return out;
}

}  // namespace

std::string render_report(const nlohmann::json &results) {
  const std::string page = part("page.html");
  std::string out;
  // "{{name}}" in the page stands for a part; the parts themselves are not searched.
  for (std::size_t at = 0; at < page.size();) {
    const std::size_t open = page.find("{{", at);
    const std::size_t close = open == std::string::npos ? open : page.find("}}", open);
    if (close == std::string::npos) {
      out += page.substr(at);
      break;
    }
    const std::string name = page.substr(open + 2, close - open - 2);
    out += page.substr(at, open - at);
    out += name == "results" ? json_for_script(results) : part(name);
    at = close + 2;
  }
  return out;
}

std::string data_uri(const std::vector<std::uint8_t> &jpeg) {
  std::unique_ptr<gchar, decltype(&g_free)> text(g_base64_encode(jpeg.data(), jpeg.size()), g_free);
  return std::string("data:image/jpeg;base64,") + text.get();
}

}  // namespace oneadapt::eval
