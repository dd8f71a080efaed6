#include "common/daemon/database.h"

#include <unistd.h>

#include <utility>

#include "common/daemon/daemon.h"
#include "common/daemon/settings.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/sql/open.h"
#include "common/sql/postgres_database.h"
#include "common/status_macros.h"

namespace norroy::daemon {

absl::StatusOr<std::string> ReadDatabase(absl::string_view field, const std::string& config_path,
                                         const std::string& text) {
  if (!sql::IsPostgresUrl(text)) return ReadPath(field, config_path, text);
  const absl::Status checked = sql::CheckPostgresUrl(text);
  if (!checked.ok()) return WithContext(checked, field);
  return text;
}

absl::StatusOr<std::unique_ptr<OwnDatabase>> OwnDatabase::Open(const DatabaseOptions& options) {
  std::unique_ptr<OwnDatabase> own(new OwnDatabase());
  if (sql::IsPostgresUrl(options.database)) {
    const auto end = [](const absl::Status& why) {
      log::Error("main", "this process ends: its name is another's", {{"error", why.message()}});
      _exit(kExitFailed);
    };
    NORROY_ASSIGN_OR_RETURN(
        own->name_,
        sql::ProcessName::Take({.url = options.database, .name = options.process, .lost = end}));
  } else {
    NORROY_RETURN_IF_ERROR(TakeForThisProcess(options.database));
  }
  NORROY_ASSIGN_OR_RETURN(own->database_, sql::Open(options.database));
  NORROY_RETURN_IF_ERROR(sql::Migrate(*own->database_, options.migrations));
  return own;
}

}  // namespace norroy::daemon
