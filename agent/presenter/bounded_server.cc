#include "agent/presenter/bounded_server.h"

#include <event2/event.h>
#include <event2/listener.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <list>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

constexpr size_t kReadSize = 4096;
// What a peer may still send after its answer went out.
constexpr size_t kMaxDrained = 64 * 1024;
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

// One peer: in conversation, then waiting for its end of the connection.
struct Connection {
  Connection(Server& server, int fd, std::unique_ptr<Conversation> conversation)
      : server(server), fd(fd), conversation(std::move(conversation)) {}
  ~Connection() {
    io.reset();
    deadline.reset();
    close(fd);
  }

  Server& server;
  const int fd;
  const std::unique_ptr<Conversation> conversation;
  EventPtr io;
  EventPtr deadline;
  std::string output;
  size_t sent = 0;
  bool finished = false;
  size_t drained = 0;
  std::list<std::unique_ptr<Connection>>::iterator self;
};

class Server final : public BoundedServer {
 public:
  Server(const std::string& component, ListenSet sockets, const ServerLimits& limits,
         std::function<std::unique_ptr<Conversation>()> greet)
      : component_(component),
        sockets_(std::move(sockets)),
        limits_(limits),
        greet_(std::move(greet)) {}

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
    listeners_.clear();
    if (stop_fd_ >= 0) close(stop_fd_);
  }

  absl::Status Run() {
    base_.reset(event_base_new());
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (base_ == nullptr || stop_fd_ < 0) {
      return absl::ResourceExhaustedError(absl::StrCat(component_, ": cannot make an event loop"));
    }
    stop_ = NewEvent(stop_fd_, EV_READ, &Server::OnStop, this);
    resume_ = NewEvent(-1, 0, &Server::OnResume, this);
    event_add(stop_.get(), nullptr);
    for (const BoundSocket& socket : sockets_.sockets()) {
      // Backlog 0: the socket listens already.
      ListenerPtr listener(evconnlistener_new(base_.get(), &Server::OnAccept, this,
                                              LEV_OPT_CLOSE_ON_EXEC, 0, socket.fd));
      if (listener == nullptr) {
        return absl::ResourceExhaustedError(
            absl::StrCat(component_, ": cannot listen on ", socket.place));
      }
      evconnlistener_set_error_cb(listener.get(), &Server::OnAcceptError);
      listeners_.push_back(std::move(listener));
    }
    thread_ = std::thread([this] { event_base_dispatch(base_.get()); });
    return absl::OkStatus();
  }

 private:
  EventPtr NewEvent(int fd, short what, event_callback_fn callback, void* argument) {
    return EventPtr(event_new(base_.get(), fd, what, callback, argument));
  }

  static void OnStop(evutil_socket_t, short, void* self) {
    event_base_loopbreak(static_cast<Server*>(self)->base_.get());
  }

  static void OnResume(evutil_socket_t, short, void* self) {
    for (const auto& listener : static_cast<Server*>(self)->listeners_) {
      evconnlistener_enable(listener.get());
    }
  }

  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr*, int, void* self) {
    static_cast<Server*>(self)->Accept(fd);
  }

  // Most likely no descriptor is left: make room, and do not spin on the socket that stays ready.
  static void OnAcceptError(evconnlistener*, void* argument) {
    auto* self = static_cast<Server*>(argument);
    const int error = errno;
    log::Warning(self->component_, "cannot accept", {{"errno", error}});
    if (!self->connections_.empty()) self->connections_.pop_front();
    for (const auto& listener : self->listeners_) evconnlistener_disable(listener.get());
    const timeval pause = absl::ToTimeval(kAcceptPause);
    event_add(self->resume_.get(), &pause);
  }

  void Accept(int fd) {
    while (connections_.size() >= static_cast<size_t>(limits_.max_connections)) {
      connections_.pop_front();
    }
    connections_.push_back(std::make_unique<Connection>(*this, fd, greet_()));
    Connection& connection = *connections_.back();
    connection.self = std::prev(connections_.end());
    connection.io = NewEvent(fd, EV_READ | EV_PERSIST, &Server::OnReady, &connection);
    connection.deadline = NewEvent(-1, 0, &Server::OnDeadline, &connection);
    const timeval deadline = absl::ToTimeval(limits_.deadline);
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
    const bool keep = (what & EV_WRITE) != 0 ? c->server.Write(*c) : c->server.Read(*c);
    if (!keep) c->server.connections_.erase(c->self);
  }

  // These return false when the connection is over.
  bool Read(Connection& c) {
    std::array<char, kReadSize> buffer;
    const ssize_t got = recv(c.fd, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    if (c.finished) {
      c.drained += got;
      return c.drained <= kMaxDrained;
    }
    const absl::string_view bytes(buffer.data(), static_cast<size_t>(got));
    const Conversation::Then then = c.conversation->OnBytes(bytes, c.output);
    if (then == Conversation::Then::kDrop) return false;
    c.finished = then == Conversation::Then::kFinish;
    return (c.output.empty() && !c.finished) || Write(c);
  }

  bool Write(Connection& c) {
    while (c.sent < c.output.size()) {
      const ssize_t put =
          send(c.fd, c.output.data() + c.sent, c.output.size() - c.sent, MSG_NOSIGNAL);
      if (put < 0 && errno == EINTR) continue;
      if (put < 0 && errno == EAGAIN) return Watch(c, EV_WRITE);
      if (put < 0) return false;
      c.sent += put;
    }
    c.output.clear();
    c.sent = 0;
    // Closing while bytes of the peer wait unread would reset the connection and could take the
    // answer with it: say that we are done, and read on until the peer is.
    if (c.finished) shutdown(c.fd, SHUT_WR);
    return Watch(c, EV_READ);
  }

  bool Watch(Connection& c, short what) {
    event_del(c.io.get());
    event_assign(c.io.get(), base_.get(), c.fd, what | EV_PERSIST, &Server::OnReady, &c);
    return event_add(c.io.get(), nullptr) == 0;
  }

  const std::string component_;
  const ListenSet sockets_;
  const ServerLimits limits_;
  const std::function<std::unique_ptr<Conversation>()> greet_;
  // From here on of the loop's thread alone, once it runs.
  BasePtr base_;
  int stop_fd_ = -1;
  EventPtr stop_;
  EventPtr resume_;
  std::vector<ListenerPtr> listeners_;
  std::list<std::unique_ptr<Connection>> connections_;  // the oldest first
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BoundedServer>> BoundedServer::Start(
    const std::string& component, ListenSet sockets, const ServerLimits& limits,
    std::function<std::unique_ptr<Conversation>()> greet) {
  auto server = std::make_unique<Server>(component, std::move(sockets), limits, std::move(greet));
  const absl::Status status = server->Run();
  if (!status.ok()) return status;
  return server;
}

}  // namespace norroy::agent
