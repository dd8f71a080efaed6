// What goes wrong between us and a PostgreSQL server: a connection that is cut at a COMMIT, writers
// in each other's way, locks that are held, and a server that is not the one it should be.

#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/sql/cutting_proxy.h"
#include "common/sql/postgres_kinds.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "tests/harness/loopback_tls.h"

namespace norroy::sql {
namespace {

absl::Status AddOne(Connection& connection, const std::string& name) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                          connection.Query("SELECT value FROM counters WHERE name = $1", {name}));
  return connection
      .Execute("UPDATE counters SET value = $2 WHERE name = $1", {name, rows.at(0).Int(0) + 1})
      .status();
}

class PostgresFaults : public testing::Test {
 protected:
  void SetUp() override {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    name_ = absl::AsciiStrToLower(test.name());
    url_ = TestPostgres().Database(name_);
    TestPostgres().Sql(name_,
                       "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL); "
                       "INSERT INTO counters VALUES ('a', 0), ('b', 0)");
  }
  std::unique_ptr<Database> Open(const std::string& url) {
    auto opened = OpenPostgres(url);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : nullptr;
  }
  std::string Counter(const std::string& name) {
    return TestPostgres().Sql(name_,
                              absl::StrCat("SELECT value FROM counters WHERE name = '", name, "'"));
  }

  std::string name_;
  std::string url_;
};

TEST_F(PostgresFaults, ACommitThatIsCutCountsOnceOrIsRunAgain) {
  CuttingProxy proxy(TestPostgres().socket());
  const std::unique_ptr<Database> database =
      Open(absl::StrCat("postgresql://norroy@127.0.0.1:", proxy.port(), "/", name_));
  int done = 0;
  for (const Cut cut : {Cut::kBefore, Cut::kIn, Cut::kAfter}) {
    for (int round = 0; round < 5; ++round) {
      const int cuts = proxy.cuts();
      int runs = 0;
      proxy.CutNext(cut);
      const absl::Status status = database->Write([&](Connection& connection) {
        ++runs;
        return AddOne(connection, "a");
      });
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(proxy.cuts(), cuts + 1);
      // What the server was never told has to be done again, what it has kept must not be.
      EXPECT_GE(runs, cut == Cut::kBefore ? 2 : 1);
      EXPECT_LE(runs, cut == Cut::kAfter ? 1 : 2);
      EXPECT_EQ(Counter("a"), absl::StrCat(++done, "\n")) << static_cast<int>(cut);
    }
  }
}

