#ifndef NORROY_COMMON_DAEMON_MAINTENANCE_H_
#define NORROY_COMMON_DAEMON_MAINTENANCE_H_

// What a server's program does to its database instead of serving:
//
//   norroy-issuer migrate --config FILE               brings it to this program's schema
//   norroy-issuer import --config FILE --from FILE    brings all of a SQLite file into PostgreSQL
//   norroy-issuer backup --config FILE --out FILE     copies a SQLite file while it is in use

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/daemon/daemon.h"
#include "common/sql/schema.h"

namespace norroy::daemon {

const std::vector<Command>& DatabaseCommands();

// Does it; what to print. `database` is from ReadDatabase. FAILED_PRECONDITION, reason IN_USE: a
// process works on it (for migrate and import); WRONG_DATABASE: the command is not for databases of
// this kind.
absl::StatusOr<std::string> Maintain(const Flags& flags, const std::string& database,
                                     const sql::Schema& schema);

}  // namespace norroy::daemon

#endif  // NORROY_COMMON_DAEMON_MAINTENANCE_H_
