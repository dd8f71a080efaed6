#ifndef NORROY_COMMON_RPC_HANDLER_INTERNAL_H_
#define NORROY_COMMON_RPC_HANDLER_INTERNAL_H_

// The templates of handler.h and what they stand on. Include handler.h.

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "common/rpc/handler.h"
#include "common/rpc/status.h"
#include "common/sync/mutex.h"

namespace norroy::rpc {
namespace internal {

// The one method of our services that takes this message; null if there is none.
const google::protobuf::MethodDescriptor* MethodTaking(const google::protobuf::Descriptor* request);

template <typename Request>
const google::protobuf::MethodDescriptor* MethodOf() {
  static const google::protobuf::MethodDescriptor* const method =
      MethodTaking(Request::descriptor());
  return method;
}

// A call that is let in, and its place among its caller's, which the reactor keeps until the call
// is over: a client that does not read its answer keeps its place.
using Place = std::shared_ptr<CallerLimits::Place>;
struct OpenedCall {
  Call call;
  Place place;  // null without limits
};

// Counts, authorizes, looks at the deadline, and takes a place.
absl::StatusOr<OpenedCall> OpenCall(const HandlerEnv& env, grpc::CallbackServerContext& context,
                                    const google::protobuf::MethodDescriptor* method);

// False: full, the task was not taken.
bool RunOnPool(const HandlerEnv& env, const Place& place, std::function<void()> task);

// Runs a handler; what it throws becomes INTERNAL, reason BUG.
absl::Status Guard(const Call& call, absl::FunctionRef<void()> handler);

absl::Status Busy();
absl::Status Dropped();
absl::Status Cancelled();

// `work` runs on the pool.
grpc::ServerUnaryReactor* RunUnary(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                   const google::protobuf::MethodDescriptor* method,
                                   std::function<absl::Status(const Call&)> work);

// A deferred call but for the type of its response. gRPC's objects (context, request, response,
// reactor) live until the reactor is finished, and a handler reads them until it returns: so the
// reactor is finished when there is a result *and* the handler has returned.
class DeferredCall {
 public:
  explicit DeferredCall(grpc::ServerUnaryReactor* reactor) : reactor_(reactor) {}

  // The first result counts; `fill` (the response) is called only for that one.
  void Finish(const absl::Status& status, absl::FunctionRef<void()> fill);
  void OnCancel(std::function<void()> on_cancel);
  // From the reactor and from the pool.
  void ClientGone();
  void HandlerReturned();

 private:
  bool TakeFinish() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  grpc::ServerUnaryReactor* reactor_ ABSL_GUARDED_BY(mutex_);  // null once finished
  std::optional<absl::Status> result_ ABSL_GUARDED_BY(mutex_);
  bool handler_returned_ ABSL_GUARDED_BY(mutex_) = false;
  bool client_gone_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_cancel_ ABSL_GUARDED_BY(mutex_);
};

grpc::ServerUnaryReactor* RunDeferred(
    const HandlerEnv& env, grpc::CallbackServerContext* context,
    const google::protobuf::MethodDescriptor* method,
    std::function<void(const Call&, std::shared_ptr<DeferredCall>)> work);

// A server stream: at most one message being written and one waiting.
template <typename Response>
class StreamCall {
 public:
  explicit StreamCall(grpc::ServerWriteReactor<Response>* reactor) : reactor_(reactor) {}

  bool Send(Response message) {
    MutexLock lock(&mutex_);
    if (result_.has_value()) return false;
    waiting_ = std::move(message);
    Step();
    return true;
  }

  void Finish(const absl::Status& status) {
    MutexLock lock(&mutex_);
    if (result_.has_value()) return;
    result_ = status;
    Step();
  }

  void OnDone(std::function<void()> on_done) {
    {
      MutexLock lock(&mutex_);
      if (!done_) {
        on_done_ = std::move(on_done);
        return;
      }
    }
    on_done();
  }

  void WriteDone(bool ok) {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) GiveUp();
    Step();
  }

  void ClientGone() {
    MutexLock lock(&mutex_);
    GiveUp();
    Step();
  }

  void HandlerReturned() {
    MutexLock lock(&mutex_);
    handler_returned_ = true;
    Step();
  }

  void Done() {
    std::function<void()> on_done;
    {
      MutexLock lock(&mutex_);
      done_ = true;
      on_done = std::move(on_done_);
      on_done_ = nullptr;
    }
    if (on_done) on_done();
  }

 private:
  void GiveUp() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    waiting_.reset();
    if (!result_.has_value()) result_ = Cancelled();
  }

  void Step() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || reactor_ == nullptr) return;
    if (waiting_.has_value()) {
      current_ = *std::move(waiting_);
      waiting_.reset();
      writing_ = true;
      reactor_->StartWrite(&current_);
    } else if (result_.has_value() && handler_returned_) {
      std::exchange(reactor_, nullptr)->Finish(ToGrpc(*result_));
    }
  }

  Mutex mutex_;
  grpc::ServerWriteReactor<Response>* reactor_ ABSL_GUARDED_BY(mutex_);  // null once finished
  std::optional<Response> waiting_ ABSL_GUARDED_BY(mutex_);
  Response current_ ABSL_GUARDED_BY(mutex_);  // gRPC reads it while writing_
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> result_ ABSL_GUARDED_BY(mutex_);
  bool handler_returned_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> on_done_ ABSL_GUARDED_BY(mutex_);
};

