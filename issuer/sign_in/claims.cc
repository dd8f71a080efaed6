#include "issuer/sign_in/claims.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"

namespace norroy::sign_in {
namespace {

using Kind = JsonValue::Kind;

constexpr size_t kMaxClaimText = 1024;

// CI services where anybody has an account: their tokens prove nothing but what these claims say.
struct SharedIssuer {
  absl::string_view issuer;
  std::vector<absl::string_view> owners;
};

const std::vector<SharedIssuer>& SharedIssuers() {
  static const auto* const issuers = new std::vector<SharedIssuer>{
      {"https://token.actions.githubusercontent.com",
       {"repository", "repository_id", "repository_owner", "repository_owner_id", "sub"}},
      {"https://gitlab.com",
       {"project_path", "project_id", "namespace_path", "namespace_id", "sub"}},
  };
  return *issuers;
}

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::Status CheckOwner(absl::string_view issuer, const ClaimRule& rule) {
  for (const SharedIssuer& shared : SharedIssuers()) {
    if (issuer != shared.issuer) continue;
    for (const absl::string_view owner : shared.owners) {
      if (rule.claims.count(std::string(owner)) != 0) return absl::OkStatus();
    }
    return BadConfig(absl::StrCat("claims: everybody may have jobs at ", issuer,
                                  "; say whose are meant by one of ",
                                  absl::StrJoin(shared.owners, ", ")));
  }
  return absl::OkStatus();
}

absl::Status CheckRule(absl::string_view issuer, const ClaimRule& rule) {
  const absl::Status principal = RequesterName(rule.principal).status();
  if (!principal.ok()) return WithContext(principal, "principal");
  if (rule.claims.empty() || rule.claims.size() > kMaxClaimsOfRule) {
    return BadConfig(absl::StrCat("claims: 1 to ", kMaxClaimsOfRule, " are needed"));
  }
  for (const auto& [name, value] : rule.claims) {
    if (name.empty() || value.empty() || value.size() > kMaxClaimText) {
      return BadConfig(absl::StrCat("claims: \"", Printable(name, 64),
                                    "\": name and value must have 1 to ", kMaxClaimText, " bytes"));
    }
  }
  return CheckOwner(issuer, rule);
}

bool IsExactly(const JsonValue& value, absl::string_view text) {
  switch (value.kind) {
    case Kind::kString:
      return value.text == text;
    case Kind::kBool:
      return text == (value.boolean ? "true" : "false");
    case Kind::kInteger:
      return text == absl::StrCat(value.integer);
    default:
      return false;
  }
}

bool Fits(const ClaimRule& rule, const JsonValue& claims) {
  for (const auto& [name, text] : rule.claims) {
    const JsonValue* const value = claims.Find(name);
    if (value == nullptr || !IsExactly(*value, text)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<ClaimRules> ClaimRules::Make(absl::string_view issuer,
                                            std::vector<ClaimRule> rules) {
  if (rules.empty() || rules.size() > kMaxClaimRules) {
    return BadConfig(
        absl::StrCat("rules: 1 to ", kMaxClaimRules, " are needed: without one all are nobody"));
  }
  for (size_t i = 0; i < rules.size(); ++i) {
    const absl::Status checked = CheckRule(issuer, rules[i]);
    if (!checked.ok()) return WithContext(checked, absl::StrCat("rules[", i, "]"));
  }
  return ClaimRules(std::move(rules));
}

std::optional<std::string> ClaimRules::RequesterOf(const JsonValue& claims) const {
  for (const ClaimRule& rule : rules_) {
    if (Fits(rule, claims)) return RequesterName(rule.principal).value();
  }
  return std::nullopt;
}

absl::StatusOr<std::string> RequesterName(absl::string_view principal) {
  absl::string_view name = principal;
  if (!absl::ConsumePrefix(&name, "requester/")) {
    return BadConfig(absl::StrCat("\"", Printable(principal, 80),
                                  "\": only requesters sign in; write \"requester/NAME\""));
  }
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("requester/NAME", name));
  return std::string(name);
}

}  // namespace norroy::sign_in
