#include "issuer/sign_in/https_server.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <map>
#include <thread>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/tls.h"
#include "common/error/error.h"
#include "common/identity/file_stamp.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_pool.h"
#include "issuer/sign_in/address_rate.h"

namespace norroy::sign_in {
namespace {

constexpr int kBacklog = 128;
// What a peer may still send after its answer went out.
constexpr size_t kMaxDrained = 64 * 1024;
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);
constexpr absl::Duration kReloadPause = absl::Seconds(1);

struct EventFree {
  void operator()(event* e) const { event_free(e); }
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(evconnlistener* listener) const { evconnlistener_free(listener); }
  void operator()(bufferevent* stream) const { bufferevent_free(stream); }
};
using EventPtr = std::unique_ptr<event, EventFree>;
using BasePtr = std::unique_ptr<event_base, EventFree>;
using ListenerPtr = std::unique_ptr<evconnlistener, EventFree>;
using StreamPtr = std::unique_ptr<bufferevent, EventFree>;

absl::string_view StatusText(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 413:
      return "Content Too Large";
    case 429:
      return "Too Many Requests";
    case 503:
      return "Service Unavailable";
    default:
      return "Answer";
  }
}

struct Address {
  sockaddr_storage storage = {};
  int size = sizeof(sockaddr_storage);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

absl::Status BadAddress(const std::string& text) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("\"", Printable(text, 128),
                                "\" is no IP address with a port (\"192.0.2.7:8443\", "
                                "\"[::]:8443\")"));
}

absl::StatusOr<Address> ParseAddress(const std::string& text) {
  const size_t colon = text.rfind(':');
  uint32_t port = 0;
  if (colon == std::string::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535) {
    return BadAddress(text);
  }
  Address address;
  std::string host = text.substr(0, colon);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(port));
    address.size = sizeof(sockaddr_in6);
    host = host.substr(1, host.size() - 2);
    if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) return address;
    return BadAddress(text);
  }
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  v4->sin_family = AF_INET;
  v4->sin_port = htons(static_cast<uint16_t>(port));
  address.size = sizeof(sockaddr_in);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) return address;
  return BadAddress(text);
}

absl::StatusOr<crypto::TlsServer> LoadTls(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file, identity::ReadIdentityFile(path));
  absl::StatusOr<crypto::TlsServer> tls = crypto::TlsServer::Make(file.key, file.chain);
  if (!tls.ok()) return WithContext(tls.status(), path);
  return tls;
}

class Server;

struct Connection {
  enum class State {
    kReading,    // handshake, head, body
    kWorking,    // a handler has it
    kWriting,    // the answer is on its way
    kLingering,  // all is said; the peer's end is awaited
  };

  explicit Connection(Server& server) : server(server) {}

  Server& server;
  uint64_t id = 0;
  std::string address;  // AddressKey
  std::string peer;
  StreamPtr stream;
  EventPtr deadline;
  State state = State::kReading;
  HttpHead head;
  size_t drained = 0;
  std::list<std::unique_ptr<Connection>>::iterator self;

  // Nothing of it is lost that somebody could not send again.
  bool may_go() const { return state == State::kReading || state == State::kLingering; }
};

class Server final : public HttpsServer {
 public:
  Server(HttpsServerOptions options, Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        requests_(options_.requests_per_minute),
        accepted_(options_.connections_per_minute),
        pool_(std::make_unique<ThreadPool>(options_.threads, options_.max_waiting)) {}

  ~Server() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
    pool_.reset();  // what it still answers finds the queue there
    connections_.clear();
    listeners_.clear();
    resume_.reset();
    wake_.reset();
    base_.reset();
    if (wake_fd_ >= 0) close(wake_fd_);
  }

  const std::vector<int>& ports() const override { return ports_; }

