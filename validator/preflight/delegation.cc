#include "validator/preflight/delegation.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/dns/alias.h"
#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

constexpr int kMaxReferrals = 4;

void TooManyReferrals(const dns::Name& name, const Reply& last, Delegation& delegation) {
  delegation.sight.Unknown(
      "NO_ZONE",
      absl::StrCat("the zone of ", name.text(), " cannot be found: too many referrals, after ",
                   kMaxReferrals, " name server ", last.authority.text(), " of zone ",
                   delegation.zone.apex.absolute(), " ", last.problem, " still"),
      "delegate fewer zones within one another, or let the servers of the last one answer with "
      "authority");
}

// The servers that `name` is asked of, and their replies; down through referrals.
bool AskZoneOf(const Viewpoint& viewpoint, const dns::Name& name, Delegation& delegation,
               const Deadline& deadline) {
  absl::StatusOr<Zone> zone = FindZone(viewpoint, name, deadline);
  if (absl::IsCancelled(zone.status())) {
    delegation.sight.CutShort(absl::StrCat("the zone of ", name.text(), " was found"));
    return false;
  }
  if (!zone.ok()) {
    delegation.sight.Unknown(
        zone.status().code() == absl::StatusCode::kNotFound ? "NO_ZONE" : "RESOLVER_FAILS",
        absl::StrCat("the zone of ", name.text(),
                     " cannot be found: ", Printable(zone.status().message())),
        "see that the resolvers in dns.resolvers of validator.yaml work, and that the domain is "
        "delegated");
    return false;
  }
  delegation.zone = *std::move(zone);
  for (int referrals = 0;; ++referrals) {
    delegation.replies =
        AskAuthorities(viewpoint, delegation.zone, name, dns::Type::kTxt, deadline);
    const auto referral =
        std::find_if(delegation.replies.begin(), delegation.replies.end(),
                     [](const Reply& reply) { return reply.kind == ReplyKind::kReferral; });
    if (referral == delegation.replies.end()) return true;
    if (referrals == kMaxReferrals) {
      TooManyReferrals(name, *referral, delegation);
      return false;
    }
    delegation.zone = FollowReferral(viewpoint, name, referral->message, deadline);
  }
}

// The target of the CNAME that any server has at `name`; null: none has.
const dns::Name* TargetOf(const dns::Name& name, const std::vector<Reply>& replies) {
  for (const Reply& reply : replies) {
    if (reply.kind != ReplyKind::kAnswer) continue;
    for (const dns::Record& record : reply.message.answers) {
      if (record.type == dns::Type::kCname && record.owner == name) return &record.target;
    }
  }
  return nullptr;
}

}  // namespace

Delegation FollowDelegation(const Viewpoint& viewpoint, const dns::Name& name,
                            const Deadline& deadline) {
  Delegation delegation;
  delegation.path = {name};
  for (;;) {
    if (!AskZoneOf(viewpoint, delegation.owner(), delegation, deadline)) return delegation;
    const dns::Name* found = TargetOf(delegation.owner(), delegation.replies);
    if (found == nullptr) break;
    const dns::Name target = *found;
    const bool seen =
        std::find(delegation.path.begin(), delegation.path.end(), target) != delegation.path.end();
    delegation.path.push_back(target);
    const std::string path = dns::PathText(delegation.path);
    if (seen) {
      delegation.sight.Fail("CNAME_LOOP", absl::StrCat("the CNAMEs run in a circle: ", path),
                            "remove one of these CNAME records");
      return delegation;
    }
    if (delegation.path.size() > static_cast<size_t>(dns::kMaxCnames) + 1) {
      delegation.sight.Fail("CNAME_TOO_LONG",
                            absl::StrCat("more than ", dns::kMaxCnames, " CNAMEs in a row: ", path),
                            "point the first CNAME record at the last name directly");
      return delegation;
    }
  }
  delegation.found = true;
  if (delegation.path.size() > 1) {
    delegation.sight.Info("CNAME_PATH", absl::StrCat("the CA goes along these CNAMEs: ",
                                                     dns::PathText(delegation.path)));
  }
  return delegation;
}

}  // namespace norroy::validator::preflight
