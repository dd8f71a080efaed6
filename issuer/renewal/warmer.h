#ifndef NORROY_ISSUER_RENEWAL_WARMER_H_
#define NORROY_ISSUER_RENEWAL_WARMER_H_

// Keeps the authorizations of warm names valid. On a thread of its own it places an order for one
// name shortly before the CA would reuse its authorization no longer, lets it be proved as any
// other, notes until when the CA has it valid, and ends the order without a CSR. So an order that
// somebody places for warm names is READY at once; where the CA does not reuse after all, that
// order proves its names as any other does.
//
// A warm order counts for the quota of who wants the name warm, whose grant is asked for each time;
// there are at most so many in an hour. All that is known is in the store: several share the work.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "issuer/flow/order.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"
#include "issuer/store/authorizations.h"
#include "issuer/store/store.h"
#include "issuer/store/warm_names.h"

namespace norroy::renewal {

// For how long a CA can be expected to reuse an authorization, by CA and profile, where its own
// word is not to be taken: CAs that reuse for a shorter time than their authorizations are valid.
using ReuseTimes = std::map<std::pair<std::string, std::string>, absl::Duration>;

struct WarmerOptions {
  store::WarmNames& warm_names;
  store::Store& store;
  store::Authorizations& authorizations;
  keys::Accounts& accounts;
  const policy::Policy& policy;
  Clock& clock;
  crypto::Random& random;
  // An order is new or has changed: the engine and watchers are told. Must not block.
  std::function<void(const flow::Order&)> announce;
  ReuseTimes reuse = {};
  int orders_per_hour = 60;
  absl::Duration first = absl::Seconds(5);

  static constexpr absl::Duration kMaxIdle = absl::Seconds(10);
  // An order is looked at again after this.
  static constexpr absl::Duration kLook = absl::Seconds(2);
  // For authorizations that others have ended.
  static constexpr absl::Duration kLookForLost = absl::Minutes(1);
  static constexpr absl::Duration kOrderLifetime = absl::Hours(1);
  static constexpr absl::Duration kClaim = absl::Minutes(2);
  static constexpr int kBurst = 20;
};

// When a name is proved anew that is valid until then: an eighth of what is left before, at most 20
// hours, which is when CAs cease to reuse. In the last hour: as soon as it is over, for what the CA
// has reused until now it will reuse until then.
absl::Time NextProof(absl::Time valid_until, absl::Time now);

// Thread-safe.
class Warmer {
 public:
  // Does nothing yet. What the options refer to outlives it.
  static std::unique_ptr<Warmer> Make(const WarmerOptions& options);
  // Stops.
  virtual ~Warmer() = default;

  virtual void Start() = 0;
  // A name was added: look soon.
  virtual void Wake() = 0;
  virtual void Stop() = 0;
  // Does what is due now, on this thread; for tests, instead of Start. Returns after how long to
  // look again.
  virtual absl::Duration RunDue() = 0;
};

}  // namespace norroy::renewal

#endif  // NORROY_ISSUER_RENEWAL_WARMER_H_
