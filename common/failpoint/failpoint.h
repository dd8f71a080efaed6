#ifndef NORROY_COMMON_FAILPOINT_FAILPOINT_H_
#define NORROY_COMMON_FAILPOINT_FAILPOINT_H_

// Named places at which a test lets a process die, stop or fail. Only in builds with
// --config=failpoints: in all others the macros are nothing, and no name is in the binary.
//
//   NORROY_FAILPOINT("issuer.order_stored");             // may kill or stop the process here
//   NORROY_FAILPOINT_OR_RETURN("sql.before_commit");     // may make the function fail here, too
//
// What happens is said by the environment variable NORROY_FAILPOINTS, entries separated by ",":
//
//   NAME:N:kill         SIGKILL at the Nth time (counted from 1)
//   NAME:N:pause:FILE   the thread stops there until FILE exists; FILE.reached appears before
//   NAME:N:error        NORROY_FAILPOINT_OR_RETURN returns an error; "N+": from then on each time
//
// A name that is not written like this, or twice, ends the process at the first point that it
// reaches. Thread-safe. tests/chaos/table.cc has a row for each name.

#ifdef NORROY_FAILPOINTS

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::failpoint {

// OK: go on.
absl::Status Reach(absl::string_view name);

}  // namespace norroy::failpoint

#define NORROY_FAILPOINT(name)                   \
  do {                                           \
    (void)::norroy::failpoint::Reach(name).ok(); \
  } while (false)
#define NORROY_FAILPOINT_OR_RETURN(name)                             \
  do {                                                               \
    const ::absl::Status reached = ::norroy::failpoint::Reach(name); \
    if (!reached.ok()) return reached;                               \
  } while (false)

#else

#define NORROY_FAILPOINT(name) static_cast<void>(0)
#define NORROY_FAILPOINT_OR_RETURN(name) static_cast<void>(0)

#endif  // NORROY_FAILPOINTS

#endif  // NORROY_COMMON_FAILPOINT_FAILPOINT_H_
