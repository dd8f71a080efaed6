#ifndef NORROY_COMMON_DAEMON_SERVER_MAIN_H_
#define NORROY_COMMON_DAEMON_SERVER_MAIN_H_

// What a server's main does around the server: flags, hardening, configuration, log, exit code.

#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/clock/clock.h"
#include "common/daemon/daemon.h"
#include "common/daemon/maintenance.h"
#include "common/log/log.h"
#include "common/sql/schema.h"
#include "common/status_macros.h"

namespace norroy::daemon {

// `Settings` has log_level, log_format and database.
template <typename Settings>
struct ServerProgram {
  std::string name;     // "norroy-issuer"
  std::string version;  // "norroy-issuer 0.1.0"
  // First thing, before any file is read.
  void (*prepare)() = nullptr;
  // Checks everything that can be checked without the network.
  absl::StatusOr<Settings> (*load)(const std::string& config, absl::Time now) = nullptr;
  // Of the database, for the commands of maintenance.h.
  sql::Schema (*schema)() = nullptr;
  // Serves until a signal ends it.
  absl::Status (*run)(Settings settings, Clock& clock) = nullptr;
};

// What SIGHUP is answered with: whether the identity file, which is picked up by itself, is usable.
inline void LogIdentity(const absl::Status& status) {
  if (status.ok()) {
    log::Info("main", "identity file is fine; it is picked up by itself");
  } else {
    log::Error("main", "identity file is not usable", {{"error", status.message()}});
  }
}

template <typename Settings>
absl::StatusOr<int> TryServerMain(int argc, char** argv, const ServerProgram<Settings>& program,
                                  int& code) {
  code = kExitBadConfig;
  NORROY_ASSIGN_OR_RETURN(const Flags flags, ParseFlags(argc, argv, DatabaseCommands()));
  if (flags.help || flags.version) {
    std::fputs(
        (flags.help ? Usage(program.name, DatabaseCommands()) : program.version + "\n").c_str(),
        stdout);
    return kExitOk;
  }
  code = kExitFailed;
  NORROY_RETURN_IF_ERROR(Harden());
  program.prepare();
  SystemClock clock;
  code = kExitBadConfig;
  NORROY_ASSIGN_OR_RETURN(Settings settings, program.load(flags.config, clock.Now()));
  if (flags.check) {
    std::printf("%s: fine\n", flags.config.c_str());
    return kExitOk;
  }
  log::Configure(settings.log_level, settings.log_format);
  if (!flags.command.empty()) {
    code = kExitFailed;
    NORROY_ASSIGN_OR_RETURN(const std::string done,
                            Maintain(flags, settings.database, program.schema()));
    std::fputs(done.c_str(), stdout);
    return kExitOk;
  }
  const absl::Status ended = program.run(std::move(settings), clock);
  if (ended.ok()) return kExitOk;
  log::Error("main", "cannot run", {{"error", ended.message()}});
  return kExitFailed;
}

template <typename Settings>
int ServerMain(int argc, char** argv, const ServerProgram<Settings>& program) {
  BlockSignals();
  int code = kExitFailed;
  const absl::StatusOr<int> ended = TryServerMain(argc, argv, program, code);
  if (ended.ok()) return *ended;
  std::fprintf(stderr, "%s: %s\n", program.name.c_str(),
               std::string(ended.status().message()).c_str());
  return code;
}

}  // namespace norroy::daemon

#endif  // NORROY_COMMON_DAEMON_SERVER_MAIN_H_
