#include "common/sql/copy_tables.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::sql {
namespace {

constexpr int64_t kRowsAtOnce = 500;

struct Table {
  std::string name;
  std::vector<std::string> columns;
};

std::string Quoted(const std::string& name) { return absl::StrCat("\"", name, "\""); }

// Tables that others refer to come first: they were made first.
absl::StatusOr<std::vector<Table>> TablesOf(Connection& sqlite) {
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<Row> names,
      sqlite.Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE "
                   "'sqlite%' AND name NOT IN ('schema_version', 'database_of') ORDER BY rowid",
                   {}));
  std::vector<Table> tables;
  for (const Row& row : names) {
    Table table{.name = row.Text(0), .columns = {}};
    NORROY_ASSIGN_OR_RETURN(
        const std::vector<Row> columns,
        sqlite.Query("SELECT name FROM pragma_table_info($1) ORDER BY cid", {table.name}));
    for (const Row& column : columns) table.columns.push_back(Quoted(column.Text(0)));
    tables.push_back(std::move(table));
  }
  return tables;
}

absl::StatusOr<int64_t> Number(Connection& connection, const std::string& sql) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows, connection.Query(sql, {}));
  return rows.at(0).Int(0);
}

absl::StatusOr<int64_t> CountOf(Connection& connection, const Table& table) {
  return Number(connection, absl::StrCat("SELECT COUNT(*) FROM ", Quoted(table.name)));
}

absl::Status CheckSameVersion(Connection& from, Connection& to) {
  constexpr char kVersion[] = "SELECT MAX(version) FROM schema_version";
  NORROY_ASSIGN_OR_RETURN(const int64_t theirs, Number(from, kVersion));
  NORROY_ASSIGN_OR_RETURN(const int64_t ours, Number(to, kVersion));
  if (theirs == ours) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "OTHER_SCHEMA",
                   absl::StrCat("the file has schema version ", theirs, ", the database ", ours,
                                ": migrate the file first, with a configuration that names it"));
}

std::string InsertInto(const Table& table) {
  std::vector<std::string> parameters;
  for (size_t i = 1; i <= table.columns.size(); ++i) parameters.push_back(absl::StrCat("$", i));
  return absl::StrCat("INSERT INTO ", Quoted(table.name), " (", absl::StrJoin(table.columns, ", "),
                      ") VALUES (", absl::StrJoin(parameters, ", "), ")");
}

absl::StatusOr<CopiedTable> Copy(Connection& from, Connection& to, const Table& table) {
  const std::string select =
      absl::StrCat("SELECT rowid, ", absl::StrJoin(table.columns, ", "), " FROM ",
                   Quoted(table.name), " WHERE rowid > $1 ORDER BY rowid LIMIT $2");
  const std::string insert = InsertInto(table);
  const int width = static_cast<int>(table.columns.size());
  int64_t last = INT64_MIN;
  for (;;) {
    NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows, from.Query(select, {last, kRowsAtOnce}));
    for (const Row& row : rows) {
      std::vector<Value> values;
      for (int column = 1; column <= width; ++column) values.push_back(row.Get(column));
      NORROY_RETURN_IF_ERROR(to.Execute(insert, values).status());
      last = row.Int(0);
    }
    if (rows.empty()) break;
  }
  NORROY_ASSIGN_OR_RETURN(const int64_t here, CountOf(from, table));
  NORROY_ASSIGN_OR_RETURN(const int64_t there, CountOf(to, table));
  if (here == there) return CopiedTable{table.name, there};
  return absl::DataLossError(
      absl::StrCat(table.name, ": of ", here, " rows ", there, " arrived; nothing was kept"));
}

absl::StatusOr<std::vector<CopiedTable>> CopyAll(Connection& from, Connection& to) {
  NORROY_RETURN_IF_ERROR(CheckSameVersion(from, to));
  NORROY_ASSIGN_OR_RETURN(const std::vector<Table> tables, TablesOf(from));
  std::vector<CopiedTable> copied;
  for (const Table& table : tables) {
    NORROY_ASSIGN_OR_RETURN(const int64_t there, CountOf(to, table));
    if (there != 0) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_EMPTY",
                       absl::StrCat("the database holds ", there, " rows of ", table.name,
                                    " already; import into a new one"));
    }
  }
  for (const Table& table : tables) {
    absl::StatusOr<CopiedTable> one = Copy(from, to, table);
    if (!one.ok()) return WithContext(one.status(), absl::StrCat("table ", table.name));
    copied.push_back(*std::move(one));
  }
  return copied;
}

}  // namespace

absl::StatusOr<std::vector<CopiedTable>> CopyTables(Database& from, Database& to,
                                                    const Compare& compare) {
  using Copied = absl::StatusOr<std::vector<CopiedTable>>;
  return ReadFor<std::vector<CopiedTable>>(from, [&](Connection& source) {
    return WriteFor<std::vector<CopiedTable>>(to, [&](Connection& target) -> Copied {
      NORROY_ASSIGN_OR_RETURN(std::vector<CopiedTable> copied, CopyAll(source, target));
      NORROY_RETURN_IF_ERROR(compare(source, target));
      return copied;
    });
  });
}

}  // namespace norroy::sql
