#ifndef NORROY_COMMON_SQL_DATABASE_CONTRACT_H_
#define NORROY_COMMON_SQL_DATABASE_CONTRACT_H_

// What every Database must do, as tests. A kind of database runs them all with
//
//   INSTANTIATE_TEST_SUITE_P(Sqlite, DatabaseContract, testing::ValuesIn(SqliteKinds()), KindName);

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/database_kinds.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"
#include "gtest/gtest.h"

namespace norroy::sql {

class DatabaseContract : public testing::TestWithParam<DatabaseKind> {
 protected:
  void SetUp() override {
    Reopen();
    ASSERT_TRUE(
        Do("CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT").ok());
    ASSERT_TRUE(Do("CREATE TABLE values_of (id INTEGER PRIMARY KEY, number INTEGER, words TEXT, "
                   "bytes BLOB, counter TEXT REFERENCES counters (name)) STRICT")
                    .ok());
  }

  void Reopen() {
    database_.reset();
    auto opened = OpenForThisTest(GetParam());
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
  }

  absl::Status Do(absl::string_view sql, const std::vector<Value>& parameters = {}) {
    return database_->Write(
        [&](Connection& connection) { return connection.Execute(sql, parameters).status(); });
  }

  absl::StatusOr<std::vector<Row>> Ask(absl::string_view sql,
                                       const std::vector<Value>& parameters = {}) {
    return ReadFor<std::vector<Row>>(
        *database_, [&](Connection& connection) { return connection.Query(sql, parameters); });
  }

  int64_t Counter(const std::string& name) {
    const auto rows = Ask("SELECT value FROM counters WHERE name = $1", {name});
    return rows.ok() && rows->size() == 1 ? rows->front().Int(0) : -1;
  }

