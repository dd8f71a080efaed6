#ifndef NORROY_COMMON_SQL_DATABASE_KINDS_H_
#define NORROY_COMMON_SQL_DATABASE_KINDS_H_

// The kinds of database that contract suites run on:
//
//   INSTANTIATE_TEST_SUITE_P(On, StoreContract, testing::ValuesIn(sql::TestedKinds()),
//                            sql::KindName);
//
// in a database_test (build_defs.bzl).

#include <functional>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/sql/database.h"
#include "gtest/gtest.h"

namespace norroy::sql {

struct DatabaseKind {
  std::string name;
  bool durable = false;  // opening the same instance again finds what was written
  bool shared = false;   // several processes may have the same instance at once
  // A database of its own for each instance name.
  std::function<absl::StatusOr<std::unique_ptr<Database>>(const std::string& instance)> open;
};

inline std::string KindName(const testing::TestParamInfo<DatabaseKind>& info) {
  return info.param.name;
}

// Where the SQLite file of an instance lies, below TEST_TMPDIR.
inline std::string SqlitePath(const std::string& instance) {
  return absl::StrCat(testing::TempDir(), "/", absl::StrReplaceAll(instance, {{"/", "-"}}), ".db");
}

inline std::vector<DatabaseKind> SqliteKinds() {
  return {
      {"Memory", false, false, [](const std::string&) { return OpenSqlite(":memory:"); }},
      {"File", true, false, [](const std::string& name) { return OpenSqlite(SqlitePath(name)); }},
  };
}

// Those of the test's target: of SQLite, or of PostgreSQL.
std::vector<DatabaseKind> TestedKinds();

// SQL with bytes written as x'00ff' in the words of the kind's database.
inline std::string InWordsOf(const DatabaseKind& kind, const std::string& sql) {
  if (!kind.shared) return sql;
  return std::regex_replace(sql, std::regex(" x'([0-9a-f]*)'"), " '\\x$1'::bytea");
}

// An instance for the test that runs now.
inline absl::StatusOr<std::unique_ptr<Database>> OpenForThisTest(const DatabaseKind& kind) {
  const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
  return kind.open(absl::StrCat(test.test_suite_name(), ".", test.name()));
}

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_DATABASE_KINDS_H_
