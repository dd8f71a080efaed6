#include "common/diagnostics/diagnostics.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/clock/rounds.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::diagnostics {
namespace {

constexpr int kTimeoutSeconds = 5;
constexpr int kMaxHeaderBytes = 8 * 1024;
constexpr int kMaxBodyBytes = 1024;
// A look that is older by so many turns tells that the process is stuck.
constexpr int kStaleTurns = 4;

struct EventFree {
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(event* e) const { event_free(e); }
  void operator()(evhttp* http) const { evhttp_free(http); }
};

// What the last look saw.
struct Seen {
  absl::Duration at;  // monotonic
  bool ready = true;
  std::map<std::string, std::string> checks;  // "ok", or what is wrong
};

absl::Status CannotListen(const std::string& address) {
  return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                   absl::StrCat("diagnostics: cannot listen on ", address,
                                ": is the port free, and the address of this host?"));
}

class Server final : public Diagnostics {
 public:
  Server(Options options, Clock& clock) : options_(std::move(options)), clock_(clock) {}

  ~Server() override {
    if (loop_.joinable()) {
      const uint64_t one = 1;
      if (write(stop_fd_, &one, sizeof(one)) != sizeof(one)) {
        log::Error("diagnostics", "cannot wake the loop");
      }
      loop_.join();
    }
    rounds_.Stop();
    stop_event_.reset();
    http_.reset();
    base_.reset();
    if (stop_fd_ >= 0) close(stop_fd_);
  }

  absl::Status Start() {
    Look();
    rounds_.Start(options_.every);
    if (options_.listen.empty()) return absl::OkStatus();
    base_.reset(event_base_new());
    stop_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (base_ == nullptr || stop_fd_ < 0) return absl::InternalError("no event loop");
    stop_event_.reset(event_new(base_.get(), stop_fd_, EV_READ, OnStop, base_.get()));
    event_add(stop_event_.get(), nullptr);
    http_.reset(evhttp_new(base_.get()));
    evhttp_set_timeout(http_.get(), kTimeoutSeconds);
    evhttp_set_max_headers_size(http_.get(), kMaxHeaderBytes);
    evhttp_set_max_body_size(http_.get(), kMaxBodyBytes);
    evhttp_set_allowed_methods(http_.get(), EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_gencb(http_.get(), OnRequest, this);
    for (const std::string& address : options_.listen) NORROY_RETURN_IF_ERROR(Bind(address));
    loop_ = std::thread([this] { event_base_dispatch(base_.get()); });
    return absl::OkStatus();
  }

  const std::vector<int>& ports() const override { return ports_; }

 private:
  absl::Status Bind(const std::string& address) {
    const size_t colon = address.rfind(':');
    uint32_t port = 0;
    if (colon == std::string::npos || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
        port > 65535) {
      return CannotListen(address);
    }
    absl::string_view host = absl::string_view(address).substr(0, colon);
    if (absl::ConsumePrefix(&host, "[")) absl::ConsumeSuffix(&host, "]");
    evhttp_bound_socket* const bound = evhttp_bind_socket_with_handle(
        http_.get(), std::string(host).c_str(), static_cast<uint16_t>(port));
    if (bound == nullptr) return CannotListen(address);
    sockaddr_storage storage = {};
    socklen_t size = sizeof(storage);
    if (getsockname(evhttp_bound_socket_get_fd(bound), reinterpret_cast<sockaddr*>(&storage),
                    &size) != 0) {
      return CannotListen(address);
    }
    ports_.push_back(ntohs(storage.ss_family == AF_INET6
                               ? reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port
                               : reinterpret_cast<sockaddr_in*>(&storage)->sin_port));
    return absl::OkStatus();
  }

  static void OnStop(int, short, void* base) {
    event_base_loopbreak(static_cast<event_base*>(base));
  }

  static void OnRequest(evhttp_request* request, void* self) {
    static_cast<Server*>(self)->Answer(request);
  }

  void Answer(evhttp_request* request) {
    const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(request);
    const char* const given = uri == nullptr ? nullptr : evhttp_uri_get_path(uri);
    const absl::string_view path = given == nullptr ? "" : given;
    if (path == "/livez") return Reply(request, 200, "text/plain", "ok\n");
    if (path == "/readyz") {
      const auto [ready, body] = Readiness();
      return Reply(request, ready ? 200 : 503, "application/json", body);
    }
    if (path == "/metrics") {
      return Reply(request, 200, "text/plain; version=0.0.4; charset=utf-8",
                   options_.registry.Text());
    }
    Reply(request, 404, "text/plain", "here are /livez, /readyz and /metrics\n");
  }

  static void Reply(evhttp_request* request, int status, const char* type,
                    const std::string& body) {
    evkeyvalq* const headers = evhttp_request_get_output_headers(request);
    evhttp_add_header(headers, "Content-Type", type);
    evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
    evhttp_add_header(headers, "Cache-Control", "no-store");
    evbuffer_add(evhttp_request_get_output_buffer(request), body.data(), body.size());
    evhttp_send_reply(request, status, nullptr, nullptr);
  }

  std::pair<bool, std::string> Readiness() {
    Seen seen;
    {
      MutexLock lock(&mutex_);
      seen = seen_;
    }
    const absl::Duration age = clock_.Monotonic() - seen.at;
    if (age > kStaleTurns * options_.every) {
      seen.ready = false;
      seen.checks["process"] =
          absl::StrCat("has not looked at itself for ",
                       absl::FormatDuration(absl::Trunc(age, absl::Seconds(1))));
    }
    const nlohmann::json json = {{"ready", seen.ready}, {"checks", seen.checks}};
    return {seen.ready, json.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace) + "\n"};
  }

  void Look() {
    Seen seen;
    for (const Check& check : options_.checks) {
      const absl::Status status = check.run();
      if (!status.ok()) seen.ready = false;
      seen.checks[check.name] = status.ok() ? "ok" : Printable(status.message(), 300);
    }
    if (options_.sample) options_.sample();
    seen.at = clock_.Monotonic();
    MutexLock lock(&mutex_);
    seen_ = std::move(seen);
  }

  const Options options_;
  Clock& clock_;
  std::vector<int> ports_;

  Mutex mutex_;
  Seen seen_ ABSL_GUARDED_BY(mutex_);

  std::unique_ptr<event_base, EventFree> base_;
  std::unique_ptr<evhttp, EventFree> http_;
  int stop_fd_ = -1;
  std::unique_ptr<event, EventFree> stop_event_;
  std::thread loop_;
  Rounds rounds_{clock_, [this] {
                   Look();
                   return options_.every;
                 }};
};

}  // namespace

absl::StatusOr<std::unique_ptr<Diagnostics>> Diagnostics::Start(Options options, Clock& clock) {
  auto server = std::make_unique<Server>(std::move(options), clock);
  NORROY_RETURN_IF_ERROR(server->Start());
  return server;
}

}  // namespace norroy::diagnostics
