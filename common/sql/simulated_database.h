#ifndef NORROY_COMMON_SQL_SIMULATED_DATABASE_H_
#define NORROY_COMMON_SQL_SIMULATED_DATABASE_H_

// SQLite in memory without a thread of its own: each Work runs at once on the caller's thread, in a
// transaction of its own. For simulations, where exactly one thread runs, and which need thousands
// of fresh databases.

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/sql/database.h"

namespace norroy::sql {

// Not thread-safe. Nobody is told anything: who subscribes must do without.
class SimulatedDatabase : public Database {
 public:
  static absl::StatusOr<std::unique_ptr<SimulatedDatabase>> Open(
      const std::vector<Migration>& migrations);

  // As it was after Open: many times cheaper than another Open.
  virtual absl::Status Empty() = 0;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SIMULATED_DATABASE_H_
