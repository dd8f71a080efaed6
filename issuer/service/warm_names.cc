#include "issuer/service/warm_names.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/fields.h"
#include "issuer/service/idna.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

constexpr int kMaxNames = 100;

template <typename Texts>
absl::StatusOr<std::vector<challenge::Name>> ParseNameFields(const Texts& texts) {
  if (texts.empty() || texts.size() > kMaxNames) {
    return BadField("names", absl::StrCat("has ", texts.size(), " entries; give 1 to ", kMaxNames));
  }
  std::vector<std::string> ascii;
  for (int i = 0; i < texts.size(); ++i) {
    absl::StatusOr<std::string> name = ToAscii(texts[i]);
    if (!name.ok()) return WithContext(name.status(), absl::StrCat("names[", i, "]"));
    ascii.push_back(*std::move(name));
  }
  return challenge::ParseNames(ascii);
}

absl::Status CheckProfileText(const std::string& profile) {
  if (profile.size() <= kMaxProfile && Printable(profile, kMaxProfile * 4) == profile) {
    return absl::OkStatus();
  }
  return BadField("profile",
                  absl::StrCat("must be at most ", kMaxProfile, " printable characters"));
}

issuer::v1::WarmState StateOf(const store::WarmName& name, absl::Time now) {
  if (!name.authorization_url.empty() && now < name.valid_until) return issuer::v1::WARM_STATE_WARM;
  return name.proving ? issuer::v1::WARM_STATE_PROVING : issuer::v1::WARM_STATE_COLD;
}

// A page's position is one text: names, CAs and profiles have no control characters.
constexpr char kSeparator = '\x1f';

std::string TokenOf(const store::WarmKey& key) {
  return absl::StrCat(key.name.text(), std::string(1, kSeparator), key.ca,
                      std::string(1, kSeparator), key.profile);
}

absl::StatusOr<std::optional<store::WarmKey>> ParseToken(const std::string& token) {
  if (token.empty()) return std::optional<store::WarmKey>();
  const size_t first = token.find(kSeparator);
  const size_t second = first == std::string::npos ? first : token.find(kSeparator, first + 1);
  if (second == std::string::npos || token.size() > kMaxPageToken * 4) {
    return BadField("page_token", "is none of this list's");
  }
  const auto name = challenge::Name::Parse(token.substr(0, first));
  if (!name.ok()) return BadField("page_token", "is none of this list's");
  return std::optional<store::WarmKey>(
      store::WarmKey{*name, token.substr(first + 1, second - first - 1), token.substr(second + 1)});
}

}  // namespace

issuer::v1::WarmName ToProto(const store::WarmName& name, absl::Time now) {
  issuer::v1::WarmName proto;
  proto.set_name(name.key.name.text());
  proto.set_ca(name.key.ca);
  proto.set_profile(name.key.profile);
  proto.set_creator(name.creator);
  proto.set_state(StateOf(name, now));
  if (name.valid_until > absl::InfinitePast()) {
    *proto.mutable_valid_until() = ToTimestamp(name.valid_until);
  }
  if (!name.proving) *proto.mutable_next_proof_time() = ToTimestamp(name.act_time);
  proto.set_order_id(name.order_id);
  proto.set_error_reason(name.error_reason);
  proto.set_error_message(name.error_message);
  *proto.mutable_create_time() = ToTimestamp(name.create_time);
  return proto;
}

absl::StatusOr<issuer::v1::AddWarmNamesResponse> WarmNames::Add(
    const rpc::Caller& caller, const issuer::v1::AddWarmNamesRequest& request) {
  const absl::StatusOr<std::vector<store::WarmName>> added = TryAdd(caller, request);
  denials_.Note(caller, "warm.add", "warm_names", added.status());
  if (!added.ok()) return added.status();
  o_.wake();
  issuer::v1::AddWarmNamesResponse response;
  for (const store::WarmName& name : *added) {
    *response.add_warm_names() = ToProto(name, o_.clock.Now());
  }
  return response;
}

absl::StatusOr<std::vector<store::WarmName>> WarmNames::TryAdd(
    const rpc::Caller& caller, const issuer::v1::AddWarmNamesRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<challenge::Name> names,
                          ParseNameFields(request.names()));
  NORROY_RETURN_IF_ERROR(CheckProfileText(request.profile()));
  NORROY_ASSIGN_OR_RETURN(const std::string ca, keys::ChooseCa(o_.accounts, request.ca()));
  const std::string principal = caller.identity.Principal();
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(o_.clock.Now()));
  std::vector<store::WarmName> rows;
  for (const challenge::Name& name : names) {
    NORROY_ASSIGN_OR_RETURN(
        const policy::Decision decision,
        o_.policy.Check({principal, {name}, ca, request.profile(), std::nullopt}));
    if (decision.reuse_never) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "REUSE_NEVER",
                       absl::StrCat("names: the grant for ", name.text(),
                                    " says `reuse: never`: nothing can be kept warm"));
    }
    rows.push_back({.key = {name, ca, request.profile()},
                    .creator = principal,
                    .create_time = now,
                    .act_time = now});
  }
  return o_.warm_names.Add(rows, kMaxWarmNames,
                           AuditOf(caller, "warm.add", "warm_names",
                                   absl::StrCat("ca=", ca, " profile=", request.profile(),
                                                " names=", challenge::SetKey(names))),
                           now);
}

absl::StatusOr<issuer::v1::ListWarmNamesResponse> WarmNames::List(
    const rpc::Caller& caller, const issuer::v1::ListWarmNamesRequest& request) {
  if (request.page_size() < 0) return BadField("page_size", "is negative");
  const int wanted = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  const int limit = std::min(wanted, kMaxPageSize);
  NORROY_ASSIGN_OR_RETURN(const auto after, ParseToken(request.page_token()));
  NORROY_ASSIGN_OR_RETURN(const std::vector<store::WarmName> rows,
                          o_.warm_names.List(ReaderOf(caller), after, limit + 1));
  issuer::v1::ListWarmNamesResponse response;
  for (const store::WarmName& name : rows) {
    if (response.warm_names_size() == limit) {
      response.set_next_page_token(TokenOf(rows[static_cast<size_t>(limit) - 1].key));
      break;
    }
    *response.add_warm_names() = ToProto(name, o_.clock.Now());
  }
  return response;
}

absl::StatusOr<issuer::v1::RemoveWarmNamesResponse> WarmNames::Remove(
    const rpc::Caller& caller, const issuer::v1::RemoveWarmNamesRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<challenge::Name> names,
                          ParseNameFields(request.names()));
  NORROY_RETURN_IF_ERROR(CheckProfileText(request.profile()));
  NORROY_ASSIGN_OR_RETURN(const std::string ca, keys::ChooseCa(o_.accounts, request.ca()));
  std::vector<store::WarmKey> keys;
  for (const challenge::Name& name : names) keys.push_back({name, ca, request.profile()});
  NORROY_ASSIGN_OR_RETURN(
      const int64_t removed,
      o_.warm_names.Remove(keys, ReaderOf(caller),
                           AuditOf(caller, "warm.remove", "warm_names",
                                   absl::StrCat("ca=", ca, " profile=", request.profile(),
                                                " names=", challenge::SetKey(names))),
                           o_.clock.Now()));
  issuer::v1::RemoveWarmNamesResponse response;
  response.set_removed(static_cast<int32_t>(removed));
  return response;
}

}  // namespace norroy::service