  absl::Status Run() {
    stamp_ = identity::FileStamp::Of(options_.tls_file);
    NORROY_ASSIGN_OR_RETURN(crypto::TlsServer tls, LoadTls(options_.tls_file));
    tls_ = std::make_unique<crypto::TlsServer>(std::move(tls));
    base_.reset(event_base_new());
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (base_ == nullptr || wake_fd_ < 0) {
      return absl::ResourceExhaustedError("sign_in: cannot make an event loop");
    }
    wake_.reset(event_new(base_.get(), wake_fd_, EV_READ | EV_PERSIST, &Server::OnWake, this));
    resume_.reset(event_new(base_.get(), -1, 0, &Server::OnResume, this));
    event_add(wake_.get(), nullptr);
    for (const std::string& listen : options_.listen) NORROY_RETURN_IF_ERROR(Listen(listen));
    thread_ = std::thread([this] { event_base_dispatch(base_.get()); });
    return absl::OkStatus();
  }

 private:
  using State = Connection::State;

  absl::Status Listen(const std::string& text) {
    NORROY_ASSIGN_OR_RETURN(Address address, ParseAddress(text));
    ListenerPtr listener(
        evconnlistener_new_bind(base_.get(), &Server::OnAccept, this,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE,
                                kBacklog, address.get(), address.size));
    if (listener == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("sign_in: cannot listen on ", text, ": ", std::strerror(errno)));
    }
    evconnlistener_set_error_cb(listener.get(), &Server::OnAcceptError);
    Address bound;
    socklen_t size = sizeof(bound.storage);
    getsockname(evconnlistener_get_fd(listener.get()), bound.get(), &size);
    ports_.push_back(ntohs(bound.get()->sa_family == AF_INET6
                               ? reinterpret_cast<sockaddr_in6*>(&bound.storage)->sin6_port
                               : reinterpret_cast<sockaddr_in*>(&bound.storage)->sin_port));
    listeners_.push_back(std::move(listener));
    return absl::OkStatus();
  }

  // From any thread.
  void Wake() {
    const uint64_t one = 1;
    while (write(wake_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
  }

  static void OnWake(evutil_socket_t fd, short, void* argument) {
    auto* const self = static_cast<Server*>(argument);
    uint64_t count = 0;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
    std::vector<std::pair<uint64_t, HttpsReply>> replies;
    {
      MutexLock lock(&self->mutex_);
      if (self->stopping_) event_base_loopbreak(self->base_.get());
      replies.swap(self->replies_);
    }
    for (const auto& [id, reply] : replies) {
      const auto found = self->by_id_.find(id);
      // Gone: its time was over.
      if (found != self->by_id_.end()) self->Answer(*found->second, reply);
    }
  }

  static void OnResume(evutil_socket_t, short, void* self) {
    for (const auto& listener : static_cast<Server*>(self)->listeners_) {
      evconnlistener_enable(listener.get());
    }
  }

  // Most likely no descriptor is left: make room, and do not spin on the socket that stays ready.
  static void OnAcceptError(evconnlistener*, void* argument) {
    auto* const self = static_cast<Server*>(argument);
    log::Warning("sign_in", "cannot accept", {{"errno", errno}});
    self->DropOldest("");
    for (const auto& listener : self->listeners_) evconnlistener_disable(listener.get());
    const timeval pause = absl::ToTimeval(kAcceptPause);
    event_add(self->resume_.get(), &pause);
  }

  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr* address, int,
                       void* argument) {
    auto* const self = static_cast<Server*>(argument);
    const std::string key = AddressKey(address);
    if (!self->accepted_.Take(key, self->clock_.Monotonic()) || !self->MakeRoom(key) ||
        !self->Greet(fd, key, AddressText(address))) {
      close(fd);
    }
  }

  // False: every place is taken by somebody who is being answered.
  bool MakeRoom(const std::string& key) {
    const auto count = per_address_.find(key);
    if (count != per_address_.end() && count->second >= options_.max_per_address &&
        !DropOldest(key)) {
      return false;
    }
    return connections_.size() < static_cast<size_t>(options_.max_connections) || DropOldest("");
  }

  // Of this address; of any, if it is empty.
  bool DropOldest(const std::string& key) {
    for (const auto& connection : connections_) {
      if (!connection->may_go() || (!key.empty() && connection->address != key)) continue;
      Drop(*connection);
      return true;
    }
    return false;
  }

  void Drop(Connection& c) {
    by_id_.erase(c.id);
    if (--per_address_[c.address] == 0) per_address_.erase(c.address);
    connections_.erase(c.self);
  }

  // False: the descriptor is still the caller's.
  bool Greet(int fd, const std::string& key, std::string peer) {
    ReloadTls();
    ssl_st* const tls = tls_->NewConnection();
    if (tls == nullptr) return false;
    // From here on the stream owns both.
    StreamPtr stream(bufferevent_openssl_socket_new(base_.get(), fd, tls, BUFFEREVENT_SSL_ACCEPTING,
                                                    BEV_OPT_CLOSE_ON_FREE));
    if (stream == nullptr) return false;
    bufferevent_openssl_set_allow_dirty_shutdown(stream.get(), 1);
    connections_.push_back(std::make_unique<Connection>(*this));
    Connection& c = *connections_.back();
    c.self = std::prev(connections_.end());
    c.id = ++last_id_;
    c.address = key;
    c.peer = std::move(peer);
    c.stream = std::move(stream);
    by_id_[c.id] = &c;
    ++per_address_[key];
    c.deadline.reset(event_new(base_.get(), -1, 0, &Server::OnDeadline, &c));
    const timeval deadline = absl::ToTimeval(options_.deadline);
    event_add(c.deadline.get(), &deadline);
    bufferevent_setcb(c.stream.get(), &Server::OnRead, &Server::OnWritten, &Server::OnEvent, &c);
    // No more is held in memory than a request may have.
    bufferevent_setwatermark(c.stream.get(), EV_READ, 0, kMaxHead + options_.max_body);
    bufferevent_enable(c.stream.get(), EV_READ | EV_WRITE);
    return true;
  }

  void ReloadTls() {
    const absl::Duration now = clock_.Monotonic();
    if (now - looked_ < kReloadPause) return;
    looked_ = now;
    const identity::FileStamp stamp = identity::FileStamp::Of(options_.tls_file);
    if (stamp == stamp_) return;
    stamp_ = stamp;
    absl::StatusOr<crypto::TlsServer> tls = LoadTls(options_.tls_file);
    if (!tls.ok()) {
      log::Error("sign_in", "the new certificate is not usable; the old one stays",
                 {{"error", tls.status().message()}});
      return;
    }
    *tls_ = *std::move(tls);
  }

  static void OnDeadline(evutil_socket_t, short, void* argument) {
    auto* const c = static_cast<Connection*>(argument);
    c->server.Drop(*c);
  }

  static void OnEvent(bufferevent*, short what, void* argument) {
    auto* const c = static_cast<Connection*>(argument);
    if ((what & BEV_EVENT_CONNECTED) == 0) c->server.Drop(*c);
  }

  static void OnRead(bufferevent* stream, void* argument) {
    auto* const c = static_cast<Connection*>(argument);
    evbuffer* const input = bufferevent_get_input(stream);
    if (c->state == State::kReading) {
      c->server.Read(*c, input);
      return;
    }
    c->drained += evbuffer_get_length(input);
    evbuffer_drain(input, evbuffer_get_length(input));
    if (c->drained > kMaxDrained) c->server.Drop(*c);
  }

  void Read(Connection& c, evbuffer* input) {
    if (c.head.state == HttpHead::State::kIncomplete) {
      const size_t size = std::min(evbuffer_get_length(input), kMaxHead);
      const auto* const bytes =
          reinterpret_cast<const char*>(evbuffer_pullup(input, static_cast<ev_ssize_t>(size)));
      c.head = ParseHttpHead(absl::string_view(bytes, size));
      if (c.head.state == HttpHead::State::kIncomplete) return;
      const std::optional<HttpsReply> reply = Judge(c);
      if (reply.has_value()) return Answer(c, *reply);
      evbuffer_drain(input, c.head.size);
      // RFC 9110 10.1.1.
      if (c.head.wants_continue) {
        constexpr absl::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        bufferevent_write(c.stream.get(), kContinue.data(), kContinue.size());
      }
    }
    if (evbuffer_get_length(input) < c.head.body_bytes) return;
    std::string body(c.head.body_bytes, '\0');
    evbuffer_remove(input, body.data(), body.size());
    Work(c, std::move(body));
  }

  // An answer that needs no body.
  std::optional<HttpsReply> Judge(Connection& c) {
    if (!requests_.Take(c.address, clock_.Monotonic())) return Refusal(429);
    if (c.head.state == HttpHead::State::kBad) return Refusal(400);
    std::optional<HttpsReply> reply = options_.judge(c.head);
    if (reply.has_value()) return reply;
    if (c.head.body_bytes > options_.max_body) return Refusal(413);
    return std::nullopt;
  }

  HttpsReply Refusal(int status) { return {status, options_.refuse(status)}; }

  void Work(Connection& c, std::string body) {
    c.state = State::kWorking;
    HttpsRequest request{c.head.method, c.head.path, std::move(body), c.peer};
    const bool taken = pool_->Try([this, id = c.id, request = std::move(request)] {
      HttpsReply reply = options_.handle(request);
      {
        MutexLock lock(&mutex_);
        replies_.emplace_back(id, std::move(reply));
      }
      Wake();
    });
    if (!taken) Answer(c, Refusal(503));
  }

  void Answer(Connection& c, const HttpsReply& reply) {
    c.state = State::kWriting;
    // What is not read any more must not keep the stream from reading on.
    evbuffer* const input = bufferevent_get_input(c.stream.get());
    evbuffer_drain(input, evbuffer_get_length(input));
    std::string head =
        absl::StrCat("HTTP/1.1 ", reply.status, " ", StatusText(reply.status),
                     "\r\nContent-Type: application/json\r\nContent-Length: ", reply.body.size(),
                     "\r\nCache-Control: no-store\r\nConnection: close\r\n");
    if (reply.status == 429) {
      absl::StrAppend(&head, "Retry-After: ", requests_.SecondsUntilNext(), "\r\n");
    }
    if (reply.status == 405) absl::StrAppend(&head, "Allow: POST\r\n");
    const std::string bytes = absl::StrCat(head, "\r\n", reply.body);
    bufferevent_write(c.stream.get(), bytes.data(), bytes.size());
  }

  static void OnWritten(bufferevent* stream, void* argument) {
    auto* const c = static_cast<Connection*>(argument);
    if (c->state != State::kWriting || evbuffer_get_length(bufferevent_get_output(stream)) != 0) {
      return;
    }
    // Closing while bytes of the peer wait unread would reset the connection and could take the
    // answer with it: say that we are done, and read on until the peer is.
    c->state = State::kLingering;
    crypto::EndSending(bufferevent_openssl_get_ssl(stream));
    shutdown(bufferevent_getfd(stream), SHUT_WR);
  }

  const HttpsServerOptions options_;
  Clock& clock_;
  std::vector<int> ports_;
  int wake_fd_ = -1;
  // From here on of the loop's thread alone, once it runs.
  AddressRate requests_;
  AddressRate accepted_;
  std::unique_ptr<crypto::TlsServer> tls_;
  identity::FileStamp stamp_;
  absl::Duration looked_ = absl::ZeroDuration();
  BasePtr base_;
  EventPtr wake_;
  EventPtr resume_;
  std::vector<ListenerPtr> listeners_;
  std::list<std::unique_ptr<Connection>> connections_;  // the oldest first
  std::map<uint64_t, Connection*> by_id_;
  std::map<std::string, int> per_address_;
  uint64_t last_id_ = 0;
  // Of handlers, too.
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<uint64_t, HttpsReply>> replies_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadPool> pool_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpsServer>> HttpsServer::Start(HttpsServerOptions options,
                                                                Clock& clock) {
  auto server = std::make_unique<Server>(std::move(options), clock);
  NORROY_RETURN_IF_ERROR(server->Run());
  return server;
}

absl::Status HttpsServer::CheckAddress(const std::string& address) {
  return ParseAddress(address).status();
}

}  // namespace norroy::sign_in
