#ifndef NORROY_COMMON_SQL_DATABASE_H_
#define NORROY_COMMON_SQL_DATABASE_H_

// A small port over SQL databases: whole transactions, nothing else. Statements use $1, $2, ... for
// parameters and the SQL that SQLite and PostgreSQL share.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::sql {

struct Blob {
  std::string bytes;
  bool operator==(const Blob&) const = default;
};
struct Null {
  bool operator==(const Null&) const = default;
};
using Value = std::variant<Null, int64_t, std::string, Blob>;

// One row of a result. Asking a column for another type than it has is a programming error, but
// for Null, which reads as 0, "" or no bytes.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  bool IsNull(int column) const;
  int64_t Int(int column) const;
  const std::string& Text(int column) const;
  const std::string& Bytes(int column) const;

 private:
  std::vector<Value> values_;
};

// Inside a transaction. Not thread-safe.
class Connection {
 public:
  virtual ~Connection() = default;
  // At most 100,000 rows.
  virtual absl::StatusOr<std::vector<Row>> Query(absl::string_view sql,
                                                 const std::vector<Value>& parameters) = 0;
  // Rows changed. A broken uniqueness constraint is ALREADY_EXISTS.
  virtual absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                          const std::vector<Value>& parameters) = 0;
};

using Work = std::function<absl::Status(Connection&)>;

// Thread-safe.
class Database {
 public:
  virtual ~Database() = default;
  // Runs `work` in one transaction and commits it durably before it returns; an error of `work`
  // rolls back exactly its own changes and is returned. `work` must do nothing but use the
  // connection and its captures: it may be run again if the transaction has to be repeated, and it
  // may share its commit with others. After an error of a statement the work must end with an
  // error: nothing of it is kept.
  virtual absl::Status Write(const Work& work) = 0;
  // Reads one consistent state.
  virtual absl::Status Read(const Work& work) = 0;
};

// A step of the schema; `version` counts up from 1. Statements are separated by ";", which must not
// stand inside one. Columns are INTEGER (64 bits), TEXT or BLOB, tables end in STRICT; an adapter
// whose database says that in other words translates these.
struct Migration {
  int version;
  absl::string_view sql;
};

// Brings the database to the last version, each step in its own transaction, noting it in table
// schema_version. A database of a higher version than we know is FAILED_PRECONDITION (reason
// NEWER_SCHEMA): an older program must not touch it.
absl::Status Migrate(Database& database, const std::vector<Migration>& migrations);

// SQLite: WAL, synchronous=FULL, foreign keys on, one writer thread that commits together what has
// gathered (each Work under its own savepoint), readers on their own connections. ":memory:" is
// one database for the life of the object. The file is made with mode 0600; a damaged one is
// refused (DATA_LOSS).
//
// Errors, with the file's path in the message: RESOURCE_EXHAUSTED, reason STORAGE_FULL: no space
// left, and all is as it was; UNAVAILABLE, STORAGE_BUSY: another process holds the file;
// DATA_LOSS, STORAGE_CORRUPT; INTERNAL, STORAGE_IO; FAILED_PRECONDITION, STORAGE_UNUSABLE: missing
// directory, permissions. After a failed fsync nothing more is written (STORAGE_IO): what the disk
// holds is known only after a restart.
absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_DATABASE_H_
