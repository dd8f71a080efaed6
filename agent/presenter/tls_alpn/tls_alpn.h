#ifndef NORROY_AGENT_PRESENTER_TLS_ALPN_TLS_ALPN_H_
#define NORROY_AGENT_PRESENTER_TLS_ALPN_TLS_ALPN_H_

// TLS-ALPN-01 (RFC 8737; addresses: RFC 8738 6) by an own listener, alone on port 443 or behind
// what routes by ALPN (deploy/examples/haproxy, deploy/examples/nginx). It answers a ClientHello
// that offers "acme-tls/1" and nothing else, for a name that is put up, and nothing else ever:
// TLS 1.2 or newer, no session tickets, no resumption, no renegotiation, no data.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/presenter/bounded_server.h"
#include "agent/presenter/presenter.h"
#include "agent/presenter/tls_alpn/alpn_conversation.h"
#include "agent/presenter/tls_alpn/alpn_table.h"
#include "common/clock/clock.h"

namespace norroy::agent {

struct TlsAlpnOptions {
  std::vector<std::string> listen;  // see listen_address.h; 1 to 16
  ServerLimits limits;
  // For the certificates' validity; the machine's if null. Must outlive the listener.
  Clock* clock = nullptr;
};

class TlsAlpn final : public Presenter {
 public:
  // What can be said without opening anything. INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::Status Check(const TlsAlpnOptions& options);
  static absl::StatusOr<std::unique_ptr<TlsAlpn>> Start(const TlsAlpnOptions& options);

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return challenge::ChallengeType::kTlsAlpn01; }
  absl::StatusOr<std::string> Locate(const challenge::Proof&) override { return std::string(); }
  // INVALID_ARGUMENT for a wildcard: RFC 8737 cannot prove one. ALREADY_EXISTS while another proof
  // of this name is up.
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override;
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override;
  // served: completed handshakes, unknown: refused ClientHellos.
  Answers answers() override { return {served_.load(), unknown_.load()}; }

  // Where it listens, in the order of `listen`, ports resolved: "tls://127.0.0.1:34567".
  const std::vector<std::string>& places() const { return places_; }

 private:
  explicit TlsAlpn(Clock* clock) : clock_(clock == nullptr ? system_clock_ : *clock) {}

  const std::string name_ = "tls_alpn";
  SystemClock system_clock_;
  Clock& clock_;
  AlpnTable table_;
  std::atomic<int64_t> served_ = 0;
  std::atomic<int64_t> unknown_ = 0;
  std::vector<std::string> places_;
  std::unique_ptr<AlpnResponder> responder_;
  std::unique_ptr<BoundedServer> server_;  // last: it uses the others until it is gone
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_TLS_ALPN_TLS_ALPN_H_
