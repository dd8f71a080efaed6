#ifndef NORROY_VALIDATOR_PREFLIGHT_TLS_DIAL_H_
#define NORROY_VALIDATOR_PREFLIGHT_TLS_DIAL_H_

// TLS to servers whose certificates are looked at, never trusted: a CA that follows a redirect to
// https or looks for a TLS-ALPN-01 answer does not verify the chain either, for the certificate is
// what is yet to be issued. TLS 1.2 or newer.
//
// OpenSSL is included by this one's .cc alone: an exception to its place in common/crypto, because
// nothing else here may connect without verifying.

#include <memory>
#include <string>
#include <vector>

#include "validator/preflight/deadline.h"
#include "validator/preflight/tcp_dial.h"

namespace norroy::validator::preflight {

struct TlsOptions {
  std::string server_name;  // SNI; empty: none
  std::string protocol;     // the one ALPN protocol to offer; empty: none
};

// Of a server's own certificate, what TLS-ALPN-01 is about (RFC 8737 3).
struct PeerCertificate {
  std::vector<std::string> dns_names;  // lower case
  std::vector<std::string> addresses;  // bytes, 4 or 16 each
  int other_names = 0;
  int acme_identifiers = 0;  // how many such extensions
  bool acme_critical = false;
  std::string acme_value;  // the extension's content, DER
};

enum class TlsFault {
  kNone,
  kNotTls,    // what came first is no TLS record
  kAlert,     // the server ended the handshake and said so
  kRefused,   // OpenSSL would not go on: what it says is in `text`
  kClosed,    // the connection ended
  kTimedOut,  // no answer
};

struct TlsDialled {
  std::unique_ptr<Stream> stream;  // null with a fault
  TlsFault fault = TlsFault::kNone;
  // kAlert: the alert's number (RFC 8446 6) and text. kNotTls: the first bytes, unprintable as they
  // came.
  int alert = 0;
  std::string text;
  std::string protocol;  // what the server chose
  PeerCertificate certificate;
};

inline constexpr int kAlertNoApplicationProtocol = 120;  // RFC 7301 3.2
inline constexpr int kAlertUnrecognizedName = 112;       // RFC 6066 3

TlsDialled StartTls(std::unique_ptr<Stream> tcp, const TlsOptions& options,
                    const Deadline& deadline);

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_TLS_DIAL_H_
