#include "issuer/service/account_admin.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/convert.h"
#include "issuer/service/page.h"

namespace norroy::service {

absl::Status AccountAdmin::CheckCa(const std::string& ca) {
  const std::vector<std::string> cas = accounts_.cas();
  if (std::find(cas.begin(), cas.end(), ca) != cas.end()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "CA_UNKNOWN",
                   absl::StrCat("ca: there is no CA \"", Printable(ca, 64), "\"; the issuer knows ",
                                absl::StrJoin(cas, ", ")),
                   {{"field", "ca"}});
}

absl::StatusOr<issuer::v1::CreateAccountResponse> AccountAdmin::Create(
    const rpc::Caller& caller, const issuer::v1::CreateAccountRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckCa(request.ca()));
  NORROY_ASSIGN_OR_RETURN(const store::AccountRecord account,
                          accounts_.Register(request.ca(), request.agree_tos()));
  NORROY_RETURN_IF_ERROR(
      store_.Audit({caller.identity.Principal(), "account.create",
                    absl::StrCat("account/", account.ca), absl::StrCat("url ", account.url)},
                   clock_.Now()));
  issuer::v1::CreateAccountResponse response;
  *response.mutable_account() = ToProto(account);
  return response;
}

absl::StatusOr<issuer::v1::GetAccountResponse> AccountAdmin::Get(
    const rpc::Caller&, const issuer::v1::GetAccountRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckCa(request.ca()));
  NORROY_ASSIGN_OR_RETURN(const store::AccountRecord account, store_.GetAccount(request.ca()));
  issuer::v1::GetAccountResponse response;
  *response.mutable_account() = ToProto(account);
  return response;
}

absl::StatusOr<issuer::v1::ListAccountsResponse> AccountAdmin::List(
    const rpc::Caller&, const issuer::v1::ListAccountsRequest& request) {
  const std::vector<std::string> cas = accounts_.cas();
  NORROY_ASSIGN_OR_RETURN(const Page page,
                          ParsePage(request.page_size(), request.page_token(), "accounts"));
  // The token names the last CA of the page before.
  const auto after = std::find(cas.begin(), cas.end(), page.after.id);
  issuer::v1::ListAccountsResponse response;
  for (auto ca = after == cas.end() ? cas.begin() : after + 1; ca != cas.end(); ++ca) {
    if (response.accounts_size() == page.limit) {
      response.set_next_page_token(PageToken({absl::UnixEpoch(), *(ca - 1)}, "accounts"));
      break;
    }
    NORROY_ASSIGN_OR_RETURN(const store::AccountRecord account, store_.GetAccount(*ca));
    *response.add_accounts() = ToProto(account);
  }
  return response;
}

}  // namespace norroy::service
