#ifndef NORROY_COMMON_HTTP_CURL_CLIENT_H_
#define NORROY_COMMON_HTTP_CURL_CLIENT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "common/http/client.h"

namespace norroy::http {

struct CurlOptions {
  std::string root_file;     // PEM; empty: the system's CAs
  std::string proxy;         // "http://host:port"; empty: none
  std::string bind_address;  // local address; empty: any
  std::string user_agent;
  // Asked before a request leaves, and about every second while its reply is waited for: false
  // keeps it back (UNAVAILABLE, reason HELD_BACK) or cuts it off. Must not block. Null: always.
  std::function<bool()> may_go_on = nullptr;
};

// Keeps a pool of handles: one request at a time on each, the most recently used first, so that
// its connection is open. At most 64 idle handles are kept.
absl::StatusOr<std::unique_ptr<Client>> NewCurlClient(const CurlOptions& options);

}  // namespace norroy::http

#endif  // NORROY_COMMON_HTTP_CURL_CLIENT_H_
