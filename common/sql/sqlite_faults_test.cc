// A disk that fails: under SQLite lies a layer that lets the n-th write or sync fail, for every n
// that a run has. Whatever fails, what was acknowledged is there afterwards, whole.

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/database_kinds.h"
#include "common/sql/sqlite_database.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "gtest/gtest.h"

namespace norroy::sql {
namespace {

// Which operation fails next, and how: one fault each time it is armed.
enum class Fault { kNone, kWriteError, kDiskFull, kSyncError };
std::atomic<Fault> armed = Fault::kNone;
std::atomic<int> countdown = 0;

bool Strikes(Fault fault) {
  if (armed != fault || --countdown != 0) return false;
  armed = Fault::kNone;
  return true;
}

// A file of ours: SQLite's own lies behind it in memory.
struct File {
  sqlite3_file base;
  sqlite3_file* real;
};

sqlite3_file* Real(sqlite3_file* file) { return reinterpret_cast<File*>(file)->real; }

int Write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (Strikes(Fault::kWriteError)) {
    // Half of it reached the disk.
    Real(file)->pMethods->xWrite(Real(file), data, size / 2, offset);
    return SQLITE_IOERR_WRITE;
  }
  if (Strikes(Fault::kDiskFull)) return SQLITE_FULL;
  return Real(file)->pMethods->xWrite(Real(file), data, size, offset);
}

int Sync(sqlite3_file* file, int flags) {
  if (Strikes(Fault::kSyncError)) return SQLITE_IOERR_FSYNC;
  return Real(file)->pMethods->xSync(Real(file), flags);
}

// The rest goes through.
template <auto kMethod, typename... Args>
auto Pass(sqlite3_file* file, Args... args) {
  return (Real(file)->pMethods->*kMethod)(Real(file), args...);
}

const sqlite3_io_methods kMethods = {
    .iVersion = 2,  // no memory-mapped reads
    .xClose = Pass<&sqlite3_io_methods::xClose>,
    .xRead = Pass<&sqlite3_io_methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = Write,
    .xTruncate = Pass<&sqlite3_io_methods::xTruncate, sqlite3_int64>,
    .xSync = Sync,
    .xFileSize = Pass<&sqlite3_io_methods::xFileSize, sqlite3_int64*>,
    .xLock = Pass<&sqlite3_io_methods::xLock, int>,
    .xUnlock = Pass<&sqlite3_io_methods::xUnlock, int>,
    .xCheckReservedLock = Pass<&sqlite3_io_methods::xCheckReservedLock, int*>,
    .xFileControl = Pass<&sqlite3_io_methods::xFileControl, int, void*>,
    .xSectorSize = Pass<&sqlite3_io_methods::xSectorSize>,
    .xDeviceCharacteristics = Pass<&sqlite3_io_methods::xDeviceCharacteristics>,
    .xShmMap = Pass<&sqlite3_io_methods::xShmMap, int, int, int, void volatile**>,
    .xShmLock = Pass<&sqlite3_io_methods::xShmLock, int, int, int>,
    .xShmBarrier = Pass<&sqlite3_io_methods::xShmBarrier>,
    .xShmUnmap = Pass<&sqlite3_io_methods::xShmUnmap, int>,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

sqlite3_vfs* system_vfs = nullptr;

int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  File* const ours = reinterpret_cast<File*>(file);
  ours->real = reinterpret_cast<sqlite3_file*>(ours + 1);
  ours->real->pMethods = nullptr;
  const int code = system_vfs->xOpen(system_vfs, name, ours->real, flags, out_flags);
  // SQLite closes whatever has methods, even when opening failed.
  ours->base.pMethods = ours->real->pMethods == nullptr ? nullptr : &kMethods;
  return code;
}

// From here on every database of this process lies on the failing disk.
void PutFailingDiskUnderneath() {
  system_vfs = sqlite3_vfs_find(nullptr);
  static sqlite3_vfs vfs = *system_vfs;
  vfs.zName = "failing";
  vfs.szOsFile = static_cast<int>(sizeof(File)) + system_vfs->szOsFile;
  vfs.xOpen = Open;
  ASSERT_EQ(sqlite3_vfs_register(&vfs, 1), SQLITE_OK);
}

// Two rows that belong together.
absl::Status AddPair(Database& database, int64_t number) {
  return database.Write([&](Connection& connection) -> absl::Status {
    for (const char* table : {"lefts", "rights"}) {
      NORROY_RETURN_IF_ERROR(connection
                                 .Execute(absl::StrCat("INSERT INTO ", table, " VALUES ($1, $2)"),
                                          {number, Blob{std::string(300, 'x')}})
                                 .status());
    }
    return absl::OkStatus();
  });
}

std::set<int64_t> Numbers(Database& database, const std::string& table) {
  const auto rows = ReadFor<std::vector<Row>>(database, [&](Connection& connection) {
    return connection.Query(absl::StrCat("SELECT number FROM ", table), {});
  });
  EXPECT_TRUE(rows.ok()) << rows.status();
  std::set<int64_t> numbers;
  if (!rows.ok()) return numbers;
  for (const Row& row : *rows) numbers.insert(row.Int(0));
  return numbers;
}

const std::vector<Migration> kSchema = {
    {1,
     "CREATE TABLE lefts (number INTEGER PRIMARY KEY, bytes BLOB) STRICT;"
     "CREATE TABLE rights (number INTEGER PRIMARY KEY, bytes BLOB) STRICT"}};

struct Outcome {
  int told_broken = 0;
  std::set<int64_t> acknowledged;
  std::vector<absl::Status> failures;
};

// A process's life: opens, migrates, writes, closes.
Outcome Live(const std::string& path) {
  Outcome run;
  auto opened = OpenSqlite(path, [&run](const absl::Status&) { ++run.told_broken; });
  const absl::Status migrated = opened.ok() ? Migrate(**opened, kSchema) : opened.status();
  if (!migrated.ok()) {
    run.failures.push_back(migrated);
    return run;
  }
  for (int64_t number = 0; number < 4; ++number) {
    const absl::Status added = AddPair(**opened, number);
    if (added.ok()) {
      run.acknowledged.insert(number);
    } else {
      run.failures.push_back(added);
    }
  }
  return run;
}

void CheckAfterwards(const std::string& path, const Outcome& run) {
  const auto opened = OpenSqlite(path);
  ASSERT_TRUE(opened.ok()) << opened.status();
  ASSERT_TRUE(Migrate(**opened, kSchema).ok());
  const std::set<int64_t> lefts = Numbers(**opened, "lefts");
  EXPECT_EQ(lefts, Numbers(**opened, "rights"));
  for (const int64_t number : run.acknowledged) EXPECT_TRUE(lefts.contains(number)) << number;
  EXPECT_TRUE(AddPair(**opened, 1000).ok());
}

class SqliteFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() { PutFailingDiskUnderneath(); }

