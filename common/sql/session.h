#ifndef NORROY_COMMON_SQL_SESSION_H_
#define NORROY_COMMON_SQL_SESSION_H_

// What an adapter is made of: one connection to the database server or file, with transactions and
// one savepoint in them. Not thread-safe: used by one thread at a time.

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"
#include "common/sql/notices.h"

namespace norroy::sql {

inline constexpr size_t kMaxRows = 100'000;

class Session : public Connection {
 public:
  // Connects anew where the connection was lost.
  virtual absl::Status Begin(bool read_only) = 0;
  // An error says that nothing of the transaction was kept, unless Unknown says otherwise.
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;

  // The piece of a transaction that one Work does.
  virtual absl::Status Save() = 0;
  virtual absl::Status KeepSaved() = 0;
  virtual absl::Status UndoSaved() = 0;

  // False: the database itself gave the transaction up, with all that was done in it.
  virtual bool InTransaction() const = 0;
  // The transaction (or Commit) failed for a reason that may be gone when all of it is run again:
  // it was in another's way, or the connection was lost. Nothing of it was kept.
  virtual bool MayRunAgain() const = 0;
  // A statement has failed since Save: what the work did is not to be kept.
  virtual bool StatementFailed() const = 0;

  // What Notify told, of a transaction that was committed: for this process to hand on, as the
  // database itself does not. Each once.
  virtual std::vector<Notice> TakeNotices() = 0;

  // Statements that write are refused while it is set.
  virtual void set_read_only(bool read_only) = 0;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_SESSION_H_
