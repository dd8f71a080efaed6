#ifndef NORROY_ISSUER_RENEWAL_PLAN_H_
#define NORROY_ISSUER_RENEWAL_PLAN_H_

// When a certificate is renewed: a pure function of its dates, of what the CA suggests (RFC 9773)
// and of chance. The CA may make it earlier, never later than crypto::LatestRenewal, and no more
// often than once in kMinLife for certificates that are renewals themselves. What a certificate was
// given once it keeps until the CA suggests another window, so that asking again and again does not
// pull the moment forward.

#include <optional>

#include "absl/time/time.h"
#include "common/crypto/latest_renewal.h"
#include "issuer/acme/renewal_info.h"

namespace norroy::renewal {

// A CA cannot have a certificate that is a renewal renewed again before it is this old.
inline constexpr absl::Duration kMinLife = absl::Hours(24);
// Without a window the moment lies within this part of the lifetime before LatestRenewal: so what
// was issued in an hour is renewed over days.
inline constexpr int kSpreadDivisor = 12;

// What the moment follows from.
enum class Basis {
  kLifetime,  // the CA suggests nothing
  kWindow,    // a moment in the CA's window
  kUrged,     // the CA's window is over: at once
  kIgnored,   // the CA's window makes no sense, or is later than LatestRenewal: as kLifetime
};

struct Plan {
  absl::Time time = absl::InfiniteFuture();
  Basis basis = Basis::kLifetime;
  // What the CA suggested when it was made.
  std::optional<acme::RenewalWindow> window = {};
  bool operator==(const Plan&) const = default;
};

struct Facts {
  absl::Time not_before;
  absl::Time not_after;
  absl::Time issue_time;
  // It was issued in the place of one before.
  bool is_renewal = false;
  // What the CA suggests; unset: nothing, or nothing that can be read.
  std::optional<acme::RenewalWindow> window = {};
  absl::Time now;
  double fraction = 0;  // uniform in [0, 1)
};

// `before`: the plan so far, if there is one.
Plan PlanRenewal(const Facts& facts, const std::optional<Plan>& before);

// RFC 9773 4.3: when the CA is asked again: its Retry-After within [1 min, 24 h], else in 6 hours,
// both with up to a tenth more, so that what was asked together does not stay together.
absl::Time NextPoll(std::optional<absl::Time> retry_after, absl::Time now, double fraction);
// After the n-th failure in a row (1 the first): 1, 10, 100 minutes, then every 6 hours; not before
// what the CA asked for.
absl::Time NextPollAfterFailure(int failures, std::optional<absl::Time> retry_after, absl::Time now,
                                double fraction);

// When a renewal that failed n times in a row is tried again: after 1, 10, 100 minutes, then daily;
// but while the certificate ends, after an eighth of what is left of it, at least a minute.
absl::Time NextAttempt(int failures, absl::Time not_after, absl::Time now);

}  // namespace norroy::renewal

#endif  // NORROY_ISSUER_RENEWAL_PLAN_H_