// Each reads both counters and changes them in another order: conflicts and deadlocks.
TEST_F(PostgresFaults, EightWritersInEachOthersWaySeeNoError) {
  constexpr int kWriters = 8;
  constexpr int kRounds = 10;
  // Each deadlock costs so long; of the server's second, a slow machine has too few.
  TestPostgres().Sql(name_, absl::StrCat("ALTER DATABASE ", name_, " SET deadlock_timeout = 50"));
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([this, writer] {
      const std::unique_ptr<Database> database = Open(url_);
      for (int round = 0; round < kRounds; ++round) {
        const bool turned = (writer + round) % 2 == 0;
        const absl::Status status = database->Write([&](Connection& connection) -> absl::Status {
          NORROY_RETURN_IF_ERROR(AddOne(connection, turned ? "a" : "b"));
          return AddOne(connection, turned ? "b" : "a");
        });
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(Counter("a"), absl::StrCat(kWriters * kRounds, "\n"));
  EXPECT_EQ(Counter("b"), absl::StrCat(kWriters * kRounds, "\n"));
  // They were.
  EXPECT_TRUE(harness::Eventually([&] {
    return TestPostgres().Sql(name_,
                              "SELECT xact_rollback > 0 FROM pg_stat_database WHERE datname = "
                              "current_database()") == "t\n";
  }));
}

TEST_F(PostgresFaults, ALockThatIsHeldIsWaitedForSoLongAndNoLonger) {
  const std::unique_ptr<Database> holder = Open(url_);
  const std::unique_ptr<Database> database = Open(url_);
  std::atomic<bool> held = false;
  std::atomic<bool> let_go = false;
  std::thread holding([&] {
    const absl::Status status = holder->Write([&](Connection& connection) {
      const absl::Status added = AddOne(connection, "a");
      held = true;
      while (!let_go) absl::SleepFor(absl::Milliseconds(10));
      return added;
    });
    EXPECT_TRUE(status.ok()) << status;
  });
  EXPECT_TRUE(harness::Eventually([&] { return held.load(); }));
  const absl::Time began = absl::Now();
  const absl::Status status =
      database->Write([](Connection& connection) { return AddOne(connection, "a"); });
  EXPECT_EQ(ErrorReason(status), "STORAGE_BUSY") << status;
  EXPECT_LT(absl::Now() - began, absl::Seconds(40));
  // Others are none the worse.
  EXPECT_TRUE(database->Write([](Connection& c) { return AddOne(c, "b"); }).ok());
  let_go = true;
  holding.join();
  EXPECT_TRUE(database->Write([](Connection& c) { return AddOne(c, "a"); }).ok());
  EXPECT_EQ(Counter("a"), "2\n");
}

// One row's writes fail, as by a damaged index or somebody's trigger: the others' go on, also those
// that shared a commit with it.
TEST_F(PostgresFaults, AnErrorAimedAtOneRowFailsThatOneAlone) {
  TestPostgres().Sql(name_,
                     "CREATE FUNCTION boom() RETURNS trigger LANGUAGE plpgsql AS "
                     "$$BEGIN RAISE EXCEPTION 'boom'; END$$; CREATE TRIGGER boom BEFORE UPDATE ON "
                     "counters FOR EACH ROW WHEN (NEW.name = 'a') EXECUTE FUNCTION boom()");
  const std::unique_ptr<Database> database = Open(url_);
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&, i] {
      const std::string name = i % 4 == 0 ? "a" : "b";
      const absl::Status status =
          database->Write([&](Connection& connection) { return AddOne(connection, name); });
      EXPECT_EQ(status.ok(), name == "b") << status;
      if (!status.ok()) ++failed;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(failed, 4);
  EXPECT_EQ(Counter("a"), "0\n");
  EXPECT_EQ(Counter("b"), "12\n");
}

class PostgresTlsTest : public testing::Test {
 protected:
  PostgresTlsTest() : dir_(harness::TempDir("postgres-tls")) {
    const harness::LoopbackTls tls = harness::MakeLoopbackTls("postgres");
    harness::WriteAll(dir_ + "/root.pem", tls.root.ToPem());
    harness::WriteAll(dir_ + "/other.pem", harness::MakeLoopbackTls("other").root.ToPem());
    // Read by the server as another user, whose folder a test's own is not.
    harness::WriteAll(dir_ + "/cert.pem", tls.certificate.ToPem());
    harness::WriteAll(dir_ + "/key.pem", std::string(tls.key.ToPem().Expose()), 0600);
    server_ = harness::Postgres::Start({dir_ + "/cert.pem", dir_ + "/key.pem"});
    server_->Database("issuer");
  }
  absl::Status Open(const std::string& host, const std::string& root) {
    return OpenPostgres(absl::StrCat("postgresql://norroy@", host, ":", server_->port(),
                                     "/issuer?hostaddr=127.0.0.1&sslmode=verify-full&sslrootcert=",
                                     dir_, "/", root))
        .status();
  }

  std::string dir_;
  std::unique_ptr<harness::Postgres> server_;
};

TEST_F(PostgresTlsTest, TheServerIsKnownByItsRootAndItsName) {
  const absl::Status right = Open("localhost", "root.pem");
  EXPECT_TRUE(right.ok()) << right;
  const absl::Status wrong_root = Open("localhost", "other.pem");
  EXPECT_TRUE(absl::StrContains(wrong_root.message(), "certificate verify failed")) << wrong_root;
  const absl::Status wrong_host = Open("db.example.test", "root.pem");
  EXPECT_TRUE(absl::StrContains(wrong_host.message(), "does not match host name")) << wrong_host;
  const absl::Status no_root = Open("localhost", "none.pem");
  EXPECT_TRUE(absl::StrContains(no_root.message(), "none.pem")) << no_root;
}

TEST_F(PostgresTlsTest, EverySessionIsEncrypted) {
  const auto database =
      OpenPostgres(absl::StrCat("postgresql://norroy@127.0.0.1:", server_->port(),
                                "/issuer?sslmode=verify-full&sslrootcert=", dir_, "/root.pem"));
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_EQ(server_->Sql("issuer",
                         "SELECT count(*) > 0, bool_and(ssl), bool_and(version >= 'TLSv1.2') FROM "
                         "pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = "
                         "'norroy'"),
            "t|t|t\n");
}

}  // namespace
}  // namespace norroy::sql
