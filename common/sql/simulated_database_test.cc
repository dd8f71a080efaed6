#include "common/sql/simulated_database.h"

#include <gtest/gtest.h>

#include "common/sql/transact.h"

namespace norroy::sql {
namespace {

const std::vector<Migration>& Things() {
  static const std::vector<Migration> kMigrations = {
      {1, "CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT"}};
  return kMigrations;
}

absl::Status Add(Database& database, int64_t id) {
  return database.Write([id](Connection& connection) {
    return connection.Execute("INSERT INTO things (id) VALUES ($1)", {id}).status();
  });
}

int64_t Count(Database& database) {
  const auto count = [](Connection& connection) -> absl::StatusOr<int64_t> {
    const auto rows = connection.Query("SELECT COUNT(*) FROM things", {});
    if (!rows.ok()) return rows.status();
    return rows->front().Int(0);
  };
  const absl::StatusOr<int64_t> counted = ReadFor<int64_t>(database, count);
  EXPECT_TRUE(counted.ok()) << counted.status();
  return counted.ok() ? *counted : -1;
}

TEST(SimulatedDatabaseTest, KeepsWholeTransactionsAndCanBeEmptied) {
  const auto database = SimulatedDatabase::Open(Things());
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(Add(**database, 1).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Add(**database, 1)));
  const absl::Status undone = (*database)->Write([](Connection& connection) {
    EXPECT_TRUE(connection.Execute("INSERT INTO things (id) VALUES (2)", {}).ok());
    return absl::AbortedError("on purpose");
  });
  EXPECT_TRUE(absl::IsAborted(undone));
  EXPECT_EQ(Count(**database), 1);

  ASSERT_TRUE((*database)->Empty().ok());
  EXPECT_EQ(Count(**database), 0);
  // The schema and its version are still there.
  EXPECT_TRUE(Migrate(**database, Things()).ok());
  EXPECT_TRUE(Add(**database, 1).ok());
}

TEST(SimulatedDatabaseTest, WhatFailedOrOnlyReadsChangesNothing) {
  const auto database = SimulatedDatabase::Open(Things());
  ASSERT_TRUE(database.ok()) << database.status();
  EXPECT_FALSE((*database)
                   ->Read([](Connection& connection) {
                     return connection.Execute("INSERT INTO things (id) VALUES (3)", {}).status();
                   })
                   .ok());
  EXPECT_FALSE((*database)
                   ->Write([](Connection& connection) {
                     EXPECT_TRUE(connection.Execute("INSERT INTO things (id) VALUES (4)", {}).ok());
                     EXPECT_FALSE(
                         connection.Execute("INSERT INTO things (id) VALUES (4)", {}).ok());
                     return absl::OkStatus();
                   })
                   .ok());
  EXPECT_EQ(Count(**database), 0);
}

}  // namespace
}  // namespace norroy::sql
