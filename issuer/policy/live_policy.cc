#include "issuer/policy/live_policy.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::policy {

LivePolicy::LivePolicy(std::vector<Grant> configured, store::Policies& stored)
    : configured_(std::move(configured)), stored_(stored) {}

absl::StatusOr<std::shared_ptr<const GrantTable>> LivePolicy::Load(int64_t version) const {
  std::vector<Grant> grants = configured_;
  if (version > 0) {
    NORROY_ASSIGN_OR_RETURN(const store::PolicyVersion stored, stored_.Get(version));
    absl::StatusOr<std::vector<Grant>> parsed = ParseGrants(stored.grants, "grants");
    if (!parsed.ok()) {
      return MakeError(
          absl::StatusCode::kFailedPrecondition, "POLICY_UNREADABLE",
          absl::StrCat("policy version ", version, " says what this program does not take: ",
                       parsed.status().message(), "; nobody may order until another is applied"),
          {{"policy_version", absl::StrCat(version)}});
    }
    for (Grant& grant : *parsed) grants.push_back(std::move(grant));
  }
  return std::make_shared<const GrantTable>(version, std::move(grants));
}

absl::StatusOr<std::shared_ptr<const GrantTable>> LivePolicy::Table() const {
  NORROY_ASSIGN_OR_RETURN(const int64_t version, stored_.Current());
  {
    MutexLock lock(&mutex_);
    if (table_ != nullptr && table_->version() == version) return table_;
  }
  // Several threads may load it at once: they load the same.
  NORROY_ASSIGN_OR_RETURN(std::shared_ptr<const GrantTable> table, Load(version));
  MutexLock lock(&mutex_);
  table_ = table;
  return table;
}

absl::StatusOr<Decision> LivePolicy::Check(const Question& question) const {
  NORROY_ASSIGN_OR_RETURN(const std::shared_ptr<const GrantTable> table, Table());
  return table->Check(question);
}

}  // namespace norroy::policy
