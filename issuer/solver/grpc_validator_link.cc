#include "issuer/solver/grpc_validator_link.h"

#include <chrono>
#include <utility>

#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "norroy/validator/v1/preflight_service.grpc.pb.h"
#include "norroy/validator/v1/presentation_service.grpc.pb.h"

namespace norroy::solver {
namespace {

using validator::v1::PreflightService;
using validator::v1::PresentationService;

// What gRPC reads and writes until the call's callback ran.
template <typename Request, typename Response>
struct CallState {
  grpc::ClientContext context;
  Request request;
  Response response;
};

// gRPC counts deadlines by the machine's clock.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  rpc::SetTimeout(context, timeout);
}

class GrpcValidatorLink final : public ValidatorLink {
 public:
  GrpcValidatorLink(std::string address, std::shared_ptr<grpc::Channel> channel)
      : address_(std::move(address)),
        stub_(PresentationService::NewStub(channel)),
        preflight_(PreflightService::NewStub(channel)) {}

  const std::string& address() const override { return address_; }

  absl::StatusOr<validator::v1::PlanResponse> Plan(const validator::v1::PlanRequest& request,
                                                   absl::Duration timeout) override {
    grpc::ClientContext context;
    SetTimeout(context, timeout);
    validator::v1::PlanResponse response;
    const absl::Status status = rpc::FromGrpc(stub_->Plan(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  Cancel Present(const validator::v1::PresentRequest& request, absl::Duration timeout,
                 PresentDone done) override {
    using Call = CallState<validator::v1::PresentRequest, validator::v1::PresentResponse>;
    const auto call = std::make_shared<Call>();
    SetTimeout(call->context, timeout);
    call->request = request;
    stub_->async()->Present(&call->context, &call->request, &call->response,
                            [call, done = std::move(done)](const grpc::Status& status) {
                              if (status.ok()) {
                                done(std::move(call->response));
                              } else {
                                done(rpc::FromGrpc(status));
                              }
                            });
    return [call] { call->context.TryCancel(); };
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration timeout,
                 ReleaseDone done) override {
    using Call = CallState<validator::v1::ReleaseRequest, validator::v1::ReleaseResponse>;
    const auto call = std::make_shared<Call>();
    SetTimeout(call->context, timeout);
    call->request = request;
    stub_->async()->Release(&call->context, &call->request, &call->response,
                            [call, done = std::move(done)](const grpc::Status& status) {
                              done(rpc::FromGrpc(status));
                            });
    return [call] { call->context.TryCancel(); };
  }

  Cancel Look(const validator::v1::LookRequest& request, absl::Duration timeout,
              const LookDone& done) override {
    using Call = CallState<validator::v1::LookRequest, validator::v1::LookResponse>;
    const auto call = std::make_shared<Call>();
    SetTimeout(call->context, timeout);
    call->request = request;
    preflight_->async()->Look(&call->context, &call->request, &call->response,
                              [call, done](const grpc::Status& status) {
                                if (status.ok()) {
                                  done(std::move(call->response));
                                } else {
                                  done(rpc::FromGrpc(status));
                                }
                              });
    return [call] { call->context.TryCancel(); };
  }

 private:
  const std::string address_;
  const std::unique_ptr<PresentationService::Stub> stub_;
  const std::unique_ptr<PreflightService::Stub> preflight_;
};

}  // namespace

std::unique_ptr<ValidatorLink> NewGrpcValidatorLink(std::string address,
                                                    std::shared_ptr<grpc::Channel> channel) {
  return std::make_unique<GrpcValidatorLink>(std::move(address), std::move(channel));
}

}  // namespace norroy::solver
