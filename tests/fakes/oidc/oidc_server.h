#ifndef NORROY_TESTS_FAKES_OIDC_OIDC_SERVER_H_
#define NORROY_TESTS_FAKES_OIDC_OIDC_SERVER_H_

// An OIDC issuer on 127.0.0.1, as CI systems have them: a discovery document, a key set, and tokens
// signed by the newest of its keys (ES256). Thread-safe.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/key.h"
#include "common/sync/mutex.h"
#include "issuer/sign_in/https_server.h"

namespace norroy::fakes {

class OidcServer {
 public:
  // Its certificates go into `dir`.
  explicit OidcServer(const std::string& dir);

  // Its `iss`.
  const std::string& url() const { return url_; }
  // PEM: whom its own TLS certificate leads to.
  const std::string& root_file() const { return root_file_; }

  // A token for `audience`, good for five minutes, with these claims besides.
  std::string Token(const std::string& audience, const std::map<std::string, std::string>& claims);
  // A new key signs from now on; the old one stays published, or is withdrawn.
  void Rotate(bool withdraw_old);
  // How often the key set was fetched.
  int fetches();

 private:
  struct Key {
    std::string kid;
    crypto::PrivateKey key;
  };
  sign_in::HttpsReply Answer(const sign_in::HttpsRequest& request);

  SystemClock clock_;
  std::string root_file_;
  std::string url_;
  Mutex mutex_;
  std::vector<Key> keys_ ABSL_GUARDED_BY(mutex_);  // the newest first
  int made_ ABSL_GUARDED_BY(mutex_) = 0;
  int fetches_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<sign_in::HttpsServer> server_;  // last
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_OIDC_OIDC_SERVER_H_
