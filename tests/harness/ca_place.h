#ifndef NORROY_TESTS_HARNESS_CA_PLACE_H_
#define NORROY_TESTS_HARNESS_CA_PLACE_H_

// How a CA on loopback is reached, and where it looks: what a deployment must know of it.

#include <string>

namespace norroy::harness {

struct CaPlace {
  std::string directory_url;
  std::string tls_root_file;  // of its own HTTPS
  std::string dns;            // whom it asks about names: "127.0.0.2:5300"
  int http_port = 0;          // where it fetches HTTP-01 answers
  int tls_port = 0;           // whom it asks by TLS-ALPN-01
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_CA_PLACE_H_
