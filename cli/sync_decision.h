#ifndef NORROY_CLI_SYNC_DECISION_H_
#define NORROY_CLI_SYNC_DECISION_H_

// Whether a certificate has to be renewed, and why: a pure function of what is wanted, what is
// installed, what the issuer says of it and the time.

#include <optional>
#include <string>

#include "absl/time/time.h"
#include "cli/sync_settings.h"
#include "common/crypto/certificate.h"

namespace norroy::cli {

// What the issuer says of the installed certificate; as little as it says.
struct IssuerView {
  std::string certificate_id;
  bool revoked = false;
  std::string ca;
  std::string profile;
  std::optional<absl::Time> renewal_time;  // RFC 9773 4.2, or the issuer's own
};

// When a certificate is to be renewed: the issuer's time, if it has one, but never later than with
// a tenth of the life left; else with a third of the life left, or half of a life of ten days or
// less. No fixed number of days: lives have many lengths.
absl::Time RenewalTime(const crypto::Certificate& leaf, const std::optional<IssuerView>& view);

// Why it has to be renewed, for people; empty: it has not. `installed` null: there is none.
std::string WhyRenew(const WantedCertificate& wanted, const crypto::Certificate* installed,
                     const std::optional<IssuerView>& view, absl::Time now);

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_DECISION_H_
