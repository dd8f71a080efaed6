#include "cli/sync_served.h"

#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/crypto/file_io.h"
#include "common/crypto/tls.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// RFC 5321 4.5.3.1.5: 512 bytes a line; a greeting and an EHLO's answer have a few.
constexpr size_t kMaxReply = 16 * 1024;

absl::Status NotServed(const ServeTarget& target, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_SERVED",
                   absl::StrCat(target.address.text(), ": ", what));
}

// The moment by which all of it must have ended.
class Deadline {
 public:
  explicit Deadline(absl::Duration from_now) : end_(clock_.Monotonic() + from_now) {}
  absl::Duration Left() { return std::max(end_ - clock_.Monotonic(), absl::ZeroDuration()); }
  // Until the socket is ready; false: the time is over.
  bool WaitFor(int fd, short events) {
    for (;;) {
      const absl::Duration left = Left();
      if (left == absl::ZeroDuration()) return false;
      pollfd waiting = {fd, events, 0};
      const int ready = poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
    }
  }

 private:
  SystemClock clock_;
  const absl::Duration end_;
};

// OpenSSL writes to sockets whose other end may be gone; that is an error here, not the end of us.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &set_, &before_);
  }
  ~NoBrokenPipeSignal() {
    // It is this thread's: taken out before it could be delivered.
    const timespec now = {0, 0};
    if (sigismember(&before_, SIGPIPE) == 0) sigtimedwait(&set_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;

 private:
  sigset_t set_;
  sigset_t before_;
};

struct AddressesFree {
  void operator()(addrinfo* addresses) const { freeaddrinfo(addresses); }
};
using Addresses = std::unique_ptr<addrinfo, AddressesFree>;

absl::StatusOr<Addresses> Resolve(const ServeTarget& target) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(target.address.host.c_str(),
                                absl::StrCat(target.address.port).c_str(), &hints, &found);
  if (error != 0) return NotServed(target, absl::StrCat("no address: ", gai_strerror(error)));
  return Addresses(found);
}

// 0, or why the connection failed.
int Connect(int fd, const addrinfo& to, Deadline& deadline) {
  if (connect(fd, to.ai_addr, to.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS && errno != EINTR) return errno;
  if (!deadline.WaitFor(fd, POLLOUT)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

absl::StatusOr<std::unique_ptr<crypto::Descriptor>> Dial(const ServeTarget& target,
                                                         Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(const Addresses addresses, Resolve(target));
  int error = EADDRNOTAVAIL;
  for (const addrinfo* to = addresses.get(); to != nullptr; to = to->ai_next) {
    auto fd = std::make_unique<crypto::Descriptor>(
        socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    error = fd->valid() ? Connect(fd->get(), *to, deadline) : errno;
    if (error == 0) return fd;
  }
  return NotServed(target, absl::StrCat("cannot connect: ", std::strerror(error)));
}

// One SMTP reply, all of its lines (RFC 5321 4.2.1: the last has a space after the code).
absl::StatusOr<std::string> ReadReply(int fd, const ServeTarget& target, Deadline& deadline) {
  std::string reply;
  while (reply.size() < kMaxReply) {
    if (!deadline.WaitFor(fd, POLLIN)) return NotServed(target, "no answer by SMTP");
    // Byte by byte: what follows the line is TLS's.
    char c = 0;
    const ssize_t got = recv(fd, &c, 1, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return NotServed(target, "the connection ended before STARTTLS");
    reply.push_back(c);
    if (c != '\n') continue;
    const size_t before =
        reply.size() < 2 ? std::string::npos : reply.rfind('\n', reply.size() - 2);
    const size_t begin = before == std::string::npos ? 0 : before + 1;
    if (reply.size() - begin < 4 || reply[begin + 3] != '-') return reply;
  }
  return NotServed(target, "an SMTP reply without end");
}

absl::StatusOr<std::string> Ask(int fd, const char* line, const ServeTarget& target,
                                Deadline& deadline) {
  // The socket's buffer is empty: so few bytes fit.
  const auto size = static_cast<ssize_t>(std::strlen(line));
  if (send(fd, line, static_cast<size_t>(size), MSG_NOSIGNAL) != size) {
    return NotServed(target, "the connection ended before STARTTLS");
  }
  return ReadReply(fd, target, deadline);
}

absl::Status StartTls(int fd, const ServeTarget& target, Deadline& deadline) {
  NORROY_ASSIGN_OR_RETURN(std::string reply, ReadReply(fd, target, deadline));
  if (!absl::StartsWith(reply, "220")) {
    return NotServed(target, absl::StrCat("greets with ", Printable(reply, 80)));
  }
  NORROY_ASSIGN_OR_RETURN(reply, Ask(fd, "EHLO norroy.invalid\r\n", target, deadline));
  NORROY_ASSIGN_OR_RETURN(reply, Ask(fd, "STARTTLS\r\n", target, deadline));
  if (absl::StartsWith(reply, "220")) return absl::OkStatus();
  return NotServed(target, absl::StrCat("answers STARTTLS with ", Printable(reply, 80)));
}

struct EventFree {
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(bufferevent* stream) const { bufferevent_free(stream); }
};

void OnEvent(bufferevent* stream, short, void*) {
  event_base_loopbreak(bufferevent_get_base(stream));
}

// Runs the handshake on `fd`, which stays the caller's, until it has ended, well or not.
bool RunHandshake(int fd, const crypto::TlsClient& tls, absl::Duration timeout) {
  const NoBrokenPipeSignal no_signal;
  const std::unique_ptr<event_base, EventFree> base(event_base_new());
  ssl_st* const connection = tls.NewConnection();
  // The stream closes its own.
  const int its_own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (base == nullptr || connection == nullptr || its_own < 0) return false;
  const std::unique_ptr<bufferevent, EventFree> stream(bufferevent_openssl_socket_new(
      base.get(), its_own, connection, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE));
  if (stream == nullptr) return false;
  bufferevent_setcb(stream.get(), nullptr, nullptr, OnEvent, nullptr);
  bufferevent_enable(stream.get(), EV_READ | EV_WRITE);
  const timeval limit = absl::ToTimeval(timeout);
  event_base_loopexit(base.get(), &limit);
  event_base_dispatch(base.get());
  crypto::EndSending(connection);
  return true;
}

}  // namespace

absl::StatusOr<crypto::Certificate> ServedCertificate(const ServeTarget& target,
                                                      absl::Duration timeout) {
  Deadline deadline(timeout);
  NORROY_ASSIGN_OR_RETURN(const auto fd, Dial(target, deadline));
  if (target.smtp) NORROY_RETURN_IF_ERROR(StartTls(fd->get(), target, deadline));
  std::optional<crypto::Certificate> shown;
  const crypto::TlsClient tls(
      [&shown](const std::vector<crypto::Certificate>& chain) {
        if (chain.empty()) return absl::NotFoundError("no certificate");
        shown = chain.front();
        return absl::OkStatus();
      },
      target.server_name);
  if (!RunHandshake(fd->get(), tls, deadline.Left())) return NotServed(target, "memory is short");
  if (shown.has_value()) return *std::move(shown);
  return NotServed(target, tls.verdict().code() == absl::StatusCode::kUnavailable
                               ? "no TLS handshake"
                               : tls.verdict().message());
}

}  // namespace norroy::cli
