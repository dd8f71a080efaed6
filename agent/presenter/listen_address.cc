#include "agent/presenter/listen_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"

namespace norroy::agent {
namespace {

constexpr int kBacklog = 1024;
constexpr int kMaxInheritedFd = 64;
constexpr int kPortAttempts = 32;

absl::Status BadAddress(absl::string_view text, absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("listen: \"", Printable(text), "\" ", why,
                                "; write \"0.0.0.0:80\", \"[::]:80\", \"unix:/path\" or \"fd:3\""));
}

absl::Status Failed(absl::string_view text, absl::string_view what) {
  const int error = errno;
  return absl::FailedPreconditionError(
      absl::StrCat("listen: ", text, ": ", what, ": ", std::strerror(error)));
}

bool ParseNumber(absl::string_view digits, int max, int& number) {
  return !digits.empty() && absl::ascii_isdigit(digits[0]) && absl::SimpleAtoi(digits, &number) &&
         number <= max;
}

// "192.0.2.1" or "[2001:db8::1]", and a port.
bool ParseIp(absl::string_view host, int port, sockaddr_storage& address, socklen_t& size) {
  if (absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]")) {
    auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    size = sizeof(*v6);
    return inet_pton(AF_INET6, std::string(host).c_str(), &v6->sin6_addr) == 1;
  }
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(static_cast<uint16_t>(port));
  size = sizeof(*v4);
  return inet_pton(AF_INET, std::string(host).c_str(), &v4->sin_addr) == 1;
}

bool IsLocal(const sockaddr_storage& address) {
  if (address.ss_family == AF_UNIX) return true;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    return (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
}

int PortOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    return ntohs(reinterpret_cast<const sockaddr_in&>(address).sin_port);
  }
  return ntohs(reinterpret_cast<const sockaddr_in6&>(address).sin6_port);
}

// What the kernel says the socket is bound to.
std::string Place(const sockaddr_storage& address, absl::string_view scheme) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat(scheme, "://", text, ":", PortOf(address));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    return absl::StrCat(scheme, "://[", text, "]:", PortOf(address));
  }
  return "unix";
}

bool BoundAddress(int fd, sockaddr_storage& address) {
  socklen_t size = sizeof(address);
  return getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
}

// Of a socket that was made by others: does it listen, or is it UDP with a port and no peer?
bool Listens(int fd) {
  int listening = 0;
  socklen_t size = sizeof(listening);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) == 0 && listening != 0;
}

bool ReceivesDatagrams(int fd) {
  int type = 0;
  socklen_t size = sizeof(type);
  if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_DGRAM) return false;
  sockaddr_storage address = {};
  if (!BoundAddress(fd, address)) return false;
  if (address.ss_family != AF_INET && address.ss_family != AF_INET6) return false;
  sockaddr_storage peer = {};
  size = sizeof(peer);
  return PortOf(address) != 0 && getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) != 0;
}

// Makes room where an earlier process left its socket; one that answers stays.
absl::Status RemoveStaleSocket(const std::string& path, const sockaddr_storage& address,
                               socklen_t size) {
  struct stat info;
  if (lstat(path.c_str(), &info) != 0) return absl::OkStatus();
  const std::string text = absl::StrCat("unix:", path);
  if (!S_ISSOCK(info.st_mode)) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen: ", text, ": there is something that is no socket"));
  }
  const int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (probe < 0) return Failed(text, "socket");
  const bool answered = connect(probe, reinterpret_cast<const sockaddr*>(&address), size) == 0;
  close(probe);
  if (answered) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen: ", text, ": another process listens there"));
  }
  if (unlink(path.c_str()) != 0) return Failed(text, "unlink");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ListenAddress> ListenAddress::Parse(absl::string_view text) {
  ListenAddress result;
  result.text_ = std::string(text);
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "fd:")) {
    const bool good = ParseNumber(rest, kMaxInheritedFd, result.inherited_fd_);
    if (!good || result.inherited_fd_ < 3) return BadAddress(text, "is no descriptor from 3 to 64");
    return result;
  }
  if (absl::ConsumePrefix(&rest, "unix:")) {
    auto* path = reinterpret_cast<sockaddr_un*>(&result.address_);
    if (rest.empty() || rest.front() != '/') return BadAddress(text, "is no absolute path");
    if (rest.size() >= sizeof(path->sun_path)) return BadAddress(text, "is over 107 characters");
    if (rest.find('\0') != absl::string_view::npos) return BadAddress(text, "has a zero byte");
    path->sun_family = AF_UNIX;
    std::memcpy(path->sun_path, rest.data(), rest.size());
    result.size_ = sizeof(*path);
    result.unix_path_ = std::string(rest);
    return result;
  }
  const size_t colon = rest.rfind(':');
  int port = 0;
  if (colon == absl::string_view::npos || !ParseNumber(rest.substr(colon + 1), 65535, port)) {
    return BadAddress(text, "has no port");
  }
  if (!ParseIp(rest.substr(0, colon), port, result.address_, result.size_)) {
    return BadAddress(text, "is no numeric address");
  }
  return result;
}

