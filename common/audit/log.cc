#include "common/audit/log.h"

#include "common/identity/issuing.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::audit {

absl::Status Log::Append(const Entry& entry) {
  const absl::Time now = options_.clock.Now();
  return options_.database.Write(
      [&](sql::Connection& connection) { return chain_.Append(connection, entry, now); });
}

absl::StatusOr<std::vector<Record>> Log::List(const Filter& filter, bool oldest_first,
                                              const Place* from, int limit) {
  return sql::ReadFor<std::vector<Record>>(options_.database, [&](sql::Connection& connection) {
    return audit::List(connection, filter, oldest_first, from, limit);
  });
}

absl::StatusOr<std::vector<Head>> Log::Verify() {
  const auto verify = [](sql::Connection& connection) -> absl::StatusOr<std::vector<Head>> {
    NORROY_ASSIGN_OR_RETURN(std::vector<Head> heads, VerifyChains(connection));
    NORROY_RETURN_IF_ERROR(CompareWithCheckpoints(connection));
    return heads;
  };
  return sql::ReadFor<std::vector<Head>>(options_.database, verify);
}

absl::StatusOr<Checkpoint> Log::Sign() {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile signer,
                          identity::ReadIdentityFile(options_.identity_file));
  const absl::Time now = options_.clock.Now();
  return sql::WriteFor<Checkpoint>(options_.database, [&](sql::Connection& connection) {
    return SignHeads(connection, options_.deployment, signer, now);
  });
}

absl::StatusOr<std::vector<KeptCheckpoint>> Log::Checkpoints(int64_t after, int limit) {
  return sql::ReadFor<std::vector<KeptCheckpoint>>(
      options_.database,
      [&](sql::Connection& connection) { return ListCheckpoints(connection, after, limit); });
}

}  // namespace norroy::audit
