#ifndef NORROY_AGENT_INHERITED_SOCKETS_H_
#define NORROY_AGENT_INHERITED_SOCKETS_H_

// Sockets that the service manager opened before us (sd_listen_fds(3)), by the names that it gives
// them: a "fd:NAME" among the addresses of a configuration means all sockets of that name, whatever
// their order. Several socket units of one service are handed over in no order that one could count
// on, so numbers ("fd:3") are good for one unit alone.

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

// Immutable.
class InheritedSockets {
 public:
  // None.
  InheritedSockets() = default;
  // As the environment says it: LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES, "" for one that is not
  // there. What is meant for another process (`own_pid`) or makes no sense is none.
  InheritedSockets(absl::string_view pid, absl::string_view count, absl::string_view names,
                   int own_pid);
  static InheritedSockets OfThisProcess();

  // `listen` with each "fd:NAME" replaced by "fd:N" for each socket of that name.
  // FAILED_PRECONDITION, reason NO_SOCKET, if there is none.
  absl::StatusOr<std::vector<std::string>> Resolve(const std::vector<std::string>& listen) const;

 private:
  std::vector<std::pair<std::string, int>> named_;
};

// `listen` with some number in place of each name: to check all else by.
std::vector<std::string> WithoutNames(const std::vector<std::string>& listen);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_INHERITED_SOCKETS_H_
