#include "cli/free_ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace norroy::cli {
namespace {

// The kernel picks the port. The socket stays open in `sockets` so that no port is picked twice.
absl::StatusOr<int> FindFreePort(std::vector<int>& sockets) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (fd >= 0) sockets.push_back(fd);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("no free port on 127.0.0.1: ", std::strerror(errno)));
  }
  return ntohs(address.sin_port);
}

}  // namespace

absl::StatusOr<std::vector<int>> FindFreePorts(int count) {
  std::vector<int> sockets;
  std::vector<int> ports;
  absl::Status status;
  for (int i = 0; i < count && status.ok(); ++i) {
    const absl::StatusOr<int> port = FindFreePort(sockets);
    status = port.status();
    if (port.ok()) ports.push_back(*port);
  }
  for (const int fd : sockets) close(fd);
  if (!status.ok()) return status;
  return ports;
}

}  // namespace norroy::cli
