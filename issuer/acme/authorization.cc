#include "issuer/acme/authorization.h"

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/acme/json.h"

namespace norroy::acme {
namespace {

constexpr size_t kMinTokenBytes = 22;
constexpr size_t kMaxChallenges = 32;

constexpr std::array<std::pair<absl::string_view, AuthorizationStatus>, 6> kStatuses = {{
    {"pending", AuthorizationStatus::kPending},
    {"valid", AuthorizationStatus::kValid},
    {"invalid", AuthorizationStatus::kInvalid},
    {"deactivated", AuthorizationStatus::kDeactivated},
    {"expired", AuthorizationStatus::kExpired},
    {"revoked", AuthorizationStatus::kRevoked},
}};

constexpr std::array<std::pair<absl::string_view, ChallengeStatus>, 4> kChallengeStatuses = {{
    {"pending", ChallengeStatus::kPending},
    {"processing", ChallengeStatus::kProcessing},
    {"valid", ChallengeStatus::kValid},
    {"invalid", ChallengeStatus::kInvalid},
}};

absl::StatusOr<AuthorizationStatus> ReadStatus(const JsonObject& object) {
  NORROY_ASSIGN_OR_RETURN(const std::string text, object.RequiredString("status"));
  for (const auto& [name, status] : kStatuses) {
    if (name == text) return status;
  }
  return object.Error(absl::StrCat("status \"", Printable(text, 64), "\" is unknown"));
}

absl::StatusOr<challenge::Name> ReadName(const JsonObject& object) {
  NORROY_ASSIGN_OR_RETURN(const JsonObject identifier, object.RequiredObject("identifier"));
  NORROY_ASSIGN_OR_RETURN(const std::string type, identifier.RequiredString("type"));
  NORROY_ASSIGN_OR_RETURN(const std::string value, identifier.RequiredString("value"));
  // RFC 8555 7.1.4: a flag says that it is for the wildcard, the identifier does not.
  NORROY_ASSIGN_OR_RETURN(const bool wildcard, object.OptionalBool("wildcard"));
  const bool is_dns = type == "dns";
  if (!is_dns && type != "ip") {
    return identifier.Error(absl::StrCat("type \"", Printable(type, 64), "\" is unknown"));
  }
  if (wildcard && !is_dns) return object.Error("wildcard is set for an address");
  auto parsed = challenge::Identifier::Parse(
      is_dns ? challenge::IdentifierType::kDns : challenge::IdentifierType::kIp, value);
  if (!parsed.ok()) return identifier.Error(absl::StrCat("value: ", parsed.status().message()));
  return challenge::Name::Of(*std::move(parsed), wildcard);
}

// Unset: not one that we could answer.
absl::StatusOr<std::optional<Challenge>> ReadChallenge(const JsonObject& object,
                                                       const UrlPolicy& urls) {
  const std::optional<Challenge> none;
  const auto type_name = object.RequiredString("type");
  if (!type_name.ok()) return none;
  // RFC 8555 7.1.4: a client ignores types that it does not know.
  const auto type = challenge::ParseChallengeType(*type_name);
  if (!type.ok()) return none;
  const auto token_text = object.OptionalString("token");
  if (!token_text.ok()) return none;
  const auto token = challenge::Token::Parse(*token_text);
  // RFC 8555 8: at least 128 bits of entropy; in fewer characters there cannot be as many.
  if (!token.ok() || token->value().size() < kMinTokenBytes) return none;
  const auto url = object.RequiredString("url");
  if (!url.ok()) return none;
  NORROY_RETURN_IF_ERROR(urls.Check("a challenge", *url));
  const auto status_text = object.RequiredString("status");
  if (!status_text.ok()) return none;
  const auto* const row =
      std::find_if(kChallengeStatuses.begin(), kChallengeStatuses.end(),
                   [&](const auto& candidate) { return candidate.first == *status_text; });
  if (row == kChallengeStatuses.end()) return none;
  NORROY_ASSIGN_OR_RETURN(const auto error, object.OptionalObject("error"));
  std::optional<Problem> problem;
  if (error.has_value()) problem = ReadProblem(*error);
  return std::optional<Challenge>(Challenge{*type, *url, row->second, *token, std::move(problem)});
}

}  // namespace

const Problem* Authorization::problem() const {
  for (const Challenge& challenge : challenges) {
    if (challenge.error.has_value()) return &*challenge.error;
  }
  return nullptr;
}

absl::StatusOr<Authorization> Authorization::Parse(absl::string_view json, absl::string_view url,
                                                   const UrlPolicy& urls) {
  NORROY_ASSIGN_OR_RETURN(const JsonObject object,
                          JsonObject::Parse(absl::StrCat("authorization ", url), json));
  NORROY_ASSIGN_OR_RETURN(const AuthorizationStatus status, ReadStatus(object));
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, ReadName(object));
  Authorization authorization{std::string(url), std::move(name), status, {}, {}, {}};
  NORROY_ASSIGN_OR_RETURN(authorization.expires, object.OptionalTime("expires"));
  NORROY_ASSIGN_OR_RETURN(const std::vector<JsonObject> challenges,
                          object.Objects("challenges", kMaxChallenges));
  for (const JsonObject& item : challenges) {
    NORROY_ASSIGN_OR_RETURN(std::optional<Challenge> challenge, ReadChallenge(item, urls));
    if (!challenge.has_value()) continue;
    const bool repeated =
        std::any_of(authorization.challenges.begin(), authorization.challenges.end(),
                    [&](const Challenge& other) { return other.type == challenge->type; });
    // RFC 8555 7.1.4: each challenge is another way; a second one of a type would be ambiguous.
    if (!repeated) authorization.challenges.push_back(*std::move(challenge));
  }
  return authorization;
}

}  // namespace norroy::acme
