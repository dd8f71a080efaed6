#include "common/audit/chain.h"
#include "common/sql/transact.h"
#include "issuer/store/sql_store.h"

namespace norroy::store {

absl::Status SqlStore::Append(sql::Connection& connection, const AuditEntry& entry,
                              absl::Time time) {
  return chain_.Append(connection, entry, time);
}

absl::Status SqlStore::Audit(const AuditEntry& entry, absl::Time now) {
  return database_.Write(
      [&](sql::Connection& connection) { return Append(connection, entry, now); });
}

absl::StatusOr<std::vector<AuditHead>> SqlStore::VerifyAudit() {
  return sql::ReadFor<std::vector<AuditHead>>(database_, audit::VerifyChains);
}

}  // namespace norroy::store
