#include "cli/policy_text.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/challenge/pattern.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using validator::v1::ChallengeGrant;

template <typename Strings>
void AppendList(absl::string_view what, const Strings& strings, std::string& line) {
  if (!strings.empty()) absl::StrAppend(&line, "  ", what, ListText(strings));
}

absl::Status BadFile(absl::string_view where, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                   absl::StrCat(where, ": ", message), {{"field", std::string(where)}});
}

// As the validator fills it in: DNS answers are the same from everywhere.
validator::v1::Responders DefaultFor(const ChallengeGrant& grant) {
  const bool dns = std::all_of(grant.types().begin(), grant.types().end(),
                               [](int type) { return type == types::v1::CHALLENGE_TYPE_DNS_01; });
  return dns ? validator::v1::RESPONDERS_ONE : validator::v1::RESPONDERS_ALL;
}

}  // namespace

std::string GrantLine(const issuer::v1::IssuanceGrant& grant) {
  std::string line = grant.principal();
  AppendList("", grant.names(), line);
  AppendList("keys ", grant.key_types(), line);
  AppendList("cas ", grant.cas(), line);
  std::vector<std::string> profiles;
  for (const std::string& profile : grant.profiles()) {
    profiles.push_back(profile.empty() ? "\"\"" : profile);
  }
  AppendList("profiles ", profiles, line);
  if (grant.quota().orders_per_day() != 0) {
    absl::StrAppend(&line, "  ", grant.quota().orders_per_day(), " orders/day");
  }
  if (grant.quota().orders_per_domain_per_day() != 0) {
    absl::StrAppend(&line, "  ", grant.quota().orders_per_domain_per_day(),
                    " orders/domain and day");
  }
  if (grant.reuse() == issuer::v1::REUSE_NEVER) absl::StrAppend(&line, "  reuse never");
  return line;
}

std::string GrantLine(const std::string& agent, const ChallengeGrant& grant) {
  std::vector<std::string> types;
  for (const int type : grant.types()) {
    types.push_back(EnumText(static_cast<types::v1::ChallengeType>(type)));
  }
  return absl::StrCat("agent/", agent, "  ", ListText(grant.patterns()), "  ", ListText(types),
                      "  responders ", EnumText(grant.responders()));
}

issuer::v1::IssuanceGrant FromFile(const config::v1::GrantConfig& grant) {
  issuer::v1::IssuanceGrant proto;
  proto.set_principal(grant.principal());
  *proto.mutable_names() = grant.names();
  *proto.mutable_key_types() = grant.key_types();
  *proto.mutable_cas() = grant.cas();
  *proto.mutable_profiles() = grant.profiles();
  if (grant.has_quota()) {
    proto.mutable_quota()->set_orders_per_day(grant.quota().orders_per_day());
    proto.mutable_quota()->set_orders_per_domain_per_day(grant.quota().orders_per_domain_per_day());
  }
  if (grant.reuse() == config::v1::REUSE_CONFIG_NEVER) proto.set_reuse(issuer::v1::REUSE_NEVER);
  return proto;
}

config::v1::GrantConfig ToFile(const issuer::v1::IssuanceGrant& grant) {
  config::v1::GrantConfig config;
  config.set_principal(grant.principal());
  *config.mutable_names() = grant.names();
  *config.mutable_key_types() = grant.key_types();
  *config.mutable_cas() = grant.cas();
  *config.mutable_profiles() = grant.profiles();
  if (grant.has_quota()) {
    config.mutable_quota()->set_orders_per_day(grant.quota().orders_per_day());
    config.mutable_quota()->set_orders_per_domain_per_day(
        grant.quota().orders_per_domain_per_day());
  }
  if (grant.reuse() == issuer::v1::REUSE_NEVER) config.set_reuse(config::v1::REUSE_CONFIG_NEVER);
  return config;
}

absl::StatusOr<ChallengeGrant> FromFile(const config::v1::ChallengeGrantConfig& grant,
                                        const std::string& where) {
  ChallengeGrant proto;
  for (int i = 0; i < grant.names_size(); ++i) {
    const auto pattern = challenge::Pattern::Parse(grant.names(i));
    if (!pattern.ok()) {
      return BadFile(absl::StrCat(where, ".names[", i, "]"), pattern.status().message());
    }
    proto.add_patterns(pattern->text());
  }
  for (int i = 0; i < grant.types_size(); ++i) {
    const std::string place = absl::StrCat(where, ".types[", i, "]");
    const auto type = ParseEnum<types::v1::ChallengeType>(place, grant.types(i));
    if (!type.ok()) return BadFile(place, type.status().message());
    proto.add_types(*type);
  }
  proto.set_responders(DefaultFor(proto));
  if (grant.responders().empty()) return proto;
  const std::string place = absl::StrCat(where, ".responders");
  const auto responders = ParseEnum<validator::v1::Responders>(place, grant.responders());
  if (!responders.ok()) return BadFile(place, responders.status().message());
  proto.set_responders(*responders);
  return proto;
}

std::vector<std::string> LinesWithout(const std::vector<std::string>& all,
                                      std::vector<std::string> without) {
  std::vector<std::string> rest;
  for (const std::string& line : all) {
    const auto same = std::find(without.begin(), without.end(), line);
    if (same == without.end()) {
      rest.push_back(line);
    } else {
      without.erase(same);
    }
  }
  return rest;
}

std::string DiffText(const PolicyChange& change) {
  std::string text;
  for (const std::string& line : change.removed()) absl::StrAppend(&text, "- ", line, "\n");
  for (const std::string& line : change.added()) absl::StrAppend(&text, "+ ", line, "\n");
  for (const AgentChange& agent : change.agents()) {
    for (const std::string& line : agent.removed()) absl::StrAppend(&text, "- ", line, "\n");
    for (const std::string& line : agent.added()) absl::StrAppend(&text, "+ ", line, "\n");
  }
  return text;
}

}  // namespace norroy::cli
