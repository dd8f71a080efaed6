#include "cli/token.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/api_token_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::ApiToken;
using Tokens = issuer::v1::ApiTokenService;

constexpr int kPageSize = 1000;

absl::StatusOr<std::unique_ptr<Tokens::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return Tokens::NewStub(channel);
}

}  // namespace

absl::Status ApiTokenCreate(Context& context, const ApiTokenCreateOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan("--expires", options.expires));
  issuer::v1::CreateApiTokenRequest request;
  request.set_principal(options.principal);
  *request.mutable_expire_time() = ToProto(context.clock().Now() + span);
  NORROY_ASSIGN_OR_RETURN(const auto tokens, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*tokens, &Tokens::Stub::CreateApiToken, request));
  const ApiToken& token = response.api_token();
  context.output().Object(response, {{"id", token.id()},
                                     {"principal", token.principal()},
                                     {"until", TimeText(token.expire_time())},
                                     {"token", response.token()}});
  context.output().Say("The token is not shown again: keep it where secrets are kept.");
  return absl::OkStatus();
}

absl::Status ApiTokenList(Context& context) {
  issuer::v1::ListApiTokensRequest request;
  request.set_page_size(kPageSize);
  NORROY_ASSIGN_OR_RETURN(const auto tokens, Connect(context));
  List list(context.output(), {"ID", "PRINCIPAL", "UNTIL", "LAST USED", "CREATOR"});
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*tokens, &Tokens::Stub::ListApiTokens, request));
    for (const ApiToken& token : response.api_tokens()) {
      list.Add(token, {token.id(), token.principal(), TimeText(token.expire_time()),
                       token.has_last_use_time() ? TimeText(token.last_use_time()) : "never",
                       token.creator()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

absl::Status ApiTokenDelete(Context& context, const std::string& id) {
  issuer::v1::DeleteApiTokenRequest request;
  request.set_id(id);
  NORROY_ASSIGN_OR_RETURN(const auto tokens, Connect(context));
  NORROY_RETURN_IF_ERROR(context.Call(*tokens, &Tokens::Stub::DeleteApiToken, request).status());
  context.output().Say(absl::StrCat("API token ", id, " is gone."));
  return absl::OkStatus();
}

}  // namespace norroy::cli
