#include "common/sql/simulated_database.h"

#include <string>
#include <utility>

#include "common/sql/sqlite_connection.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

constexpr char kMemory[] = ":memory:";

class InMemory final : public SimulatedDatabase {
 public:
  explicit InMemory(std::unique_ptr<SqliteConnection> connection)
      : connection_(std::move(connection)) {}

  absl::Status Write(const Work& work) override { return Run(work, /*read_only=*/false); }
  absl::Status Read(const Work& work) override { return Run(work, /*read_only=*/true); }

  std::unique_ptr<Subscription> Subscribe(absl::string_view /*channel*/, Heard /*heard*/) override {
    return std::make_unique<Subscription>();
  }

  absl::Status FindTables() {
    return Read([this](Connection& connection) -> absl::Status {
      NORROY_ASSIGN_OR_RETURN(
          const std::vector<Row> rows,
          connection.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND "
                           "name <> 'schema_version' AND name NOT LIKE 'sqlite_%'",
                           {}));
      for (const Row& row : rows) tables_.push_back(row.Text(0));
      return absl::OkStatus();
    });
  }

  absl::Status Empty() override {
    // Rows go whatever refers to them: all do.
    NORROY_RETURN_IF_ERROR(connection_->Control("PRAGMA foreign_keys = OFF"));
    const absl::Status emptied = Write([this](Connection& connection) -> absl::Status {
      for (const std::string& table : tables_) {
        NORROY_RETURN_IF_ERROR(connection.Execute("DELETE FROM " + table, {}).status());
      }
      return absl::OkStatus();
    });
    const absl::Status on = connection_->Control("PRAGMA foreign_keys = ON");
    return emptied.ok() ? on : emptied;
  }

 private:
  absl::Status Run(const Work& work, bool read_only) {
    NORROY_RETURN_IF_ERROR(connection_->Begin(read_only));
    connection_->set_read_only(read_only);
    absl::Status status = work(*connection_);
    connection_->set_read_only(false);
    if (status.ok() && connection_->StatementFailed()) {
      status = absl::InternalError("a statement failed, and the work went on as if it had not");
    }
    if (status.ok() && !read_only) return connection_->Commit();
    connection_->Rollback();
    return status;
  }

  const std::unique_ptr<SqliteConnection> connection_;
  std::vector<std::string> tables_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SimulatedDatabase>> SimulatedDatabase::Open(
    const std::vector<Migration>& migrations) {
  NORROY_ASSIGN_OR_RETURN(std::unique_ptr<SqliteConnection> connection,
                          SqliteConnection::Open(kMemory));
  NORROY_RETURN_IF_ERROR(connection->Control("PRAGMA foreign_keys = ON"));
  auto database = std::make_unique<InMemory>(std::move(connection));
  NORROY_RETURN_IF_ERROR(Migrate(*database, migrations));
  NORROY_RETURN_IF_ERROR(database->FindTables());
  return database;
}

}  // namespace norroy::sql
