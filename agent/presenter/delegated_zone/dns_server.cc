#include "agent/presenter/delegated_zone/dns_server.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <thread>
#include <utility>

#include "agent/presenter/delegated_zone/dns_query.h"
#include "agent/presenter/delegated_zone/udp_socket.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

// RFC 1035 4.2.2: two bytes of length stand before each message.
constexpr size_t kLengthField = 2;
// Read in one go before the loop looks at others.
constexpr int kMaxDatagramsPerTurn = 64;
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

struct EventFree {
  void operator()(event* e) const { event_free(e); }
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(evconnlistener* listener) const { evconnlistener_free(listener); }
};
using EventPtr = std::unique_ptr<event, EventFree>;
using BasePtr = std::unique_ptr<event_base, EventFree>;
using ListenerPtr = std::unique_ptr<evconnlistener, EventFree>;

class Server;

// One peer by TCP: reading messages, or sending the answer to one of them. What it sends
// meanwhile waits in the kernel.
struct Connection {
  Connection(Server& server, int fd, const sockaddr_storage& peer)
      : server(server), fd(fd), peer(peer) {}
  ~Connection() {
    io.reset();
    deadline.reset();
    close(fd);
  }

  Server& server;
  const int fd;
  const sockaddr_storage peer;
  EventPtr io;
  EventPtr deadline;
  std::string input;
  std::string output;
  size_t sent = 0;
  int queries = 0;
  std::list<std::unique_ptr<Connection>>::iterator self;
};

class Server final : public DnsServer {
 public:
  Server(std::vector<BoundSocket> sockets, const DnsServerOptions& options, DnsHandler handler)
      : sockets_(std::move(sockets)), options_(options), handler_(std::move(handler)) {}

  ~Server() override {
    if (thread_.joinable()) {
      const uint64_t one = 1;
      while (write(stop_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
      }
      thread_.join();
    }
    connections_.clear();
    resume_.reset();
    stop_.reset();
    datagrams_.clear();
    listeners_.clear();
    if (stop_fd_ >= 0) close(stop_fd_);
    for (const BoundSocket& socket : sockets_) close(socket.fd);
  }

  absl::Status Run() {
    base_.reset(event_base_new());
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (base_ == nullptr || stop_fd_ < 0) {
      return absl::ResourceExhaustedError("delegated_zone: cannot make an event loop");
    }
    stop_ = NewEvent(stop_fd_, EV_READ, &Server::OnStop, this);
    resume_ = NewEvent(-1, 0, &Server::OnResume, this);
    event_add(stop_.get(), nullptr);
    for (const BoundSocket& socket : sockets_) {
      if (!(socket.datagram ? ServeUdp(socket.fd) : ServeTcp(socket.fd))) {
        return absl::ResourceExhaustedError("delegated_zone: cannot listen on " + socket.place);
      }
    }
    thread_ = std::thread([this] { event_base_dispatch(base_.get()); });
    return absl::OkStatus();
  }

 private:
  EventPtr NewEvent(int fd, short what, event_callback_fn callback, void* argument) {
    return EventPtr(event_new(base_.get(), fd, what, callback, argument));
  }

  bool ServeUdp(int fd) {
    PrepareUdpSocket(fd);
    datagrams_.push_back(NewEvent(fd, EV_READ | EV_PERSIST, &Server::OnDatagram, this));
    return datagrams_.back() != nullptr && event_add(datagrams_.back().get(), nullptr) == 0;
  }

  bool ServeTcp(int fd) {
    // Backlog 0: the socket listens already.
    ListenerPtr listener(
        evconnlistener_new(base_.get(), &Server::OnAccept, this, LEV_OPT_CLOSE_ON_EXEC, 0, fd));
    if (listener == nullptr) return false;
    evconnlistener_set_error_cb(listener.get(), &Server::OnAcceptError);
    listeners_.push_back(std::move(listener));
    return true;
  }

  static void OnStop(evutil_socket_t, short, void* self) {
    event_base_loopbreak(static_cast<Server*>(self)->base_.get());
  }

  static void OnResume(evutil_socket_t, short, void* self) {
    for (const auto& listener : static_cast<Server*>(self)->listeners_) {
      evconnlistener_enable(listener.get());
    }
  }

  static void OnDatagram(evutil_socket_t fd, short, void* self) {
    const Server& server = *static_cast<Server*>(self);
    std::array<char, kMaxUdpQuery> buffer;
    Datagram datagram;
    for (int turn = 0; turn < kMaxDatagramsPerTurn; ++turn) {
      if (!ReceiveDatagram(fd, buffer.data(), buffer.size(), datagram)) return;
      if (datagram.cut) continue;
      const std::string answer = server.handler_(absl::string_view(buffer.data(), datagram.size),
                                                 DnsTransport::kUdp, datagram.peer);
      if (!answer.empty()) AnswerDatagram(fd, datagram, answer);
    }
  }

  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr* peer, int size, void* self) {
    sockaddr_storage address = {};
    std::memcpy(&address, peer, std::min<size_t>(static_cast<size_t>(size), sizeof(address)));
    static_cast<Server*>(self)->Accept(fd, address);
  }

