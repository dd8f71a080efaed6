#ifndef NORROY_VALIDATOR_SERVICE_AGENT_STREAM_H_
#define NORROY_VALIDATOR_SERVICE_AGENT_STREAM_H_

// The validator's end of one agent's stream: the one hand-written reactor, and the Link that
// stands for it. What the messages mean is the listener's affair.
//
// The Link outlives gRPC's objects: registry and coordinator may hold it after the stream is done.

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/clock/timers.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "validator/agents/registry.h"

namespace norroy::validator {

inline constexpr size_t kMaxQueuedMessages = 1000;
inline constexpr size_t kMaxQueuedBytes = 1024 * 1024;
// A peer that does not read keeps even the status from going out.
inline constexpr absl::Duration kCloseGrace = absl::Seconds(2);
// More than that in one second, and reading pauses until the second is over.
inline constexpr int kMaxMessagesPerSecond = 1000;

// Thread-safe.
class AgentStream final : public Link, public std::enable_shared_from_this<AgentStream> {
 public:
  // Called on gRPC's threads, one after the other, without locks held.
  struct Listener {
    std::function<void(const agent::v1::AttachRequest&)> on_message;
    // Last, exactly once.
    std::function<void()> on_done;
  };

  // The stream, and the reactor to hand to gRPC, which deletes itself.
  static std::pair<std::shared_ptr<AgentStream>,
                   grpc::ServerBidiReactor<agent::v1::AttachRequest, agent::v1::AttachResponse>*>
  Make(grpc::CallbackServerContext* context, Timers& timers);

  // Before the reactor is handed over. Reading begins.
  void Begin(Listener listener);

  bool Send(const agent::v1::AttachResponse& message) override;
  void Close(const absl::Status& why) override;
  // Ends the stream at once, without a status of ours.
  void Cut();

 private:
  class Reactor;

  explicit AgentStream(Timers& timers) : timers_(timers) {}

  // From the reactor.
  void ReadDone(bool ok);
  void WriteDone(bool ok);
  void Done();

  void WriteNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CloseLocked(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void FinishIfIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReadNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How long to pause before the next read.
  absl::Duration Pace() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Timers& timers_;
  Listener listener_;
  // gRPC's while a read is under way, ours from then on until the next.
  agent::v1::AttachRequest incoming_;

  Mutex mutex_;
  // Null once the stream is done.
  grpc::CallbackServerContext* context_ ABSL_GUARDED_BY(mutex_) = nullptr;
  Reactor* reactor_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::deque<agent::v1::AttachResponse> queue_ ABSL_GUARDED_BY(mutex_);
  size_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  agent::v1::AttachResponse outgoing_ ABSL_GUARDED_BY(mutex_);  // gRPC reads it while writing_
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> closing_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  int read_this_second_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration second_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_AGENT_STREAM_H_
