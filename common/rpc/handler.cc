#include "common/rpc/handler.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/crypto/certificate.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::rpc {
namespace {

using google::protobuf::MethodDescriptor;

// The clock that the transport's deadlines and handshakes go by, whatever the handlers' is.
Clock& TransportClock() {
  static SystemClock clock;
  return clock;
}

absl::StatusOr<crypto::Certificate> PeerCertificate(const grpc::ServerContextBase& context) {
  const auto pems = context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pems.size() != 1) {
    return MakeError(absl::StatusCode::kUnauthenticated, "NO_CERTIFICATE",
                     "the caller shows no certificate");
  }
  return crypto::Certificate::ParsePem(absl::string_view(pems[0].data(), pems[0].size()));
}

absl::StatusOr<Caller> CallerOf(const grpc::ServerContextBase& context) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate certificate, PeerCertificate(context));
  NORROY_ASSIGN_OR_RETURN(identity::Identity identity,
                          identity::Identity::OfCertificate(certificate));
  // A connection may outlive the certificate that it began with.
  if (certificate.not_after() < TransportClock().Now()) {
    return MakeError(absl::StatusCode::kUnauthenticated, "CERTIFICATE_EXPIRED",
                     absl::StrCat("the certificate of ", identity.Uri(), " expired at ",
                                  absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()),
                                  ": connect anew with its successor"));
  }
  return Caller{std::move(identity), certificate.not_after(), certificate.spki_sha256()};
}

absl::Status CheckRole(const Caller& caller, const MethodDescriptor* method) {
  std::string allowed;
  if (method != nullptr) {
    const types::v1::Access& access = method->options().GetExtension(types::v1::access);
    for (const int role : access.callers()) {
      if (role == caller.identity.role) return absl::OkStatus();
      absl::StrAppend(&allowed, allowed.empty() ? "" : ", ",
                      identity::RoleName(static_cast<types::v1::Role>(role)));
    }
  }
  return MakeError(absl::StatusCode::kPermissionDenied, "ROLE_NOT_ALLOWED",
                   absl::StrCat(caller.identity.Principal(), " may not call ",
                                method == nullptr ? "this" : method->full_name(),
                                "; its callers are: ", allowed.empty() ? "nobody" : allowed));
}

class DeferredReactor final : public grpc::ServerUnaryReactor {
 public:
  const std::shared_ptr<internal::DeferredCall>& call() const { return call_; }
  void OnCancel() override { call_->ClientGone(); }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<internal::DeferredCall> call_ =
      std::make_shared<internal::DeferredCall>(this);
};

}  // namespace

absl::StatusOr<Caller> Authorize(const grpc::ServerContextBase& context, const std::string& method,
                                 const HandlerEnv& env) {
  const std::string full_name = absl::StrReplaceAll(absl::StripPrefix(method, "/"), {{"/", "."}});
  return internal::Authorize(
      context, google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(full_name),
      env);
}

namespace internal {

const MethodDescriptor* MethodTaking(const google::protobuf::Descriptor* request) {
  const google::protobuf::FileDescriptor* file = request->file();
  for (int i = 0; i < file->service_count(); ++i) {
    for (int j = 0; j < file->service(i)->method_count(); ++j) {
      const MethodDescriptor* method = file->service(i)->method(j);
      if (method->input_type() == request) return method;
    }
  }
  return nullptr;
}

absl::StatusOr<Caller> Authorize(const grpc::ServerContextBase& context,
                                 const MethodDescriptor* method, const HandlerEnv& env) {
  NORROY_ASSIGN_OR_RETURN(Caller caller, CallerOf(context));
  if (caller.identity.deployment != env.deployment) {
    return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_DEPLOYMENT",
                     absl::StrCat(caller.identity.Uri(), " is not of deployment ", env.deployment));
  }
  NORROY_RETURN_IF_ERROR(CheckRole(caller, method));
  if (env.admit) NORROY_RETURN_IF_ERROR(env.admit(caller));
  return caller;
}

