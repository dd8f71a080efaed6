#include "cli/blast_radius_text.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace norroy::cli {

std::string BlastRadiusText(const std::string& agent, size_t looked,
                            const validator::v1::GetBlastRadiusResponse& radius) {
  std::map<std::string, int> ways;
  std::set<std::string> exposed;
  for (const validator::v1::ExposedName& name : radius.names()) {
    ++ways[name.how()];
    if (name.how() != "unknown") exposed.insert(name.name());
  }
  std::string text = absl::StrCat("Whoever has root on the host of agent ", agent, " could have ",
                                  exposed.size(), " of ", looked, " names validated");
  std::string separator = ": ";
  const auto add = [&](const char* way, absl::string_view what) {
    if (ways[way] == 0) return;
    absl::StrAppend(&text, separator, ways[way], " ", what);
    separator = "; ";
  };
  add("grant", "through this deployment, by its grants and its scope");
  add("beyond-scope",
      "through this deployment, by its grants alone, once its scope (a file on that host) is "
      "widened");
  if (ways["zone"] > 0) {
    add("zone", absl::StrCat("by DNS-01 with an account at any CA, since it writes to ",
                             ListText(radius.zones())));
  }
  absl::StrAppend(&text, ".");
  if (ways["unknown"] > 0) {
    absl::StrAppend(&text, " ", ways["unknown"],
                    " could not be looked up, or not in time: ask for these again.");
  }
  return text;
}

}  // namespace norroy::cli
