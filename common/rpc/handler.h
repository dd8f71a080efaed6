#ifndef NORROY_COMMON_RPC_HANDLER_H_
#define NORROY_COMMON_RPC_HANDLER_H_

// The three adaptors between gRPC's callback API and plain functions. A service class is a row of
// one-liners:
//
//   grpc::ServerUnaryReactor* GetOrder(grpc::CallbackServerContext* context,
//                                      const GetOrderRequest* request,
//                                      GetOrderResponse* response) override {
//     return rpc::Unary(env_, context, request, response,
//                       [this](const rpc::Call& call, const GetOrderRequest& request) {
//                         return GetOrder(call, request);   // absl::StatusOr<GetOrderResponse>
//                       });
//   }
//
// Each call: it is counted against its caller's limits, the caller's certificate is read, its one
// URI parsed, the deployment compared, the method's access option checked (default deny:
// PERMISSION_DENIED, reason ROLE_NOT_ALLOWED), `admit` asked, a deadline nearer than 100 ms
// refused; then the function runs on the bounded pool. A full pool is RESOURCE_EXHAUSTED (reason
// BUSY). Errors go out through ToGrpc. A function that throws is a defect: its call ends with
// INTERNAL (reason BUG), the log says what was thrown, and the process goes on. The client finds
// the call's trace id in the trailing metadata, see call_origin.h.
//
// Which method it is follows from the type of the request: every rpc has its own.

#include <google/protobuf/descriptor.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "common/rpc/caller_limits.h"
#include "common/sync/thread_pool.h"

namespace norroy::rpc {

// Work that has less time left than this is not begun.
inline constexpr absl::Duration kMinTimeLeft = absl::Milliseconds(100);

// A call that ended before its handler ran.
struct Refusal {
  std::string principal;  // empty: no identity of ours
  std::string peer;
  std::string method;  // "norroy.issuer.v1.OrderService.CreateOrder"
  std::string trace_id;
  absl::Status why;
};

// What every service of a process shares. Must outlive the server.
struct HandlerEnv {
  ThreadPool& pool;
  Clock& clock;
  std::string deployment;
  // A further look at the caller, on every call: is it removed, banned? Null: none. Must not block.
  std::function<absl::Status(const Caller&)> admit;
  // Told of calls that were refused for who called (UNAUTHENTICATED, PERMISSION_DENIED), on gRPC's
  // threads: must not block. Null: nobody is told.
  std::function<void(const Refusal&)> refused = nullptr;
  // Null: no limits on callers.
  CallerLimits* limits = nullptr;
};

// What a handler knows of its call.
struct Call {
  Caller caller;
  absl::Time deadline;  // by the env's clock; InfiniteFuture without one
  // The client is gone; cheap, thread-safe, valid while the handler runs.
  std::function<bool()> cancelled;
};

// The caller of a context, checked as above against `method` ("/norroy.issuer.v1.X/Y").
absl::StatusOr<Caller> Authorize(const grpc::ServerContextBase& context, const std::string& method,
                                 const HandlerEnv& env);

// Answers a deferred call exactly once, from any thread. Dropped without an answer, it answers
// ABORTED. If the client is gone (or the server stops), the call ends by itself with CANCELLED and
// what is said later is ignored. Thread-safe.
template <typename Response>
class Completion;

// The sink of a server stream: keeps only the newest message that was not sent yet. Thread-safe;
// ends like a Completion.
template <typename Response>
class StreamSink;

// fn(const Call&, const Request&) -> absl::StatusOr<Response>.
template <typename Request, typename Response, typename Function>
grpc::ServerUnaryReactor* Unary(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                const Request* request, Response* response, Function fn);

// fn(const Call&, const Request&, std::shared_ptr<Completion<Response>>). The request may be read
// until fn returns, also after the completion was answered.
template <typename Request, typename Response, typename Function>
grpc::ServerUnaryReactor* Deferred(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                   const Request* request, Response* response, Function fn);

// fn(const Call&, const Request&, std::shared_ptr<StreamSink<Response>>), for Response named at
// the call: ServerStream<WatchOrderResponse>(env_, context, request, fn).
template <typename Response, typename Request, typename Function>
grpc::ServerWriteReactor<Response>* ServerStream(const HandlerEnv& env,
                                                 grpc::CallbackServerContext* context,
                                                 const Request* request, Function fn);

}  // namespace norroy::rpc

#include "common/rpc/handler_internal.h"

#endif  // NORROY_COMMON_RPC_HANDLER_H_
