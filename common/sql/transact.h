#ifndef NORROY_COMMON_SQL_TRANSACT_H_
#define NORROY_COMMON_SQL_TRANSACT_H_

// Transactions that have a result. The work may run more than once (see Database::Write); only the
// last run's result is returned.
//
//   return sql::WriteFor<Order>(database, [&](sql::Connection& connection)
//                                             -> absl::StatusOr<Order> { ... });

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

template <typename T>
using WorkFor = std::function<absl::StatusOr<T>(Connection&)>;

template <typename T>
absl::StatusOr<T> WriteFor(Database& database, const WorkFor<T>& work) {
  absl::StatusOr<T> result = absl::InternalError("the transaction did not run");
  const absl::Status status = database.Write([&](Connection& connection) {
    result = work(connection);
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

template <typename T>
absl::StatusOr<T> ReadFor(Database& database, const WorkFor<T>& work) {
  absl::StatusOr<T> result = absl::InternalError("the transaction did not run");
  const absl::Status status = database.Read([&](Connection& connection) {
    result = work(connection);
    return result.status();
  });
  if (!status.ok()) return status;
  return result;
}

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_TRANSACT_H_