template <typename Response>
class StreamReactor final : public grpc::ServerWriteReactor<Response> {
 public:
  const std::shared_ptr<StreamCall<Response>>& call() const { return call_; }
  void Keep(Place place) { place_ = std::move(place); }
  void OnWriteDone(bool ok) override { call_->WriteDone(ok); }
  void OnCancel() override { call_->ClientGone(); }
  void OnDone() override {
    call_->Done();
    delete this;
  }

 private:
  const std::shared_ptr<StreamCall<Response>> call_ = std::make_shared<StreamCall<Response>>(this);
  Place place_;
};

}  // namespace internal

template <typename Response>
class Completion {
 public:
  Completion(std::shared_ptr<internal::DeferredCall> call, Response* response)
      : call_(std::move(call)), response_(response) {}
  ~Completion() {
    call_->Finish(internal::Dropped(), [] {});
  }
  Completion(const Completion&) = delete;
  Completion& operator=(const Completion&) = delete;

  void Finish(absl::StatusOr<Response> result) {
    call_->Finish(result.status(), [&] {
      if (result.ok()) *response_ = *std::move(result);
    });
  }
  // At most once, on a thread of gRPC's, when the client is gone; must not block.
  void OnCancel(std::function<void()> on_cancel) { call_->OnCancel(std::move(on_cancel)); }

 private:
  const std::shared_ptr<internal::DeferredCall> call_;
  Response* const response_;
};

template <typename Response>
class StreamSink {
 public:
  explicit StreamSink(std::shared_ptr<internal::StreamCall<Response>> call)
      : call_(std::move(call)) {}
  ~StreamSink() { call_->Finish(internal::Dropped()); }
  StreamSink(const StreamSink&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;

  // False: the stream is over. A message that still waits is replaced.
  bool Send(Response message) { return call_->Send(std::move(message)); }
  // After the message that waits, if one does.
  void Finish(const absl::Status& status) { call_->Finish(status); }
  // At most once, on a thread of gRPC's, when the stream is over for whatever reason (at once if
  // it is); must not block.
  void OnDone(std::function<void()> on_done) { call_->OnDone(std::move(on_done)); }

 private:
  const std::shared_ptr<internal::StreamCall<Response>> call_;
};

template <typename Request, typename Response, typename Function>
grpc::ServerUnaryReactor* Unary(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                const Request* request, Response* response, Function fn) {
  return internal::RunUnary(env, context, internal::MethodOf<Request>(),
                            [request, response, fn = std::move(fn)](const Call& call) mutable {
                              absl::StatusOr<Response> result = fn(call, *request);
                              if (result.ok()) *response = *std::move(result);
                              return result.status();
                            });
}

template <typename Request, typename Response, typename Function>
grpc::ServerUnaryReactor* Deferred(const HandlerEnv& env, grpc::CallbackServerContext* context,
                                   const Request* request, Response* response, Function fn) {
  return internal::RunDeferred(
      env, context, internal::MethodOf<Request>(),
      [request, response, fn = std::move(fn)](
          const Call& call, std::shared_ptr<internal::DeferredCall> deferred) mutable {
        const auto completion =
            std::make_shared<Completion<Response>>(std::move(deferred), response);
        const absl::Status thrown = internal::Guard(call, [&] { fn(call, *request, completion); });
        if (!thrown.ok()) completion->Finish(thrown);
      });
}

template <typename Response, typename Request, typename Function>
grpc::ServerWriteReactor<Response>* ServerStream(const HandlerEnv& env,
                                                 grpc::CallbackServerContext* context,
                                                 const Request* request, Function fn) {
  auto* reactor = new internal::StreamReactor<Response>();
  auto stream = reactor->call();
  absl::StatusOr<internal::OpenedCall> opened =
      internal::OpenCall(env, *context, internal::MethodOf<Request>());
  bool taken = false;
  if (opened.ok()) {
    const internal::Place place = opened->place;
    reactor->Keep(place);
    taken = internal::RunOnPool(
        env, place,
        [stream, request, fn = std::move(fn), call = std::move(opened->call)]() mutable {
          const absl::Status thrown = internal::Guard(call, [&] {
            if (call.cancelled()) return stream->Finish(internal::Cancelled());
            const auto sink = std::make_shared<StreamSink<Response>>(stream);
            const absl::Status status = internal::Guard(call, [&] { fn(call, *request, sink); });
            if (!status.ok()) sink->Finish(status);
          });
          if (!thrown.ok()) stream->Finish(thrown);
          stream->HandlerReturned();
        });
  }
  if (!taken) {
    stream->Finish(opened.ok() ? internal::Busy() : opened.status());
    stream->HandlerReturned();
  }
  return reactor;
}

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_HANDLER_INTERNAL_H_
