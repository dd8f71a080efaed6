#ifndef NORROY_COMMON_SQL_POSTGRES_KINDS_H_
#define NORROY_COMMON_SQL_POSTGRES_KINDS_H_

// PostgreSQL for contract suites, beside the kinds of database_kinds.h: one server for the test's
// process, and a database of its own for each instance.

#include <memory>
#include <string>
#include <vector>

#include "common/crypto/encoding.h"
#include "common/sql/database_kinds.h"
#include "common/sql/postgres_database.h"
#include "tests/harness/postgres.h"

namespace norroy::sql {

// Ends with the process.
inline harness::Postgres& TestPostgres() {
  static const std::unique_ptr<harness::Postgres> server = harness::Postgres::Start();
  return *server;
}

inline std::vector<DatabaseKind> PostgresKinds() {
  return {{"Postgres", true, true, [](const std::string& instance) {
             // Names of databases are short.
             const std::string name = crypto::Hex(crypto::Sha256(instance)).substr(0, 32);
             return OpenPostgres(TestPostgres().Database(name));
           }}};
}

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_POSTGRES_KINDS_H_
