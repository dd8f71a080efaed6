#ifndef NORROY_AGENT_PRESENTER_HTTP_HTTP_TABLE_H_
#define NORROY_AGENT_PRESENTER_HTTP_HTTP_TABLE_H_

// What an HTTP-01 responder answers: (host, path) to key authorization (RFC 8555 8.3). Answers are
// looked up whole; nothing in them comes from a request.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/challenge/proof.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

struct HttpTableOptions {
  // Answer whatever the host is.
  bool any_host = false;
  // Hosts (in normal form) that may ask for any name.
  std::set<std::string> accept_hosts;
};

// Thread-safe. Add and Remove hold for every Find that begins after they return.
class HttpTable {
 public:
  explicit HttpTable(HttpTableOptions options) : options_(std::move(options)) {}

  // The same proof again is OK; another key authorization for its name and token is
  // ALREADY_EXISTS.
  absl::Status Add(const challenge::Proof& proof);
  // Removes this very proof; one that is not there is fine.
  void Remove(const challenge::Proof& proof);
  // `host` in normal form.
  std::optional<std::string> Find(absl::string_view host, absl::string_view path);

 private:
  const HttpTableOptions options_;
  Mutex mutex_;
  // By path, then by host.
  std::map<std::string, std::map<std::string, std::string>> answers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_HTTP_TABLE_H_
