#ifndef NORROY_ISSUER_POLICY_LIVE_POLICY_H_
#define NORROY_ISSUER_POLICY_LIVE_POLICY_H_

#include <memory>
#include <vector>

#include "common/sync/mutex.h"
#include "issuer/policy/grant_table.h"
#include "issuer/policy/policy.h"
#include "issuer/store/policies.h"

namespace norroy::policy {

// The policy of a running issuer: the grants of its configuration, and those of the version in
// force. Each question reads the number of that version from the database (one row of an index), so
// that a version which was applied anywhere holds for every question asked after the apply was
// answered, in every issuer on the database. The grants themselves are read when the number
// changes, and swapped whole.
//
// A version that cannot be read or parsed grants nothing, and neither does the configuration then:
// every question is answered with the error (FAILED_PRECONDITION, reason POLICY_UNREADABLE) until a
// version that can be read is in force. Thread-safe.
class LivePolicy final : public Policy {
 public:
  // `stored` outlives this object.
  LivePolicy(std::vector<Grant> configured, store::Policies& stored);

  absl::StatusOr<Decision> Check(const Question& question) const override;

 private:
  absl::StatusOr<std::shared_ptr<const GrantTable>> Table() const;
  absl::StatusOr<std::shared_ptr<const GrantTable>> Load(int64_t version) const;

  const std::vector<Grant> configured_;
  store::Policies& stored_;
  mutable Mutex mutex_;
  mutable std::shared_ptr<const GrantTable> table_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_LIVE_POLICY_H_
