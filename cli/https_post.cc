#include "cli/https_post.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>

#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::cli {
namespace {

constexpr ev_ssize_t kMaxHeaders = 16 * 1024;
constexpr ev_ssize_t kMaxBody = 64 * 1024;

struct EventFree {
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(evhttp_connection* connection) const { evhttp_connection_free(connection); }
};

struct Exchange {
  event_base* base = nullptr;
  std::optional<HttpsAnswer> answer;
};

void OnAnswer(evhttp_request* request, void* argument) {
  auto* const exchange = static_cast<Exchange*>(argument);
  event_base_loopbreak(exchange->base);
  if (request == nullptr || evhttp_request_get_response_code(request) == 0) return;
  HttpsAnswer answer;
  answer.status = evhttp_request_get_response_code(request);
  evbuffer* const body = evhttp_request_get_input_buffer(request);
  answer.body.resize(evbuffer_get_length(body));
  evbuffer_copyout(body, answer.body.data(), answer.body.size());
  const char* const again =
      evhttp_find_header(evhttp_request_get_input_headers(request), "Retry-After");
  if (again != nullptr) answer.retry_after = again;
  exchange->answer = std::move(answer);
}

absl::Status Unreachable(const HttpsPost& post, absl::string_view what) {
  return absl::UnavailableError(
      absl::StrCat("cannot sign in at ", post.host, ":", post.port, ": ", what));
}

// False: memory is short.
bool Begin(const HttpsPost& post, evhttp_connection* connection, Exchange& exchange) {
  evhttp_request* const request = evhttp_request_new(OnAnswer, &exchange);
  if (request == nullptr) return false;
  evkeyvalq* const headers = evhttp_request_get_output_headers(request);
  evhttp_add_header(headers, "Host", absl::StrCat(post.host, ":", post.port).c_str());
  evhttp_add_header(headers, "Content-Type", "application/json");
  evhttp_add_header(headers, "Connection", "close");
  evbuffer_add(evhttp_request_get_output_buffer(request), post.body.data(), post.body.size());
  // The connection owns the request from here on, whatever comes.
  return evhttp_make_request(connection, request, EVHTTP_REQ_POST, post.path.c_str()) == 0;
}

}  // namespace

absl::StatusOr<HttpsAnswer> PostHttps(const HttpsPost& post, crypto::TlsClient& tls) {
  const std::unique_ptr<event_base, EventFree> base(event_base_new());
  if (base == nullptr) return Unreachable(post, "no event loop");
  bufferevent* const stream = bufferevent_openssl_socket_new(
      base.get(), -1, tls.NewConnection(), BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
  if (stream == nullptr) return Unreachable(post, "out of memory");
  bufferevent_openssl_set_allow_dirty_shutdown(stream, 1);
  // Owns the stream.
  const std::unique_ptr<evhttp_connection, EventFree> connection(
      evhttp_connection_base_bufferevent_new(base.get(), nullptr, stream, post.host.c_str(),
                                             static_cast<uint16_t>(post.port)));
  if (connection == nullptr) return Unreachable(post, "out of memory");
  evhttp_connection_set_max_headers_size(connection.get(), kMaxHeaders);
  evhttp_connection_set_max_body_size(connection.get(), kMaxBody);
  evhttp_connection_set_retries(connection.get(), 0);
  Exchange exchange{base.get(), std::nullopt};
  const timeval timeout = absl::ToTimeval(post.timeout);
  event_base_loopexit(base.get(), &timeout);
  if (!Begin(post, connection.get(), exchange)) return Unreachable(post, "the name has no address");
  event_base_dispatch(base.get());
  if (exchange.answer.has_value()) return *std::move(exchange.answer);
  const absl::Status& verdict = tls.verdict();
  // Without a handshake it says UNAVAILABLE.
  if (!verdict.ok() && verdict.code() != absl::StatusCode::kUnavailable) {
    return WithContext(verdict, absl::StrCat("the server at ", post.host, ":", post.port,
                                             " is not believed, and nothing was sent"));
  }
  return Unreachable(
      post, verdict.ok() ? "it took the request and did not answer" : "it does not answer there");
}

}  // namespace norroy::cli
