// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/policy/registry.h"

#include <algorithm>

namespace oneadapt {

// Each is defined in the policy's own file. They are listed by hand, because a linker leaves out of an archive what
// only registers itself.
PolicyInfo activity_policy();
PolicyInfo casva_policy();
PolicyInfo chameleon_policy();
PolicyInfo oneadapt_policy();
PolicyInfo profiling_policy();
PolicyInfo region_policy();
PolicyInfo static_policy();
PolicyInfo uniform_policy();

const std::vector<PolicyInfo> &policies() {
  static const std::vector<PolicyInfo> all{
      oneadapt_policy(), uniform_policy(), profiling_policy(), chameleon_policy(),
      casva_policy(),    region_policy(),  activity_policy(),  static_policy(),
  };
  return all;
}

const PolicyInfo &find_policy(const std::string &name) {
  std::string known;
  for (const PolicyInfo &p : policies()) {
    if (p.name == name) return p;
    known += (known.empty() ? "" : ", ") + p.name;
  }
  throw std::invalid_argument("no policy \"" + name + "\"; there are " + known);
}

const PolicyInfo &default_policy() { return policies().front(); }

const PolicyInfo &fixed_policy() {
  return *std::find_if(policies().begin(), policies().end(), [](const PolicyInfo &p) { return !p.moves; });
}

std::string policies_where(bool (*holds)(const PolicyInfo &)) {
  std::vector<std::string> names;
  for (const PolicyInfo &p : policies())
    if (holds(p)) names.push_back(p.name);
  std::string text = names.size() == 1 ? "policy " : "policies ";
  for (std::size_t i = 0; i < names.size(); ++i)
    text += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return text;
}

std::unique_ptr<Policy> make_policy(const std::string &name, const std::optional<std::string> &file) {
  const PolicyInfo &info = find_policy(name);
  if (!info.needs.file.empty() && !file) throw PolicyFileError("policy \"" + name + "\" needs one");
  return info.make(file.value_or(""));
}

}  // namespace oneadapt
