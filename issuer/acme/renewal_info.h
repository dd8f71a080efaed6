#ifndef NORROY_ISSUER_ACME_RENEWAL_INFO_H_
#define NORROY_ISSUER_ACME_RENEWAL_INFO_H_

// When a CA suggests that a certificate be renewed (ARI, RFC 9773). What it says is advice: it is
// read here and judged in issuer/renewal/plan.h, which no CA can talk into being late.

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"

namespace norroy::acme {

inline constexpr size_t kMaxRenewalInfoBytes = 16 * 1024;
// A window is polled within this: no renewal waits for it.
inline constexpr absl::Duration kRenewalInfoBudget = absl::Seconds(10);

// RFC 9773 4.2: [start, end).
struct RenewalWindow {
  absl::Time start;
  absl::Time end;
  bool operator==(const RenewalWindow&) const = default;
};

struct RenewalInfo {
  // As sent: its end may well be before its start.
  RenewalWindow window;
  std::string explanation_url;  // for humans: shown, never fetched; printable, capped
  // RFC 9773 4.3: when to ask again, as the CA said it; unset: it did not.
  std::optional<absl::Time> retry_after;

  // `id` names it in errors, which are INTERNAL, reason CA_PROTOCOL: no window, or dates that are
  // none.
  static absl::StatusOr<RenewalInfo> Parse(absl::string_view json, absl::string_view id);
};

// RFC 9773 4.1: base64url(authority key identifier) "." base64url(serial). FAILED_PRECONDITION,
// reason NO_RENEWAL_ID, for a certificate without the one or with a negative other.
absl::StatusOr<std::string> RenewalId(const crypto::Certificate& certificate);

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_RENEWAL_INFO_H_
