#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_PROBE_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_PROBE_H_

// A TLS client that asks as a CA does (RFC 8737 3), or as a CA never would, and reads what it is
// shown. For tests.

#include <string>
#include <vector>

#include "common/challenge/proof.h"

namespace norroy::agent {

struct AlpnQuestion {
  std::string place;                                    // "tls://127.0.0.1:443", "tls://[::1]:443"
  std::string server_name;                              // empty: none is said
  std::vector<std::string> protocols = {"acme-tls/1"};  // empty: none are said
  int min_version = 0x0303;
  int max_version = 0x0304;
};

struct AlpnSight {
  std::string error;     // empty: the handshake is complete; else OpenSSL's words
  std::string protocol;  // what ALPN came to
  int version = 0;
  std::string certificate;  // DER
  bool resumable = false;   // it gave a session ticket
};

AlpnSight LookByAlpn(const AlpnQuestion& question);

// The proof's key authorization if a CA would be content with this sight, else what it would say.
std::string JudgeAlpn(const AlpnSight& sight, const challenge::Proof& proof);

// Both: what a CA gets for this proof at this place; empty if the handshake is refused.
std::string AskByAlpn(const std::string& place, const challenge::Proof& proof);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_ALPN_PROBE_H_
