#ifndef NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_
#define NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_

// Where to listen, as a configuration says it:
//
//   0.0.0.0:80  [::]:80     numeric addresses: nothing is looked up; port 0 picks one
//   unix:/run/norroy.sock   a stream socket for a proxy on this machine
//   fd:3                    a listening socket that the service manager opened before us
//
// DNS needs UDP and TCP at one port: BindUdpAndTcp.

#include <sys/socket.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

// A socket that listens, or a UDP socket that is bound. The receiver closes it; a Unix socket's
// path is unlinked by whoever closes it.
struct BoundSocket {
  int fd = -1;
  std::string place;      // "http://127.0.0.1:8080", "unix:/run/norroy.sock"
  std::string unix_path;  // empty for the others
  bool local = false;     // reached from this machine alone: loopback or Unix
  bool datagram = false;  // UDP
};

class ListenAddress {
 public:
  // INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::StatusOr<ListenAddress> Parse(absl::string_view text);

  // Whether only this machine reaches it; for "fd:" known after Bind alone, so true here.
  bool may_be_local() const;
  bool is_unix() const { return !unix_path_.empty(); }
  // Non-blocking, closed on exec. A Unix socket that nobody listens on any more is replaced.
  // `scheme` begins the place.
  absl::StatusOr<BoundSocket> Bind(absl::string_view scheme = "http") const;
  // A UDP and a TCP socket of one port (port 0: one that is free for both); of "fd:" the one socket
  // that it is, of either kind. INVALID_ARGUMENT, reason BAD_CONFIG, for a Unix path.
  absl::StatusOr<std::vector<BoundSocket>> BindUdpAndTcp(absl::string_view scheme) const;
  const std::string& text() const { return text_; }

 private:
  ListenAddress() = default;
  absl::StatusOr<BoundSocket> Inherit(bool datagram_too, absl::string_view scheme) const;
  // `type` is SOCK_STREAM or SOCK_DGRAM.
  absl::StatusOr<BoundSocket> Open(int type, const sockaddr_storage& address,
                                   absl::string_view scheme) const;
  bool any_port() const;

  std::string text_;
  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
  std::string unix_path_;
  int inherited_fd_ = -1;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_
