#include "issuer/service/api_token_admin.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/page.h"
#include "issuer/sign_in/claims.h"

namespace norroy::service {
namespace {

constexpr char kQuery[] = "api_tokens";

absl::Status BadField(absl::string_view field, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD",
                   absl::StrCat(field, ": ", message), {{"field", std::string(field)}});
}

issuer::v1::ApiToken ToProto(const store::ApiToken& token) {
  issuer::v1::ApiToken proto;
  proto.set_id(token.id);
  proto.set_principal(token.principal);
  proto.set_creator(token.creator);
  *proto.mutable_create_time() = ToTimestamp(token.create_time);
  *proto.mutable_expire_time() = ToTimestamp(token.expire_time);
  if (token.use_time != absl::InfinitePast()) {
    *proto.mutable_last_use_time() = ToTimestamp(token.use_time);
  }
  return proto;
}

absl::StatusOr<absl::Time> ExpireTime(const issuer::v1::CreateApiTokenRequest& request,
                                      absl::Time now) {
  if (!request.has_expire_time()) return now + kDefaultTokenLifetime;
  const absl::Time time = absl::FromUnixSeconds(request.expire_time().seconds()) +
                          absl::Nanoseconds(request.expire_time().nanos());
  if (time > now && time <= now + kMaxTokenLifetime) return time;
  return BadField("expire_time", "it must be in the future, at most 365 days from now");
}

bool IsId(absl::string_view id) {
  for (const char c : id) {
    if (!absl::ascii_isdigit(c) && (c < 'a' || c > 'f')) return false;
  }
  return id.size() == 32;
}

}  // namespace

absl::StatusOr<issuer::v1::CreateApiTokenResponse> ApiTokenAdmin::Create(
    const rpc::Caller& caller, const issuer::v1::CreateApiTokenRequest& request) {
  // Operators' rights are worth more than a secret that lies in a file for a month.
  const absl::Status principal = sign_in::RequesterName(request.principal()).status();
  if (!principal.ok()) return BadField("principal", principal.message());
  const absl::Time now = clock_.Now();
  store::ApiToken token{
      .principal = request.principal(), .creator = caller.identity.Principal(), .create_time = now};
  NORROY_ASSIGN_OR_RETURN(token.expire_time, ExpireTime(request, now));
  store::AuditEntry audit =
      AuditOf(caller, "api_token.create", "",
              absl::StrCat("for ", token.principal, " until ",
                           absl::FormatTime(token.expire_time, absl::UTCTimeZone())));
  audit.time = now;
  NORROY_ASSIGN_OR_RETURN(const crypto::Secret secret, tokens_.Create(token, random_, audit));
  issuer::v1::CreateApiTokenResponse response;
  *response.mutable_api_token() = ToProto(token);
  response.set_token(std::string(secret.Expose()));
  return response;
}

absl::StatusOr<issuer::v1::ListApiTokensResponse> ApiTokenAdmin::List(
    const rpc::Caller&, const issuer::v1::ListApiTokensRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const Page page,
                          ParsePage(request.page_size(), request.page_token(), kQuery));
  NORROY_ASSIGN_OR_RETURN(const auto tokens, tokens_.List(page.after, page.limit + 1));
  issuer::v1::ListApiTokensResponse response;
  for (const store::ApiToken& token : tokens) {
    if (response.api_tokens_size() == page.limit) {
      const store::ApiToken& last = tokens[static_cast<size_t>(page.limit) - 1];
      response.set_next_page_token(PageToken({last.create_time, last.id}, kQuery));
      break;
    }
    *response.add_api_tokens() = ToProto(token);
  }
  return response;
}

absl::StatusOr<issuer::v1::DeleteApiTokenResponse> ApiTokenAdmin::Delete(
    const rpc::Caller& caller, const issuer::v1::DeleteApiTokenRequest& request) {
  if (!IsId(request.id())) return BadField("id", "an API token's id is 32 hexadecimal digits");
  store::AuditEntry audit = AuditOf(caller, "api_token.delete", "");
  audit.time = clock_.Now();
  NORROY_RETURN_IF_ERROR(tokens_.Delete(request.id(), audit));
  return issuer::v1::DeleteApiTokenResponse();
}

}  // namespace norroy::service