  // Most likely no descriptor is left: make room, and do not spin on the socket that stays ready.
  static void OnAcceptError(evconnlistener*, void* argument) {
    auto* self = static_cast<Server*>(argument);
    const int error = errno;
    log::Warning("dns", "cannot accept", {{"errno", error}});
    if (!self->connections_.empty()) self->connections_.pop_front();
    for (const auto& listener : self->listeners_) evconnlistener_disable(listener.get());
    const timeval pause = absl::ToTimeval(kAcceptPause);
    event_add(self->resume_.get(), &pause);
  }

  void Accept(int fd, const sockaddr_storage& peer) {
    while (connections_.size() >= static_cast<size_t>(options_.max_connections)) {
      connections_.pop_front();
    }
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    connections_.push_back(std::make_unique<Connection>(*this, fd, peer));
    Connection& connection = *connections_.back();
    connection.self = std::prev(connections_.end());
    connection.io = NewEvent(fd, EV_READ | EV_PERSIST, &Server::OnReady, &connection);
    connection.deadline = NewEvent(-1, 0, &Server::OnDeadline, &connection);
    const timeval deadline = absl::ToTimeval(options_.deadline);
    if (connection.io == nullptr || connection.deadline == nullptr ||
        event_add(connection.deadline.get(), &deadline) != 0 ||
        event_add(connection.io.get(), nullptr) != 0) {
      connections_.pop_back();
    }
  }

  static void OnDeadline(evutil_socket_t, short, void* connection) {
    auto* c = static_cast<Connection*>(connection);
    c->server.connections_.erase(c->self);
  }

  static void OnReady(evutil_socket_t, short what, void* connection) {
    auto* c = static_cast<Connection*>(connection);
    const bool keep = (what & EV_WRITE) != 0 ? c->server.Resume(*c) : c->server.Read(*c);
    if (!keep) c->server.connections_.erase(c->self);
  }

  // These return false when the connection is over.
  bool Read(Connection& c) {
    std::array<char, kLengthField + kMaxTcpQuery> buffer;
    const ssize_t got = recv(c.fd, buffer.data(), buffer.size() - c.input.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    c.input.append(buffer.data(), static_cast<size_t>(got));
    return AnswerWhatIsThere(c);
  }

  // The messages that have come whole, until one's answer does not go out at once.
  bool AnswerWhatIsThere(Connection& c) {
    while (c.input.size() >= kLengthField) {
      const size_t size = static_cast<size_t>(static_cast<unsigned char>(c.input[0])) << 8 |
                          static_cast<unsigned char>(c.input[1]);
      if (size > kMaxTcpQuery) return false;
      if (c.input.size() < kLengthField + size) return true;
      if (++c.queries > kMaxTcpQueries) return false;
      const absl::string_view message = absl::string_view(c.input).substr(kLengthField, size);
      const std::string answer = handler_(message, DnsTransport::kTcp, c.peer);
      if (answer.empty() || answer.size() > 65535) return false;
      c.input.erase(0, kLengthField + size);
      c.output.assign(1, static_cast<char>(answer.size() >> 8));
      c.output.push_back(static_cast<char>(answer.size() & 0xff));
      c.output += answer;
      c.sent = 0;
      if (!Write(c)) return false;
      if (!c.output.empty()) return Watch(c, EV_WRITE);
    }
    return true;
  }

  // The output is empty when all of it is sent.
  bool Write(Connection& c) {
    while (c.sent < c.output.size()) {
      const ssize_t put =
          send(c.fd, c.output.data() + c.sent, c.output.size() - c.sent, MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return errno == EAGAIN;
      c.sent += static_cast<size_t>(put);
    }
    c.output.clear();
    return true;
  }

  bool Resume(Connection& c) {
    if (!Write(c)) return false;
    if (!c.output.empty()) return true;
    return Watch(c, EV_READ) && AnswerWhatIsThere(c);
  }

  bool Watch(Connection& c, short what) {
    event_del(c.io.get());
    event_assign(c.io.get(), base_.get(), c.fd, what | EV_PERSIST, &Server::OnReady, &c);
    return event_add(c.io.get(), nullptr) == 0;
  }

  const std::vector<BoundSocket> sockets_;
  const DnsServerOptions options_;
  const DnsHandler handler_;
  // From here on of the loop's thread alone, once it runs.
  BasePtr base_;
  int stop_fd_ = -1;
  EventPtr stop_;
  EventPtr resume_;
  std::vector<EventPtr> datagrams_;
  std::vector<ListenerPtr> listeners_;
  std::list<std::unique_ptr<Connection>> connections_;  // the oldest first
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<DnsServer>> DnsServer::Start(std::vector<BoundSocket> sockets,
                                                            const DnsServerOptions& options,
                                                            DnsHandler handler) {
  auto server = std::make_unique<Server>(std::move(sockets), options, std::move(handler));
  const absl::Status status = server->Run();
  if (!status.ok()) return status;
  return server;
}

}  // namespace norroy::agent
