#include "common/sql/sqlite_backup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database_kinds.h"
#include "common/sql/transact.h"
#include "gtest/gtest.h"

namespace norroy::sql {
namespace {

// Pairs of rows that are there together or not at all.
absl::Status AddPair(Database& database, int64_t number) {
  return database.Write([&](Connection& connection) -> absl::Status {
    for (const int64_t side : {0, 1}) {
      const auto added = connection.Execute("INSERT INTO sides VALUES ($1, $2, $3)",
                                            {number, side, Blob{std::string(500, 'x')}});
      if (!added.ok()) return added.status();
    }
    return absl::OkStatus();
  });
}

int64_t Ask(Database& database, const std::string& sql) {
  const auto rows = ReadFor<std::vector<Row>>(
      database, [&](Connection& connection) { return connection.Query(sql, {}); });
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() ? rows->at(0).Int(0) : -1;
}

std::unique_ptr<Database> Open(const std::string& path) {
  auto opened = OpenSqlite(path);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return *std::move(opened);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

class SqliteBackup : public testing::Test {
 protected:
  void SetUp() override {
    const testing::TestInfo& test = *testing::UnitTest::GetInstance()->current_test_info();
    path_ = SqlitePath(test.name());
    out_ = path_ + ".backup";
    database_ = Open(path_);
    ASSERT_TRUE(Migrate(*database_, {{1,
                                      "CREATE TABLE sides (number INTEGER, side INTEGER, bytes "
                                      "BLOB, PRIMARY KEY (number, side)) STRICT"}})
                    .ok());
  }

  std::string path_;
  std::string out_;
  std::unique_ptr<Database> database_;
};

TEST_F(SqliteBackup, IsOneMomentsStateWhileOthersWrite) {
  std::atomic<bool> stop = false;
  std::atomic<int64_t> written = 0;
  std::thread writer([&] {
    while (!stop) {
      EXPECT_TRUE(AddPair(*database_, written).ok());
      ++written;
    }
  });
  int64_t last = 0;
  for (int round = 0; round < 5; ++round) {
    while (written < last + 50) std::this_thread::yield();
    const int64_t before = written;
    const absl::Status status = BackUpSqlite(path_, out_);
    ASSERT_TRUE(status.ok()) << status;
    const std::unique_ptr<Database> copy = Open(out_);
    // Everything that was acknowledged before, and pairs only.
    last = Ask(*copy, "SELECT COUNT(*) FROM sides WHERE side = 0");
    EXPECT_GE(last, before);
    EXPECT_EQ(Ask(*copy, "SELECT COUNT(*) FROM sides WHERE side = 1"), last);
    EXPECT_EQ(Ask(*copy, "SELECT MAX(number) FROM sides"), last - 1);
  }
  stop = true;
  writer.join();
}

TEST_F(SqliteBackup, IsOneFileOfItsOwnersAlone) {
  ASSERT_TRUE(AddPair(*database_, 1).ok());
  umask(0);
  ASSERT_TRUE(BackUpSqlite(path_, out_).ok());
  struct stat file = {};
  ASSERT_EQ(stat(out_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
  for (const char* beside : {".new", "-wal", "-shm", "-journal", ".new-journal"}) {
    EXPECT_FALSE(Exists(out_ + beside)) << beside;
  }
}

TEST_F(SqliteBackup, AFailureLeavesTheOldOne) {
  ASSERT_TRUE(AddPair(*database_, 1).ok());
  ASSERT_TRUE(BackUpSqlite(path_, out_).ok());
  EXPECT_EQ(ErrorReason(BackUpSqlite(path_ + ".nowhere", out_)), "STORAGE_UNUSABLE");
  EXPECT_EQ(ErrorReason(BackUpSqlite(path_, "/nonexistent/folder/b")), "STORAGE_UNUSABLE");
  // Of a damaged database there is no copy to be had.
  const std::string damaged = path_ + ".damaged";
  ASSERT_TRUE(BackUpSqlite(path_, damaged).ok());
  {
    std::fstream file(damaged, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 + 8);
    file << std::string(2000, '\xff');
  }
  EXPECT_EQ(ErrorReason(BackUpSqlite(damaged, out_)), "STORAGE_CORRUPT");
  EXPECT_FALSE(Exists(out_ + ".new"));
  EXPECT_EQ(Ask(*Open(out_), "SELECT COUNT(*) FROM sides"), 2);
}

}  // namespace
}  // namespace norroy::sql
