#include "agent/presenter/powerdns/api_url.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/dns/name.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxUrl = 512;

absl::Status BadUrl(absl::string_view text, absl::string_view why) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("powerdns url \"", Printable(text, 200), "\": ", why));
}

// A numeric address; false for anything else.
bool IsAddress(const std::string& host, bool& loopback) {
  in_addr v4;
  in6_addr v6;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    loopback = (ntohl(v4.s_addr) >> 24) == 127;
    return true;
  }
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    loopback = IN6_IS_ADDR_LOOPBACK(&v6);
    return true;
  }
  return false;
}

bool IsPath(absl::string_view path) {
  return std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("/-._~", c);
  });
}

}  // namespace

absl::StatusOr<ApiUrl> ApiUrl::Parse(absl::string_view text) {
  if (text.size() > kMaxUrl) return BadUrl(text, "longer than 512 bytes");
  ApiUrl url;
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "https://")) {
    url.tls_ = true;
  } else if (!absl::ConsumePrefix(&rest, "http://")) {
    return BadUrl(text, "must begin with https:// or http://");
  }
  const size_t slash = std::min(rest.find('/'), rest.size());
  const absl::string_view path = absl::StripSuffix(rest.substr(slash), "/");
  if (!IsPath(path)) return BadUrl(text, "its path may hold letters, digits and / - . _ ~ alone");
  if (absl::EndsWith(path, "/api/v1")) return BadUrl(text, "give it without /api/v1");
  url.path_ = std::string(path);
  if (absl::Status status = url.SetAuthority(rest.substr(0, slash)); !status.ok()) {
    return BadUrl(text, status.message());
  }
  bool loopback = false;
  url.numeric_ = IsAddress(url.host_, loopback);
  if (!url.tls_ && !loopback) {
    return BadUrl(text,
                  "plain http would show the API key to the network: give https, or a loopback "
                  "address (127.0.0.1, [::1])");
  }
  return url;
}

absl::Status ApiUrl::SetAuthority(absl::string_view text) {
  absl::string_view host = text;
  absl::string_view port;
  const bool bracketed = absl::StartsWith(text, "[");
  const size_t host_end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (host_end == absl::string_view::npos) return absl::InvalidArgumentError("no ] after [");
  host = text.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0));
  port = text.substr(host_end + (bracketed ? 1 : 0));
  port_ = tls_ ? 443 : 80;
  if (!port.empty() && (port[0] != ':' || !absl::SimpleAtoi(port.substr(1), &port_) || port_ < 1 ||
                        port_ > 65535 || !absl::ascii_isdigit(port[1]))) {
    return absl::InvalidArgumentError("the port must be a number from 1 to 65535");
  }
  host_ = absl::AsciiStrToLower(host);
  bool loopback = false;
  const bool v6 = host_.find(':') != std::string::npos;
  if (bracketed != v6 || (v6 && !IsAddress(host_, loopback))) {
    return absl::InvalidArgumentError("an IPv6 address stands in brackets: [::1]");
  }
  if (IsAddress(host_, loopback)) return absl::OkStatus();
  const auto name = dns::Name::Parse(host_);
  if (!name.ok() || name->is_root() || absl::StrContains(host_, '*')) {
    return absl::InvalidArgumentError("its host is neither an address nor a host name");
  }
  host_ = name->text();
  return absl::OkStatus();
}

std::string ApiUrl::authority() const {
  const bool v6 = host_.find(':') != std::string::npos;
  const std::string host = v6 ? absl::StrCat("[", host_, "]") : host_;
  return port_ == (tls_ ? 443 : 80) ? host : absl::StrCat(host, ":", port_);
}

std::string ApiUrl::text() const {
  return absl::StrCat(tls_ ? "https://" : "http://", authority(), path_);
}

}  // namespace norroy::agent
