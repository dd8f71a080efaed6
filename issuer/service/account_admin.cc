#include "issuer/service/account_admin.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/audit/entry.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/access.h"
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

absl::StatusOr<issuer::v1::Account> AccountAdmin::Audited(
    const rpc::Caller& caller, absl::string_view action, const std::string& ca,
    const absl::StatusOr<store::AccountRecord>& account) {
  store::AuditEntry entry = AuditOf(caller, action, absl::StrCat("account/", ca));
  if (account.ok()) {
    entry.detail = absl::StrCat("url=", account->url, " status=", account->status,
                                " key=", account->key_thumbprint);
  } else {
    entry.outcome = audit::kFailed;
    entry.detail = absl::StrCat("reason=", ErrorReason(account.status()));
  }
  const absl::Status audited = store_.Audit(entry, clock_.Now());
  NORROY_RETURN_IF_ERROR(account.status());
  NORROY_RETURN_IF_ERROR(audited);
  return ToProto(*account);
}

absl::StatusOr<issuer::v1::CreateAccountResponse> AccountAdmin::Create(
    const rpc::Caller& caller, const issuer::v1::CreateAccountRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckCa(request.ca()));
  issuer::v1::CreateAccountResponse response;
  NORROY_ASSIGN_OR_RETURN(*response.mutable_account(),
                          Audited(caller, "account.create", request.ca(),
                                  accounts_.Register(request.ca(), request.agree_tos())));
  return response;
}

absl::StatusOr<issuer::v1::UpdateAccountResponse> AccountAdmin::Update(
    const rpc::Caller& caller, const issuer::v1::UpdateAccountRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckCa(request.ca()));
  issuer::v1::UpdateAccountResponse response;
  NORROY_ASSIGN_OR_RETURN(
      *response.mutable_account(),
      Audited(caller, "account.update", request.ca(), accounts_.Update(request.ca())));
  return response;
}

absl::StatusOr<issuer::v1::ChangeAccountKeyResponse> AccountAdmin::ChangeKey(
    const rpc::Caller& caller, const issuer::v1::ChangeAccountKeyRequest& request) {
  NORROY_RETURN_IF_ERROR(CheckCa(request.ca()));
  issuer::v1::ChangeAccountKeyResponse response;
  NORROY_ASSIGN_OR_RETURN(
      *response.mutable_account(),
      Audited(caller, "account.change_key", request.ca(), accounts_.ChangeKey(request.ca())));
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
