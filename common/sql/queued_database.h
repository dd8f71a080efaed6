#ifndef NORROY_COMMON_SQL_QUEUED_DATABASE_H_
#define NORROY_COMMON_SQL_QUEUED_DATABASE_H_

// A Database over sessions: one thread writes, and commits together what has gathered meanwhile
// (each Work under its own savepoint, so that it fails alone); readers have sessions of their own.

#include <functional>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "common/sql/database.h"
#include "common/sql/notices.h"
#include "common/sql/session.h"

namespace norroy::sql {

// Brings notices of other processes for as long as it lives.
class Listener {
 public:
  virtual ~Listener() = default;
};

struct QueuedDatabaseOptions {
  std::unique_ptr<Session> writer;
  // None: reads go through the writer (a database in memory is seen by one connection only).
  std::vector<std::unique_ptr<Session>> readers;
  // How long a transaction that MayRunAgain is run again, with pauses that grow and vary.
  absl::Duration patience = absl::Seconds(10);
  // Called at the first Subscribe. Unset: all notices are this process's own, and the sessions have
  // them.
  std::function<std::unique_ptr<Listener>(Notices&)> listen;
};

std::unique_ptr<Database> MakeQueuedDatabase(QueuedDatabaseOptions options);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_QUEUED_DATABASE_H_
