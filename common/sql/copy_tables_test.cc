#include "common/sql/copy_tables.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/postgres_kinds.h"
#include "common/sql/schema.h"
#include "common/sql/transact.h"

namespace norroy::sql {
namespace {

const std::vector<Migration>& Steps() {
  static const std::vector<Migration> kSteps = {
      {1,
       "CREATE TABLE parents (id TEXT PRIMARY KEY, number INTEGER) STRICT;"
       "CREATE TABLE children (parent TEXT NOT NULL REFERENCES parents (id), "
       "seq INTEGER NOT NULL, bytes BLOB, PRIMARY KEY (parent, seq)) STRICT"},
      {2, "ALTER TABLE parents ADD COLUMN words TEXT NOT NULL DEFAULT 'none'"}};
  return kSteps;
}

absl::Status Fine(Connection& /*from*/, Connection& /*to*/) { return absl::OkStatus(); }

class CopyTablesTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    from_ = *OpenSqlite(SqlitePath(name));
    to_ = *PostgresKinds()[0].open(name);
    ASSERT_TRUE(Migrate(*from_, Steps()).ok());
    ASSERT_TRUE(Migrate(*to_, Steps()).ok());
    ASSERT_TRUE(from_->Write(Fill).ok());
  }
  // More than are read at once.
  static absl::Status Fill(Connection& connection) {
    for (int64_t i = 0; i < 1203; ++i) {
      const std::string id = absl::StrCat("p", i);
      const Value number = i % 3 == 0 ? Value(Null()) : Value(INT64_MAX - i);
      auto done = connection.Execute("INSERT INTO parents VALUES ($1, $2, $3)",
                                     {id, number, std::string("w\xc3\xa9'\"")});
      if (!done.ok()) return done.status();
      done = connection.Execute("INSERT INTO children VALUES ($1, $2, $3)",
                                {id, i, Blob{std::string("\0\xff\1", 3)}});
      if (!done.ok()) return done.status();
    }
    return absl::OkStatus();
  }
  // All of a table, in words.
  static std::string All(Database& database, const std::string& sql) {
    const auto rows = ReadFor<std::vector<Row>>(
        database, [&](Connection& connection) { return connection.Query(sql, {}); });
    EXPECT_TRUE(rows.ok()) << rows.status();
    std::string text;
    if (!rows.ok()) return text;
    for (const Row& row : *rows) {
      absl::StrAppend(&text, row.Text(0), "|", row.IsNull(1) ? "null" : absl::StrCat(row.Int(1)),
                      "|", row.Text(2), "|", row.Int(3), "|", row.Bytes(4), "\n");
    }
    return text;
  }

  std::unique_ptr<Database> from_;
  std::unique_ptr<Database> to_;
};

TEST_F(CopyTablesTest, BringsEverything) {
  const auto copied = CopyTables(*from_, *to_, Fine);
  ASSERT_TRUE(copied.ok()) << copied.status();
  ASSERT_EQ(copied->size(), 2u);
  EXPECT_EQ((*copied)[0].name, "parents");
  EXPECT_EQ((*copied)[0].rows, 1203);
  EXPECT_EQ((*copied)[1].rows, 1203);
  const std::string all =
      "SELECT id, number, words, seq, bytes FROM parents JOIN children ON parent = id ORDER BY id";
  EXPECT_EQ(All(*from_, all), All(*to_, all));
  EXPECT_EQ(ErrorReason(CopyTables(*from_, *to_, Fine).status()), "NOT_EMPTY");
}

TEST_F(CopyTablesTest, KeepsNothingOfWhatDoesNotCompare) {
  const auto copied = CopyTables(
      *from_, *to_, [](Connection&, Connection&) { return absl::DataLossError("on purpose"); });
  EXPECT_TRUE(absl::IsDataLoss(copied.status())) << copied.status();
  EXPECT_EQ(All(*to_, "SELECT id, number, words, 0, words FROM parents"), "");
}

TEST_F(CopyTablesTest, WantsTheSameVersion) {
  std::vector<Migration> more = Steps();
  more.push_back({3, "CREATE TABLE later (id INTEGER PRIMARY KEY) STRICT"});
  ASSERT_TRUE(Migrate(*to_, more).ok());
  EXPECT_EQ(ErrorReason(CopyTables(*from_, *to_, Fine).status()), "OTHER_SCHEMA");
}

TEST_F(CopyTablesTest, ADatabaseHasTheServicesSchemaOrIsRefused) {
  const Schema issuer = {"issuer", Steps()};
  const std::vector<Migration> newer = {
      Steps()[0], Steps()[1], {3, "CREATE INDEX i ON parents (number)"}};
  // As it was before databases had an owner.
  ASSERT_TRUE(CheckSchema(*to_, issuer).ok());
  ASSERT_TRUE(MigrateFor(*to_, issuer).ok());
  ASSERT_TRUE(CheckSchema(*to_, issuer).ok());
  EXPECT_EQ(*SchemaVersion(*to_), 2);
  const absl::Status older = CheckSchema(*to_, {"issuer", newer});
  EXPECT_EQ(ErrorReason(older), "OLDER_SCHEMA");
  EXPECT_TRUE(absl::StrContains(older.message(), "norroy-issuer migrate --config")) << older;
  for (Database* database : {from_.get(), to_.get()}) {
    ASSERT_TRUE(MigrateFor(*database, {"issuer", newer}).ok());
    EXPECT_EQ(ErrorReason(MigrateFor(*database, issuer)), "NEWER_SCHEMA");
    EXPECT_EQ(ErrorReason(MigrateFor(*database, {"validator", newer})), "OTHER_SCHEMA");
  }
  EXPECT_EQ(ErrorReason(CheckSchema(*to_, issuer)), "NEWER_SCHEMA");
  EXPECT_EQ(ErrorReason(CheckSchema(*to_, {"validator", newer})), "OTHER_SCHEMA");
  const auto empty = PostgresKinds()[0].open("empty");
  const absl::Status status = CheckSchema(**empty, issuer);
  EXPECT_EQ(ErrorReason(status), "OLDER_SCHEMA");
  EXPECT_TRUE(absl::StrContains(status.message(), "the database is empty")) << status;
}

}  // namespace
}  // namespace norroy::sql
