#include "common/sql/sqlite_connection.h"

#include <sqlite3.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

// Whatever happens, the statement is ready for its next use and holds no lock.
class Reset {
 public:
  explicit Reset(sqlite3_stmt* statement) : statement_(statement) {}
  ~Reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;

 private:
  sqlite3_stmt* const statement_;
};

// The values outlive the statement's run, so SQLite need not copy them.
int BindOne(sqlite3_stmt* statement, int index, const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return sqlite3_bind_int64(statement, index, *number);
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_STATIC,
                               SQLITE_UTF8);
  }
  if (const auto* blob = std::get_if<Blob>(&value)) {
    return sqlite3_bind_blob64(statement, index, blob->bytes.data(), blob->bytes.size(),
                               SQLITE_STATIC);
  }
  return sqlite3_bind_null(statement, index);
}

std::string BytesOf(sqlite3_stmt* statement, int column, const void* data) {
  const int size = sqlite3_column_bytes(statement, column);
  if (data == nullptr || size <= 0) return "";
  return std::string(static_cast<const char*>(data), static_cast<size_t>(size));
}

absl::StatusOr<Value> ColumnOf(sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_NULL:
      return Value(Null());
    case SQLITE_INTEGER:
      return Value(int64_t{sqlite3_column_int64(statement, column)});
    case SQLITE_TEXT:
      return Value(BytesOf(statement, column, sqlite3_column_text(statement, column)));
    case SQLITE_BLOB:
      return Value(Blob{BytesOf(statement, column, sqlite3_column_blob(statement, column))});
    default:
      return absl::InternalError(
          absl::StrCat("column ", column + 1, " of a result is a floating-point number"));
  }
}

struct Meaning {
  absl::StatusCode code;
  absl::string_view reason;
  absl::string_view advice;
};

Meaning MeaningOf(int extended) {
  switch (extended) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return {absl::StatusCode::kAlreadyExists, "", ""};
    default:
      break;
  }
  switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
      return {absl::StatusCode::kFailedPrecondition, "", ""};
    case SQLITE_FULL:
      return {absl::StatusCode::kResourceExhausted, "STORAGE_FULL",
              ": no space is left; nothing was changed, free some and try again"};
    case SQLITE_NOMEM:
      return {absl::StatusCode::kResourceExhausted, "STORAGE_MEMORY", ""};
    case SQLITE_TOOBIG:
      return {absl::StatusCode::kInvalidArgument, "", ""};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {absl::StatusCode::kUnavailable, "STORAGE_BUSY",
              ": another process holds the database; try again"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return {absl::StatusCode::kDataLoss, "STORAGE_CORRUPT",
              ": the database is damaged or is none; stop the process, put the file aside together "
              "with its -wal and -shm files, and restore a backup"};
    case SQLITE_IOERR:
      return {absl::StatusCode::kInternal, "STORAGE_IO",
              ": the disk failed; see the system's log, then restart"};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return {absl::StatusCode::kFailedPrecondition, "STORAGE_UNUSABLE",
              ": check that the file and its directory exist and belong to this user"};
    default:
      return {absl::StatusCode::kInternal, "", ""};
  }
}

}  // namespace

void SqliteCloser::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
void SqliteFinalizer::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

absl::Status SqliteConnection::Failure(int code, absl::string_view sql) {
  const Meaning meaning = MeaningOf(code);
  std::string message = absl::StrCat(
      path_, ": ", handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_.get()),
      meaning.advice);
  // A statement that SQLite does not take is our own mistake; show which.
  if (meaning.code == absl::StatusCode::kInternal && meaning.reason.empty()) {
    absl::StrAppend(&message, " (in: ", sql, ")");
  }
  if (meaning.reason.empty()) return absl::Status(meaning.code, message);
  absl::Status failure = MakeError(meaning.code, meaning.reason, message);
  // fsync that failed once may claim success the next time though the data are gone.
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
    const bool first = !std::exchange(sync_failed_, true);
    if (first && broken_ != nullptr) broken_(failure);
  }
  return failure;
}

absl::StatusOr<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path) {
  auto connection = std::unique_ptr<SqliteConnection>(new SqliteConnection(path));
  // Debian's SQLite reads names that begin with "file:" as URIs; ours are paths.
  const std::string name = absl::StartsWith(path, "file:") ? absl::StrCat("./", path) : path;
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int code = sqlite3_open_v2(name.c_str(), &handle, flags, nullptr);
  connection->handle_.reset(handle);
  if (code != SQLITE_OK) return connection->Failure(code, "open");
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return connection;
}

absl::StatusOr<sqlite3_stmt*> SqliteConnection::Prepare(absl::string_view sql) {
  const auto found = statements_.find(sql);
  if (found != statements_.end()) return found->second.get();
  sqlite3_stmt* statement = nullptr;
  const char* tail = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, &tail);
  std::unique_ptr<sqlite3_stmt, SqliteFinalizer> owned(statement);
  if (code != SQLITE_OK) return Failure(code, sql);
  const absl::string_view rest = sql.substr(static_cast<size_t>(tail - sql.data()));
  if (owned == nullptr || !absl::StripAsciiWhitespace(rest).empty()) {
    return absl::InternalError(absl::StrCat("not exactly one statement: ", sql));
  }
  if (statements_.size() >= kMaxCachedStatements) statements_.clear();
  statements_.emplace(std::string(sql), std::move(owned));
  return statement;
}

