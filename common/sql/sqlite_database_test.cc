// The contract on SQLite, and what is SQLite's own: files, damage, full disks, other processes.

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <fstream>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "common/sql/database_contract.h"

namespace norroy::sql {
namespace {

std::string PathOf(const std::string& instance) {
  return SqlitePath(absl::StrCat("own-", instance));
}

INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::ValuesIn(SqliteKinds()), KindName);

std::unique_ptr<Database> MustOpen(const std::string& path) {
  auto opened = OpenSqlite(path);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : nullptr;
}

absl::Status Do(Database& database, absl::string_view sql,
                const std::vector<Value>& parameters = {}) {
  return database.Write(
      [&](Connection& connection) { return connection.Execute(sql, parameters).status(); });
}

int64_t Ask(Database& database, absl::string_view sql) {
  const auto rows = ReadFor<std::vector<Row>>(
      database, [&](Connection& connection) { return connection.Query(sql, {}); });
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() && !rows->empty() ? rows->front().Int(0) : -1;
}

constexpr char kTable[] = "CREATE TABLE t (id INTEGER PRIMARY KEY, bytes BLOB) STRICT";

TEST(SqliteTest, FilesAreForTheirOwnerOnly) {
  const mode_t before = umask(0);
  const std::string path = PathOf("mode");
  const auto database = MustOpen(path);
  ASSERT_TRUE(Do(*database, kTable).ok());
  umask(before);
  for (const char* suffix : {"", "-wal", "-shm"}) {
    struct stat file;
    ASSERT_EQ(stat((path + suffix).c_str(), &file), 0) << suffix;
    EXPECT_EQ(file.st_mode & 0777, 0600u) << suffix;
  }
}

TEST(SqliteTest, SettingsAreThoseWePromise) {
  const auto database = MustOpen(PathOf("settings"));
  EXPECT_EQ(Ask(*database, "SELECT synchronous FROM pragma_synchronous"), 2);
  EXPECT_EQ(Ask(*database, "SELECT foreign_keys FROM pragma_foreign_keys"), 1);
  EXPECT_EQ(Ask(*database, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
}

TEST(SqliteTest, UnusablePathsAreClearErrors) {
  struct Case {
    std::string path;
    absl::StatusCode code;
    std::string in_message;
  };
  const Case cases[] = {
      {"", absl::StatusCode::kInvalidArgument, "empty"},
      {std::string("a\0b", 3), absl::StatusCode::kInvalidArgument, "NUL"},
      {absl::StrCat(testing::TempDir(), "/no/such/directory.db"),
       absl::StatusCode::kFailedPrecondition, "No such file"},
      {testing::TempDir(), absl::StatusCode::kFailedPrecondition, testing::TempDir()},
  };
  for (const Case& c : cases) {
    const absl::Status status = OpenSqlite(c.path).status();
    EXPECT_EQ(status.code(), c.code) << c.path << ": " << status;
    EXPECT_NE(status.message().find(c.in_message), absl::string_view::npos) << status;
  }
}

TEST(SqliteTest, APathIsNoUri) {
  const std::string name = absl::StrCat("file:uri-", getpid(), ".db?mode=memory");
  ASSERT_EQ(chdir(testing::TempDir().c_str()), 0);
  {
    const auto database = MustOpen(name);
    ASSERT_TRUE(Do(*database, kTable).ok());
  }
  EXPECT_EQ(access(absl::StrCat("./", name).c_str(), F_OK), 0);
}

TEST(SqliteTest, DamagedFilesAreRefusedAndNotTouched) {
  struct Case {
    std::string name;
    size_t at;  // where 4096 bytes of noise go; SIZE_MAX: the file is noise alone
  };
  for (const Case& c : {Case{"noise", SIZE_MAX}, Case{"page", 4096 * 8}, Case{"header", 0}}) {
    const std::string path = PathOf(absl::StrCat("damaged-", c.name));
    if (c.at != SIZE_MAX) {
      const auto database = MustOpen(path);
      ASSERT_TRUE(Do(*database, kTable).ok());
      for (int64_t id = 0; id < 200; ++id) {
        ASSERT_TRUE(Do(*database, "INSERT INTO t VALUES ($1, $2)",
                       {id, Blob{std::string(1000, static_cast<char>(id))}})
                        .ok());
      }
    }
    {
      std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out |
                                  (c.at == SIZE_MAX ? std::ios::trunc : std::ios::openmode()));
      file.seekp(c.at == SIZE_MAX ? 0 : static_cast<std::streamoff>(c.at));
      for (int i = 0; i < 4096; ++i) file.put(static_cast<char>(i * 37 + 11));
    }
    struct stat before;
    ASSERT_EQ(stat(path.c_str(), &before), 0);
    const absl::Status status = OpenSqlite(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << c.name << ": " << status;
    EXPECT_EQ(ErrorReason(status), "STORAGE_CORRUPT") << c.name;
    EXPECT_NE(status.message().find(path), absl::string_view::npos) << status;
    EXPECT_NE(status.message().find("restore"), absl::string_view::npos) << status;
    struct stat after;
    ASSERT_EQ(stat(path.c_str(), &after), 0);
    EXPECT_EQ(before.st_size, after.st_size);
  }
}

// A torn end of the log is what a power cut leaves: the transactions before it stand.
TEST(SqliteTest, ATornLogLosesOnlyItsTornEnd) {
  const std::string path = PathOf("torn");
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto opened = OpenSqlite(path);
    if (!opened.ok() || !Do(**opened, kTable).ok()) _exit(1);
    for (int64_t id = 1; id <= 50; ++id) {
      if (!Do(**opened, "INSERT INTO t (id) VALUES ($1)", {id}).ok()) _exit(2);
    }
    kill(getpid(), SIGKILL);
  }
  int how = 0;
  ASSERT_EQ(waitpid(child, &how, 0), child);
  ASSERT_TRUE(WIFSIGNALED(how)) << how;
  {
    std::ofstream log(path + "-wal", std::ios::binary | std::ios::app);
    log << std::string(3000, '\x5a');
  }
  const auto database = MustOpen(path);
  EXPECT_EQ(Ask(*database, "SELECT COUNT(*) FROM t"), 50);
}

// One work too big for the space that is left fails alone, and space that comes back is used.
TEST(SqliteTest, AFullDiskIsNotTheEnd) {
  const auto database = MustOpen(PathOf("full"));
  ASSERT_TRUE(Do(*database, kTable).ok());
  ASSERT_TRUE(database
                  ->Write([](Connection& connection) {
                    return connection.Query("PRAGMA max_page_count = 40", {}).status();
                  })
                  .ok());
  std::atomic<int> stored = 0;
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 16; ++t) {
    threads.emplace_back([&, t] {
      const bool big = t % 4 == 0;
      const absl::Status status = Do(*database, "INSERT INTO t VALUES ($1, $2)",
                                     {t, Blob{std::string(big ? 1 << 20 : 10, 'x')}});
      EXPECT_EQ(status.ok(), !big) << status;
      if (status.ok()) ++stored;
      if (!big) return;
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
      EXPECT_EQ(ErrorReason(status), "STORAGE_FULL");
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ask(*database, "SELECT COUNT(*) FROM t"), stored);
  ASSERT_TRUE(database
                  ->Write([](Connection& connection) {
                    return connection.Query("PRAGMA max_page_count = 10000", {}).status();
                  })
                  .ok());
  EXPECT_TRUE(
      Do(*database, "INSERT INTO t VALUES (100, $1)", {Blob{std::string(1 << 20, 'x')}}).ok());
}

TEST(SqliteTest, TwoOpenersOfOneFileWaitForEachOther) {
  const std::string path = PathOf("shared");
  const auto one = MustOpen(path);
  ASSERT_TRUE(Do(*one, kTable).ok());
  const auto two = MustOpen(path);
  std::promise<void> inside, leave;
  std::thread holder([&] {
    EXPECT_TRUE(one->Write([&](Connection& connection) {
                     NORROY_RETURN_IF_ERROR(
                         connection.Execute("INSERT INTO t (id) VALUES (1)", {}).status());
                     inside.set_value();
                     leave.get_future().wait();
                     return absl::OkStatus();
                   })
                    .ok());
  });
  inside.get_future().wait();
  // Readers do not wait for a writer, and see nothing of it.
  EXPECT_EQ(Ask(*two, "SELECT COUNT(*) FROM t"), 0);
  std::thread waiter([&] { EXPECT_TRUE(Do(*two, "INSERT INTO t (id) VALUES (2)").ok()); });
  leave.set_value();
  holder.join();
  waiter.join();
  EXPECT_EQ(Ask(*one, "SELECT COUNT(*) FROM t"), 2);
}

// A constraint or trigger that stops one of those who share a commit stops nobody else.
TEST(SqliteTest, ATriggerAgainstOneLetsOthersPass) {
  const auto database = MustOpen(PathOf("trigger"));
  ASSERT_TRUE(Do(*database, kTable).ok());
  ASSERT_TRUE(Do(*database,
                 "CREATE TRIGGER no13 BEFORE INSERT ON t WHEN NEW.id = 13 BEGIN "
                 "SELECT RAISE(ROLLBACK, 'thirteen'); END")
                  .ok());
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 32; ++t) {
    threads.emplace_back([&, t] {
      const absl::Status status = Do(*database, "INSERT INTO t (id) VALUES ($1)", {t});
      EXPECT_EQ(status.ok(), t != 13) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Ask(*database, "SELECT COUNT(*) FROM t"), 31);
}

// More statements than the cache holds, some of them in use.
TEST(SqliteTest, StatementsBeyondTheCacheWork) {
  const auto database = MustOpen(":memory:");
  ASSERT_TRUE(Do(*database, kTable).ok());
  for (int64_t i = 0; i < 600; ++i) {
    ASSERT_TRUE(Do(*database,
                   absl::StrCat("INSERT INTO t (id, bytes) VALUES ($1, x'", i % 10, i % 7, "')"),
                   {i})
                    .ok());
    EXPECT_EQ(Ask(*database, absl::StrCat("SELECT id FROM t WHERE id = ", i)), i);
  }
  EXPECT_EQ(Do(*database, "DELETE FROM t; DELETE FROM t").code(), absl::StatusCode::kInternal);
  EXPECT_EQ(Do(*database, "").code(), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace norroy::sql
