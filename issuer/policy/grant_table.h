#ifndef NORROY_ISSUER_POLICY_GRANT_TABLE_H_
#define NORROY_ISSUER_POLICY_GRANT_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "issuer/policy/policy.h"

namespace norroy::policy {

// One version of the policy, ready to be asked. Never changes: any number of threads may ask.
class GrantTable {
 public:
  GrantTable(int64_t version, std::vector<Grant> grants);

  int64_t version() const { return version_; }
  // As Policy::Check.
  absl::StatusOr<Decision> Check(const Question& question) const;

 private:
  using GrantList = std::vector<const Grant*>;
  // Those of `left` that cover the name whole; PERMISSION_DENIED if none does.
  absl::StatusOr<GrantList> Covering(const Question& question, const challenge::Name& name,
                                     GrantList left) const;

  const int64_t version_;
  std::map<std::string, std::vector<Grant>> by_principal_;
};

}  // namespace norroy::policy

#endif  // NORROY_ISSUER_POLICY_GRANT_TABLE_H_
