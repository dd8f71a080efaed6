#ifndef NORROY_ISSUER_SERVICE_RATE_LIMITS_H_
#define NORROY_ISSUER_SERVICE_RATE_LIMITS_H_

// What callers learn of the CAs' rate limits. Knows nothing of gRPC. The methods are those of
// protos/norroy/issuer/v1/rate_limit_service.proto, which says what each promises.

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/clock/clock.h"
#include "common/rpc/caller.h"
#include "issuer/keys/accounts.h"
#include "issuer/limits/ca_limits.h"
#include "issuer/policy/policy.h"
#include "issuer/service/policy_denials.h"
#include "issuer/store/ledger.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/rate_limit_service.pb.h"

namespace norroy::service {

struct RateLimitsOptions {
  store::Ledger& ledger;
  store::Store& store;
  keys::Accounts& accounts;
  const policy::Policy& policy;
  limits::KnownCas cas;
  Clock& clock;
};

// Thread-safe.
class RateLimits {
 public:
  // What the options refer to outlives this object.
  explicit RateLimits(RateLimitsOptions options);

  absl::StatusOr<issuer::v1::ListRateLimitsResponse> List(
      const issuer::v1::ListRateLimitsRequest& request);
  absl::StatusOr<issuer::v1::PlanOrdersResponse> Plan(const rpc::Caller& caller,
                                                      const issuer::v1::PlanOrdersRequest& request);

 private:
  // The buckets from which each certificate of a plan draws.
  using Certificates = std::vector<std::set<store::BucketKey>>;
  // Its names, none if only their number is given.
  absl::StatusOr<std::vector<challenge::Name>> CheckPlan(
      const rpc::Caller& caller, const std::string& ca,
      const issuer::v1::PlanOrdersRequest& request);
  static Certificates CertificatesOf(const limits::KnownCa& known, const std::string& ca,
                                     const std::vector<challenge::Name>& names, int name_count,
                                     int per_certificate);
  absl::Status AddCa(const std::string& ca, const std::vector<std::string>& subjects, int most,
                     issuer::v1::ListRateLimitsResponse& response);
  absl::Status AddHold(const std::string& ca, issuer::v1::ListRateLimitsResponse& response);

  const RateLimitsOptions o_;
  Denials denials_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_RATE_LIMITS_H_
