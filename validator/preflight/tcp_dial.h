#ifndef NORROY_VALIDATOR_PREFLIGHT_TCP_DIAL_H_
#define NORROY_VALIDATOR_PREFLIGHT_TCP_DIAL_H_

// Connections for a look: blocking calls that each end by an absolute deadline, however slowly the
// other side drips.

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "validator/preflight/address.h"
#include "validator/preflight/deadline.h"

namespace norroy::validator::preflight {

// Bytes both ways. For one thread at a time.
class Stream {
 public:
  virtual ~Stream() = default;
  // All of them. DEADLINE_EXCEEDED; UNAVAILABLE: the connection broke.
  virtual absl::Status Write(absl::string_view bytes, const Deadline& deadline) = 0;
  // What has come, at most 4 KiB; empty: the peer sends no more. Errors as Write.
  virtual absl::StatusOr<std::string> Read(const Deadline& deadline) = 0;
};

enum class DialFault {
  kNone,
  kRefused,
  kTimedOut,     // nothing answers
  kUnreachable,  // a router says so
  kNoRoute,      // this machine has no way there: no IPv6, mostly
};

struct Dialled {
  std::unique_ptr<Stream> stream;  // null with a fault
  DialFault fault = DialFault::kNone;
};

// To exactly this address. The caller has asked AddressGuard.
Dialled DialTcp(const Address& address, int port, const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_TCP_DIAL_H_
