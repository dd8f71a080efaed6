#include "agent/presenter/tls_alpn/tls_alpn.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr char kName[] = "tls_alpn";

}  // namespace

absl::Status TlsAlpn::Check(const TlsAlpnOptions& options) {
  return ParseListen(kName, options.listen).status();
}

absl::StatusOr<std::unique_ptr<TlsAlpn>> TlsAlpn::Start(const TlsAlpnOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<ListenAddress> addresses,
                          ParseListen(kName, options.listen));
  NORROY_ASSIGN_OR_RETURN(ListenSet sockets, ListenSet::Bind(addresses, "tls"));
  std::unique_ptr<TlsAlpn> listener(new TlsAlpn(options.clock));
  TlsAlpn& self = *listener;
  for (const BoundSocket& socket : sockets.sockets()) {
    self.places_.push_back(socket.place);
  }
  NORROY_ASSIGN_OR_RETURN(self.responder_,
                          AlpnResponder::Make(self.table_, [&self](AlpnOutcome outcome) {
                            ++(outcome == AlpnOutcome::kServed ? self.served_ : self.unknown_);
                          }));
  NORROY_ASSIGN_OR_RETURN(self.server_,
                          BoundedServer::Start(kName, std::move(sockets), options.limits,
                                               [&self] { return self.responder_->Greet(); }));
  return listener;
}

absl::StatusOr<std::string> TlsAlpn::PutUp(const challenge::Proof& proof, const std::string&) {
  if (proof.name.wildcard()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "tls_alpn: ", proof.name.text(), ": TLS-ALPN-01 proves no wildcard; DNS-01 does"));
  }
  NORROY_RETURN_IF_ERROR(table_.Add(proof, clock_.Now()));
  return absl::StrJoin(places_, ", ");
}

absl::Status TlsAlpn::TakeDown(const challenge::Proof& proof, const std::string&) {
  table_.Remove(proof);
  return absl::OkStatus();
}

}  // namespace norroy::agent
