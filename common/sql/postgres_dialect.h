#ifndef NORROY_COMMON_SQL_POSTGRES_DIALECT_H_
#define NORROY_COMMON_SQL_POSTGRES_DIALECT_H_

// The schema's statements in PostgreSQL's words, and what its errors mean. Nothing of libpq.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy::sql {

// CREATE TABLE and ALTER TABLE: INTEGER is BIGINT, TEXT compares by bytes, BLOB is BYTEA, STRICT
// goes. What is quoted, and every other statement, stays as it is.
std::string ToPostgres(absl::string_view sql);

// What an SQLSTATE (five characters) of PostgreSQL means for us.
struct SqlStateMeaning {
  absl::StatusCode code;
  absl::string_view reason;  // may be empty
  absl::string_view advice;
  // Nothing was kept, and all of the transaction may be run again.
  bool again = false;
};
SqlStateMeaning MeaningOfSqlState(absl::string_view state);

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_POSTGRES_DIALECT_H_
