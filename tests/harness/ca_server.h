#ifndef NORROY_TESTS_HARNESS_CA_SERVER_H_
#define NORROY_TESTS_HARNESS_CA_SERVER_H_

// The project's own fake CA (tests/fakes/ca) as a process on loopback, beside Pebble: strict where
// clients go wrong, faster, and it can say afterwards what it was asked. It forgets everything when
// it ends.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/ca_place.h"
#include "tests/harness/process.h"
#include "tests/harness/test_dns.h"

namespace norroy::harness {

struct CaServerOptions {
  // Where it fetches HTTP-01 answers, on 127.0.0.1; the only type that it offers.
  int http_port = 0;
  int nonce_rejection_percent = 5;
  bool reuse_orders = true;
  bool reuse_authorizations = true;
  // Reads that say "processing" after a finalize, and "pending" after a challenge was answered.
  int finalize_polls = 0;
  int validation_polls = 0;
  int retry_after_seconds = 0;
  int alternate_chains = 0;
  // Further flags of the program.
  std::vector<std::string> flags;
};

struct CaRequest {
  std::string time;      // RFC 3339, microseconds
  std::string endpoint;  // "newOrder", "order", "challenge", "finalize" ...
  std::string method;
  std::string url;
  std::string payload;     // of the JWS, decoded
  int status = 0;          // 0: the client got no reply
  std::string problem;     // "badNonce"
  std::string csr_sha256;  // of a finalize
};

struct CaOrder {
  std::string url;
  std::string status;
  std::vector<std::string> names;
  int handed_out = 0;  // by how many newOrder requests
  int finalizes = 0;   // accepted ones
  std::string certificate_pem;
};

struct CaAuthorization {
  std::string name;
  std::string status;
  std::string token;
};

struct CaRecord {
  std::vector<CaOrder> orders;
  std::vector<CaAuthorization> authorizations;
  int accounts = 0;
  int certificates = 0;
  int revocations = 0;
  // What clients did that RFC 8555 forbids, in words.
  std::vector<std::string> violations;
  std::string root_pem;  // of the certificates that it issues
};

class CaServer {
 public:
  // In `dir`; serves when it returns.
  static std::unique_ptr<CaServer> Start(const std::string& dir, const CaServerOptions& options);

  CaPlace place() const;
  // Every request up to now, in the order of their ends.
  std::vector<CaRequest> Requests() const;
  int Count(const std::string& endpoint) const;
  CaRecord Record();
  // {"nonce_rejection_percent": 50}: from now on.
  void Change(const std::string& json);
  // The next `times` requests to an endpoint ("newOrder") are answered by this problem; the
  // Retry-After as the header says it, "" for none.
  void Refuse(const std::string& endpoint, int status, const std::string& type,
              const std::string& retry_after, int times);
  Process& process() { return *process_; }
  std::string log() const { return dir_ + "/fake-ca.log"; }

 private:
  CaServer() = default;
  Output Ask(const std::string& path, const std::vector<std::string>& curl_arguments);

  std::string dir_;
  CaServerOptions options_;
  std::string directory_url_;
  std::unique_ptr<TestDns> dns_;
  std::unique_ptr<Process> process_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_CA_SERVER_H_
