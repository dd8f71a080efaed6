#ifndef NORROY_TESTS_HARNESS_PEBBLE_H_
#define NORROY_TESTS_HARNESS_PEBBLE_H_

// Pebble, Let's Encrypt's test CA, and its DNS server, on loopback.

#include <map>
#include <memory>
#include <string>

#include "tests/harness/ca_place.h"
#include "tests/harness/process.h"
#include "tests/harness/test_dns.h"

namespace norroy::harness {

struct PebbleOptions {
  // Where Pebble fetches HTTP-01 answers, and whom it asks by TLS-ALPN-01.
  int http_port = 0;
  int tls_port = 5001;
  // Whom it asks about names: "127.0.0.2:5300". Empty: a server of its own, for which every name is
  // 127.0.0.1.
  std::string dns;
  // Let its validators sleep for up to so many seconds before they look.
  int sleep_seconds = 0;
  int nonce_reject_percent = 5;
  int authz_reuse_percent = 50;
  int alternate_roots = 0;
  // How long its certificates live; 0: its default of years.
  int certificate_seconds = 0;
  // Key ids and their HMAC keys, base64url; if there are any, accounts must be bound to one.
  std::map<std::string, std::string> eab_keys;
  std::string binary = "pebble";
};

class Pebble {
 public:
  // In `dir`; serves when it returns.
  static std::unique_ptr<Pebble> Start(const std::string& dir, const PebbleOptions& options);

  CaPlace place() const;
  std::string directory_url() const;
  // Whom Pebble's own TLS certificate leads to.
  std::string tls_root_file() const { return dir_ + "/pebble-root.pem"; }
  // The root of the certificates that it issues, PEM.
  std::string IssuingRoot();
  // Where it looks, for those who look first.
  const PebbleOptions& options() const { return options_; }
  // What it suggests for this certificate from now on (2.8 and newer): RFC 9773 4.2, JSON. False:
  // it cannot.
  bool SetRenewalInfo(const std::string& certificate_pem, const std::string& info);
  // It answers nobody any more, for good: up to 2.10 it takes an order's lock twice for reading
  // (letsencrypt/pebble#554), and somebody who wants it for writing may come in between.
  bool StandsStill();
  // How often the log says `what`.
  int LogCount(const std::string& what);
  std::string log() const { return dir_ + "/pebble.log"; }
  Process& process() { return *pebble_; }

 private:
  std::string dir_;
  PebbleOptions options_;
  int port_ = 0;
  int management_port_ = 0;
  std::unique_ptr<TestDns> dns_;
  std::unique_ptr<Process> pebble_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_PEBBLE_H_
