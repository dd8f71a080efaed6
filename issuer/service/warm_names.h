#ifndef NORROY_ISSUER_SERVICE_WARM_NAMES_H_
#define NORROY_ISSUER_SERVICE_WARM_NAMES_H_

// What callers do with warm names. Knows nothing of gRPC. The methods are those of
// protos/norroy/issuer/v1/warm_name_service.proto, which says what each promises.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"
#include "issuer/service/policy_denials.h"
#include "issuer/store/store.h"
#include "issuer/store/warm_names.h"
#include "norroy/issuer/v1/warm_name_service.pb.h"

namespace norroy::service {

struct WarmNamesOptions {
  store::WarmNames& warm_names;
  store::Store& store;
  keys::Accounts& accounts;
  const policy::Policy& policy;
  Clock& clock;
  // Names were added: their keeper looks soon. Must not block.
  std::function<void()> wake;
};

issuer::v1::WarmName ToProto(const store::WarmName& name, absl::Time now);

// Thread-safe.
class WarmNames {
 public:
  // What the options refer to outlives this object.
  explicit WarmNames(const WarmNamesOptions& options)
      : o_(options), denials_(options.store, options.clock) {}

  absl::StatusOr<issuer::v1::AddWarmNamesResponse> Add(
      const rpc::Caller& caller, const issuer::v1::AddWarmNamesRequest& request);
  absl::StatusOr<issuer::v1::ListWarmNamesResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListWarmNamesRequest& request);
  absl::StatusOr<issuer::v1::RemoveWarmNamesResponse> Remove(
      const rpc::Caller& caller, const issuer::v1::RemoveWarmNamesRequest& request);

 private:
  absl::StatusOr<std::vector<store::WarmName>> TryAdd(
      const rpc::Caller& caller, const issuer::v1::AddWarmNamesRequest& request);

  const WarmNamesOptions o_;
  Denials denials_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_WARM_NAMES_H_
