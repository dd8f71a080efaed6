#include "common/dns/transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/dns/wire.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::dns {
namespace {

constexpr absl::Duration kLongestTimeout = absl::Hours(1);
constexpr size_t kMaxMessage = 65535;

absl::Duration Monotonic() { return SystemClock().Monotonic(); }

absl::Status Unreachable(absl::string_view what) {
  return MakeError(absl::StatusCode::kUnavailable, "DNS_UNREACHABLE", what);
}

absl::Status Errno(absl::string_view what) {
  const int error = errno;
  char buffer[128];
  return Unreachable(absl::StrCat(what, ": ", strerror_r(error, buffer, sizeof(buffer))));
}

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

absl::StatusOr<Address> AddressOf(const Server& server) {
  Address address;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  const bool port_ok = server.port >= 1 && server.port <= 65535;
  if (port_ok && inet_pton(AF_INET, server.address.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(server.port));
    address.size = sizeof(*v4);
    return address;
  }
  if (port_ok && inet_pton(AF_INET6, server.address.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(server.port));
    address.size = sizeof(*v6);
    return address;
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("\"", Printable(server.address, 64), "\" port ", server.port,
                                " is no numeric address and port"));
}

bool MustWait() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }

}  // namespace

Deadline Deadline::After(absl::Duration timeout) {
  return Deadline(Monotonic() +
                  std::clamp(timeout, absl::ZeroDuration(), absl::Duration(kLongestTimeout)));
}

absl::Duration Deadline::left() const { return std::max(at_ - Monotonic(), absl::ZeroDuration()); }

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

absl::StatusOr<Socket> Socket::Udp(const Server& server) {
  NORROY_ASSIGN_OR_RETURN(const Address address, AddressOf(server));
  Socket socket(::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd_ < 0) return Errno("no UDP socket");
  if (connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) != 0) {
    return Errno("no way there by UDP");
  }
  return socket;
}

absl::StatusOr<Socket> Socket::Tcp(const Server& server, const Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(const Address address, AddressOf(server));
  Socket socket(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket.fd_ < 0) return Errno("no TCP socket");
  if (connect(socket.fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
    return socket;
  }
  if (errno != EINPROGRESS) return Errno("no connection by TCP");
  NORROY_RETURN_IF_ERROR(WithContext(socket.Wait(POLLOUT, deadline), "connecting by TCP"));
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(socket.fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  errno = error;
  if (error != 0) return Errno("no connection by TCP");
  return socket;
}

absl::Status Socket::Wait(short events, const Deadline& deadline) {
  while (true) {
    const absl::Duration left = deadline.left();
    pollfd poll_fd = {.fd = fd_, .events = events, .revents = 0};
    const int n =
        poll(&poll_fd, 1,
             static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(left, absl::Milliseconds(1)))));
    if (n > 0) return absl::OkStatus();
    if (n < 0 && errno != EINTR) return Errno("poll");
    if (n == 0 && deadline.passed()) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "DNS_TIMEOUT", "no answer in time");
    }
  }
}

absl::Status Socket::SendDatagram(absl::string_view message) {
  ssize_t n;
  do {
    n = send(fd_, message.data(), message.size(), MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  // A full buffer loses the packet, as the network may: it is sent again.
  if (n < 0 && !MustWait()) return Errno("by UDP");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Socket::ReceiveDatagram(const Deadline& deadline) {
  std::string buffer(kMaxMessage, '\0');
  while (true) {
    const ssize_t n = recv(fd_, buffer.data(), buffer.size(), 0);
    if (n >= 0) {
      buffer.resize(static_cast<size_t>(n));
      return buffer;
    }
    if (!MustWait()) return Errno("by UDP");
    NORROY_RETURN_IF_ERROR(Wait(POLLIN, deadline));
  }
}

absl::Status Socket::SendMessage(absl::string_view message, const Deadline& deadline) {
  if (message.size() > kMaxMessage) {
    return absl::InvalidArgumentError("a DNS message has at most 65535 bytes");
  }
  std::string bytes;
  AppendU16(static_cast<uint16_t>(message.size()), bytes);
  absl::StrAppend(&bytes, message);
  absl::string_view rest = bytes;
  while (!rest.empty()) {
    const ssize_t n = send(fd_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (n < 0 && !MustWait()) return Errno("by TCP");
    if (n < 0) NORROY_RETURN_IF_ERROR(Wait(POLLOUT, deadline));
    if (n > 0) rest.remove_prefix(static_cast<size_t>(n));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Socket::ReceiveBytes(size_t count, const Deadline& deadline) {
  std::string bytes(count, '\0');
  size_t have = 0;
  while (have < count) {
    const ssize_t n = recv(fd_, bytes.data() + have, count - have, 0);
    if (n == 0) {
      return Unreachable(
          absl::StrCat("the server hung up by TCP after ", have, " of ", count, " bytes"));
    }
    if (n < 0 && !MustWait()) return Errno("by TCP");
    if (n < 0) NORROY_RETURN_IF_ERROR(Wait(POLLIN, deadline));
    if (n > 0) have += static_cast<size_t>(n);
  }
  return bytes;
}

absl::StatusOr<std::string> Socket::ReceiveMessage(const Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(const std::string length, ReceiveBytes(2, deadline));
  return ReceiveBytes(WireReader(length).U16(), deadline);
}

absl::StatusOr<std::string> ExchangeByTcp(const Server& server, absl::string_view message,
                                          const Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(Socket socket, Socket::Tcp(server, deadline));
  NORROY_RETURN_IF_ERROR(socket.SendMessage(message, deadline));
  return socket.ReceiveMessage(deadline);
}

}  // namespace norroy::dns
