#ifndef NORROY_ISSUER_SERVICE_ACCOUNT_ADMIN_H_
#define NORROY_ISSUER_SERVICE_ACCOUNT_ADMIN_H_

// What operators do with the issuer's accounts at CAs. Knows nothing of gRPC. The methods are those
// of protos/norroy/issuer/v1/account_service.proto, which says what each promises.

#include <string>

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "issuer/keys/accounts.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/account_service.pb.h"

namespace norroy::service {

// Thread-safe.
class AccountAdmin {
 public:
  // The references outlive this object.
  AccountAdmin(store::Store& store, keys::Accounts& accounts, Clock& clock)
      : store_(store), accounts_(accounts), clock_(clock) {}

  absl::StatusOr<issuer::v1::CreateAccountResponse> Create(
      const rpc::Caller& caller, const issuer::v1::CreateAccountRequest& request);
  absl::StatusOr<issuer::v1::UpdateAccountResponse> Update(
      const rpc::Caller& caller, const issuer::v1::UpdateAccountRequest& request);
  absl::StatusOr<issuer::v1::ChangeAccountKeyResponse> ChangeKey(
      const rpc::Caller& caller, const issuer::v1::ChangeAccountKeyRequest& request);
  absl::StatusOr<issuer::v1::GetAccountResponse> Get(const rpc::Caller& caller,
                                                     const issuer::v1::GetAccountRequest& request);
  // In the order of the configuration.
  absl::StatusOr<issuer::v1::ListAccountsResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListAccountsRequest& request);

 private:
  absl::Status CheckCa(const std::string& ca);
  // What became of a change that somebody asked for, done or not. The account, if it was and is
  // audited.
  absl::StatusOr<issuer::v1::Account> Audited(const rpc::Caller& caller, absl::string_view action,
                                              const std::string& ca,
                                              const absl::StatusOr<store::AccountRecord>& account);

  store::Store& store_;
  keys::Accounts& accounts_;
  Clock& clock_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ACCOUNT_ADMIN_H_
