// HTTP answers: whatever came in, a parsed one is within its caps, and reads the same when its
// bytes come one after the other.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "common/check.h"
#include "validator/preflight/http_answer.h"
#include "validator/preflight/url.h"

using norroy::validator::preflight::HttpBodyParse;
using norroy::validator::preflight::HttpHead;
using norroy::validator::preflight::HttpHeadParse;
using norroy::validator::preflight::HttpParseState;
using norroy::validator::preflight::kMaxHttpHead;
using norroy::validator::preflight::kMaxUrlPath;
using norroy::validator::preflight::ResolveLocation;
using norroy::validator::preflight::Url;

namespace {

constexpr size_t kLimit = 128;

void CheckLocation(const std::string& location) {
  const Url base = {.host = "www.example.com", .path = "/.well-known/acme-challenge/t"};
  const auto url = ResolveLocation(base, location);
  if (!url.ok()) return;
  NORROY_CHECK(!url->host.empty() && url->path.size() <= kMaxUrlPath && url->path[0] == '/');
  NORROY_CHECK(url->port >= 0 && url->port <= 65535);
  // What would be sent has no line break, and means itself.
  for (const unsigned char c : url->text()) NORROY_CHECK(c > 0x20 && c < 0x7f);
  const auto again = ResolveLocation(base, url->text());
  NORROY_CHECK(again.ok() && *again == *url);
#ifdef PLANTED
  // False: "http://[2001:db8::1]/x" is such a URL.
  NORROY_CHECK(url->host.find(':') == std::string::npos || url->path == "/");
#endif
}

void CheckBody(const HttpHead& head, absl::string_view rest) {
  const HttpBodyParse whole = norroy::validator::preflight::ParseHttpBody(head, rest, true, kLimit);
  NORROY_CHECK(whole.state != HttpParseState::kIncomplete);
  NORROY_CHECK(whole.body.size() <= kLimit);
  // A body that is complete stays what it is when more comes.
  for (size_t size = 0; size <= std::min<size_t>(rest.size(), 64); ++size) {
    const HttpBodyParse part =
        norroy::validator::preflight::ParseHttpBody(head, rest.substr(0, size), false, kLimit);
    if (part.state == HttpParseState::kComplete) NORROY_CHECK(part.body == whole.body);
    if (part.state == HttpParseState::kBad) NORROY_CHECK(whole.state == HttpParseState::kBad);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HttpHeadParse parse = norroy::validator::preflight::ParseHttpHead(bytes);
  for (size_t cut = 0; cut <= std::min<size_t>(size, 64); ++cut) {
    const HttpHeadParse part = norroy::validator::preflight::ParseHttpHead(bytes.substr(0, cut));
    if (part.state == HttpParseState::kBad) NORROY_CHECK(parse.state == HttpParseState::kBad);
    if (part.state == HttpParseState::kComplete) NORROY_CHECK(part.head.size == parse.head.size);
  }
  if (parse.state != HttpParseState::kComplete) return 0;
  const HttpHead& head = parse.head;
  NORROY_CHECK(head.status >= 200 && head.status <= 599);
  NORROY_CHECK(head.size <= size && head.size <= kMaxHttpHead);
  NORROY_CHECK(head.location.find('\n') == std::string::npos);
  CheckLocation(head.location);
  CheckBody(head, bytes.substr(head.size));
  return 0;
}
