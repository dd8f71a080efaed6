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

// Begins a call; what it returns cancels it. gRPC counts deadlines by the machine's clock.
template <typename Stub, typename Request, typename Response>
ValidatorLink::Cancel Begin(Stub& stub,
                            void (Stub::*method)(grpc::ClientContext*, const Request*, Response*,
                                                 std::function<void(grpc::Status)>),
                            const Request& request, absl::Duration timeout,
                            std::function<void(absl::StatusOr<Response>)> done) {
  const auto call = std::make_shared<CallState<Request, Response>>();
  rpc::SetTimeout(call->context, timeout);
  call->request = request;
  (stub.*method)(&call->context, &call->request, &call->response,
                 [call, done = std::move(done)](const grpc::Status& status) {
                   if (status.ok()) {
                     done(std::move(call->response));
                   } else {
                     done(rpc::FromGrpc(status));
                   }
                 });
  return [call] { call->context.TryCancel(); };
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
    rpc::SetTimeout(context, timeout);
    validator::v1::PlanResponse response;
    const absl::Status status = rpc::FromGrpc(stub_->Plan(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }

  Cancel Present(const validator::v1::PresentRequest& request, absl::Duration timeout,
                 PresentDone done) override {
    return Begin(*stub_->async(), &PresentationCalls::Present, request, timeout, std::move(done));
  }

  Cancel Release(const validator::v1::ReleaseRequest& request, absl::Duration timeout,
                 ReleaseDone done) override {
    using Released = absl::StatusOr<validator::v1::ReleaseResponse>;
    return Begin(*stub_->async(), &PresentationCalls::Release, request, timeout,
                 std::function<void(Released)>(
                     [done = std::move(done)](const Released& answer) { done(answer.status()); }));
  }

  Cancel Look(const validator::v1::LookRequest& request, absl::Duration timeout,
              LookDone done) override {
    return Begin(*preflight_->async(), &PreflightCalls::Look, request, timeout, std::move(done));
  }

  Cancel LookPersist(const validator::v1::LookPersistRequest& request, absl::Duration timeout,
                     LookPersistDone done) override {
    return Begin(*preflight_->async(), &PreflightCalls::LookPersist, request, timeout,
                 std::move(done));
  }

 private:
  using PresentationCalls = class PresentationService::Stub::async;
  using PreflightCalls = class PreflightService::Stub::async;

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
