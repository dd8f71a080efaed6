#include "common/daemon/database.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
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

absl::Status OwnDatabase::Take(const std::string& database, const std::string& name, bool whole) {
  const auto end = [](const absl::Status& why) {
    log::Error("main", "this process ends: it must not write to its database any more",
               {{"error", why.message()}});
    _exit(kExitFailed);
  };
  if (!sql::IsPostgresUrl(database)) {
    NORROY_RETURN_IF_ERROR(TakeForThisProcess(database));
  } else {
    NORROY_ASSIGN_OR_RETURN(
        name_,
        sql::ProcessName::Take({.url = database, .name = name, .whole = whole, .lost = end}));
  }
  NORROY_ASSIGN_OR_RETURN(database_, sql::Open(database, end));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<OwnDatabase>> OwnDatabase::Open(const std::string& database,
                                                               const sql::Schema& schema,
                                                               const std::string& process) {
  std::unique_ptr<OwnDatabase> own(new OwnDatabase());
  NORROY_RETURN_IF_ERROR(own->Take(database, process, /*whole=*/false));
  NORROY_RETURN_IF_ERROR(sql::IsPostgresUrl(database) ? sql::CheckSchema(**own, schema)
                                                      : sql::MigrateFor(**own, schema));
  return own;
}

absl::StatusOr<std::unique_ptr<OwnDatabase>> OwnDatabase::OpenWhole(const std::string& database,
                                                                    const sql::Schema& schema,
                                                                    const std::string& purpose) {
  std::unique_ptr<OwnDatabase> own(new OwnDatabase());
  NORROY_RETURN_IF_ERROR(
      own->Take(database, absl::StrCat(schema.service, " ", purpose), /*whole=*/true));
  NORROY_RETURN_IF_ERROR(sql::MigrateFor(**own, schema));
  return own;
}

}  // namespace norroy::daemon
