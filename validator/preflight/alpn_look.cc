#include "validator/preflight/alpn_look.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "validator/preflight/outcome.h"
#include "validator/preflight/tls_dial.h"

namespace norroy::validator::preflight {
namespace {

constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);
constexpr char kProtocol[] = "acme-tls/1";  // RFC 8737 6.2
constexpr char kDerOctetString32[] = "\x04\x20";

constexpr absl::string_view kRouteAdvice =
    "route connections that offer ALPN \"acme-tls/1\" to the agent before TLS ends: a TLS proxy "
    "answers for itself";

Outcome OfFault(const TlsDialled& dialled, const std::string& where) {
  switch (dialled.fault) {
    case TlsFault::kNotTls:
      return Wrong(
          "NOT_TLS",
          absl::StrCat("what answers at ", where, " speaks no TLS; it says ", Said(dialled.text)),
          "let the agent's TLS-ALPN listener, or a proxy that routes to it, have that "
          "port");
    case TlsFault::kAlert:
      if (dialled.alert == kAlertNoApplicationProtocol) {
        return Wrong("ALPN_REFUSED",
                     absl::StrCat("the TLS server at ", where, " does not know \"", kProtocol,
                                  "\" (alert no_application_protocol)"),
                     kRouteAdvice);
      }
      return Wrong(
          "ALPN_REFUSED",
          absl::StrCat("the TLS server at ", where, " refuses the handshake: ", Said(dialled.text)),
          dialled.alert == kAlertUnrecognizedName
              ? "it has no answer for this name: see that the agent which presents it is "
                "the one behind this address"
              : kRouteAdvice);
    case TlsFault::kTimedOut:
      return Wrong("TLS_FAILS",
                   absl::StrCat(where,
                                " takes the connection and does not answer the TLS "
                                "handshake within ",
                                absl::FormatDuration(kHandshakeTimeout)),
                   "see why the server behind that address hangs: a proxy whose backend is away");
    case TlsFault::kClosed:
      return Wrong("TLS_FAILS",
                   absl::StrCat(where, " closes the connection during the TLS handshake"),
                   "see the log of the proxy or agent behind that address; a proxy without a "
                   "backend for \"acme-tls/1\" does this");
    default:
      return Wrong("TLS_FAILS",
                   absl::StrCat("no TLS 1.2 or newer with ", where, ": ", Said(dialled.text)),
                   "let the server speak TLS 1.2 or 1.3");
  }
}

// RFC 8737 3: what is wrong with the certificate; empty: nothing.
std::string Problem(const PeerCertificate& certificate, const challenge::Proof& proof) {
  const challenge::Identifier& identifier = proof.name.identifier();
  if (certificate.acme_identifiers == 0) return "it has no acmeIdentifier extension";
  if (certificate.acme_identifiers > 1) return "it has several acmeIdentifier extensions";
  if (!certificate.acme_critical) return "its acmeIdentifier extension is not critical";
  if (certificate.acme_value != absl::StrCat(kDerOctetString32, proof.alpn_digest())) {
    return "its acmeIdentifier is of another key authorization";
  }
  const size_t names = certificate.dns_names.size() + certificate.addresses.size();
  if (names != 1 || certificate.other_names != 0) {
    return "it is not for exactly one name (subjectAltName)";
  }
  if (identifier.type() == challenge::IdentifierType::kDns) {
    const bool same =
        !certificate.dns_names.empty() && certificate.dns_names.front() == identifier.value();
    return same ? "" : "its subjectAltName is another name";
  }
  const bool same = !certificate.addresses.empty() &&
                    certificate.addresses.front() == Address::Parse(identifier.value())->bytes();
  return same ? "" : "its subjectAltName is another address";
}

Outcome LookAt(const Viewpoint& viewpoint, const challenge::Proof& proof, const Address& address,
               const Deadline& deadline) {
  const int port = viewpoint.ports.tls;
  Connected connected = Connect(viewpoint, proof.name.text(), address, port, deadline);
  if (connected.stream == nullptr) return connected.outcome;
  const Deadline until = deadline.Within(kHandshakeTimeout);
  const TlsDialled dialled =
      StartTls(std::move(connected.stream),
               {.server_name = proof.alpn_server_name(), .protocol = kProtocol}, until);
  const std::string where =
      absl::StrCat(address.WithPort(port), " (", proof.alpn_server_name(), ")");
  if (dialled.fault == TlsFault::kTimedOut && until.cut_short()) {
    return CutShort(absl::StrCat(where, " answered the TLS handshake"));
  }
  if (dialled.fault != TlsFault::kNone) return OfFault(dialled, where);
  if (dialled.protocol != kProtocol) {
    return Wrong("ALPN_REFUSED",
                 absl::StrCat("the TLS server at ", where,
                              " ends the handshake without choosing \"", kProtocol, "\""),
                 kRouteAdvice);
  }
  const std::string problem = Problem(dialled.certificate, proof);
  if (problem.empty()) return {};
  return Wrong("ALPN_WRONG_CERTIFICATE",
               absl::StrCat("the certificate that answers \"", kProtocol, "\" at ", where,
                            " is not the proof: ", problem),
               "another ACME client answers there, or an agent with an older proof: let this port "
               "lead to the agent that presents the name");
}

}  // namespace

Sight AlpnLook(const Viewpoint& viewpoint, const challenge::Proof& proof,
               const std::vector<Address>& addresses, const Deadline& deadline) {
  return LookAtEach(viewpoint, proof.name.text(), addresses, [&](const Address& address) {
    return LookAt(viewpoint, proof, address, deadline);
  });
}

}  // namespace norroy::validator::preflight