  std::unique_ptr<Database> database_;
};

inline absl::Status AddOne(Connection& connection, const std::string& name) {
  return connection.Execute("UPDATE counters SET value = value + 1 WHERE name = $1", {name})
      .status();
}

TEST_P(DatabaseContract, ValuesComeBackAsTheyWere) {
  struct Case {
    Value number;
    Value words;
    Value bytes;
  };
  const Case cases[] = {
      {int64_t{0}, std::string(), Blob{""}},
      {int64_t{INT64_MAX}, std::string("plain"), Blob{std::string("\0\1\xff\0", 4)}},
      {int64_t{INT64_MIN}, std::string("it's \"quoted\"; -- $1 ?"), Blob{std::string(70000, 'x')}},
      {int64_t{-1}, std::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x94\x91"), Blob{"\n"}},
      {Null(), Null(), Null()},
  };
  int64_t id = 0;
  for (const Case& c : cases) {
    ++id;
    ASSERT_TRUE(Do("INSERT INTO values_of (id, number, words, bytes) VALUES ($1, $2, $3, $4)",
                   {id, c.number, c.words, c.bytes})
                    .ok());
    const auto rows = Ask("SELECT number, words, bytes FROM values_of WHERE id = $1", {id});
    ASSERT_TRUE(rows.ok()) << rows.status();
    ASSERT_EQ(rows->size(), 1u);
    const Row& row = rows->front();
    if (std::holds_alternative<Null>(c.number)) {
      EXPECT_TRUE(row.IsNull(0) && row.IsNull(1) && row.IsNull(2));
      EXPECT_EQ(row.Int(0), 0);
      EXPECT_EQ(row.Text(1), "");
      EXPECT_EQ(row.Bytes(2), "");
      continue;
    }
    EXPECT_FALSE(row.IsNull(0) || row.IsNull(1) || row.IsNull(2));
    EXPECT_EQ(row.Int(0), std::get<int64_t>(c.number));
    EXPECT_EQ(row.Text(1), std::get<std::string>(c.words));
    EXPECT_EQ(row.Bytes(2), std::get<Blob>(c.bytes).bytes);
  }
}

TEST_P(DatabaseContract, ParametersGoByTheirNumberNotTheirPlace) {
  ASSERT_TRUE(
      Do("INSERT INTO counters (value, name) VALUES ($2, $1)", {std::string("a"), int64_t{7}})
          .ok());
  const auto rows = Ask("SELECT value FROM counters WHERE value = $2 AND name = $1 AND name = $1",
                        {std::string("a"), int64_t{7}});
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_EQ(rows->front().Int(0), 7);
}

TEST_P(DatabaseContract, AParameterTooFewOrTooManyIsAnError) {
  EXPECT_EQ(Ask("SELECT value FROM counters WHERE name = $1").status().code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(Ask("SELECT value FROM counters WHERE name = $1", {std::string("a"), int64_t{1}})
                .status()
                .code(),
            absl::StatusCode::kInternal);
}

TEST_P(DatabaseContract, ExecuteCountsTheRowsItChanged) {
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 1)").ok());
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('b', 1)").ok());
  struct Case {
    absl::string_view sql;
    int64_t rows;
  };
  const Case cases[] = {
      {"UPDATE counters SET value = value + 1", 2},
      {"UPDATE counters SET value = value + 1 WHERE name = 'nobody'", 0},
      {"CREATE TABLE another (id INTEGER PRIMARY KEY) STRICT", 0},
      {"UPDATE counters SET value = 1 WHERE name = 'a' AND value = 2", 1},
      {"INSERT INTO counters VALUES ('a', 2) ON CONFLICT (name) DO NOTHING", 0},
      {"DELETE FROM counters", 2},
  };
  for (const Case& c : cases) {
    const auto rows = WriteFor<int64_t>(
        *database_, [&](Connection& connection) { return connection.Execute(c.sql, {}); });
    ASSERT_TRUE(rows.ok()) << c.sql << ": " << rows.status();
    EXPECT_EQ(*rows, c.rows) << c.sql;
  }
}

TEST_P(DatabaseContract, ConstraintsHold) {
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 1)").ok());
  EXPECT_EQ(Do("INSERT INTO counters VALUES ('a', 2)").code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Do("INSERT INTO values_of (id, counter) VALUES (1, 'nobody')").code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Do("INSERT INTO counters VALUES ('b', NULL)").code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(Do("INSERT INTO counters VALUES ('b', 'text')").ok());
  EXPECT_EQ(Counter("a"), 1);
}

TEST_P(DatabaseContract, AFailingWorkLeavesNoTrace) {
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 0)").ok());
  const absl::Status refused = database_->Write([](Connection& connection) {
    NORROY_RETURN_IF_ERROR(AddOne(connection, "a"));
    return MakeError(absl::StatusCode::kAborted, "LEASE_LOST", "not ours");
  });
  EXPECT_EQ(refused.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ErrorReason(refused), "LEASE_LOST");
  EXPECT_EQ(Counter("a"), 0);
  // Nothing is kept of a work that does not mind that a statement failed.
  EXPECT_EQ(database_
                ->Write([](Connection& connection) {
                  EXPECT_TRUE(AddOne(connection, "a").ok());
                  EXPECT_FALSE(connection.Execute("INSERT INTO nowhere VALUES (1)", {}).ok());
                  return absl::OkStatus();
                })
                .code(),
            absl::StatusCode::kInternal);
  EXPECT_EQ(Counter("a"), 0);
}

TEST_P(DatabaseContract, ReadRefusesToWrite) {
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 0)").ok());
  EXPECT_FALSE(
      database_->Read([](Connection& connection) { return AddOne(connection, "a"); }).ok());
  EXPECT_EQ(Counter("a"), 0);
  EXPECT_TRUE(Do("UPDATE counters SET value = 5").ok());
  EXPECT_EQ(Counter("a"), 5);
}

