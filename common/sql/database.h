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
#include "absl/time/time.h"

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
  const Value& Get(int column) const;

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
  // Inside a Write: tells those who subscribed to `channel`, in every process on this database, as
  // soon as the transaction is committed. One that is not kept tells nobody; the same twice in one
  // may be told once. `channel`: 1 to 40 of [a-z_]; `payload`: UTF-8, at most 1000 bytes.
  virtual absl::Status Notify(absl::string_view channel, absl::string_view payload) = 0;
};

inline constexpr size_t kMaxChannel = 40;
inline constexpr size_t kMaxPayload = 1000;
// While notices cannot be heard.
inline constexpr absl::Duration kNoticePollEvery = absl::Seconds(5);

using Heard = std::function<void(absl::string_view payload)>;

// Ends when it is destroyed; no call runs after that.
class Subscription {
 public:
  virtual ~Subscription() = default;
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

  // From now on calls `heard` with the payload of every notice of `channel`, this process's own
  // too, and with "" when some may have been missed, so that it should look at everything: at the
  // beginning, when the database is heard again after it was lost, and every kNoticePollEvery in
  // between. A notice is a hint that saves the wait for the next look: what counts is in the
  // tables, and a lost one costs that wait.
  //
  // Calls come one at a time on a thread of the database's own. `heard` may read and write the
  // database, but must not be long, as others wait behind it, and must not end a subscription. The
  // subscription ends before the database does.
  virtual std::unique_ptr<Subscription> Subscribe(absl::string_view channel, Heard heard) = 0;
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
