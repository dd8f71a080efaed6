#include "validator/preflight/tcp_dial.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

// How soon a waiting look notices that it is to stop.
constexpr absl::Duration kPollSlice = absl::Milliseconds(200);

// Until the socket is ready or the deadline has passed (false).
bool WaitFor(int fd, short events, const Deadline& deadline) {
  for (;;) {
    const absl::Duration left = deadline.Left();
    if (left == absl::ZeroDuration()) return false;
    const auto slice = absl::ToInt64Milliseconds(std::min(left, kPollSlice)) + 1;
    pollfd waiting = {fd, events, 0};
    const int ready = poll(&waiting, 1, static_cast<int>(slice));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return true;  // the next call on the socket says why
  }
}

absl::Status TimedOut() {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "LOOK_TIMEOUT", "no more within the time");
}

absl::Status Broken() {
  return MakeError(absl::StatusCode::kUnavailable, "CONNECTION_BROKEN", std::strerror(errno));
}

class TcpStream final : public Stream {
 public:
  explicit TcpStream(int fd) : fd_(fd) {}
  ~TcpStream() override { close(fd_); }

  absl::Status Write(absl::string_view bytes, const Deadline& deadline) override {
    while (!bytes.empty()) {
      if (!WaitFor(fd_, POLLOUT, deadline)) return TimedOut();
      const ssize_t put = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (put >= 0) {
        bytes.remove_prefix(static_cast<size_t>(put));
        continue;
      }
      if (errno != EAGAIN && errno != EINTR) return Broken();
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Read(const Deadline& deadline) override {
    std::array<char, 4096> buffer;
    for (;;) {
      if (!WaitFor(fd_, POLLIN, deadline)) return TimedOut();
      const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
      if (got >= 0) return std::string(buffer.data(), static_cast<size_t>(got));
      if (errno != EAGAIN && errno != EINTR) return Broken();
    }
  }

 private:
  const int fd_;
};

struct SocketAddress {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

SocketAddress ToSocketAddress(const Address& address, int port) {
  SocketAddress to;
  if (address.is_v6()) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&to.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    std::memcpy(&v6->sin6_addr, address.bytes().data(), address.bytes().size());
    to.size = sizeof(*v6);
    return to;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&to.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(static_cast<uint16_t>(port));
  std::memcpy(&v4->sin_addr, address.bytes().data(), address.bytes().size());
  to.size = sizeof(*v4);
  return to;
}

// `at_once`: connect itself failed, before anything was sent.
DialFault FaultOf(int error, bool at_once) {
  switch (error) {
    case ECONNREFUSED:
      return DialFault::kRefused;
    case ETIMEDOUT:
      return DialFault::kTimedOut;
    default:
      return at_once ? DialFault::kNoRoute : DialFault::kUnreachable;
  }
}

}  // namespace

Dialled DialTcp(const Address& address, int port, const Deadline& deadline) {
  const SocketAddress to = ToSocketAddress(address, port);
  const int fd =
      socket(to.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
  if (fd < 0) return {nullptr, DialFault::kNoRoute};
  auto stream = std::make_unique<TcpStream>(fd);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to.storage), to.size) != 0) {
    if (errno != EINPROGRESS && errno != EINTR) return {nullptr, FaultOf(errno, true)};
    if (!WaitFor(fd, POLLOUT, deadline)) return {nullptr, DialFault::kTimedOut};
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return {nullptr, FaultOf(error, false)};
  }
  return {std::move(stream), DialFault::kNone};
}

}  // namespace norroy::validator::preflight
