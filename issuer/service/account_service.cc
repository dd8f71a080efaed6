#include "issuer/service/account_service.h"

namespace norroy::service {

grpc::ServerUnaryReactor* AccountService::CreateAccount(
    grpc::CallbackServerContext* context, const issuer::v1::CreateAccountRequest* request,
    issuer::v1::CreateAccountResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::CreateAccountRequest& request) {
                      return logic_.Create(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* AccountService::UpdateAccount(
    grpc::CallbackServerContext* context, const issuer::v1::UpdateAccountRequest* request,
    issuer::v1::UpdateAccountResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::UpdateAccountRequest& request) {
                      return logic_.Update(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* AccountService::ChangeAccountKey(
    grpc::CallbackServerContext* context, const issuer::v1::ChangeAccountKeyRequest* request,
    issuer::v1::ChangeAccountKeyResponse* response) {
  return rpc::Unary(
      env_, context, request, response,
      [this](const rpc::Call& call, const issuer::v1::ChangeAccountKeyRequest& request) {
        return logic_.ChangeKey(call.caller, request);
      });
}

grpc::ServerUnaryReactor* AccountService::GetAccount(grpc::CallbackServerContext* context,
                                                     const issuer::v1::GetAccountRequest* request,
                                                     issuer::v1::GetAccountResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::GetAccountRequest& request) {
                      return logic_.Get(call.caller, request);
                    });
}

grpc::ServerUnaryReactor* AccountService::ListAccounts(
    grpc::CallbackServerContext* context, const issuer::v1::ListAccountsRequest* request,
    issuer::v1::ListAccountsResponse* response) {
  return rpc::Unary(env_, context, request, response,
                    [this](const rpc::Call& call, const issuer::v1::ListAccountsRequest& request) {
                      return logic_.List(call.caller, request);
                    });
}

}  // namespace norroy::service