TEST_P(DatabaseContract, ManyRowsAreCapped) {
  const auto rows = [this](int64_t count) {
    return Ask(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
        "SELECT i FROM n",
        {count});
  };
  ASSERT_TRUE(rows(100'000).ok());
  EXPECT_EQ(rows(100'000)->size(), 100'000u);
  EXPECT_EQ(rows(100'001).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_P(DatabaseContract, ConcurrentWritersLoseNothingAndFailAlone) {
  constexpr int kThreads = 32;
  constexpr int kRounds = 20;
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('all', 0)").ok());
  std::atomic<int> failures = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const std::string mine = absl::StrCat("t", t);
      EXPECT_TRUE(Do("INSERT INTO counters VALUES ($1, 0)", {mine}).ok());
      for (int round = 0; round < kRounds; ++round) {
        const bool fail = (t + round) % 3 == 0;
        const absl::Status status = database_->Write([&](Connection& connection) {
          NORROY_RETURN_IF_ERROR(AddOne(connection, "all"));
          NORROY_RETURN_IF_ERROR(AddOne(connection, mine));
          return fail ? absl::AbortedError("on purpose") : absl::OkStatus();
        });
        EXPECT_EQ(status.ok(), !fail) << status;
        if (fail) ++failures;
      }
      // What Write said is there for every reader at once.
      int expected = 0;
      for (int round = 0; round < kRounds; ++round) expected += (t + round) % 3 == 0 ? 0 : 1;
      EXPECT_EQ(Counter(mine), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Counter("all"), kThreads * kRounds - failures);
}

TEST_P(DatabaseContract, AReadSeesOneState) {
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 500)").ok());
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('b', 500)").ok());
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) {
      EXPECT_TRUE(
          database_
              ->Write([](Connection& connection) {
                NORROY_RETURN_IF_ERROR(
                    connection.Execute("UPDATE counters SET value = value - 1 WHERE name = 'a'", {})
                        .status());
                return AddOne(connection, "b");
              })
              .ok());
    }
  });
  for (int i = 0; i < 100; ++i) {
    int64_t sum = 0;
    EXPECT_TRUE(database_
                    ->Read([&](Connection& connection) -> absl::Status {
                      sum = 0;
                      for (const char* name : {"a", "b"}) {
                        NORROY_ASSIGN_OR_RETURN(
                            const std::vector<Row> rows,
                            connection.Query("SELECT value FROM counters WHERE name = $1",
                                             {std::string(name)}));
                        sum += rows.at(0).Int(0);
                      }
                      return absl::OkStatus();
                    })
                    .ok());
    EXPECT_EQ(sum, 1000);
  }
  stop = true;
  writer.join();
}

TEST_P(DatabaseContract, MigratesInSteps) {
  std::vector<Migration> steps = {
      {1, "CREATE TABLE one (id INTEGER PRIMARY KEY) STRICT; INSERT INTO one VALUES (1);"}};
  ASSERT_TRUE(Migrate(*database_, steps).ok());
  ASSERT_TRUE(Migrate(*database_, steps).ok());
  steps.push_back({2, "ALTER TABLE one ADD COLUMN words TEXT"});
  steps.push_back({3, "UPDATE one SET words = 'x'; INSERT INTO nowhere VALUES (1)"});
  // The third fails: the second stays, of the third nothing.
  EXPECT_FALSE(Migrate(*database_, steps).ok());
  auto rows = Ask("SELECT words FROM one");
  ASSERT_TRUE(rows.ok()) << rows.status();
  ASSERT_EQ(rows->size(), 1u);
  EXPECT_TRUE(rows->front().IsNull(0));
  steps.back().sql = "UPDATE one SET words = 'y'";
  ASSERT_TRUE(Migrate(*database_, steps).ok());
  rows = Ask("SELECT words FROM one");
  ASSERT_TRUE(rows.ok());
  EXPECT_EQ(rows->front().Text(0), "y");
}

TEST_P(DatabaseContract, ANewerSchemaIsNotTouched) {
  const std::vector<Migration> newer = {{1, "CREATE TABLE one (id INTEGER) STRICT"},
                                        {2, "CREATE TABLE two (id INTEGER) STRICT"}};
  ASSERT_TRUE(Migrate(*database_, newer).ok());
  const absl::Status status = Migrate(*database_, {newer[0]});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(status), "NEWER_SCHEMA");
  EXPECT_EQ(ErrorMetadataOf(status).at("version"), "2");
}

// What a subscriber heard, in order.
class Ear {
 public:
  Ear(Database& database, const std::string& channel)
      : subscription_(database.Subscribe(channel, [this](absl::string_view payload) {
          MutexLock lock(&mutex_);
          heard_.emplace_back(payload);
          changed_.SignalAll();
        })) {}

  // Whether that came, within `time`.
  bool Hears(const std::string& payload, absl::Duration time = absl::Seconds(30)) {
    MutexLock lock(&mutex_);
    const auto came = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return std::find(heard_.begin(), heard_.end(), payload) != heard_.end();
    };
    for (absl::Duration waited; !came() && waited < time; waited += absl::Milliseconds(100)) {
      changed_.WaitFor(&mutex_, absl::Milliseconds(100));
    }
    return came();
  }
  // All that came so far, without calls to look at everything.
  std::vector<std::string> Notices() {
    MutexLock lock(&mutex_);
    std::vector<std::string> notices;
    for (const std::string& heard : heard_) {
      if (!heard.empty()) notices.push_back(heard);
    }
    return notices;
  }
  void Forget() {
    MutexLock lock(&mutex_);
    heard_.clear();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::string> heard_ ABSL_GUARDED_BY(mutex_);
  const std::unique_ptr<Subscription> subscription_;
};

