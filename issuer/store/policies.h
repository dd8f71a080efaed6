#ifndef NORROY_ISSUER_STORE_POLICIES_H_
#define NORROY_ISSUER_STORE_POLICIES_H_

// The issuance grants that were applied: every version, none of which ever changes. The highest is
// in force.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/sql/database.h"
#include "issuer/policy/grant.h"

namespace norroy::store {

struct PolicyVersion {
  int64_t version = 0;  // counts up from 1; 0: nothing was applied yet
  std::vector<policy::GrantText> grants;
  absl::Time create_time = absl::InfinitePast();
  std::string creator;
  std::string comment;
};

// Thread-safe. policies_test runs on every database.
class Policies {
 public:
  // `database` outlives this object, and has the store's schema. `writer` as in Store::Make.
  Policies(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  // The version in force; 0: none.
  absl::StatusOr<int64_t> Current();
  // NOT_FOUND, reason POLICY_NOT_FOUND. FAILED_PRECONDITION, reason POLICY_UNREADABLE: what is
  // stored is not something that this program understands whole, and no part of it is returned.
  absl::StatusOr<PolicyVersion> Get(int64_t version);
  // Newest first, without grants, those below `before`.
  absl::StatusOr<std::vector<PolicyVersion>> List(int64_t before, int limit);

  // Puts `next` in force (its version is the one after `expected`) if `expected` is: else ABORTED,
  // reason VERSION_MISMATCH. `entry` is audited in the same transaction, with "policy/<version>" as
  // its object. Returns the version.
  absl::StatusOr<int64_t> Apply(const PolicyVersion& next, int64_t expected,
                                const audit::Entry& entry);

 private:
  sql::Database& database_;
  const audit::Chain chain_;
};

// ABORTED, reason VERSION_MISMATCH.
absl::Status VersionMismatch(int64_t expected, int64_t current);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_POLICIES_H_
