#ifndef NORROY_ISSUER_SERVICE_POLICY_ADMIN_H_
#define NORROY_ISSUER_SERVICE_POLICY_ADMIN_H_

// What callers do with issuance grants. Knows nothing of gRPC. The methods are those of
// protos/norroy/issuer/v1/policy_service.proto, which says what each promises. A policy that is
// wrong anywhere changes nothing: it is read whole before anything is written.

#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "issuer/policy/policy.h"
#include "issuer/store/policies.h"
#include "norroy/issuer/v1/policy_service.pb.h"

namespace norroy::service {

inline constexpr int kMaxGrants = 10'000;
inline constexpr int kMaxNamesPerGrant = 100;
inline constexpr int kMaxPolicyComment = 200;
// Of all texts together, so that a policy that was applied can be read by one call.
inline constexpr size_t kMaxPolicyBytes = 1024 * 1024;

// Thread-safe.
class PolicyAdmin {
 public:
  // The references outlive this object.
  PolicyAdmin(store::Policies& policies, const policy::ConfiguredGrants& configured, Clock& clock)
      : policies_(policies), configured_(configured), clock_(clock) {}

  absl::StatusOr<issuer::v1::GetPolicyResponse> Get(const rpc::Caller& caller,
                                                    const issuer::v1::GetPolicyRequest& request);
  absl::StatusOr<issuer::v1::ApplyPolicyResponse> Apply(
      const rpc::Caller& caller, const issuer::v1::ApplyPolicyRequest& request);
  absl::StatusOr<issuer::v1::ListPoliciesResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListPoliciesRequest& request);

 private:
  store::Policies& policies_;
  const policy::ConfiguredGrants& configured_;
  Clock& clock_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_POLICY_ADMIN_H_
