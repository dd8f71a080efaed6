#ifndef NORROY_AGENT_SESSION_LINK_H_
#define NORROY_AGENT_SESSION_LINK_H_

// One validator's line to the session: attaches, says hello, hands messages in and answers back,
// in their order; attaches again for ever when the stream ends. All state is the session's.

#include <grpcpp/grpcpp.h>

#include <memory>
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

struct LinkOptions {
  Dialer dialer;
  Session& session;
  Clock& clock;
  Timers& timers;
  crypto::Random& random;
};

// Thread-safe. One thread, which waits in reads.
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
  absl::Status AttachOnce();
  absl::Status Converse(Reader& stream);
  absl::Status Welcome(const v1::AttachResponse& message);
  // What to answer; OK without an answer.
  absl::Status Handle(const v1::AttachResponse& message, v1::AttachRequest& answer);
  // False: stopped.
  bool WaitBeforeNext(absl::Duration wait);

  const LinkOptions o_;
  // Shared with the hello's timer.
  const std::shared_ptr<Stream> stream_;
  std::thread thread_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_LINK_H_
