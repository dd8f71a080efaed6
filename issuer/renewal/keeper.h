#ifndef NORROY_ISSUER_RENEWAL_KEEPER_H_
#define NORROY_ISSUER_RENEWAL_KEEPER_H_

// Keeps certificates from being late. On a thread of its own it asks each CA what it suggests
// (RFC 9773) as often as the CA allows, plans by it (plan.h), and orders anew what it was given a
// CSR for, as the one who ordered the certificate would: its grants are checked each time. Of all
// others their owners are told (issuer/service/renewals.h).
//
// A CA that does not answer, or answers nonsense, costs nothing but the advice. What fell due while
// nothing ran is not ordered at once but spread over kRelease, what ends first first. All that is
// known is in the store: a keeper that starts goes on where another ended, several share the work.

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "issuer/flow/order.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"
#include "issuer/store/renewals.h"
#include "issuer/store/store.h"

namespace norroy::renewal {

struct KeeperOptions {
  store::Renewals& renewals;
  store::Store& store;
  keys::Accounts& accounts;
  const policy::Policy& policy;
  Clock& clock;
  crypto::Random& random;
  // A new order is stored: the engine and watchers are told. Must not block.
  std::function<void(const flow::Order&)> announce;
  // After Start, so that everything else is up.
  absl::Duration first = absl::Seconds(5);

  // Looks at the store at least so often.
  static constexpr absl::Duration kMaxIdle = absl::Seconds(10);
  // Of what is due at one CA, at most a twentieth is asked about in a second, and at most so many.
  static constexpr int kMaxPollsPerSecond = 10;
  // A CA whose renewal information is out of order is left alone for this.
  static constexpr absl::Duration kPollPause = absl::Minutes(1);
  // Over so long what is due is ordered, and two orders are no further apart than kMaxSpacing.
  static constexpr absl::Duration kRelease = absl::Hours(1);
  static constexpr absl::Duration kMaxSpacing = absl::Seconds(20);
  // What was taken by a keeper that died is taken by another after this.
  static constexpr absl::Duration kClaim = absl::Minutes(2);
};

// Thread-safe.
class Keeper {
 public:
  // Does nothing yet. What the options refer to outlives it.
  static std::unique_ptr<Keeper> Make(const KeeperOptions& options);
  // Stops.
  virtual ~Keeper() = default;

  virtual void Start() = 0;
  // Waits until nothing runs; nothing starts after it.
  virtual void Stop() = 0;

  // Asks the CA about this certificate now; the row as it is then. The error is what the CA said,
  // or why it cannot be asked.
  virtual absl::StatusOr<store::Renewal> Ask(const std::string& certificate_id) = 0;

  // Does what is due now, on this thread; for tests, instead of Start. Returns after how long to
  // look again.
  virtual absl::Duration RunDue() = 0;
};

}  // namespace norroy::renewal

#endif  // NORROY_ISSUER_RENEWAL_KEEPER_H_
