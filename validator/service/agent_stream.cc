#include "validator/service/agent_stream.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"

namespace norroy::validator {
namespace {

using agent::v1::AttachRequest;
using agent::v1::AttachResponse;

absl::Status QueueFull() {
  return MakeError(absl::StatusCode::kResourceExhausted, "SLOW_AGENT",
                   absl::StrCat("the agent does not take what it is sent: ", kMaxQueuedMessages,
                                " messages or ", kMaxQueuedBytes, " bytes wait"));
}

absl::Duration Now() {
  static SystemClock clock;
  return clock.Monotonic();
}

}  // namespace

class AgentStream::Reactor final : public grpc::ServerBidiReactor<AttachRequest, AttachResponse> {
 public:
  explicit Reactor(std::shared_ptr<AgentStream> stream) : stream_(std::move(stream)) {}
  void OnReadDone(bool ok) override { stream_->ReadDone(ok); }
  void OnWriteDone(bool ok) override { stream_->WriteDone(ok); }
  void OnCancel() override { stream_->Close(absl::CancelledError("the agent is gone")); }
  void OnDone() override {
    stream_->Done();
    delete this;
  }

 private:
  const std::shared_ptr<AgentStream> stream_;
};

std::pair<std::shared_ptr<AgentStream>, grpc::ServerBidiReactor<AttachRequest, AttachResponse>*>
AgentStream::Make(grpc::CallbackServerContext* context, Timers& timers) {
  std::shared_ptr<AgentStream> stream(new AgentStream(timers));
  MutexLock lock(&stream->mutex_);
  stream->context_ = context;
  stream->reactor_ = new Reactor(stream);
  return {stream, stream->reactor_};
}

void AgentStream::Begin(Listener listener) {
  listener_ = std::move(listener);
  MutexLock lock(&mutex_);
  ReadNext();
}

bool AgentStream::Send(const AttachResponse& message) {
  const size_t bytes = message.ByteSizeLong();
  MutexLock lock(&mutex_);
  if (closing_.has_value()) return false;
  if (bytes > rpc::kMaxLinkMessage) {
    CloseLocked(absl::InternalError(absl::StrCat("a message of ", bytes, " bytes")));
    return false;
  }
  if (queue_.size() >= kMaxQueuedMessages || queued_bytes_ + bytes > kMaxQueuedBytes) {
    CloseLocked(QueueFull());
    return false;
  }
  queue_.push_back(message);
  queued_bytes_ += bytes;
  WriteNext();
  return true;
}

void AgentStream::Close(const absl::Status& why) {
  MutexLock lock(&mutex_);
  CloseLocked(why);
}

void AgentStream::CloseLocked(const absl::Status& why) {
  if (closing_.has_value()) return;
  closing_ = why;
  queue_.clear();
  queued_bytes_ = 0;
  FinishIfIdle();
  timers_.After(kCloseGrace, [weak = weak_from_this()] {
    const std::shared_ptr<AgentStream> stream = weak.lock();
    if (stream != nullptr) stream->Cut();
  });
}

void AgentStream::Cut() {
  MutexLock lock(&mutex_);
  if (context_ != nullptr) context_->TryCancel();
}

void AgentStream::FinishIfIdle() {
  if (writing_ || finished_ || reactor_ == nullptr) return;
  finished_ = true;
  reactor_->Finish(rpc::ToGrpc(*closing_));
}

void AgentStream::WriteNext() {
  if (writing_ || queue_.empty() || reactor_ == nullptr) return;
  outgoing_ = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= outgoing_.ByteSizeLong();
  writing_ = true;
  reactor_->StartWrite(&outgoing_);
}

void AgentStream::WriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  if (!ok) CloseLocked(absl::CancelledError("the agent is gone"));
  if (closing_.has_value()) {
    FinishIfIdle();
  } else {
    WriteNext();
  }
}

void AgentStream::ReadDone(bool ok) {
  if (!ok) {
    // The agent has said its last, or the stream is over anyway.
    Close(absl::OkStatus());
    return;
  }
  {
    MutexLock lock(&mutex_);
    if (closing_.has_value()) return;
  }
  listener_.on_message(incoming_);
  MutexLock lock(&mutex_);
  const absl::Duration pause = Pace();
  if (pause <= absl::ZeroDuration()) {
    ReadNext();
    return;
  }
  timers_.After(pause, [weak = weak_from_this()] {
    const std::shared_ptr<AgentStream> stream = weak.lock();
    if (stream == nullptr) return;
    MutexLock lock(&stream->mutex_);
    stream->ReadNext();
  });
}

void AgentStream::ReadNext() {
  if (closing_.has_value() || reactor_ == nullptr) return;
  incoming_.Clear();
  reactor_->StartRead(&incoming_);
}

absl::Duration AgentStream::Pace() {
  const absl::Duration now = Now();
  if (now - second_ >= absl::Seconds(1)) {
    second_ = now;
    read_this_second_ = 0;
  }
  if (++read_this_second_ < kMaxMessagesPerSecond) return absl::ZeroDuration();
  return second_ + absl::Seconds(1) - now;
}

void AgentStream::Done() {
  {
    MutexLock lock(&mutex_);
    reactor_ = nullptr;
    context_ = nullptr;
    if (!closing_.has_value()) closing_ = absl::CancelledError("done");
  }
  // Whoever listens holds us, too: let go of each other.
  const Listener listener = std::exchange(listener_, {});
  if (listener.on_done) listener.on_done();
}

}  // namespace norroy::validator