  // Every n until a run meets no fault any more. Returns how many there were.
  int ForEveryN(const std::string& name, Fault fault,
                const std::function<void(const Outcome&)>& check) {
    for (int n = 1; n < 1000; ++n) {
      SCOPED_TRACE(absl::StrCat(name, " ", n));
      const std::string path = SqlitePath(absl::StrCat("faults-", name, "-", n));
      countdown = n;
      armed = fault;
      const Outcome run = Live(path);
      const bool struck = armed.exchange(Fault::kNone) == Fault::kNone;
      if (struck) check(run);
      CheckAfterwards(path, run);
      if (!struck) return n - 1;
    }
    return -1;
  }
};

TEST_F(SqliteFaults, AFullDiskFailsOneWriteAndIsOver) {
  const int faults = ForEveryN("full", Fault::kDiskFull, [](const Outcome& run) {
    EXPECT_LE(run.failures.size(), 1u);
    for (const absl::Status& failure : run.failures) {
      EXPECT_EQ(failure.code(), absl::StatusCode::kResourceExhausted) << failure;
      EXPECT_EQ(ErrorReason(failure), "STORAGE_FULL");
    }
  });
  EXPECT_GT(faults, 30);
}

TEST_F(SqliteFaults, AWriteThatTearsLosesNothingElse) {
  const int faults = ForEveryN("torn", Fault::kWriteError, [](const Outcome& run) {
    EXPECT_LE(run.failures.size(), 1u);
    for (const absl::Status& failure : run.failures) {
      EXPECT_EQ(ErrorReason(failure), "STORAGE_IO") << failure;
    }
  });
  EXPECT_GT(faults, 30);
}

TEST_F(SqliteFaults, AfterASyncThatFailedNothingIsWritten) {
  const int faults = ForEveryN("sync", Fault::kSyncError, [](const Outcome& run) {
    for (const absl::Status& failure : run.failures) {
      EXPECT_EQ(ErrorReason(failure), "STORAGE_IO") << failure;
    }
    EXPECT_EQ(run.told_broken, run.failures.empty() ? 0 : 1);
    // Those that were acknowledged came first, without a gap.
    if (!run.acknowledged.empty()) {
      EXPECT_EQ(static_cast<size_t>(*run.acknowledged.rbegin()) + 1, run.acknowledged.size());
    }
  });
  EXPECT_GT(faults, 5);
}

}  // namespace
}  // namespace norroy::sql
