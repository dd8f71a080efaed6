#ifndef NORROY_AGENT_PRESENTER_BOUNDED_SERVER_H_
#define NORROY_AGENT_PRESENTER_BOUNDED_SERVER_H_

// The internet-facing end of a responder: accepts connections and holds one short conversation on
// each. One thread on libevent's loop. A connection lives for `deadline` at most, whatever its peer
// does. When there are too many, the oldest goes: a peer that holds connections open cannot keep
// the CA out.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "agent/presenter/listen_set.h"

namespace norroy::agent {

struct ServerLimits {
  int max_connections = 1024;
  absl::Duration deadline = absl::Seconds(5);
};

// What a protocol says to one peer: bytes in, bytes out. It knows no sockets and no time.
class Conversation {
 public:
  enum class Then {
    kGoOn,    // what it wrote is sent, then more is read
    kFinish,  // what it wrote is sent, then the connection ends in good order
    kDrop,    // the connection ends at once; nothing is sent
  };

  virtual ~Conversation() = default;
  // `bytes`: what came since the last call, never empty. Appends to `output`. Called on the
  // server's thread; MUST NOT block.
  virtual Then OnBytes(absl::string_view bytes, std::string& output) = 0;
};

class BoundedServer {
 public:
  // `component` is what log lines say; `greet` makes the conversation of each new connection, on
  // the server's thread.
  static absl::StatusOr<std::unique_ptr<BoundedServer>> Start(
      const std::string& component, ListenSet sockets, const ServerLimits& limits,
      std::function<std::unique_ptr<Conversation>()> greet);
  // Closes everything.
  virtual ~BoundedServer() = default;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_BOUNDED_SERVER_H_
