// What a parsed request may hold, whatever came in: see http_request.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/http/http_request.h"
#include "common/check.h"

namespace {

using norroy::agent::HttpMethod;
using norroy::agent::HttpParse;
using norroy::agent::HttpParseState;
using norroy::agent::HttpRequest;
using norroy::agent::ParseHttpRequest;

bool Same(const HttpRequest& a, const HttpRequest& b) {
  return a.method == b.method && a.path == b.path && a.host == b.host;
}

void CheckRequest(const HttpRequest& request) {
  NORROY_CHECK(request.path.size() <= norroy::agent::kMaxHttpRequest);
  for (unsigned char c : request.path) NORROY_CHECK(c > 0x20 && c < 0x7f);
  for (unsigned char c : request.host) {
    NORROY_CHECK(!absl::ascii_isupper(c) && c > 0x20 && c < 0x7f && c != '/' && c != '[');
  }
#ifdef PLANTED
  NORROY_CHECK(request.method != HttpMethod::kHead || !absl::StrContains(request.path, "?"));
#endif
}

// A request that is written down again in the plainest way is the same request.
void CheckWrittenAgain(const HttpRequest& request) {
  if (request.host.empty() || request.path.empty()) return;
  // A host or path that begins as an absolute form would be read as one.
  if (absl::StartsWithIgnoreCase(request.path, "http://")) return;
  const char* const method = request.method == HttpMethod::kGet    ? "GET"
                             : request.method == HttpMethod::kHead ? "HEAD"
                                                                   : "PUT";
  const bool v6 = absl::StrContains(request.host, ":");
  const std::string bytes =
      absl::StrCat(method, " ", request.path, " HTTP/1.1\r\nHost: ", v6 ? "[" : "", request.host,
                   v6 ? "]" : "", "\r\n\r\n");
  if (bytes.size() > norroy::agent::kMaxHttpRequest) return;
  const HttpParse again = ParseHttpRequest(bytes);
  NORROY_CHECK(again.state == HttpParseState::kComplete && Same(again.request, request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HttpParse parse = ParseHttpRequest(bytes);
  // What came first may be all that is said so far, never something else.
  for (const size_t cut : {size / 4, size / 2, size - size / 4, size == 0 ? 0 : size - 1}) {
    const HttpParse first = ParseHttpRequest(bytes.substr(0, cut));
    if (first.state == HttpParseState::kIncomplete) continue;
    NORROY_CHECK(first.state == parse.state && Same(first.request, parse.request));
  }
  if (parse.state != HttpParseState::kComplete) return 0;
  CheckRequest(parse.request);
  CheckWrittenAgain(parse.request);
  return 0;
}
