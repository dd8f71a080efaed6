#ifndef NORROY_CLI_HTTPS_POST_H_
#define NORROY_CLI_HTTPS_POST_H_

// One HTTPS request of this program to a server that it knows by a certificate, not by a name.
// libevent's client: libcurl would take half of a system along into this one file.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/tls.h"

namespace norroy::cli {

struct HttpsPost {
  std::string host;  // an address or a name, without brackets
  int port = 0;
  std::string path;
  std::string body;                            // JSON
  absl::Duration timeout = absl::Seconds(30);  // of all of it
};

struct HttpsAnswer {
  int status = 0;
  std::string body;  // at most 64 KiB
  std::string retry_after;
};

// UNAVAILABLE if there was no answer; what `tls` said of the server if it was not believed: then
// nothing was sent.
absl::StatusOr<HttpsAnswer> PostHttps(const HttpsPost& post, crypto::TlsClient& tls);

}  // namespace norroy::cli

#endif  // NORROY_CLI_HTTPS_POST_H_
