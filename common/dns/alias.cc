#include "common/dns/alias.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/clock.h"
#include "common/error/error.h"

namespace norroy::dns {
namespace {

absl::Status BadChain(absl::string_view reason, const std::vector<Name>& path,
                      absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, reason,
                   absl::StrCat(what, ": ", PathText(path)));
}

}  // namespace

absl::StatusOr<Alias> FollowCnames(Resolver& resolver, const Name& name, absl::Duration total) {
  SystemClock clock;
  const absl::Duration end = clock.Monotonic() + total;
  Alias alias = {.owner = name, .path = {name}};
  while (true) {
    const auto reply = resolver.Resolve({.name = alias.owner, .type = Type::kCname},
                                        kResolveTimeout, end - clock.Monotonic());
    if (!reply.ok()) {
      return WithContext(reply.status(), absl::StrCat("following CNAMEs, ", PathText(alias.path)));
    }
    const std::vector<Record> cnames = reply->Find(alias.owner, Type::kCname);
    if (cnames.empty()) return alias;
    const Name& target = cnames[0].target;
    const bool seen = std::count(alias.path.begin(), alias.path.end(), target) > 0;
    alias.path.push_back(target);
    if (seen) return BadChain("CNAME_LOOP", alias.path, "the CNAMEs run in a circle");
    if (alias.path.size() > static_cast<size_t>(kMaxCnames) + 1) {
      return BadChain("CNAME_TOO_LONG", alias.path,
                      absl::StrCat("more than ", kMaxCnames, " CNAMEs in a row"));
    }
    alias.owner = target;
  }
}

std::string PathText(const std::vector<Name>& path) {
  return absl::StrJoin(path, " -> ", [](std::string* out, const Name& name) {
    absl::StrAppend(out, name.is_root() ? "." : name.text());
  });
}

}  // namespace norroy::dns
