#include "tests/fakes/ca/https_front.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_pool.h"

namespace norroy::fakes {
namespace {

constexpr int kThreads = 64;
constexpr int kMaxWaiting = 10'000;
constexpr int kIdleSeconds = 60;
constexpr size_t kMaxBody = 256 * 1024;

struct EventFree {
  void operator()(event* e) const { event_free(e); }
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(evhttp* http) const { evhttp_free(http); }
};

http::Request Read(evhttp_request* from) {
  http::Request request;
  switch (evhttp_request_get_command(from)) {
    case EVHTTP_REQ_POST:
      request.method = "POST";
      break;
    case EVHTTP_REQ_HEAD:
      request.method = "HEAD";
      break;
    default:
      request.method = "GET";
  }
  const evkeyvalq* const headers = evhttp_request_get_input_headers(from);
  for (const evkeyval* header = headers->tqh_first; header != nullptr;
       header = header->next.tqe_next) {
    request.headers.emplace_back(header->key, header->value);
  }
  const char* const host = evhttp_find_header(headers, "Host");
  request.url = absl::StrCat("https://", host == nullptr ? "" : host, evhttp_request_get_uri(from));
  evbuffer* const body = evhttp_request_get_input_buffer(from);
  request.body.resize(evbuffer_get_length(body));
  evbuffer_remove(body, request.body.data(), request.body.size());
  return request;
}

class Front final : public HttpsFront {
 public:
  explicit Front(crypto::TlsServer tls) : tls_(std::move(tls)) {}

  ~Front() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    Wake();
    if (thread_.joinable()) thread_.join();
    pool_.reset();
    http_.reset();
    wake_.reset();
    base_.reset();
    if (wake_fd_ >= 0) close(wake_fd_);
  }

  int port() const override { return port_; }

  absl::Status Bind(int port) {
    base_.reset(event_base_new());
    wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (base_ == nullptr || wake_fd_ < 0) return absl::ResourceExhaustedError("no event loop");
    wake_.reset(event_new(base_.get(), wake_fd_, EV_READ | EV_PERSIST, &Front::OnWake, this));
    event_add(wake_.get(), nullptr);
    http_.reset(evhttp_new(base_.get()));
    evhttp_set_timeout(http_.get(), kIdleSeconds);
    evhttp_set_max_body_size(http_.get(), kMaxBody);
    evhttp_set_bevcb(http_.get(), &Front::NewStream, this);
    evhttp_set_gencb(http_.get(), &Front::OnRequest, this);
    evhttp_bound_socket* const bound =
        evhttp_bind_socket_with_handle(http_.get(), "127.0.0.1", static_cast<uint16_t>(port));
    if (bound == nullptr) return absl::UnavailableError(absl::StrCat("cannot bind port ", port));
    sockaddr_in address{};
    socklen_t size = sizeof(address);
    getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    return absl::OkStatus();
  }

  void Serve(Handler handler) override {
    handler_ = std::move(handler);
    pool_ = std::make_unique<ThreadPool>(kThreads, kMaxWaiting);
    thread_ = std::thread([this] { event_base_dispatch(base_.get()); });
  }

 private:
  struct Done {
    evhttp_request* request;
    absl::StatusOr<http::Response> reply;
  };

  void Wake() {
    const uint64_t one = 1;
    while (write(wake_fd_, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
  }

  static bufferevent* NewStream(event_base* base, void* self) {
    return bufferevent_openssl_socket_new(base, -1, static_cast<Front*>(self)->tls_.NewConnection(),
                                          BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE);
  }

  // A request whose peer goes away meanwhile stays ours until it is answered (libevent 2.1 leaves
  // it without a connection).
  static void OnRequest(evhttp_request* request, void* argument) {
    auto* const self = static_cast<Front*>(argument);
    const bool taken = self->pool_->Try([self, request, read = Read(request)] {
      Done done{request, self->handler_(read)};
      {
        MutexLock lock(&self->mutex_);
        self->done_.push_back(std::move(done));
      }
      self->Wake();
    });
    if (!taken) evhttp_send_error(request, HTTP_SERVUNAVAIL, nullptr);
  }

  static void OnWake(evutil_socket_t fd, short, void* argument) {
    auto* const self = static_cast<Front*>(argument);
    uint64_t count = 0;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR) {
    }
    std::vector<Done> done;
    {
      MutexLock lock(&self->mutex_);
      if (self->stopping_) event_base_loopbreak(self->base_.get());
      done.swap(self->done_);
    }
    for (const Done& one : done) Answer(one);
  }

  static void Answer(const Done& done) {
    evhttp_connection* const connection = evhttp_request_get_connection(done.request);
    if (!done.reply.ok() && connection != nullptr) {
      evhttp_connection_free(connection);  // and its requests
      return;
    }
    const http::Response reply = done.reply.ok() ? *done.reply : http::Response{.status = 500};
    evkeyvalq* const headers = evhttp_request_get_output_headers(done.request);
    for (const auto& [name, value] : reply.headers) {
      evhttp_add_header(headers, name.c_str(), value.c_str());
    }
    evbuffer* const body = evbuffer_new();
    evbuffer_add(body, reply.body.data(), reply.body.size());
    evhttp_send_reply(done.request, reply.status, "Answer", body);
    evbuffer_free(body);
  }

  const crypto::TlsServer tls_;
  Handler handler_;
  int port_ = 0;
  int wake_fd_ = -1;
  std::unique_ptr<event_base, EventFree> base_;
  std::unique_ptr<event, EventFree> wake_;
  std::unique_ptr<evhttp, EventFree> http_;
  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Done> done_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadPool> pool_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpsFront>> HttpsFront::Listen(crypto::TlsServer tls, int port) {
  auto front = std::make_unique<Front>(std::move(tls));
  const absl::Status bound = front->Bind(port);
  if (!bound.ok()) return bound;
  return front;
}

}  // namespace norroy::fakes
