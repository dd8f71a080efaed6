#ifndef NORROY_AGENT_SESSION_LINK_H_
#define NORROY_AGENT_SESSION_LINK_H_

// One validator's line to the session: attaches, says hello, hands messages in and answers back,
// when they are done; attaches again for ever when the stream ends. Tells the session's counters
// after the hello, and when something was said since, at most every 10 s. A validator says hello
// again when its core roots change. All state is the session's.

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/session/dial.h"
#include "agent/session/session.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.grpc.pb.h"

namespace norroy::agent {

// A validator that accepts the stream and says nothing is given up.
inline constexpr absl::Duration kHelloTimeout = absl::Seconds(10);
inline constexpr absl::Duration kCountersEvery = absl::Seconds(10);
// A validator that does not read its answers loses the stream.
inline constexpr size_t kMaxOutbox = 5000;

struct LinkOptions {
  Dialer dialer;
  Session& session;
  Clock& clock;
  Timers& timers;
  crypto::Random& random;
  absl::Duration counters_every = kCountersEvery;
  // What the validator at `target` said of itself and of core roots; may be null. Before anything
  // else that it says is handled, on the link's thread.
  std::function<void(const std::string& target, const v1::ValidatorHello& hello)> on_hello =
      nullptr;
};

// Thread-safe. Two threads: one waits in reads (and writes what is answered at once), the other
// writes what is answered later, so that no thread of the session's waits for a validator.
class Link {
 public:
  // Starts at once.
  explicit Link(const LinkOptions& options);
  // Stops.
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  // Ends the stream and attaches again at once: the identity is a new one.
  void Redial();
  // Ends for good; nothing is handed to the session after it returned.
  void Stop();
  // Hellos were exchanged.
  bool attached();

 private:
  struct Stream;
  using Reader = grpc::ClientReaderWriter<v1::AttachRequest, v1::AttachResponse>;

  void Run();
  void WriteLater();
  absl::Status AttachOnce();
  absl::Status Converse(Reader& stream);
  absl::Status Welcome(const v1::AttachResponse& message);
  absl::Status Handle(const v1::AttachResponse& message, int attempt);
  // False: stopped.
  bool WaitBeforeNext(absl::Duration wait);

  const LinkOptions o_;
  // Shared with timers and with what the session has not answered yet.
  const std::shared_ptr<Stream> stream_;
  std::thread thread_;
  std::thread writer_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_LINK_H_
