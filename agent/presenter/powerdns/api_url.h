#ifndef NORROY_AGENT_PRESENTER_POWERDNS_API_URL_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_API_URL_H_

// Where PowerDNS's HTTP API is: "https://dns.example.net", "http://127.0.0.1:8081",
// "https://[2001:db8::53]:8443/pdns". The API key travels in every request, so plain http is taken
// for loopback addresses alone.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

// A value; immutable.
class ApiUrl {
 public:
  // No user, query or fragment; what comes before "/api/v1" is the path. INVALID_ARGUMENT, reason
  // BAD_CONFIG, says what is wrong.
  static absl::StatusOr<ApiUrl> Parse(absl::string_view text);

  bool tls() const { return tls_; }
  // A numeric address without brackets, or a name (https alone), in lower case.
  const std::string& host() const { return host_; }
  bool numeric() const { return numeric_; }
  int port() const { return port_; }
  // "" or "/pdns": goes before "/api/v1".
  const std::string& path() const { return path_; }
  // The Host header: "dns.example.net", "[2001:db8::53]:8443".
  std::string authority() const;
  // "https://dns.example.net"
  std::string text() const;

 private:
  ApiUrl() = default;
  absl::Status SetAuthority(absl::string_view text);

  bool tls_ = false;
  bool numeric_ = false;
  std::string host_;
  int port_ = 0;
  std::string path_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_API_URL_H_
