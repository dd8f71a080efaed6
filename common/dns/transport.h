#ifndef NORROY_COMMON_DNS_TRANSPORT_H_
#define NORROY_COMMON_DNS_TRANSPORT_H_

// Sockets to one server, each wait bounded by a moment of the monotonic clock. For this folder
// alone. Errors: DEADLINE_EXCEEDED, reason DNS_TIMEOUT; UNAVAILABLE, reason DNS_UNREACHABLE, also
// when the server hangs up; INVALID_ARGUMENT, reason BAD_CONFIG, for an address that is none.

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/dns/client.h"

namespace norroy::dns {

// By the monotonic clock.
class Deadline {
 public:
  static Deadline After(absl::Duration timeout);
  absl::Duration left() const;  // not negative
  bool passed() const { return left() == absl::ZeroDuration(); }

 private:
  explicit Deadline(absl::Duration at) : at_(at) {}
  absl::Duration at_;
};

class Socket {
 public:
  // Connected, so that the kernel drops what others send, from a port that the kernel draws.
  static absl::StatusOr<Socket> Udp(const Server& server);
  static absl::StatusOr<Socket> Tcp(const Server& server, const Deadline& deadline);
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket();

  // UDP.
  absl::Status SendDatagram(absl::string_view message);
  absl::StatusOr<std::string> ReceiveDatagram(const Deadline& deadline);

  // TCP: the message behind its length (RFC 1035 4.2.2).
  absl::Status SendMessage(absl::string_view message, const Deadline& deadline);
  absl::StatusOr<std::string> ReceiveMessage(const Deadline& deadline);

 private:
  explicit Socket(int fd) : fd_(fd) {}
  absl::Status Wait(short events, const Deadline& deadline);
  absl::StatusOr<std::string> ReceiveBytes(size_t count, const Deadline& deadline);

  int fd_;
};

// One message there and one back, over TCP.
absl::StatusOr<std::string> ExchangeByTcp(const Server& server, absl::string_view message,
                                          const Deadline& deadline);

}  // namespace norroy::dns

#endif  // NORROY_COMMON_DNS_TRANSPORT_H_
