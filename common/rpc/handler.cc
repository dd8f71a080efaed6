#include "common/rpc/handler.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/crypto/certificate.h"
#include "common/crypto/random.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/log/log.h"
#include "common/rpc/call_origin.h"
#include "common/status_macros.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::rpc {
namespace {

using google::protobuf::MethodDescriptor;

// The clock that the transport's handshakes go by, whatever the handlers' is.
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

std::string TraceOf(const grpc::ServerContextBase& context) {
  const auto range = context.client_metadata().equal_range("traceparent");
  // W3C Trace Context 3.2: more than one is as good as none.
  if (range.first != range.second && std::next(range.first) == range.second) {
    const grpc::string_ref text = range.first->second;
    std::optional<std::string> id = TraceIdOf(absl::string_view(text.data(), text.size()));
    if (id.has_value()) return *std::move(id);
  }
  static crypto::SystemRandom random;
  return random.Id();
}

// The caller's one URI as the handshake left it, unread; a name for all who have not exactly one.
std::string UriOf(const grpc::ServerContextBase& context) {
  const auto uris = context.auth_context()->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  return uris.size() == 1 ? std::string(uris[0].data(), uris[0].size()) : "somebody without a URI";
}

// Fills the identity.
absl::Status Identify(const grpc::ServerContextBase& context, Caller& caller) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate certificate, PeerCertificate(context));
  NORROY_ASSIGN_OR_RETURN(caller.identity, identity::Identity::OfCertificate(certificate));
  caller.certificate_not_after = certificate.not_after();
  caller.public_key_sha256 = certificate.spki_sha256();
  caller.certificate_serial = certificate.serial();
  // A connection may outlive the certificate that it began with.
  if (certificate.not_after() < TransportClock().Now()) {
    return MakeError(absl::StatusCode::kUnauthenticated, "CERTIFICATE_EXPIRED",
                     absl::StrCat("the certificate of ", caller.identity.Uri(), " expired at ",
                                  absl::FormatTime(certificate.not_after(), absl::UTCTimeZone()),
                                  ": connect anew with its successor"));
  }
  return absl::OkStatus();
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

absl::Status CheckCaller(const grpc::ServerContextBase& context, const MethodDescriptor* method,
                         const HandlerEnv& env, Caller& caller) {
  NORROY_RETURN_IF_ERROR(Identify(context, caller));
  if (caller.identity.deployment != env.deployment) {
    return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_DEPLOYMENT",
                     absl::StrCat(caller.identity.Uri(), " is not of deployment ", env.deployment));
  }
  NORROY_RETURN_IF_ERROR(CheckRole(caller, method));
  return env.admit ? env.admit(caller) : absl::OkStatus();
}

bool IsAboutCaller(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status);
}

// Tells of a refusal. A flood of them ends at the caller's limits, before it gets here.
void Tell(const HandlerEnv& env, const Caller& caller, const MethodDescriptor* method,
          const absl::Status& why) {
  if (!env.refused || !IsAboutCaller(why)) return;
  const bool known = caller.identity.deployment == env.deployment;
  env.refused({known ? caller.identity.Principal() : "", caller.peer,
               method == nullptr ? "" : method->full_name(), caller.trace_id, why});
}

absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, const MethodDescriptor* method,
                             const HandlerEnv& env, std::string trace_id) {
  if (env.limits != nullptr) NORROY_RETURN_IF_ERROR(env.limits->Count(UriOf(context)));
  Caller caller;
  caller.peer = PeerAddress(context.peer());
  caller.trace_id = std::move(trace_id);
  const absl::Status checked = CheckCaller(context, method, env, caller);
  if (checked.ok()) return caller;
  Tell(env, caller, method, checked);
  return checked;
}

absl::Status Bug(const Call& call, absl::string_view what) {
  log::Error("rpc", "a handler threw: this is a defect",
             {{"what", what},
              {"principal", call.caller.identity.Principal()},
              {"trace_id", call.caller.trace_id}});
  return MakeError(absl::StatusCode::kInternal, "BUG",
                   absl::StrCat("a defect of the server ended this call; its log says more under ",
                                "trace ", call.caller.trace_id));
}