bool ListenAddress::may_be_local() const { return inherited_fd_ >= 0 || IsLocal(address_); }

bool ListenAddress::any_port() const {
  return inherited_fd_ < 0 && !is_unix() && PortOf(address_) == 0;
}

absl::StatusOr<BoundSocket> ListenAddress::Inherit(bool datagram_too,
                                                   absl::string_view scheme) const {
  const int fd = inherited_fd_;
  const bool datagram = datagram_too && ReceivesDatagrams(fd);
  if (!datagram && !Listens(fd)) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen: ", text_, " is no listening ", datagram_too ? "or UDP " : "",
                     "socket; does the service's socket unit pass it?"));
  }
  sockaddr_storage address = {};
  if (!BoundAddress(fd, address)) return Failed(text_, "getsockname");
  if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
    return Failed(text_, "fcntl");
  }
  // The service manager owns the path of a Unix socket that it opened.
  return BoundSocket{.fd = fd,
                     .place = Place(address, scheme),
                     .unix_path = "",
                     .local = IsLocal(address),
                     .datagram = datagram};
}

absl::StatusOr<BoundSocket> ListenAddress::Open(int type, const sockaddr_storage& address,
                                                absl::string_view scheme) const {
  const bool stream = type == SOCK_STREAM;
  const int fd = socket(address.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return Failed(text_, "socket");
  absl::Cleanup close_fd = [fd] { close(fd); };
  const int on = 1;
  // For UDP it would let two processes of one user share the port, and each lose half of what
  // comes.
  if (stream && !is_unix()) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  // "0.0.0.0:80" and "[::]:80" stand side by side.
  if (address.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), size_) != 0) {
    return Failed(text_, stream ? "bind" : "bind (UDP)");
  }
  // What is served is public; a proxy of another user must reach it.
  if (is_unix() && chmod(unix_path_.c_str(), 0666) != 0) return Failed(text_, "chmod");
  if (stream && listen(fd, kBacklog) != 0) return Failed(text_, "listen");
  sockaddr_storage bound = {};
  if (!BoundAddress(fd, bound)) return Failed(text_, "getsockname");
  std::move(close_fd).Cancel();
  return BoundSocket{.fd = fd,
                     .place = is_unix() ? text_ : Place(bound, scheme),
                     .unix_path = unix_path_,
                     .local = IsLocal(bound),
                     .datagram = !stream};
}

absl::StatusOr<BoundSocket> ListenAddress::Bind(absl::string_view scheme) const {
  if (inherited_fd_ >= 0) return Inherit(false, scheme);
  if (is_unix()) {
    const absl::Status room = RemoveStaleSocket(unix_path_, address_, size_);
    if (!room.ok()) return room;
  }
  return Open(SOCK_STREAM, address_, scheme);
}

absl::StatusOr<std::vector<BoundSocket>> ListenAddress::BindUdpAndTcp(
    absl::string_view scheme) const {
  if (is_unix()) return BadAddress(text_, "is a Unix path, and UDP has none");
  if (inherited_fd_ >= 0) {
    auto socket = Inherit(true, scheme);
    if (!socket.ok()) return socket.status();
    return std::vector<BoundSocket>{*std::move(socket)};
  }
  // The port that the kernel picks for TCP may be taken for UDP.
  for (int attempt = 1;; ++attempt) {
    auto tcp = Open(SOCK_STREAM, address_, scheme);
    if (!tcp.ok()) return tcp.status();
    sockaddr_storage bound = {};
    BoundAddress(tcp->fd, bound);
    auto udp = Open(SOCK_DGRAM, bound, scheme);
    if (udp.ok()) return std::vector<BoundSocket>{*std::move(udp), *std::move(tcp)};
    close(tcp->fd);
    if (!any_port() || attempt == kPortAttempts) return udp.status();
  }
}

}  // namespace norroy::agent
