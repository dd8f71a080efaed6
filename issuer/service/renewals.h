#ifndef NORROY_ISSUER_SERVICE_RENEWALS_H_
#define NORROY_ISSUER_SERVICE_RENEWALS_H_

// What callers see of renewals and change about them. Knows nothing of gRPC. The methods are those
// of protos/norroy/issuer/v1/renewal_service.proto, which says what each promises.

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/rpc/caller.h"
#include "issuer/policy/policy.h"
#include "issuer/renewal/keeper.h"
#include "issuer/service/policy_denials.h"
#include "issuer/store/renewals.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/renewal_service.pb.h"

namespace norroy::service {

struct RenewalsOptions {
  store::Renewals& renewals;
  store::Store& store;
  renewal::Keeper& keeper;
  const policy::Policy& policy;
  Timers& timers;
  Clock& clock;
};

// Where a watch sends what it sees: as WatchSink of orders.h.
struct RenewalSink {
  std::function<void(issuer::v1::WatchRenewalsResponse)> send;
  std::function<void(const absl::Status&)> finish;
};

issuer::v1::Renewal ToProto(const store::Renewal& renewal, absl::Time now);

// Thread-safe.
class Renewals {
 public:
  // What the options refer to outlives this object.
  explicit Renewals(const RenewalsOptions& options)
      : o_(options), denials_(options.store, options.clock) {}

  absl::StatusOr<issuer::v1::GetRenewalResponse> Get(const rpc::Caller& caller,
                                                     const issuer::v1::GetRenewalRequest& request);
  absl::StatusOr<issuer::v1::ListRenewalsResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListRenewalsRequest& request);
  absl::StatusOr<issuer::v1::UpdateRenewalResponse> Update(
      const rpc::Caller& caller, const issuer::v1::UpdateRenewalRequest& request);
  absl::StatusOr<issuer::v1::RefreshRenewalResponse> Refresh(
      const rpc::Caller& caller, const issuer::v1::RefreshRenewalRequest& request);

  // Looks at the store every kWatchLook. Returns what ends the watch; it may be called late and
  // more than once, not from within the sink's functions.
  std::function<void()> Watch(const rpc::Caller& caller, RenewalSink sink);

  static constexpr absl::Duration kWatchLook = absl::Seconds(2);

 private:
  absl::StatusOr<store::Renewal> Visible(const rpc::Caller& caller, const std::string& id);
  absl::StatusOr<store::Renewal> TryUpdate(const rpc::Caller& caller,
                                           const issuer::v1::UpdateRenewalRequest& request);

  const RenewalsOptions o_;
  Denials denials_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_RENEWALS_H_
