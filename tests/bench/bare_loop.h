#ifndef NORROY_TESTS_BENCH_BARE_LOOP_H_
#define NORROY_TESTS_BENCH_BARE_LOOP_H_

// The floor that everything is measured against: one client on one keep-alive connection that does
// what RFC 8555 asks for and nothing else, and polls without pause.

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "common/http/client.h"
#include "common/sync/mutex.h"
#include "issuer/acme/client.h"
#include "tests/harness/ca_place.h"

namespace norroy::bench {

// Answers HTTP-01 for bare loops, one connection after the other.
class Responder {
 public:
  // On 127.0.0.1.
  explicit Responder(int port);
  ~Responder();
  void Put(const std::string& path, const std::string& body);

 private:
  void Serve();

  int fd_;
  Mutex mutex_;
  std::map<std::string, std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// For one thread.
class BareLoop {
 public:
  // With an account of its own. `responder` outlives it.
  BareLoop(const harness::CaPlace& ca, Responder& responder);

  // From newOrder to the certificate. The CSR (CsrFor) is made before.
  absl::Duration Issue(const std::vector<std::string>& names);
  absl::Duration Issue(const std::vector<std::string>& names, const std::string& csr);
  // Up to a validated order, without a certificate.
  void Prove(const std::vector<std::string>& names);
  // One bare request.
  absl::Duration Head();
  // Since it began.
  int64_t requests() const { return client_->requests(); }

 private:
  acme::Order Order(const std::vector<std::string>& names);
  void Prove(const std::string& authorization_url);

  Responder& responder_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<crypto::Signer> signer_;
  std::unique_ptr<acme::Client> client_;
  acme::Directory directory_;
};

}  // namespace norroy::bench

#endif  // NORROY_TESTS_BENCH_BARE_LOOP_H_
