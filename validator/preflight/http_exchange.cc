#include "validator/preflight/http_exchange.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace norroy::validator::preflight {
namespace {

// A body of `max_body` bytes in the smallest chunks, and a head.
constexpr size_t kMaxAnswer = kMaxHttpHead + 8 * 1024;
constexpr size_t kMaxFirst = 64;

std::string Request(const Url& url, int port) {
  const bool v6 = absl::StrContains(url.host, ':');
  const bool own_port = port == (url.https ? 443 : 80);
  return absl::StrCat("GET ", url.path, " HTTP/1.1\r\nHost: ", v6 ? "[" : "", url.host,
                      v6 ? "]" : "", own_port ? "" : absl::StrCat(":", port),
                      "\r\nUser-Agent: norroy-validator (preflight)\r\nAccept: */*"
                      "\r\nConnection: close\r\n\r\n");
}

HttpExchange Faulty(HttpFault fault) {
  HttpExchange exchange;
  exchange.fault = fault;
  return exchange;
}

// True: the answer, whole or not to be had, is in `exchange`.
bool Finish(const std::string& bytes, bool ended, size_t max_body, HttpExchange& exchange) {
  const HttpHeadParse head = ParseHttpHead(bytes);
  if (head.state == HttpParseState::kBad) {
    exchange.fault = HttpFault::kNotHttp;
    exchange.first = bytes.substr(0, kMaxFirst);
    return true;
  }
  if (head.state == HttpParseState::kIncomplete) {
    exchange.fault = HttpFault::kClosed;
    return ended;
  }
  exchange.fault = HttpFault::kNone;
  HttpBodyParse body =
      ParseHttpBody(head.head, absl::string_view(bytes).substr(head.head.size), ended, max_body);
  exchange.head = head.head;
  exchange.body = std::move(body.body);
  return body.state != HttpParseState::kIncomplete;
}

}  // namespace

HttpExchange Get(Stream& stream, const Url& url, int port, size_t max_body,
                 const Deadline& deadline) {
  const absl::Status written = stream.Write(Request(url, port), deadline);
  if (written.code() == absl::StatusCode::kDeadlineExceeded) return Faulty(HttpFault::kTimedOut);
  // A server that refuses before it has read still may have answered: its answer counts.
  std::string bytes;
  HttpExchange exchange;
  for (;;) {
    const absl::StatusOr<std::string> more = stream.Read(deadline);
    if (more.status().code() == absl::StatusCode::kDeadlineExceeded) {
      return Faulty(HttpFault::kTimedOut);
    }
    const bool ended = !more.ok() || more->empty();
    if (!ended) bytes.append(*more);
    if (Finish(bytes, ended || bytes.size() >= kMaxAnswer, max_body, exchange)) return exchange;
  }
}

}  // namespace norroy::validator::preflight
