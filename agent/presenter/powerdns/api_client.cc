#include "agent/presenter/powerdns/api_client.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxAddresses = 4;

template <auto Free>
struct EventFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using BasePtr = std::unique_ptr<event_base, EventFree<event_base_free>>;
using ConnectionPtr = std::unique_ptr<evhttp_connection, EventFree<evhttp_connection_free>>;

absl::Status Error(absl::StatusCode code, absl::string_view reason, const ApiUrl& url,
                   absl::string_view message) {
  return MakeError(code, reason, absl::StrCat("PowerDNS at ", url.text(), ": ", message));
}

absl::Status Unreachable(const ApiUrl& url, absl::string_view message) {
  return Error(absl::StatusCode::kUnavailable, "POWERDNS_UNREACHABLE", url, message);
}

// The numeric addresses to try, in order.
absl::StatusOr<std::vector<std::string>> AddressesOf(const ApiUrl& url) {
  if (url.numeric()) return std::vector<std::string>{url.host()};
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(url.host().c_str(), nullptr, &hints, &found);
  if (error != 0) {
    return Unreachable(url, absl::StrCat("cannot look up ", url.host(), ": ", gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, EventFree<freeaddrinfo>> all(found);
  std::vector<std::string> addresses;
  for (const addrinfo* one = found; one != nullptr && addresses.size() < kMaxAddresses;
       one = one->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(one->ai_addr, one->ai_addrlen, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      addresses.emplace_back(text);
    }
  }
  if (addresses.empty()) return Unreachable(url, "its name has no address");
  return addresses;
}

// evhttp keeps to itself why it could not connect: found out by trying once more.
std::string WhyNoConnection(const std::string& address, int port) {
  constexpr int kPatienceMs = 1000;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(address.c_str(), absl::StrCat(port).c_str(), &hints, &found) != 0) {
    return "cannot connect";
  }
  const std::unique_ptr<addrinfo, EventFree<freeaddrinfo>> to(found);
  const int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return std::strerror(errno);
  int error = connect(fd, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
  pollfd waiting = {fd, POLLOUT, 0};
  if (error == EINPROGRESS && poll(&waiting, 1, kPatienceMs) == 1) {
    socklen_t size = sizeof(error);
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error == 0 || error == EINPROGRESS ? "cannot connect" : std::strerror(error);
}

// One exchange over one connection, on its own event loop.
class Exchange {
 public:
  Exchange(const ApiUrl& url, const TlsClient* tls) : url_(url), tls_client_(tls) {}
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  absl::StatusOr<ApiReply> Run(const std::string& address, const ApiRequest& request,
                               const crypto::Secret& api_key, absl::Duration timeout);

 private:
  bool Open(const std::string& address, size_t max_reply, absl::Duration timeout);
  bool Ask(const ApiRequest& request, const crypto::Secret& api_key);
  void OnDone(evhttp_request* request);
  absl::Status Failed(const std::string& address, absl::Duration timeout, size_t max_reply) const;

  const ApiUrl& url_;
  const TlsClient* const tls_client_;
  // The connection goes before its loop.
  BasePtr base_;
  bufferevent* stream_ = nullptr;
  ssl_st* tls_ = nullptr;
  ConnectionPtr connection_;

  bool done_ = false;
  std::optional<evhttp_request_error> error_;
  std::string tls_failure_;
  ApiReply reply_;
};

bool Exchange::Open(const std::string& address, size_t max_reply, absl::Duration timeout) {
  base_.reset(event_base_new());
  if (base_ == nullptr) return false;
  stream_ = url_.tls() ? tls_client_->NewConnection(base_.get(), url_.host(), url_.numeric(), tls_)
                       : bufferevent_socket_new(base_.get(), -1, BEV_OPT_CLOSE_ON_FREE);
  if (stream_ == nullptr) return false;
  connection_.reset(evhttp_connection_base_bufferevent_new(
      base_.get(), nullptr, stream_, address.c_str(), static_cast<uint16_t>(url_.port())));
  if (connection_ == nullptr) {
    bufferevent_free(stream_);
    return false;
  }
  evhttp_connection_set_max_headers_size(connection_.get(), kMaxApiHeaders);
  evhttp_connection_set_max_body_size(connection_.get(), static_cast<ev_ssize_t>(max_reply));
  const timeval limit = absl::ToTimeval(timeout);
  evhttp_connection_set_timeout_tv(connection_.get(), &limit);
  // The connection's own limit starts anew with each byte; this one does not.
  return event_base_loopexit(base_.get(), &limit) == 0;
}

bool Exchange::Ask(const ApiRequest& request, const crypto::Secret& api_key) {
  evhttp_request* const http = evhttp_request_new(
      [](evhttp_request* done, void* self) { static_cast<Exchange*>(self)->OnDone(done); }, this);
  if (http == nullptr) return false;
  evhttp_request_set_error_cb(http, [](evhttp_request_error error, void* self) {
    static_cast<Exchange*>(self)->error_ = error;
  });
  evkeyvalq* const headers = evhttp_request_get_output_headers(http);
  bool ok = evhttp_add_header(headers, "Host", url_.authority().c_str()) == 0 &&
            evhttp_add_header(headers, "X-API-Key", std::string(api_key.Expose()).c_str()) == 0 &&
            evhttp_add_header(headers, "Accept", "application/json") == 0 &&
            evhttp_add_header(headers, "Connection", "close") == 0;
  if (ok && request.patch) {
    ok = evhttp_add_header(headers, "Content-Type", "application/json") == 0 &&
         evhttp_add_header(headers, "Content-Length", absl::StrCat(request.body.size()).c_str()) ==
             0 &&
         evbuffer_add(evhttp_request_get_output_buffer(http), request.body.data(),
                      request.body.size()) == 0;
  }
  if (!ok) {
    evhttp_request_free(http);
    return false;
  }
  const std::string target = absl::StrCat(url_.path(), "/api/v1", request.target);
  // Takes the request over, also when it fails.
  return evhttp_make_request(connection_.get(), http,
                             request.patch ? EVHTTP_REQ_PATCH : EVHTTP_REQ_GET,
                             target.c_str()) == 0;
}

void Exchange::OnDone(evhttp_request* request) {
  done_ = true;
  if (tls_ != nullptr) tls_failure_ = TlsClient::Failure(tls_, stream_);
  event_base_loopbreak(base_.get());
  if (request == nullptr) return;
  reply_.status = evhttp_request_get_response_code(request);
  if (reply_.status == 0) return;
  if (const char* location =
          evhttp_find_header(evhttp_request_get_input_headers(request), "Location")) {
    reply_.location = location;
  }
  evbuffer* const body = evhttp_request_get_input_buffer(request);
  reply_.body.resize(evbuffer_get_length(body));
  evbuffer_remove(body, reply_.body.data(), reply_.body.size());
}

absl::Status Exchange::Failed(const std::string& address, absl::Duration timeout,
                              size_t max_reply) const {
  if (!tls_failure_.empty()) {
    return Error(absl::StatusCode::kUnavailable, "POWERDNS_TLS", url_,
                 absl::StrCat("TLS failed: ", tls_failure_));
  }
  if (!done_ || error_ == EVREQ_HTTP_TIMEOUT) {
    return Error(absl::StatusCode::kDeadlineExceeded, "POWERDNS_TIMEOUT", url_,
                 absl::StrCat("no whole answer within ", absl::FormatDuration(timeout)));
  }
  if (error_ == EVREQ_HTTP_DATA_TOO_LONG) {
    return Error(absl::StatusCode::kResourceExhausted, "POWERDNS_REPLY_TOO_LARGE", url_,
                 absl::StrCat("its answer has more than ", max_reply, " bytes"));
  }
  if (error_ == EVREQ_HTTP_INVALID_HEADER) {
    return Error(absl::StatusCode::kUnavailable, "POWERDNS_BAD_REPLY", url_,
                 absl::StrCat("what it answers is not HTTP, or has more than ", kMaxApiHeaders,
                              " bytes of header"));
  }
  if (error_ == EVREQ_HTTP_EOF) {
    return Unreachable(url_, "closed the connection before its answer was whole");
  }
  if (error_ == EVREQ_HTTP_BUFFER_ERROR) return Unreachable(url_, "the connection broke");
  return Unreachable(url_, WhyNoConnection(address, url_.port()));
}

absl::StatusOr<ApiReply> Exchange::Run(const std::string& address, const ApiRequest& request,
                                       const crypto::Secret& api_key, absl::Duration timeout) {
  if (!Open(address, request.max_reply, timeout) || !Ask(request, api_key)) {
    return Unreachable(url_, "out of memory or file descriptors");
  }
  if (!done_) event_base_dispatch(base_.get());
  if (!done_ || reply_.status == 0) return Failed(address, timeout, request.max_reply);
  return std::move(reply_);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ApiClient::Addresses() const { return AddressesOf(url_); }

absl::StatusOr<ApiReply> ApiClient::Send(const std::vector<std::string>& addresses,
                                         const ApiRequest& request, absl::Duration timeout) const {
  // Each address gets its share, so that a silent one does not use up the time of the next. All
  // that is asked here may be asked twice.
  const absl::Duration share = timeout / static_cast<int64_t>(addresses.size());
  absl::Status first;
  for (const std::string& address : addresses) {
    Exchange exchange(url_, tls_.get());
    auto reply = exchange.Run(address, request, api_key_, share);
    if (reply.ok()) return reply;
    if (first.ok()) first = reply.status();
    const std::string reason = ErrorReason(reply.status());
    if (reason != "POWERDNS_UNREACHABLE" && reason != "POWERDNS_TIMEOUT") return reply;
  }
  return first;
}

}  // namespace norroy::agent
