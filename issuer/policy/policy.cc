#include "issuer/policy/policy.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/challenge/pattern.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"

namespace norroy::policy {
namespace {

using challenge::Name;
using challenge::Pattern;
using config::v1::GrantConfig;
using config::v1::IssuerConfig;

constexpr size_t kMaxProfile = 64;

// An empty set of key types, CAs or profiles stands for all of them.
struct Grant {
  std::vector<Pattern> names;
  std::set<crypto::KeyType> key_types;
  std::set<std::string> cas;
  std::set<std::string> profiles;
};

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::Status CheckPrincipal(absl::string_view principal) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(principal, absl::MaxSplits('/', 1));
  const absl::StatusOr<identity::Role> role = identity::ParseRole(parts.first);
  const bool may_order =
      role.ok() && (*role == types::v1::ROLE_OPERATOR || *role == types::v1::ROLE_REQUESTER);
  if (!may_order || parts.second.empty()) {
    return BadConfig(absl::StrCat("\"", Printable(principal),
                                  "\" is no principal that may order; write \"operator/NAME\" or "
                                  "\"requester/NAME\""));
  }
  return identity::CheckResourceName("the principal's name", parts.second);
}

absl::Status ParseNames(const GrantConfig& config, absl::string_view where, Grant& grant) {
  if (config.names().empty()) {
    return BadConfig(absl::StrCat(where, ".names is empty: say which names the grant is for"));
  }
  for (int i = 0; i < config.names_size(); ++i) {
    absl::StatusOr<Pattern> pattern = Pattern::Parse(config.names(i));
    if (!pattern.ok()) {
      return WithContext(pattern.status(), absl::StrCat(where, ".names[", i, "]"));
    }
    grant.names.push_back(*std::move(pattern));
  }
  return absl::OkStatus();
}

absl::Status ParseKeyTypes(const GrantConfig& config, absl::string_view where, Grant& grant) {
  for (int i = 0; i < config.key_types_size(); ++i) {
    const absl::StatusOr<crypto::KeyType> type = crypto::ParseKeyType(config.key_types(i));
    if (!type.ok()) {
      return BadConfig(absl::StrCat(where, ".key_types[", i, "]: \"",
                                    Printable(config.key_types(i)),
                                    "\" is none of p256, p384, rsa2048, rsa3072, rsa4096"));
    }
    grant.key_types.insert(*type);
  }
  return absl::OkStatus();
}

absl::Status ParseCas(const GrantConfig& config, const std::vector<std::string>& known,
                      absl::string_view where, Grant& grant) {
  for (int i = 0; i < config.cas_size(); ++i) {
    const std::string& ca = config.cas(i);
    if (std::find(known.begin(), known.end(), ca) == known.end()) {
      return BadConfig(absl::StrCat(where, ".cas[", i, "]: there is no CA \"", Printable(ca),
                                    "\"; `cas` has ", absl::StrJoin(known, ", ")));
    }
    grant.cas.insert(ca);
  }
  return absl::OkStatus();
}

absl::Status ParseProfiles(const GrantConfig& config, absl::string_view where, Grant& grant) {
  for (int i = 0; i < config.profiles_size(); ++i) {
    const std::string& profile = config.profiles(i);
    if (profile.size() > kMaxProfile || Printable(profile) != profile) {
      return BadConfig(absl::StrCat(where, ".profiles[", i, "] must be printable and at most ",
                                    kMaxProfile, " bytes"));
    }
    grant.profiles.insert(profile);
  }
  return absl::OkStatus();
}

absl::StatusOr<Grant> ParseGrant(const GrantConfig& config, const std::vector<std::string>& cas,
                                 absl::string_view where) {
  Grant grant;
  const absl::Status principal = CheckPrincipal(config.principal());
  if (!principal.ok()) return WithContext(principal, absl::StrCat(where, ".principal"));
  NORROY_RETURN_IF_ERROR(ParseNames(config, where, grant));
  NORROY_RETURN_IF_ERROR(ParseKeyTypes(config, where, grant));
  NORROY_RETURN_IF_ERROR(ParseCas(config, cas, where, grant));
  NORROY_RETURN_IF_ERROR(ParseProfiles(config, where, grant));
  return grant;
}

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

using GrantList = std::vector<const Grant*>;

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

class ConfigPolicy final : public Policy {
 public:
  explicit ConfigPolicy(std::map<std::string, std::vector<Grant>> grants)
      : grants_(std::move(grants)) {}

  absl::StatusOr<Decision> Check(const Question& question) const override {
    GrantList all;
    const auto it = grants_.find(question.principal);
    if (it != grants_.end()) {
      for (const Grant& grant : it->second) all.push_back(&grant);
    }
    for (const Name& name : question.names) {
      NORROY_RETURN_IF_ERROR(CheckName(question, name, all));
    }
    return Decision();
  }

 private:
  static absl::Status CheckName(const Question& question, const Name& name, GrantList left) {
    for (const Dimension& dimension : DimensionsOf(question, name)) {
      std::erase_if(left, [&](const Grant* grant) { return !dimension.covers(*grant); });
      if (!left.empty()) continue;
      return MakeError(
          absl::StatusCode::kPermissionDenied, dimension.reason,
          absl::StrCat(question.principal, " may not order ", name.text(), dimension.lacking),
          {{"name", name.text()}, {"principal", question.principal}});
    }
    return absl::OkStatus();
  }

  const std::map<std::string, std::vector<Grant>> grants_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Policy>> MakeConfigPolicy(const IssuerConfig& config) {
  std::vector<std::string> cas;
  for (const config::v1::CaConfig& ca : config.cas()) cas.push_back(ca.name());
  std::map<std::string, std::vector<Grant>> grants;
  for (int i = 0; i < config.grants_size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(Grant grant,
                            ParseGrant(config.grants(i), cas, absl::StrCat("grants[", i, "]")));
    grants[config.grants(i).principal()].push_back(std::move(grant));
  }
  return std::make_unique<ConfigPolicy>(std::move(grants));
}

}  // namespace norroy::policy
