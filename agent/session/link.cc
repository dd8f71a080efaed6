#include "agent/session/link.h"

#include <deque>
#include <string>
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

// The stream of now, for those who end it or answer on it from other threads.
struct Link::Stream {
  explicit Stream(const LinkOptions& options)
      : clock(options.clock), timers(options.timers), counters_every(options.counters_every) {}

  Clock& clock;
  Timers& timers;
  const absl::Duration counters_every;

  Mutex mutex;
  CondVar changed;
  CondVar to_write;
  grpc::ClientContext* context ABSL_GUARDED_BY(mutex) = nullptr;
  // Set while answers can be written.
  Reader* writer ABSL_GUARDED_BY(mutex) = nullptr;
  std::deque<v1::AttachRequest> outbox ABSL_GUARDED_BY(mutex);
  bool writing ABSL_GUARDED_BY(mutex) = false;
  // Who reads; it writes, too, what is answered at once.
  std::thread::id reader ABSL_GUARDED_BY(mutex);
  bool counters_due ABSL_GUARDED_BY(mutex) = false;
  bool counters_timer ABSL_GUARDED_BY(mutex) = false;
  absl::Duration counters_sent ABSL_GUARDED_BY(mutex) = -absl::InfiniteDuration();
  int attempt ABSL_GUARDED_BY(mutex) = 0;
  bool attached ABSL_GUARDED_BY(mutex) = false;
  bool redial ABSL_GUARDED_BY(mutex) = false;
  bool stopping ABSL_GUARDED_BY(mutex) = false;

  void Cancel() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (context != nullptr) context->TryCancel();
    changed.SignalAll();
    to_write.SignalAll();
  }

  // An answer to what came on stream `of`; of no use on another one: the next hello says what is.
  static void Send(const std::shared_ptr<Stream>& stream, int of, v1::AttachRequest message) {
    MutexLock lock(&stream->mutex);
    if (stream->attempt != of || stream->writer == nullptr) return;
    stream->outbox.push_back(std::move(message));
    if (stream->outbox.size() > kMaxOutbox) {
      stream->outbox.clear();
      stream->Cancel();
      return;
    }
    if (std::this_thread::get_id() == stream->reader) {
      stream->Drain();
    } else {
      stream->to_write.SignalAll();
    }
    WantCounters(stream, of);
  }

  // Something may have been counted.
  static void WantCounters(const std::shared_ptr<Stream>& stream, int of)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(stream->mutex) {
    if (stream->counters_timer || stream->counters_due) return;
    const absl::Duration wait =
        stream->counters_sent + stream->counters_every - stream->clock.Monotonic();
    if (wait <= absl::ZeroDuration()) {
      stream->counters_due = true;
      stream->to_write.SignalAll();
      return;
    }
    stream->counters_timer = true;
    stream->timers.After(wait, [stream, of] {
      MutexLock lock(&stream->mutex);
      if (stream->attempt != of) return;
      stream->counters_timer = false;
      stream->counters_due = true;
      stream->to_write.SignalAll();
    });
  }

  // By one thread at a time.
  void Drain() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    while (!writing && writer != nullptr && !outbox.empty()) {
      const v1::AttachRequest message = std::move(outbox.front());
      outbox.pop_front();
      writing = true;
      Reader* const to = writer;
      mutex.Unlock();
      const bool written = to->Write(message);
      mutex.Lock();
      writing = false;
      // The reader sees that it is over.
      if (!written) outbox.clear();
      to_write.SignalAll();
    }
  }

  void Open(Reader& stream) {
    MutexLock lock(&mutex);
    writer = &stream;
    reader = std::this_thread::get_id();
    counters_due = true;
    counters_timer = false;
    to_write.SignalAll();
  }
  // Nobody writes when it returns.
  void Shut() {
    MutexLock lock(&mutex);
    writer = nullptr;
    outbox.clear();
    if (writing && context != nullptr) context->TryCancel();
    while (writing) to_write.Wait(&mutex);
  }
};

Link::Link(const LinkOptions& options)
    : o_(options),
      stream_(std::make_shared<Stream>(options)),
      thread_([this] { Run(); }),
      writer_([this] { WriteLater(); }) {}

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
  if (writer_.joinable()) writer_.join();
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

void Link::WriteLater() {
  std::string told;  // the counters, on this stream
  int told_on = 0;
  while (true) {
    int attempt = 0;
    {
      MutexLock lock(&stream_->mutex);
      while (!stream_->stopping && (stream_->writer == nullptr || stream_->writing ||
                                    (stream_->outbox.empty() && !stream_->counters_due))) {
        stream_->to_write.Wait(&stream_->mutex);
      }
      if (stream_->stopping) return;
      stream_->Drain();
      if (!stream_->counters_due || stream_->writer == nullptr) continue;
      stream_->counters_due = false;
      attempt = stream_->attempt;
    }
    v1::AttachRequest message;
    *message.mutable_counters() = o_.session.Counters();
    MutexLock lock(&stream_->mutex);
    if (stream_->attempt != attempt || stream_->writer == nullptr) continue;
    std::string text = message.SerializeAsString();
    if (told_on == attempt && text == told) continue;
    told = std::move(text);
    told_on = attempt;
    stream_->counters_sent = o_.clock.Monotonic();
    stream_->outbox.push_back(std::move(message));
    stream_->Drain();
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
  int attempt = 0;
  {
    MutexLock lock(&stream_->mutex);
    attempt = stream_->attempt;
  }
  stream_->Open(stream);
  absl::Status handled;
  while (handled.ok() && stream.Read(&message)) handled = Handle(message, attempt);
  stream_->Shut();
  return handled;
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
  if (o_.on_hello) o_.on_hello(o_.dialer.target, hello);
  log::Info("link", "attached",
            {{"validator", o_.dialer.target}, {"version", Printable(hello.version(), 64)}});
  MutexLock lock(&stream_->mutex);
  stream_->attached = true;
  return absl::OkStatus();
}

absl::Status Link::Handle(const v1::AttachResponse& message, int attempt) {
  switch (message.message_case()) {
    case v1::AttachResponse::kPutUp:
      o_.session.PutUp(message.put_up(),
                       [stream = stream_, attempt](const v1::PutUpResult& result) {
                         v1::AttachRequest answer;
                         *answer.mutable_put_up_result() = result;
                         Stream::Send(stream, attempt, std::move(answer));
                       });
      return absl::OkStatus();
    case v1::AttachResponse::kTakeDown:
      o_.session.TakeDown(message.take_down(),
                          [stream = stream_, attempt](const v1::TakeDownResult& result) {
                            v1::AttachRequest answer;
                            *answer.mutable_take_down_result() = result;
                            Stream::Send(stream, attempt, std::move(answer));
                          });
      return absl::OkStatus();
    case v1::AttachResponse::kHello:
      // Its core roots are others now; the rest was agreed upon at the first.
      if (o_.on_hello) o_.on_hello(o_.dialer.target, message.hello());
      return absl::OkStatus();
    case v1::AttachResponse::MESSAGE_NOT_SET:
      log::Warning("link", "a message that this agent does not know",
                   {{"validator", o_.dialer.target}});
      return absl::OkStatus();
  }
  return absl::OkStatus();
}

}  // namespace norroy::agent