absl::StatusOr<Call> OpenCall(const HandlerEnv& env, const grpc::CallbackServerContext& context,
                              const MethodDescriptor* method) {
  NORROY_ASSIGN_OR_RETURN(Caller caller, Authorize(context, method, env));
  absl::Duration left = absl::InfiniteDuration();
  if (context.deadline() != std::chrono::system_clock::time_point::max()) {
    left = absl::FromChrono(context.deadline()) - TransportClock().Now();
  }
  if (left < kMinTimeLeft) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE_TOO_NEAR",
                     absl::StrCat("less than ", absl::FormatDuration(kMinTimeLeft),
                                  " are left: nothing was begun"));
  }
  return Call{std::move(caller), env.clock.Now() + left,
              [&context] { return context.IsCancelled(); }};
}

absl::Status Busy() {
  return MakeError(absl::StatusCode::kResourceExhausted, "BUSY",
                   "as many calls as the server takes are waiting: try again in a moment");
}

absl::Status Dropped() {
  return MakeError(absl::StatusCode::kAborted, "DROPPED",
                   "the server gave the call up without an answer: try again");
}

absl::Status Cancelled() {
  return MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                   "the client is gone, or the server stops");
}

grpc::ServerUnaryReactor* RunUnary(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                   const MethodDescriptor* method,
                                   std::function<absl::Status(const Call&)> work) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  absl::StatusOr<Call> call = OpenCall(env, *context, method);
  if (!call.ok()) {
    reactor->Finish(ToGrpc(call.status()));
    return reactor;
  }
  const bool taken = env.pool.Try([reactor, work = std::move(work), call = *std::move(call)] {
    reactor->Finish(ToGrpc(call.cancelled() ? Cancelled() : work(call)));
  });
  if (!taken) reactor->Finish(ToGrpc(Busy()));
  return reactor;
}

void DeferredCall::Finish(const absl::Status& status, absl::FunctionRef<void()> fill) {
  grpc::ServerUnaryReactor* reactor = nullptr;
  // May own the completion that owns us: it goes when the lock is free again.
  std::function<void()> on_cancel;
  {
    MutexLock lock(&mutex_);
    if (result_.has_value()) return;
    fill();
    result_ = status;
    on_cancel = std::exchange(on_cancel_, nullptr);
    if (TakeFinish()) reactor = std::exchange(reactor_, nullptr);
  }
  if (reactor != nullptr) reactor->Finish(ToGrpc(status));
}

void DeferredCall::OnCancel(std::function<void()> on_cancel) {
  {
    MutexLock lock(&mutex_);
    if (!client_gone_) {
      if (!result_.has_value()) on_cancel_ = std::move(on_cancel);
      return;
    }
  }
  on_cancel();
}

void DeferredCall::ClientGone() {
  std::function<void()> on_cancel;
  {
    MutexLock lock(&mutex_);
    client_gone_ = true;
    on_cancel = std::exchange(on_cancel_, nullptr);
  }
  if (on_cancel) on_cancel();
  Finish(Cancelled(), [] {});
}

void DeferredCall::HandlerReturned() {
  grpc::ServerUnaryReactor* reactor = nullptr;
  absl::Status status;
  {
    MutexLock lock(&mutex_);
    handler_returned_ = true;
    if (!TakeFinish()) return;
    reactor = std::exchange(reactor_, nullptr);
    status = *result_;
  }
  reactor->Finish(ToGrpc(status));
}

bool DeferredCall::TakeFinish() {
  return reactor_ != nullptr && result_.has_value() && handler_returned_;
}

grpc::ServerUnaryReactor* RunDeferred(
    const HandlerEnv& env, grpc::CallbackServerContext* context, const MethodDescriptor* method,
    std::function<void(const Call&, std::shared_ptr<DeferredCall>)> work) {
  auto* reactor = new DeferredReactor();
  // Ours to keep: the reactor is gone as soon as the call is finished.
  const std::shared_ptr<DeferredCall> deferred = reactor->call();
  absl::StatusOr<Call> call = OpenCall(env, *context, method);
  bool taken = false;
  if (call.ok()) {
    taken = env.pool.Try([deferred, work = std::move(work), call = *std::move(call)] {
      if (call.cancelled()) {
        deferred->Finish(Cancelled(), [] {});
      } else {
        work(call, deferred);
      }
      deferred->HandlerReturned();
    });
  }
  if (!taken) {
    deferred->Finish(call.ok() ? Busy() : call.status(), [] {});
    deferred->HandlerReturned();
  }
  return reactor;
}

}  // namespace internal
}  // namespace norroy::rpc
