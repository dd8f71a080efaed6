#include "issuer/policy/grant_table.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::policy {
namespace {

using challenge::Name;

template <typename T>
bool Covers(const std::set<T>& allowed, const T& value) {
  return allowed.empty() || allowed.count(value) > 0;
}

// ".example.com" for "www.example.com": the wider pattern to suggest. Empty where there is none.
std::string WiderPattern(const Name& name) {
  const std::string& value = name.identifier().value();
  const size_t dot = value.find('.');
  if (name.identifier().type() != challenge::IdentifierType::kDns || name.wildcard() ||
      dot == std::string::npos || value.find('.', dot + 1) == std::string::npos) {
    return "";
  }
  return value.substr(dot);
}

std::string SuggestNames(const Name& name) {
  if (name.identifier().type() == challenge::IdentifierType::kIp) {
    return absl::StrCat("\"=", name.text(), "\"");
  }
  const std::string wider = WiderPattern(name);
  return absl::StrCat("\"", name.text(), "\"",
                      wider.empty() ? "" : absl::StrCat(" or \"", wider, "\""));
}

// One dimension of a question: which grants are left, and what to say if none is.
struct Dimension {
  absl::string_view reason;
  std::function<bool(const Grant&)> covers;
  std::string lacking;  // "by CA \"le\": a grant of it would have to list ..."
};

std::vector<Dimension> DimensionsOf(const Question& question, const Name& name) {
  std::vector<Dimension> dimensions = {
      {"NAME_NOT_GRANTED", [&name](const Grant& g) { return challenge::MatchesAny(g.names, name); },
       absl::StrCat(": a grant for this principal would need ", SuggestNames(name),
                    " among its names")},
      {"CA_NOT_GRANTED", [&question](const Grant& g) { return Covers(g.cas, question.ca); },
       absl::StrCat(" from CA \"", question.ca,
                    "\": the grant that covers the name would need it among its cas")},
      {"PROFILE_NOT_GRANTED",
       [&question](const Grant& g) { return Covers(g.profiles, question.profile); },
       question.profile.empty()
           ? " with the CA's default profile: the grant that covers the name lists profiles, so "
             "ask for one of them, or add \"\" to the grant"
           : absl::StrCat(" with profile \"", Printable(question.profile),
                          "\": the grant that covers the name would need it among its profiles")},
  };
  if (question.key_type.has_value()) {
    const std::string type(crypto::KeyTypeName(*question.key_type));
    dimensions.push_back(
        {"KEY_TYPE_NOT_GRANTED",
         [&question](const Grant& g) { return Covers(g.key_types, *question.key_type); },
         absl::StrCat(" with a ", type,
                      " key: the grant that covers the name would need it among its key_types")});
  }
  return dimensions;
}

}  // namespace

GrantTable::GrantTable(int64_t version, std::vector<Grant> grants) : version_(version) {
  for (Grant& grant : grants) {
    std::vector<Grant>& list = by_principal_[grant.principal];
    list.push_back(std::move(grant));
  }
}

absl::StatusOr<GrantTable::GrantList> GrantTable::Covering(const Question& question,
                                                           const Name& name, GrantList left) const {
  for (const Dimension& dimension : DimensionsOf(question, name)) {
    std::erase_if(left, [&](const Grant* grant) { return !dimension.covers(*grant); });
    if (!left.empty()) continue;
    return MakeError(
        absl::StatusCode::kPermissionDenied, dimension.reason,
        absl::StrCat(question.principal, " may not order ", name.text(), dimension.lacking),
        {{"name", name.text()},
         {"principal", question.principal},
         {"policy_version", absl::StrCat(version_)}});
  }
  return left;
}

absl::StatusOr<Decision> GrantTable::Check(const Question& question) const {
  GrantList all;
  // Whole principals are compared: "requester/web" is not the beginning of "requester/web-evil".
  const auto it = by_principal_.find(question.principal);
  if (it != by_principal_.end()) {
    for (const Grant& grant : it->second) all.push_back(&grant);
  }
  Decision decision{.version = version_, .quota = {0, 0}};
  for (const Grant* grant : all) {
    const Quota& quota = grant->quota;
    decision.quota.orders_per_day = std::max(decision.quota.orders_per_day, quota.orders_per_day);
    decision.quota.orders_per_domain_per_day =
        std::max(decision.quota.orders_per_domain_per_day, quota.orders_per_domain_per_day);
  }
  for (const Name& name : question.names) {
    NORROY_ASSIGN_OR_RETURN(const GrantList covering, Covering(question, name, all));
    decision.reuse_never |= std::all_of(covering.begin(), covering.end(),
                                        [](const Grant* grant) { return grant->reuse_never; });
  }
  return decision;
}

}  // namespace norroy::policy
