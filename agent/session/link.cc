#include "agent/session/link.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "agent/session/backoff.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr int kProtocol = 1;
// A stream that held for this long was a good one.
constexpr absl::Duration kGoodStream = absl::Seconds(10);
constexpr absl::Duration kClockSkewToTell = absl::Seconds(60);

}  // namespace

// The stream of now, for those who end it from other threads.
struct Link::Stream {
  Mutex mutex;
  CondVar changed;
  grpc::ClientContext* context ABSL_GUARDED_BY(mutex) = nullptr;
  int attempt ABSL_GUARDED_BY(mutex) = 0;
  bool attached ABSL_GUARDED_BY(mutex) = false;
  bool redial ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;

  void Cancel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (context != nullptr) context->TryCancel();
    changed.SignalAll();
  }
};

Link::Link(const LinkOptions& options)
    : o_(options), stream_(std::make_shared<Stream>()), thread_([this] { Run(); }) {}

Link::~Link() { Stop(); }

void Link::Redial() {
  MutexLock lock(&stream_->mutex);
  stream_->redial = true;
  stream_->Cancel();
}

void Link::Stop() {
  {
    MutexLock lock(&stream_->mutex);
    stream_->stopping = true;
    stream_->Cancel();
  }
  if (thread_.joinable()) thread_.join();
}

bool Link::attached() {
  MutexLock lock(&stream_->mutex);
  return stream_->attached;
}

void Link::Run() {
  int failures = 0;
  for (;;) {
    const absl::Duration began = o_.clock.Monotonic();
    const absl::Status ended = AttachOnce();
    const bool good = o_.clock.Monotonic() - began >= kGoodStream;
    bool redial = false;
    {
      MutexLock lock(&stream_->mutex);
      if (stream_->stopping) return;
      redial = std::exchange(stream_->redial, false);
    }
    failures = good || redial ? 0 : failures + 1;
    if (redial) continue;
    const absl::Duration wait = Backoff(good ? 0 : failures - 1, o_.random);
    log::Warning("link", "not attached",
                 {{"validator", o_.dialer.target},
                  {"error", ended.message()},
                  {"retry_in", absl::FormatDuration(absl::Trunc(wait, absl::Milliseconds(1)))}});
    if (!WaitBeforeNext(wait)) return;
  }
}

bool Link::WaitBeforeNext(absl::Duration wait) {
  const absl::Duration until = o_.clock.Monotonic() + wait;
  MutexLock lock(&stream_->mutex);
  while (!stream_->stopping && !stream_->redial) {
    const absl::Duration left = until - o_.clock.Monotonic();
    if (left <= absl::ZeroDuration()) break;
    stream_->changed.WaitFor(&stream_->mutex, left);
  }
  stream_->redial = false;
  return !stream_->stopping;
}

absl::Status Link::AttachOnce() {
  NORROY_ASSIGN_OR_RETURN(const auto channel, o_.dialer.dial());
  const auto stub = v1::AgentLinkService::NewStub(channel);
  grpc::ClientContext context;
  int attempt = 0;
  {
    MutexLock lock(&stream_->mutex);
    if (stream_->stopping) return absl::CancelledError("stopping");
    stream_->context = &context;
    attempt = ++stream_->attempt;
  }
  const TimerId timer = o_.timers.After(kHelloTimeout, [stream = stream_, attempt] {
    MutexLock lock(&stream->mutex);
    if (stream->attempt == attempt && !stream->attached) stream->Cancel();
  });
  const auto stream = stub->Attach(&context);
  const absl::Status ended = Converse(*stream);
  if (!ended.ok()) context.TryCancel();
  const absl::Status finished = rpc::FromGrpc(stream->Finish());
  o_.timers.Cancel(timer);
  MutexLock lock(&stream_->mutex);
  stream_->context = nullptr;
  stream_->attached = false;
  if (!ended.ok()) return ended;
  return finished.ok() ? absl::UnavailableError("the validator ended the stream") : finished;
}

// OK: the stream ended, and its status says why.
absl::Status Link::Converse(Reader& stream) {
  v1::AttachRequest hello;
  *hello.mutable_hello() = o_.session.Hello();
  v1::AttachResponse message;
  if (!stream.Write(hello) || !stream.Read(&message)) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(Welcome(message));
  while (stream.Read(&message)) {
    v1::AttachRequest answer;
    NORROY_RETURN_IF_ERROR(Handle(message, answer));
    const bool silent = answer.message_case() == v1::AttachRequest::MESSAGE_NOT_SET;
    if (!silent && !stream.Write(answer)) break;
  }
  return absl::OkStatus();
}

absl::Status Link::Welcome(const v1::AttachResponse& message) {
  if (!message.has_hello()) {
    return absl::FailedPreconditionError("the validator's first message is no hello");
  }
  const v1::ValidatorHello& hello = message.hello();
  if (hello.protocol() != kProtocol) {
    return absl::FailedPreconditionError(
        absl::StrCat("the validator (", Printable(hello.version(), 64), ") speaks protocol ",
                     hello.protocol(), ", this agent ", kProtocol, "; update the older one"));
  }
  const absl::Duration skew = absl::FromUnixSeconds(hello.now().seconds()) -
                              absl::FromUnixSeconds(absl::ToUnixSeconds(o_.clock.Now()));
  if (absl::AbsDuration(skew) > kClockSkewToTell) {
    log::Warning("link", "this host's clock and the validator's differ; seals may be refused",
                 {{"validator", o_.dialer.target}, {"difference", absl::FormatDuration(skew)}});
  }
  log::Info("link", "attached",
            {{"validator", o_.dialer.target}, {"version", Printable(hello.version(), 64)}});
  MutexLock lock(&stream_->mutex);
  stream_->attached = true;
  return absl::OkStatus();
}

absl::Status Link::Handle(const v1::AttachResponse& message, v1::AttachRequest& answer) {
  switch (message.message_case()) {
    case v1::AttachResponse::kPutUp:
      *answer.mutable_put_up_result() = o_.session.PutUp(message.put_up());
      return absl::OkStatus();
    case v1::AttachResponse::kTakeDown:
      *answer.mutable_take_down_result() = o_.session.TakeDown(message.take_down());
      return absl::OkStatus();
    case v1::AttachResponse::kHello:
      return absl::FailedPreconditionError("the validator said hello twice");
    case v1::AttachResponse::MESSAGE_NOT_SET:
      log::Warning("link", "a message that this agent does not know",
                   {{"validator", o_.dialer.target}});
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace norroy::agent
