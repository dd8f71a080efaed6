#include "issuer/sign_in/http_head.h"

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace norroy::sign_in {
namespace {

using State = HttpHead::State;

// RFC 9110 5.6.2.
bool IsToken(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isalnum(c) && !absl::StrContains("!#$%&'*+-.^_`|~", c)) return false;
  }
  return !text.empty();
}

bool IsVisible(absl::string_view text) {
  for (const char c : text) {
    if (!absl::ascii_isgraph(c)) return false;
  }
  return !text.empty();
}

// RFC 9110 5.5: visible characters and blanks, and bytes above ASCII.
bool IsFieldValue(absl::string_view text) {
  for (const char c : text) {
    if (absl::ascii_iscntrl(c) && c != '\t') return false;
  }
  return true;
}

bool ReadRequestLine(absl::string_view line, HttpHead& head) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == absl::string_view::npos || first == last) return false;
  const absl::string_view method = line.substr(0, first);
  const absl::string_view path = line.substr(first + 1, last - first - 1);
  const absl::string_view version = line.substr(last + 1);
  if (!IsToken(method) || !IsVisible(path) || path[0] != '/') return false;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return false;
  head.method = std::string(method);
  head.path = std::string(path);
  return true;
}

bool ReadLength(absl::string_view value, HttpHead& head) {
  // RFC 9112 6.3: of two lengths, or a list of them, none can be trusted.
  if (head.has_length || value.empty()) return false;
  for (const char c : value) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  uint64_t length = 0;
  head.body_bytes = absl::SimpleAtoi(value, &length) ? length : SIZE_MAX;
  head.has_length = true;
  return true;
}

bool ReadField(absl::string_view line, HttpHead& head) {
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos) return false;
  // RFC 9112 5.1: no blank before the colon. A folded line (5.2) begins with one.
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (!IsToken(name) || !IsFieldValue(line.substr(colon + 1))) return false;
  if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) return false;
  if (absl::EqualsIgnoreCase(name, "Content-Length")) return ReadLength(value, head);
  if (absl::EqualsIgnoreCase(name, "Expect")) {
    head.wants_continue = absl::EqualsIgnoreCase(value, "100-continue");
  }
  return true;
}

// `text`: all lines, each with its CRLF, the empty one excepted.
bool ReadLines(absl::string_view text, HttpHead& head) {
  for (int number = 0; !text.empty(); ++number) {
    const size_t end = text.find("\r\n");
    if (end == absl::string_view::npos || number > kMaxHeaderLines) return false;
    const absl::string_view line = text.substr(0, end);
    text.remove_prefix(end + 2);
    if (!(number == 0 ? ReadRequestLine(line, head) : ReadField(line, head))) return false;
  }
  return true;
}

}  // namespace

HttpHead ParseHttpHead(absl::string_view bytes) {
  HttpHead head;
  const size_t end = bytes.substr(0, kMaxHead).find("\r\n\r\n");
  if (end == absl::string_view::npos) {
    head.state = bytes.size() >= kMaxHead ? State::kBad : State::kIncomplete;
    return head;
  }
  head.size = end + 4;
  if (ReadLines(bytes.substr(0, end + 2), head)) {
    head.state = State::kComplete;
    return head;
  }
  HttpHead bad;
  bad.state = State::kBad;
  return bad;
}

}  // namespace norroy::sign_in
