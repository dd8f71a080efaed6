#include "validator/preflight/http_answer.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

namespace norroy::validator::preflight {
namespace {

constexpr size_t kMaxChunkLine = 256;
constexpr int kMaxChunkDigits = 8;

// Takes a line off the front; false: its end has not come.
bool TakeLine(absl::string_view& rest, absl::string_view& line) {
  const size_t end = rest.find('\n');
  if (end == absl::string_view::npos) return false;
  line = absl::StripSuffix(rest.substr(0, end), "\r");
  rest.remove_prefix(end + 1);
  return true;
}

// RFC 9112 4: "HTTP/1.1 200 OK"; the reason may be missing, with its space.
bool ParseStatusLine(absl::string_view line, int& status) {
  if (!absl::ConsumePrefix(&line, "HTTP/1.") || line.size() < 5) return false;
  if (!absl::ascii_isdigit(line[0]) || line[1] != ' ') return false;
  const absl::string_view code = line.substr(2, 3);
  if (!std::all_of(code.begin(), code.end(), absl::ascii_isdigit)) return false;
  if (line.size() > 5 && line[5] != ' ') return false;
  return absl::SimpleAtoi(code, &status) && status >= 100 && status <= 599;
}

bool ParseLength(absl::string_view text, std::optional<uint64_t>& length) {
  uint64_t value = 0;
  if (text.empty() || text.find_first_not_of("0123456789") != absl::string_view::npos ||
      !absl::SimpleAtoi(text, &value)) {
    return false;
  }
  // RFC 9112 6.3: differing lengths are an error.
  if (length.has_value() && *length != value) return false;
  length = value;
  return true;
}

// RFC 9112 5: name ":" value.
bool ParseField(absl::string_view line, HttpHead& head) {
  // RFC 9112 5.2: a folded line belongs to a field of no interest here.
  if (line[0] == ' ' || line[0] == '\t') return true;
  const size_t colon = line.find(':');
  if (colon == absl::string_view::npos || colon == 0) return false;
  const absl::string_view name = line.substr(0, colon);
  const absl::string_view value = absl::StripAsciiWhitespace(line.substr(colon + 1));
  if (absl::EqualsIgnoreCase(name, "Content-Length")) {
    return ParseLength(value, head.content_length);
  }
  if (absl::EqualsIgnoreCase(name, "Location") && head.location.empty()) {
    head.location = std::string(value);
  } else if (absl::EqualsIgnoreCase(name, "Content-Type")) {
    head.content_type = absl::AsciiStrToLower(value);
  } else if (absl::EqualsIgnoreCase(name, "Transfer-Encoding")) {
    // RFC 9112 6.1: chunked is the last coding, or the body ends with the connection.
    head.chunked = absl::EndsWithIgnoreCase(value, "chunked");
  }
  return true;
}

// One answer's status line and fields; `rest` moves behind them if they are complete.
HttpParseState ParseOne(absl::string_view& rest, HttpHead& head) {
  absl::string_view left = rest;
  absl::string_view line;
  if (!TakeLine(left, line)) {
    const absl::string_view prefix = "HTTP/1.";
    const size_t known = std::min(prefix.size(), left.size());
    return left.substr(0, known) == prefix.substr(0, known) ? HttpParseState::kIncomplete
                                                            : HttpParseState::kBad;
  }
  if (!ParseStatusLine(line, head.status)) return HttpParseState::kBad;
  for (;;) {
    if (!TakeLine(left, line)) return HttpParseState::kIncomplete;
    if (line.empty()) break;
    if (!ParseField(line, head)) return HttpParseState::kBad;
  }
  rest = left;
  return HttpParseState::kComplete;
}

// RFC 9112 7.1: hexadecimal digits, then extensions.
bool ParseChunkLine(absl::string_view line, uint64_t& size) {
  const absl::string_view digits =
      absl::StripAsciiWhitespace(line.substr(0, std::min(line.find(';'), line.size())));
  if (digits.empty() || digits.size() > kMaxChunkDigits) return false;
  if (!std::all_of(digits.begin(), digits.end(), absl::ascii_isxdigit)) return false;
  return absl::SimpleHexAtoi(digits, &size);
}

HttpBodyParse ParseChunks(absl::string_view rest, size_t limit) {
  HttpBodyParse parse;
  while (parse.body.size() < limit) {
    absl::string_view line;
    if (!TakeLine(rest, line)) {
      if (rest.size() > kMaxChunkLine) parse.state = HttpParseState::kBad;
      return parse;
    }
    uint64_t size = 0;
    if (line.size() > kMaxChunkLine || !ParseChunkLine(line, size)) {
      parse.state = HttpParseState::kBad;
      return parse;
    }
    if (size == 0) break;
    const size_t here = std::min<uint64_t>(size, rest.size());
    parse.body.append(rest.data(), std::min(here, limit - parse.body.size()));
    if (parse.body.size() >= limit) break;
    rest.remove_prefix(here);
    if (here < size || !TakeLine(rest, line)) return parse;
    if (!line.empty()) {
      parse.state = HttpParseState::kBad;
      return parse;
    }
  }
  parse.state = HttpParseState::kComplete;
  return parse;
}

}  // namespace

HttpHeadParse ParseHttpHead(absl::string_view bytes) {
  absl::string_view rest = bytes.substr(0, kMaxHttpHead);
  for (;;) {
    HttpHeadParse parse;
    parse.state = ParseOne(rest, parse.head);
    if (parse.state == HttpParseState::kIncomplete && bytes.size() >= kMaxHttpHead) {
      parse.state = HttpParseState::kBad;
    }
    if (parse.state != HttpParseState::kComplete) return {parse.state, {}};
    // RFC 9110 15.2: interim answers precede the one that counts.
    if (parse.head.status >= 200) {
      parse.head.size = std::min(bytes.size(), kMaxHttpHead) - rest.size();
      return parse;
    }
  }
}

HttpBodyParse ParseHttpBody(const HttpHead& head, absl::string_view bytes, bool ended,
                            size_t limit) {
  HttpBodyParse parse;
  // RFC 9110 6.4.1: these have none.
  if (head.status == 204 || head.status == 304) {
    parse.state = HttpParseState::kComplete;
    return parse;
  }
  // RFC 9112 6.3: chunked overrides a length.
  if (head.chunked) {
    parse = ParseChunks(bytes, limit);
  } else {
    const uint64_t length = head.content_length.value_or(std::numeric_limits<uint64_t>::max());
    const size_t wanted = std::min<uint64_t>(length, limit);
    parse.body = std::string(bytes.substr(0, wanted));
    if (parse.body.size() == wanted) parse.state = HttpParseState::kComplete;
  }
  // What broke off is still what they sent.
  if (ended && parse.state == HttpParseState::kIncomplete) parse.state = HttpParseState::kComplete;
  return parse;
}

}  // namespace norroy::validator::preflight