// gRPC's own default reactor, but one that keeps the call's place until the answer is gone.
class UnaryReactor final : public grpc::ServerUnaryReactor {
 public:
  void Keep(internal::Place place) { place_ = std::move(place); }
  void OnDone() override { delete this; }

 private:
  internal::Place place_;
};

class DeferredReactor final : public grpc::ServerUnaryReactor {
 public:
  const std::shared_ptr<internal::DeferredCall>& call() const { return call_; }
  void Keep(internal::Place place) { place_ = std::move(place); }
  void OnCancel() override { call_->ClientGone(); }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<internal::DeferredCall> call_ =
      std::make_shared<internal::DeferredCall>(this);
  internal::Place place_;
};

}  // namespace

absl::StatusOr<Caller> Authorize(const grpc::ServerContextBase& context, const std::string& method,
                                 const HandlerEnv& env) {
  const std::string full_name = absl::StrReplaceAll(absl::StripPrefix(method, "/"), {{"/", "."}});
  return Admit(context,
               google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(full_name), env,
               TraceOf(context));
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

absl::StatusOr<OpenedCall> OpenCall(const HandlerEnv& env, grpc::CallbackServerContext& context,
                                    const MethodDescriptor* method) {
  std::string trace_id = TraceOf(context);
  context.AddTrailingMetadata(kTraceIdMetadata, trace_id);
  NORROY_ASSIGN_OR_RETURN(Caller caller, Admit(context, method, env, std::move(trace_id)));
  absl::Duration left = absl::InfiniteDuration();
  if (context.deadline() != std::chrono::system_clock::time_point::max()) {
    // By the very clock that the deadline was made with: absl's lags a clock that is set by
    // seconds.
    left = absl::FromChrono(context.deadline() - std::chrono::system_clock::now());
  }
  if (left < kMinTimeLeft) {
    return MakeError(absl::StatusCode::kDeadlineExceeded, "DEADLINE_TOO_NEAR",
                     absl::StrCat("less than ", absl::FormatDuration(kMinTimeLeft),
                                  " are left: nothing was begun"));
  }
  Place place;
  if (env.limits != nullptr) {
    NORROY_ASSIGN_OR_RETURN(place, env.limits->Begin(UriOf(context)));
  }
  return OpenedCall{
      Call{std::move(caller), env.clock.Now() + left, [&context] { return context.IsCancelled(); }},
      std::move(place)};
}

bool RunOnPool(const HandlerEnv& env, const Place& place, std::function<void()> task) {
  if (place == nullptr) return env.pool.Try(std::move(task));
  return env.limits->Run(env.pool, place, std::move(task));
}

absl::Status Guard(const Call& call, absl::FunctionRef<void()> handler) {
  try {
    handler();
    return absl::OkStatus();
  } catch (const std::exception& thrown) {
    return Bug(call, thrown.what());
  } catch (...) {
    return Bug(call, "something that is no std::exception");
  }
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
  auto* reactor = new UnaryReactor();
  absl::StatusOr<OpenedCall> opened = OpenCall(env, *context, method);
  if (!opened.ok()) {
    reactor->Finish(ToGrpc(opened.status()));
    return reactor;
  }
  const Place place = opened->place;
  reactor->Keep(place);
  const bool taken =
      RunOnPool(env, place, [reactor, work = std::move(work), call = std::move(opened->call)] {
        absl::Status status = Cancelled();
        const absl::Status thrown = Guard(call, [&] {
          if (!call.cancelled()) status = work(call);
        });
        reactor->Finish(ToGrpc(thrown.ok() ? status : thrown));
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
  absl::StatusOr<OpenedCall> opened = OpenCall(env, *context, method);
  bool taken = false;
  if (opened.ok()) {
    const Place place = opened->place;
    reactor->Keep(place);
    taken =
        RunOnPool(env, place, [deferred, work = std::move(work), call = std::move(opened->call)] {
          const absl::Status thrown = Guard(call, [&] {
            if (call.cancelled()) return deferred->Finish(Cancelled(), [] {});
            work(call, deferred);
          });
          if (!thrown.ok()) deferred->Finish(thrown, [] {});
          deferred->HandlerReturned();
        });
  }
  if (!taken) {
    deferred->Finish(opened.ok() ? Busy() : opened.status(), [] {});
    deferred->HandlerReturned();
  }
  return reactor;
}

}  // namespace internal
}  // namespace norroy::rpc