inline absl::Status Tell(Database& database, const std::string& channel,
                         const std::string& payload) {
  return database.Write(
      [&](Connection& connection) { return connection.Notify(channel, payload); });
}

// A database begins to be heard some time after Subscribe: what is told until then may be missed.
inline void WaitUntilHeard(Database& database, const std::string& channel, Ear& ear) {
  EXPECT_TRUE(ear.Hears(""));
  bool heard = false;
  for (int i = 0; i < 30 && !heard; ++i) {
    EXPECT_TRUE(Tell(database, channel, absl::StrCat("try", i)).ok());
    heard = ear.Hears(absl::StrCat("try", i), absl::Seconds(1));
  }
  EXPECT_TRUE(heard);
  ear.Forget();
}

TEST_P(DatabaseContract, WhoSubscribedIsToldWhatWasCommitted) {
  Ear orders(*database_, "orders");
  Ear agents(*database_, "agents");
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 0)").ok());
  WaitUntilHeard(*database_, "orders", orders);
  WaitUntilHeard(*database_, "agents", agents);
  const auto add_and_tell = [&](const std::string& payload, bool keep) {
    const absl::Status status = database_->Write([&](Connection& connection) -> absl::Status {
      NORROY_RETURN_IF_ERROR(AddOne(connection, "a"));
      NORROY_RETURN_IF_ERROR(connection.Notify("orders", payload));
      return keep ? absl::OkStatus() : absl::AbortedError("on purpose");
    });
    EXPECT_EQ(status.ok(), keep) << status;
  };
  const std::string longest(kMaxPayload, 'x');
  add_and_tell("o1", true);
  add_and_tell("never", false);
  EXPECT_TRUE(Tell(*database_, "agents", "a1 it's \xe2\x82\xac").ok());
  add_and_tell(longest, true);
  add_and_tell("o2", true);
  EXPECT_TRUE(orders.Hears("o2"));
  EXPECT_EQ(orders.Notices(), (std::vector<std::string>{"o1", longest, "o2"}));
  EXPECT_TRUE(agents.Hears("a1 it's \xe2\x82\xac"));
  EXPECT_EQ(agents.Notices().size(), 1u);
}

TEST_P(DatabaseContract, ANoticeThatIsNoneIsRefused) {
  struct Case {
    std::string channel;
    std::string payload;
  };
  const Case cases[] = {{"", "x"},
                        {"Orders", "x"},
                        {"two words", "x"},
                        {std::string(kMaxChannel + 1, 'a'), "x"},
                        {"orders", std::string(kMaxPayload + 1, 'x')},
                        {"orders", std::string("a\0b", 3)}};
  for (const Case& c : cases) {
    EXPECT_TRUE(absl::IsInvalidArgument(Tell(*database_, c.channel, c.payload))) << c.channel;
  }
}

// Its calls end with it, also those under way.
TEST_P(DatabaseContract, ASubscriptionEndsWhileOthersGoOn) {
  Ear stays(*database_, "orders");
  WaitUntilHeard(*database_, "orders", stays);
  std::atomic<bool> stop = false;
  std::thread teller([&] {
    while (!stop) {
      EXPECT_TRUE(Tell(*database_, "orders", "again").ok());
    }
  });
  for (int i = 0; i < 20; ++i) {
    auto alive = std::make_unique<std::atomic<bool>>(true);
    auto subscription = database_->Subscribe(
        "orders", [&alive](absl::string_view /*payload*/) { EXPECT_TRUE(alive->load()); });
    subscription.reset();
    *alive = false;
  }
  stop = true;
  teller.join();
  EXPECT_TRUE(Tell(*database_, "orders", "last").ok());
  EXPECT_TRUE(stays.Hears("last"));
}

TEST_P(DatabaseContract, WhatWasWrittenIsThereAfterReopening) {
  if (!GetParam().durable) GTEST_SKIP() << "lives only as long as its object";
  ASSERT_TRUE(Do("INSERT INTO counters VALUES ('a', 41)").ok());
  ASSERT_TRUE(Do("UPDATE counters SET value = value + 1").ok());
  Reopen();
  EXPECT_EQ(Counter("a"), 42);
}

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_DATABASE_CONTRACT_H_
