#include "cli/account.h"

#include <memory>

#include "cli/text.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/account_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Account;
using Accounts = issuer::v1::AccountService;

// The issuer waits for the CA's verdicts on what it looks at, then for the CA.
constexpr absl::Duration kChangeTakes = absl::Minutes(3);

absl::StatusOr<std::unique_ptr<Accounts::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return Accounts::NewStub(channel);
}

// Accounts are listed in the order of the configuration, whose first CA is the default.
absl::StatusOr<std::string> CaOrFirst(Context& context, Accounts::Stub& accounts,
                                      const std::string& ca) {
  if (!ca.empty()) return ca;
  issuer::v1::ListAccountsRequest request;
  request.set_page_size(1);
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(accounts, &Accounts::Stub::ListAccounts, request));
  if (response.accounts().empty()) return absl::NotFoundError("the issuer has no CA");
  return response.accounts(0).ca();
}

std::string StatusText(const Account& account) {
  return account.url().empty() ? "not registered" : account.status();
}

void Show(Context& context, const Account& account) {
  context.output().Object(
      account, {{"CA", account.ca()},
                {"directory", account.directory_url()},
                {"account", account.url()},
                {"status", StatusText(account)},
                {"contacts", ListText(account.contacts())},
                {"key thumbprint", account.key_thumbprint()},
                {"EAB key", account.eab_kid()},
                {"created", account.has_create_time() ? TimeText(account.create_time()) : ""},
                {"terms", account.terms_of_service()}});
}

}  // namespace

absl::Status AccountCreate(Context& context, const std::string& ca, bool agree_tos) {
  issuer::v1::CreateAccountRequest request;
  request.set_agree_tos(agree_tos);
  NORROY_ASSIGN_OR_RETURN(const auto accounts, Connect(context));
  NORROY_ASSIGN_OR_RETURN(*request.mutable_ca(), CaOrFirst(context, *accounts, ca));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*accounts, &Accounts::Stub::CreateAccount, request));
  Show(context, response.account());
  return absl::OkStatus();
}

absl::Status AccountUpdate(Context& context, const std::string& ca) {
  issuer::v1::UpdateAccountRequest request;
  NORROY_ASSIGN_OR_RETURN(const auto accounts, Connect(context));
  NORROY_ASSIGN_OR_RETURN(*request.mutable_ca(), CaOrFirst(context, *accounts, ca));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*accounts, &Accounts::Stub::UpdateAccount, request));
  Show(context, response.account());
  return absl::OkStatus();
}

absl::Status AccountChangeKey(Context& context, const std::string& ca) {
  issuer::v1::ChangeAccountKeyRequest request;
  NORROY_ASSIGN_OR_RETURN(const auto accounts, Connect(context));
  NORROY_ASSIGN_OR_RETURN(*request.mutable_ca(), CaOrFirst(context, *accounts, ca));
  grpc::ClientContext call;
  context.SetDeadline(call, kChangeTakes);
  issuer::v1::ChangeAccountKeyResponse response;
  NORROY_RETURN_IF_ERROR(Context::FromCall(accounts->ChangeAccountKey(&call, request, &response)));
  Show(context, response.account());
  return absl::OkStatus();
}

absl::Status AccountList(Context& context) {
  issuer::v1::ListAccountsRequest request;
  NORROY_ASSIGN_OR_RETURN(const auto accounts, Connect(context));
  List list(context.output(), {"CA", "STATUS", "ACCOUNT", "CREATED"});
  do {
    NORROY_ASSIGN_OR_RETURN(const auto response,
                            context.Call(*accounts, &Accounts::Stub::ListAccounts, request));
    for (const Account& account : response.accounts()) {
      list.Add(account,
               {account.ca(), StatusText(account), account.url(), TimeText(account.create_time())});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  list.Finish();
  return absl::OkStatus();
}

absl::Status AccountShow(Context& context, const std::string& ca) {
  issuer::v1::GetAccountRequest request;
  NORROY_ASSIGN_OR_RETURN(const auto accounts, Connect(context));
  NORROY_ASSIGN_OR_RETURN(*request.mutable_ca(), CaOrFirst(context, *accounts, ca));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*accounts, &Accounts::Stub::GetAccount, request));
  Show(context, response.account());
  return absl::OkStatus();
}

}  // namespace norroy::cli
