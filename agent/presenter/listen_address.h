#ifndef NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_
#define NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_

// Where to listen, as a configuration says it:
//
//   0.0.0.0:80  [::]:80     numeric addresses: nothing is looked up; port 0 picks one
//   unix:/run/norroy.sock   a stream socket for a proxy on this machine
//   fd:3                    a listening socket that the service manager opened before us

#include <sys/socket.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

// A socket that listens. The receiver closes it; a Unix socket's path is unlinked by whoever
// closes it.
struct BoundSocket {
  int fd = -1;
  std::string place;      // "http://127.0.0.1:8080", "unix:/run/norroy.sock"
  std::string unix_path;  // empty for the others
  bool local = false;     // reached from this machine alone: loopback or Unix
};

class ListenAddress {
 public:
  // INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::StatusOr<ListenAddress> Parse(absl::string_view text);

  // Whether only this machine reaches it; for "fd:" known after Bind alone, so true here.
  bool may_be_local() const;
  // Non-blocking, closed on exec. A Unix socket that nobody listens on any more is replaced.
  absl::StatusOr<BoundSocket> Bind() const;
  const std::string& text() const { return text_; }

 private:
  ListenAddress() = default;
  absl::StatusOr<BoundSocket> Inherit() const;

  std::string text_;
  sockaddr_storage address_ = {};
  socklen_t size_ = 0;
  std::string unix_path_;
  int inherited_fd_ = -1;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_LISTEN_ADDRESS_H_
