#ifndef NORROY_AGENT_PRESENTER_RAW_CLIENT_H_
#define NORROY_AGENT_PRESENTER_RAW_CLIENT_H_

// A TCP or Unix client that sends exactly the bytes it is told: for tests of the listener.

#include <string>

#include "absl/strings/string_view.h"

namespace norroy::agent {

class RawClient {
 public:
  // `place` as HttpListener::places() says it: "http://127.0.0.1:80", "http://[::1]:80",
  // "unix:/path".
  explicit RawClient(absl::string_view place);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return fd_ >= 0; }
  bool Send(absl::string_view bytes);
  // Until the peer ends the connection (10 s at most).
  std::string ReadAll();

 private:
  int fd_ = -1;
};

// One request, the whole answer.
std::string Exchange(absl::string_view place, absl::string_view request);
// GET with Host; the whole answer.
std::string Get(absl::string_view place, absl::string_view host, absl::string_view path);
// The body of a 200; empty for anything else.
std::string BodyOf(absl::string_view response);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_RAW_CLIENT_H_
