#ifndef NORROY_COMMON_SQL_PROCESS_NAME_H_
#define NORROY_COMMON_SQL_PROCESS_NAME_H_

// A process's name in a PostgreSQL database ("issuer/main"): while this lives, nobody else has it
// there. It is a session's advisory lock on a connection of its own, so that the server itself
// takes it back from a process that died, at once, and needs no clock for it.
//
// A migration, which nothing else may run beside, holds the whole database the same way.
//
// The lock says who may start, not who may write: what is written is fenced by the leases' tokens
// and the audit chain's numbers. So the process goes on while the connection is lost, and takes the
// name anew; if somebody else has it by then, `lost` is called and the process must end.
// Thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace norroy::sql {

struct ProcessNameOptions {
  std::string url;  // as OpenPostgres takes it
  std::string name;
  // Not a name among others but the whole database: nobody may be connected who has a name.
  bool whole = false;
  // Called at most once, from another thread, which it may hold up.
  std::function<void(const absl::Status&)> lost;
  // How long a name that another connection holds is waited for at the start: one that was cut off
  // a moment ago may not have been noticed yet.
  absl::Duration patience = absl::Seconds(5);
  // How often it is made sure that the connection is still there.
  absl::Duration look_every = absl::Seconds(2);
};

class ProcessName {
 public:
  // FAILED_PRECONDITION, reason IN_USE: another process of this name is connected, or holds the
  // whole database (or, for the whole, anybody is); the message says from where. Else errors are
  // those of OpenPostgres.
  static absl::StatusOr<std::unique_ptr<ProcessName>> Take(ProcessNameOptions options);
  // Gives it back.
  virtual ~ProcessName() = default;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_PROCESS_NAME_H_
