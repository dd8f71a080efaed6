#ifndef NORROY_CLI_SYNC_ISSUER_H_
#define NORROY_CLI_SYNC_ISSUER_H_

// What `norroy sync` asks an issuer: the first of the configured ones that answers. One run's; not
// thread-safe.

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/context.h"
#include "cli/order_watch.h"
#include "cli/sync_decision.h"
#include "cli/sync_pending.h"
#include "cli/sync_settings.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::cli {

class SyncIssuer {
 public:
  // Both must outlive this. Flags and environment go before the configuration's addresses and
  // files, norroy.yaml after them.
  SyncIssuer(Context& context, const SyncSettings& settings);

  // What it says of a certificate; nullopt: it does not know it. `id` may be empty: it is then
  // looked for by name and serial.
  absl::StatusOr<std::optional<IssuerView>> View(const std::string& id,
                                                 const crypto::Certificate& leaf);
  // Whether it would take the order: nothing is stored.
  absl::Status Check(const WantedCertificate& wanted);
  // The same order for the same pending renewal.
  absl::StatusOr<WatchedOrder> Place(const WantedCertificate& wanted,
                                     const PendingRenewal& pending);
  // Until it is final. DEADLINE_EXCEEDED, reason WAIT_TIMED_OUT; the order goes on.
  absl::StatusOr<WatchedOrder> Wait(const std::string& order_id, absl::Duration timeout);

 private:
  using Orders = issuer::v1::OrderService;
  using Certificates = issuer::v1::CertificateService;

  // Once; what came of it holds for the whole run.
  absl::Status Connect();
  absl::Status ConnectTo(const std::string& address, bool last);
  absl::StatusOr<std::optional<IssuerView>> Ask(const std::string& id,
                                                const crypto::Certificate& leaf);

  Context& context_;
  const SyncSettings& settings_;
  std::optional<absl::Status> connected_;
  std::unique_ptr<Context> issuer_context_;
  std::unique_ptr<Orders::Stub> orders_;
  std::unique_ptr<Certificates::Stub> certificates_;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_ISSUER_H_
