// The contract on PostgreSQL, and what is its own: other processes in the way, connections that are
// lost, commits whose answer is lost, URLs.

#include "common/sql/postgres_database.h"

#include <atomic>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "common/sql/database_contract.h"
#include "common/sql/postgres_connection.h"
#include "common/sql/postgres_dialect.h"
#include "common/sql/postgres_kinds.h"

namespace norroy::sql {
namespace {

INSTANTIATE_TEST_SUITE_P(Postgres, DatabaseContract, testing::ValuesIn(PostgresKinds()), KindName);

class PostgresTest : public testing::Test {
 protected:
  void SetUp() override {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    name_ = absl::AsciiStrToLower(test.name());
    url_ = TestPostgres().Database(name_);
    database_ = Open();
    ASSERT_TRUE(
        Do("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT").ok());
    ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 0)").ok());
  }
  std::unique_ptr<Database> Open() {
    auto opened = OpenPostgres(url_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  absl::Status Do(absl::string_view sql) {
    return database_->Write(
        [&](Connection& connection) { return connection.Execute(sql, {}).status(); });
  }
  int64_t Value() {
    const auto rows = ReadFor<std::vector<Row>>(*database_, [](Connection& connection) {
      return connection.Query("SELECT value FROM counters WHERE name = 'a'", {});
    });
    EXPECT_TRUE(rows.ok()) << rows.status();
    return rows.ok() && !rows->empty() ? rows->front().Int(0) : -1;
  }

  std::string name_;
  std::string url_;
  std::unique_ptr<Database> database_;
};

// What is read and what is written must belong together though two processes do it at once.
absl::Status ReadAndAddOne(Connection& connection) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT value FROM counters WHERE name = 'a'", {}));
  return connection
      .Execute("UPDATE counters SET value = $1 WHERE name = 'a'", {rows.at(0).Int(0) + 1})
      .status();
}

TEST_F(PostgresTest, ProcessesThatAreInEachOthersWayLoseNothing) {
  constexpr int kProcesses = 4;
  constexpr int kRounds = 25;
  std::vector<std::unique_ptr<Database>> databases;
  for (int i = 0; i < kProcesses; ++i) databases.push_back(Open());
  std::vector<std::thread> threads;
  for (const auto& database : databases) {
    threads.emplace_back([&database] {
      for (int round = 0; round < kRounds; ++round) {
        const absl::Status status = database->Write(ReadAndAddOne);
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Value(), kProcesses * kRounds);
}

TEST_F(PostgresTest, ALostConnectionIsMadeAnew) {
  for (int round = 0; round < 3; ++round) {
    ASSERT_EQ(Value(), round);
    TestPostgres().Sql(name_,
                       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                       "current_database() AND pid <> pg_backend_pid()");
    const absl::Status status = database_->Write(ReadAndAddOne);
    EXPECT_TRUE(status.ok()) << status;
  }
  EXPECT_EQ(Value(), 3);
}

TEST_F(PostgresTest, AConnectionThatIsCutInTheMiddleIsRunAgain) {
  int runs = 0;
  const absl::Status status = database_->Write([&](Connection& connection) {
    const absl::Status added = ReadAndAddOne(connection);
    if (++runs == 1) {
      TestPostgres().Sql(name_,
                         "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                         "current_database() AND pid <> pg_backend_pid()");
    }
    return added;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Value(), 1);
}

TEST_F(PostgresTest, AServerThatIsKilledCostsTimeOnly) {
  std::atomic<bool> stop = false;
  std::atomic<int> done = 0;
  int unknown = 0;
  std::thread writer([&] {
    while (!stop) {
      const absl::Status status = database_->Write(ReadAndAddOne);
      if (status.ok()) {
        ++done;
      } else if (ErrorReason(status) == "STORAGE_UNKNOWN") {
        // A crash took the answer to the COMMIT with it.
        ++unknown;
      } else {
        // A machine that is slow to bring the server back is no lost change.
        EXPECT_EQ(ErrorReason(status), "STORAGE_GONE") << status;
      }
    }
  });
  for (int round = 0; round < 2; ++round) {
    const int before = done;
    EXPECT_TRUE(harness::Eventually([&] { return done > before + 20; }));
    TestPostgres().Kill();
    TestPostgres().StartAgain();
  }
  stop = true;
  writer.join();
  // What was reported as kept was kept, once.
  EXPECT_GE(Value(), done);
  EXPECT_LE(Value(), done + unknown);
}

TEST_F(PostgresTest, AServerThatStaysAwayIsAnErrorThatSaysSo) {
  TestPostgres().Stop();
  const absl::Time began = absl::Now();
  const absl::Status status = database_->Write(ReadAndAddOne);
  EXPECT_EQ(ErrorReason(status), "STORAGE_GONE") << status;
  EXPECT_LT(absl::Now() - began, absl::Seconds(25));
  TestPostgres().StartAgain();
  EXPECT_TRUE(database_->Write(ReadAndAddOne).ok());
  EXPECT_EQ(Value(), 1);
}

TEST_F(PostgresTest, ProcessesHearEachOtherAndAgainAfterTheirConnectionsWereCut) {
  const std::unique_ptr<Database> other = Open();
  Ear ear(*database_, "orders");
  WaitUntilHeard(*other, "orders", ear);
  TestPostgres().Sql(name_,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                     "current_database() AND pid <> pg_backend_pid()");
  WaitUntilHeard(*other, "orders", ear);
}

TEST_F(PostgresTest, WhoCannotHearIsToldToLook) {
  Ear ear(*database_, "orders");
  WaitUntilHeard(*database_, "orders", ear);
  TestPostgres().Stop();
  for (int i = 0; i < 2; ++i) {
    ear.Forget();
    EXPECT_TRUE(ear.Hears("")) << i;
  }
  TestPostgres().StartAgain();
  ear.Forget();
  const std::unique_ptr<Database> other = Open();
  WaitUntilHeard(*other, "orders", ear);
}

TEST_F(PostgresTest, ResolvesACommitByTheTransactionsOwnId) {
  auto opened = PostgresConnection::Open(url_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  PostgresConnection& connection = **opened;
  ASSERT_TRUE(connection.Begin(/*read_only=*/false).ok());
  ASSERT_TRUE(ReadAndAddOne(connection).ok());
  // Gone before COMMIT arrives: known not to be kept.
  TestPostgres().Sql(name_,
                     "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                     "current_database() AND pid <> pg_backend_pid()");
  const absl::Status status = connection.Commit();
  EXPECT_EQ(ErrorReason(status), "STORAGE_GONE") << status;
  EXPECT_TRUE(connection.MayRunAgain());
  EXPECT_EQ(Value(), 0);
}

TEST(ToPostgres, TranslatesTheSchemasWordsOnly) {
  struct Case {
    absl::string_view sql;
    absl::string_view postgres;
  };
  const Case cases[] = {
      {"CREATE TABLE t (id INTEGER PRIMARY KEY, w TEXT NOT NULL DEFAULT 'TEXT', b BLOB) STRICT",
       "CREATE TABLE t (id BIGINT PRIMARY KEY, w TEXT COLLATE \"C\" NOT NULL DEFAULT 'TEXT', b "
       "BYTEA) "},
      {"\nALTER TABLE t ADD COLUMN text_of INTEGER", "\nALTER TABLE t ADD COLUMN text_of BIGINT"},
      {"SELECT 'INTEGER', \"TEXT\" FROM t", "SELECT 'INTEGER', \"TEXT\" FROM t"},
      {"CREATE INDEX i ON t (TEXT)", "CREATE INDEX i ON t (TEXT)"},
  };
  for (const Case& c : cases) EXPECT_EQ(ToPostgres(c.sql), c.postgres);
}

TEST(CheckPostgresUrl, WantsASafeWay) {
  struct Case {
    std::string url;
    absl::string_view refused;  // a part of why; empty: taken
  };
  const Case cases[] = {
      {"postgresql:///issuer?host=/run/postgresql", ""},
      {"postgresql://norroy@127.0.0.1/issuer", ""},
      {"postgresql://norroy@db.example.net/issuer?sslmode=verify-full&sslrootcert=/etc/r.pem", ""},
      {"postgresql://norroy@db.example.net/issuer", "sslmode=verify-full"},
      {"postgresql://norroy@db.example.net/issuer?sslmode=require", "sslmode=verify-full"},
      {"postgresql://norroy@127.0.0.1,db.example.net/issuer", "db.example.net"},
      {"postgresql://norroy@127.0.0.1/issuer?hostaddr=192.0.2.1", "192.0.2.1"},
      {"postgresql://norroy:hunter2@127.0.0.1/issuer", "password"},
      {"postgresql://norroy@127.0.0.1/issuer?sslrootcert=db.pem", "absolute path"},
      {"postgresql://127.0.0.1", "no database"},
      {"postgresql:///issuer", "no host"},
      {"postgresql:///issuer?host=/run/postgresql&service=x", "service"},
      {"postgresql:///issuer?nonsense=1", "cannot be read"},
  };
  for (const Case& c : cases) {
    const absl::Status status = CheckPostgresUrl(c.url);
    if (c.refused.empty()) {
      EXPECT_TRUE(status.ok()) << c.url << ": " << status;
      continue;
    }
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG") << c.url;
    EXPECT_TRUE(absl::StrContains(status.message(), c.refused)) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "hunter2")) << status;
  }
}

}  // namespace
}  // namespace norroy::sql