absl::Status SqliteConnection::Bind(sqlite3_stmt* statement, const std::vector<Value>& parameters) {
  const size_t expected = static_cast<size_t>(sqlite3_bind_parameter_count(statement));
  if (expected != parameters.size()) {
    return absl::InternalError(absl::StrCat("the statement has ", expected, " parameters, ",
                                            parameters.size(),
                                            " were given: ", sqlite3_sql(statement)));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    // SQLite numbers parameters by their first use: "$2" is not always the second.
    const std::string name = absl::StrCat("$", i + 1);
    const int index = sqlite3_bind_parameter_index(statement, name.c_str());
    if (index == 0) {
      return absl::InternalError(
          absl::StrCat("the statement has no parameter ", name, ": ", sqlite3_sql(statement)));
    }
    const int code = BindOne(statement, index, parameters[i]);
    if (code != SQLITE_OK) return Failure(code, sqlite3_sql(statement));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Row>> SqliteConnection::Step(sqlite3_stmt* statement) {
  std::vector<Row> rows;
  for (;;) {
    const int code = sqlite3_step(statement);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return Failure(code, sqlite3_sql(statement));
    if (rows.size() == kMaxRows) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a result has more than ", kMaxRows, " rows: ", sqlite3_sql(statement)));
    }
    std::vector<Value> values;
    const int columns = sqlite3_column_count(statement);
    values.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      NORROY_ASSIGN_OR_RETURN(Value value, ColumnOf(statement, column));
      values.push_back(std::move(value));
    }
    rows.emplace_back(std::move(values));
  }
}

absl::StatusOr<std::vector<Row>> SqliteConnection::Run(absl::string_view sql,
                                                       const std::vector<Value>& parameters) {
  absl::StatusOr<std::vector<Row>> rows = TryRun(sql, parameters);
  if (!rows.ok()) statement_failed_ = true;
  return rows;
}

absl::StatusOr<std::vector<Row>> SqliteConnection::TryRun(absl::string_view sql,
                                                          const std::vector<Value>& parameters) {
  NORROY_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql));
  if (read_only_ && sqlite3_stmt_readonly(statement) == 0) {
    return absl::InternalError(absl::StrCat("a statement that writes, in Read: ", sql));
  }
  const Reset reset(statement);
  NORROY_RETURN_IF_ERROR(Bind(statement, parameters));
  return Step(statement);
}

absl::StatusOr<std::vector<Row>> SqliteConnection::Query(absl::string_view sql,
                                                         const std::vector<Value>& parameters) {
  return Run(sql, parameters);
}

absl::StatusOr<int64_t> SqliteConnection::Execute(absl::string_view sql,
                                                  const std::vector<Value>& parameters) {
  // sqlite3_changes keeps its value across statements that change no rows.
  const int64_t before = sqlite3_total_changes64(handle_.get());
  NORROY_RETURN_IF_ERROR(Run(sql, parameters).status());
  if (sqlite3_total_changes64(handle_.get()) == before) return 0;
  return int64_t{sqlite3_changes64(handle_.get())};
}

// One process has the file: it tells itself.
absl::Status SqliteConnection::Notify(absl::string_view channel, absl::string_view payload) {
  absl::Status fine = CheckNotice(channel, payload);
  if (fine.ok() && read_only_) fine = absl::InternalError("a notice, in Read");
  if (fine.ok()) {
    notices_.push_back({std::string(channel), std::string(payload)});
  } else {
    statement_failed_ = true;
  }
  return fine;
}

absl::Status SqliteConnection::Control(absl::string_view sql) {
  NORROY_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(sql));
  const Reset reset(statement);
  return Step(statement).status();
}

absl::StatusOr<std::string> SqliteConnection::Pragma(absl::string_view pragma) {
  NORROY_ASSIGN_OR_RETURN(sqlite3_stmt* const statement, Prepare(pragma));
  const Reset reset(statement);
  // To its end: what a pragma writes is committed after its last row.
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows, Step(statement));
  return rows.empty() ? std::string() : rows.front().Text(0);
}

absl::Status SqliteConnection::Begin(bool read_only) {
  statement_failed_ = false;
  notices_.clear();
  if (read_only) return Control("BEGIN DEFERRED");
  if (sync_failed_) {
    return MakeError(absl::StatusCode::kInternal, "STORAGE_IO",
                     "an earlier write did not reach the disk; restart the process");
  }
  return Control("BEGIN IMMEDIATE");
}

absl::Status SqliteConnection::Commit() {
  const absl::Status commit = Control("COMMIT");
  if (!commit.ok()) Rollback();
  return commit;
}

void SqliteConnection::Rollback() {
  // If it fails, the next Begin says so.
  if (InTransaction()) Control("ROLLBACK").IgnoreError();
}

absl::Status SqliteConnection::Save() {
  statement_failed_ = false;
  notices_saved_ = notices_.size();
  return Control("SAVEPOINT work");
}

absl::Status SqliteConnection::KeepSaved() { return Control("RELEASE work"); }

absl::Status SqliteConnection::UndoSaved() {
  notices_.resize(notices_saved_);
  NORROY_RETURN_IF_ERROR(Control("ROLLBACK TO work"));
  return Control("RELEASE work");
}

bool SqliteConnection::InTransaction() const { return sqlite3_get_autocommit(handle_.get()) == 0; }

}  // namespace norroy::sql
