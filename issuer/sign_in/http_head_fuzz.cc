// What a parsed head may hold, whatever came in: see http_head.h.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/check.h"
#include "issuer/sign_in/http_head.h"

namespace {

using norroy::sign_in::HttpHead;
using norroy::sign_in::kMaxHead;
using norroy::sign_in::ParseHttpHead;
using State = HttpHead::State;

bool Same(const HttpHead& a, const HttpHead& b) {
  return a.state == b.state && a.method == b.method && a.path == b.path &&
         a.body_bytes == b.body_bytes && a.has_length == b.has_length &&
         a.wants_continue == b.wants_continue;
}

void CheckHead(const HttpHead& head, absl::string_view bytes) {
  NORROY_CHECK(head.size <= kMaxHead && head.size <= bytes.size());
  NORROY_CHECK(absl::EndsWith(bytes.substr(0, head.size), "\r\n\r\n"));
  NORROY_CHECK(!head.method.empty() && head.path[0] == '/');
  NORROY_CHECK(head.has_length || head.body_bytes == 0);
  // Nobody in front of us may have read another length.
  const std::string lower = absl::AsciiStrToLower(bytes.substr(0, head.size));
  NORROY_CHECK(!absl::StrContains(lower, "\ntransfer-encoding:"));
#ifdef PLANTED
  NORROY_CHECK(!head.wants_continue || head.body_bytes != 7);
#endif
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HttpHead head = ParseHttpHead(bytes);
  // What came first may be all that is said so far, never something else.
  for (const size_t cut : {size / 4, size / 2, size - size / 4, size == 0 ? 0 : size - 1}) {
    const HttpHead first = ParseHttpHead(bytes.substr(0, cut));
    if (first.state != State::kIncomplete) NORROY_CHECK(Same(first, head));
  }
  if (head.state != State::kComplete) return 0;
  CheckHead(head, bytes);
  // Written down again in the plainest way it is the same head.
  std::string again = absl::StrCat(head.method, " ", head.path, " HTTP/1.1\r\n");
  if (head.has_length && head.body_bytes != SIZE_MAX) {
    absl::StrAppend(&again, "Content-Length: ", head.body_bytes, "\r\n");
  }
  if (head.wants_continue) absl::StrAppend(&again, "Expect: 100-continue\r\n");
  absl::StrAppend(&again, "\r\n");
  if (again.size() > kMaxHead || (head.has_length && head.body_bytes == SIZE_MAX)) return 0;
  NORROY_CHECK(Same(ParseHttpHead(again), head));
  return 0;
}
