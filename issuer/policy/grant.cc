#include "issuer/policy/grant.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"

namespace norroy::policy {
namespace {

using challenge::Pattern;

absl::Status BadGrant(absl::string_view where, absl::string_view field, absl::string_view message) {
  const std::string place = absl::StrCat(where, ".", field);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_GRANT",
                   absl::StrCat(place, ": ", message), {{"field", place}});
}

absl::Status CheckPrincipal(absl::string_view principal, absl::string_view where) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(principal, absl::MaxSplits('/', 1));
  const absl::StatusOr<identity::Role> role = identity::ParseRole(parts.first);
  const bool may_order =
      role.ok() && (*role == types::v1::ROLE_OPERATOR || *role == types::v1::ROLE_REQUESTER);
  if (!may_order || parts.second.empty()) {
    return BadGrant(where, "principal",
                    absl::StrCat("\"", Printable(principal),
                                 "\" is no principal that may order; write \"operator/NAME\" or "
                                 "\"requester/NAME\""));
  }
  const absl::Status name = identity::CheckResourceName("the principal's name", parts.second);
  return name.ok() ? name : BadGrant(where, "principal", name.message());
}

absl::StatusOr<std::vector<Pattern>> ParseNames(const std::vector<std::string>& names,
                                                absl::string_view where) {
  if (names.empty() || names.size() > challenge::kMaxPatterns) {
    return BadGrant(where, "names",
                    names.empty() ? std::string("is empty: say which names the grant is for")
                                  : absl::StrCat("has ", names.size(), " entries; at most ",
                                                 challenge::kMaxPatterns, " are allowed"));
  }
  std::vector<Pattern> patterns;
  for (size_t i = 0; i < names.size(); ++i) {
    absl::StatusOr<Pattern> pattern = Pattern::Parse(names[i]);
    if (!pattern.ok()) {
      return BadGrant(where, absl::StrCat("names[", i, "]"), pattern.status().message());
    }
    patterns.push_back(*std::move(pattern));
  }
  return patterns;
}

absl::StatusOr<std::set<crypto::KeyType>> ParseKeyTypes(const std::vector<std::string>& names,
                                                        absl::string_view where) {
  std::set<crypto::KeyType> types;
  for (size_t i = 0; i < names.size(); ++i) {
    const absl::StatusOr<crypto::KeyType> type = crypto::ParseKeyType(names[i]);
    if (!type.ok()) {
      return BadGrant(where, absl::StrCat("key_types[", i, "]"),
                      absl::StrCat("\"", Printable(names[i]),
                                   "\" is none of p256, p384, rsa2048, rsa3072, rsa4096"));
    }
    types.insert(*type);
  }
  return types;
}

absl::StatusOr<std::set<std::string>> ParseProfiles(const std::vector<std::string>& profiles,
                                                    absl::string_view where) {
  for (size_t i = 0; i < profiles.size(); ++i) {
    if (profiles[i].size() <= kMaxProfileBytes && Printable(profiles[i]) == profiles[i]) continue;
    return BadGrant(
        where, absl::StrCat("profiles[", i, "]"),
        absl::StrCat("must be printable and at most ", kMaxProfileBytes, " bytes long"));
  }
  return std::set<std::string>(profiles.begin(), profiles.end());
}

absl::StatusOr<int> ParseNumber(int value, int fallback, absl::string_view where,
                                absl::string_view field) {
  if (value == 0) return fallback;
  if (value > 0 && value <= kMaxQuota) return value;
  return BadGrant(where, field,
                  absl::StrCat("is ", value, "; it must be 1 to ", kMaxQuota,
                               ", or 0 for the default ", fallback));
}

std::vector<std::string> Sorted(std::vector<std::string> texts) {
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  return texts;
}

}  // namespace

absl::StatusOr<Grant> ParseGrant(const GrantText& text, absl::string_view where) {
  Grant grant;
  NORROY_RETURN_IF_ERROR(CheckPrincipal(text.principal, where));
  grant.principal = text.principal;
  NORROY_ASSIGN_OR_RETURN(grant.names, ParseNames(text.names, where));
  NORROY_ASSIGN_OR_RETURN(grant.key_types, ParseKeyTypes(text.key_types, where));
  for (size_t i = 0; i < text.cas.size(); ++i) {
    if (identity::CheckResourceName("a CA", text.cas[i]).ok()) continue;
    return BadGrant(where, absl::StrCat("cas[", i, "]"),
                    absl::StrCat("\"", Printable(text.cas[i], 64), "\" is no CA's name"));
  }
  grant.cas = {text.cas.begin(), text.cas.end()};
  NORROY_ASSIGN_OR_RETURN(grant.profiles, ParseProfiles(text.profiles, where));
  NORROY_ASSIGN_OR_RETURN(
      grant.quota.orders_per_day,
      ParseNumber(text.orders_per_day, grant.quota.orders_per_day, where, "quota.orders_per_day"));
  NORROY_ASSIGN_OR_RETURN(
      grant.quota.orders_per_domain_per_day,
      ParseNumber(text.orders_per_domain_per_day, grant.quota.orders_per_domain_per_day, where,
                  "quota.orders_per_domain_per_day"));
  grant.reuse_never = text.reuse_never;
  return grant;
}

absl::StatusOr<std::vector<Grant>> ParseGrants(const std::vector<GrantText>& texts,
                                               absl::string_view list) {
  std::vector<Grant> grants;
  grants.reserve(texts.size());
  for (size_t i = 0; i < texts.size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(Grant grant, ParseGrant(texts[i], absl::StrCat(list, "[", i, "]")));
    grants.push_back(std::move(grant));
  }
  return grants;
}

absl::Status CheckCas(const std::vector<GrantText>& texts, const std::vector<std::string>& known,
                      absl::string_view list) {
  for (size_t i = 0; i < texts.size(); ++i) {
    for (size_t j = 0; j < texts[i].cas.size(); ++j) {
      const std::string& ca = texts[i].cas[j];
      if (std::find(known.begin(), known.end(), ca) != known.end()) continue;
      return BadGrant(absl::StrCat(list, "[", i, "]"), absl::StrCat("cas[", j, "]"),
                      absl::StrCat("there is no CA \"", Printable(ca, 64), "\"; `cas` has ",
                                   absl::StrJoin(known, ", ")));
    }
  }
  return absl::OkStatus();
}

GrantText NormalForm(const GrantText& text, const Grant& grant) {
  GrantText normal = text;
  normal.names.clear();
  for (const Pattern& pattern : grant.names) normal.names.push_back(pattern.text());
  normal.names = Sorted(std::move(normal.names));
  normal.key_types.clear();
  for (const crypto::KeyType type : grant.key_types) {
    normal.key_types.emplace_back(crypto::KeyTypeName(type));
  }
  normal.cas = Sorted(std::move(normal.cas));
  normal.profiles = Sorted(std::move(normal.profiles));
  return normal;
}

}  // namespace norroy::policy
