#include "agent/presenter/http/http_request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace norroy::agent {
namespace {

constexpr absl::string_view kLineEnd = "\r\n";
constexpr size_t kMaxHost = 255;

// RFC 9110 5.6.2: tchar.
bool IsToken(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", c);
  });
}

bool IsVisibleAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > 0x20 && c < 0x7f; });
}

// RFC 9110 5.5: visible characters, blanks, and what lies beyond ASCII.
bool IsFieldValue(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c == '\t' || (c >= 0x20 && c != 0x7f); });
}

// Takes one line off the front of `head`.
absl::string_view TakeLine(absl::string_view& head) {
  const size_t end = head.find(kLineEnd);
  const absl::string_view line = head.substr(0, end);
  head.remove_prefix(std::min(head.size(), line.size() + kLineEnd.size()));
  return line;
}

struct RequestLine {
  HttpMethod method = HttpMethod::kOther;
  absl::string_view target;
  bool host_required = false;
};

// RFC 9112 3: method SP request-target SP HTTP-version.
std::optional<RequestLine> ParseRequestLine(absl::string_view line) {
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == absl::string_view::npos || first == last) return std::nullopt;
  const absl::string_view method = line.substr(0, first);
  const absl::string_view version = line.substr(last + 1);
  RequestLine result;
  result.target = line.substr(first + 1, last - first - 1);
  if (!IsToken(method) || result.target.empty() || !IsVisibleAscii(result.target)) {
    return std::nullopt;
  }
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return std::nullopt;
  if (method == "GET") result.method = HttpMethod::kGet;
  if (method == "HEAD") result.method = HttpMethod::kHead;
  // RFC 9112 3.2: a request of HTTP/1.1 without Host is answered with 400.
  result.host_required = version == "HTTP/1.1";
  return result;
}

// RFC 9112 5: the field lines; only Host interests us. False: a line is bad.
bool ParseFields(absl::string_view head, std::optional<absl::string_view>& host) {
  while (!head.empty()) {
    const absl::string_view line = TakeLine(head);
    const size_t colon = line.find(':');
    // RFC 9112 5.1, 5.2: no blank before the colon, no folded line; neither is a token.
    if (colon == absl::string_view::npos || !IsToken(line.substr(0, colon))) return false;
    const absl::string_view value = line.substr(colon + 1);
    if (!IsFieldValue(value)) return false;
    if (!absl::EqualsIgnoreCase(line.substr(0, colon), "host")) continue;
    if (host.has_value()) return false;
    host = absl::StripAsciiWhitespace(value);
  }
  return true;
}

// RFC 9112 3.2.2: the absolute form's authority takes the place of Host.
void SplitAbsoluteForm(absl::string_view& target, std::optional<absl::string_view>& host) {
  constexpr absl::string_view kScheme = "http://";
  if (!absl::StartsWithIgnoreCase(target, kScheme)) return;
  absl::string_view rest = target.substr(kScheme.size());
  const size_t slash = std::min(rest.find('/'), rest.size());
  host = rest.substr(0, slash);
  target = rest.substr(slash);
}

bool IsPort(absl::string_view text) {
  return text.size() <= 5 && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

std::optional<std::string> NormalIpv6(absl::string_view text) {
  in6_addr address;
  if (inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) return std::nullopt;
  char normal[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, &address, normal, sizeof(normal));
}

HttpParse ParseHead(absl::string_view head) {
  HttpParse bad;
  bad.state = HttpParseState::kBad;
  const auto line = ParseRequestLine(TakeLine(head));
  if (!line.has_value()) return bad;
  std::optional<absl::string_view> host;
  if (!ParseFields(head, host)) return bad;
  if (!host.has_value() && line->host_required) return bad;

  HttpParse result;
  result.state = HttpParseState::kComplete;
  result.request.method = line->method;
  absl::string_view target = line->target;
  SplitAbsoluteForm(target, host);
  result.request.path = std::string(target);
  if (host.has_value()) {
    auto normal = NormalHost(*host);
    if (!normal.has_value()) return bad;
    result.request.host = *std::move(normal);
  }
  return result;
}

}  // namespace

std::optional<std::string> NormalHost(absl::string_view field) {
  if (field.empty() || field.size() > kMaxHost) return std::nullopt;
  if (field.front() == '[') {
    const size_t end = field.find(']');
    if (end == absl::string_view::npos) return std::nullopt;
    const absl::string_view rest = field.substr(end + 1);
    if (!rest.empty() && (rest.front() != ':' || !IsPort(rest.substr(1)))) return std::nullopt;
    return NormalIpv6(field.substr(1, end - 1));
  }
  const size_t colon = field.find(':');
  if (colon != absl::string_view::npos && !IsPort(field.substr(colon + 1))) return std::nullopt;
  const absl::string_view name = field.substr(0, colon);
  const bool plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
  });
  if (name.empty() || !plain) return std::nullopt;
  return absl::AsciiStrToLower(name);
}

HttpParse ParseHttpRequest(absl::string_view bytes) {
  // RFC 9112 2.2: one empty line before the request is ignored.
  if (absl::StartsWith(bytes, kLineEnd)) bytes.remove_prefix(kLineEnd.size());
  const size_t end = bytes.find("\r\n\r\n");
  if (end == absl::string_view::npos || end + 4 > kMaxHttpRequest) {
    HttpParse result;
    const bool over = end != absl::string_view::npos || bytes.size() >= kMaxHttpRequest;
    if (over) result.state = HttpParseState::kBad;
    return result;
  }
  return ParseHead(bytes.substr(0, end));
}

}  // namespace norroy::agent
