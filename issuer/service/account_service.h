#ifndef NORROY_ISSUER_SERVICE_ACCOUNT_SERVICE_H_
#define NORROY_ISSUER_SERVICE_ACCOUNT_SERVICE_H_

#include "common/rpc/handler.h"
#include "issuer/service/account_admin.h"
#include "norroy/issuer/v1/account_service.grpc.pb.h"

namespace norroy::service {

// AccountAdmin over gRPC.
class AccountService final : public issuer::v1::AccountService::CallbackService {
 public:
  // Both outlive the service.
  AccountService(const rpc::HandlerEnv& env, AccountAdmin& logic) : env_(env), logic_(logic) {}

  grpc::ServerUnaryReactor* CreateAccount(grpc::CallbackServerContext* context,
                                          const issuer::v1::CreateAccountRequest* request,
                                          issuer::v1::CreateAccountResponse* response) override;
  grpc::ServerUnaryReactor* UpdateAccount(grpc::CallbackServerContext* context,
                                          const issuer::v1::UpdateAccountRequest* request,
                                          issuer::v1::UpdateAccountResponse* response) override;
  grpc::ServerUnaryReactor* ChangeAccountKey(
      grpc::CallbackServerContext* context, const issuer::v1::ChangeAccountKeyRequest* request,
      issuer::v1::ChangeAccountKeyResponse* response) override;
  grpc::ServerUnaryReactor* GetAccount(grpc::CallbackServerContext* context,
                                       const issuer::v1::GetAccountRequest* request,
                                       issuer::v1::GetAccountResponse* response) override;
  grpc::ServerUnaryReactor* ListAccounts(grpc::CallbackServerContext* context,
                                         const issuer::v1::ListAccountsRequest* request,
                                         issuer::v1::ListAccountsResponse* response) override;

 private:
  const rpc::HandlerEnv& env_;
  AccountAdmin& logic_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ACCOUNT_SERVICE_H_
