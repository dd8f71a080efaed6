#include "common/sql/process_name.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/postgres_connection.h"
#include "common/sql/postgres_kinds.h"
#include "common/sync/mutex.h"

namespace norroy::sql {
namespace {

class ProcessNameTest : public testing::Test {
 protected:
  void SetUp() override { url_ = TestPostgres().Database("names"); }

  absl::StatusOr<std::unique_ptr<ProcessName>> Take(const std::string& name,
                                                    absl::Duration patience = absl::Seconds(5)) {
    return ProcessName::Take({.url = url_,
                              .name = name,
                              .lost =
                                  [this](const absl::Status& why) {
                                    MutexLock lock(&mutex_);
                                    lost_ = why;
                                  },
                              .patience = patience,
                              .look_every = absl::Milliseconds(100)});
  }
  // The connections that hold `name`.
  std::string Holders(const std::string& name) {
    return TestPostgres().Sql("names",
                              absl::StrCat("SELECT pid FROM pg_stat_activity JOIN pg_locks USING "
                                           "(pid) WHERE locktype = 'advisory' AND granted AND "
                                           "application_name = 'norroy ",
                                           name, "'"));
  }
  void Cut(const std::string& name) {
    TestPostgres().Sql("names", absl::StrCat("SELECT pg_terminate_backend(pid) FROM "
                                             "pg_stat_activity WHERE application_name = 'norroy ",
                                             name, "'"));
  }

  // Why the name was lost; OK: it was not.
  absl::Status Lost() {
    MutexLock lock(&mutex_);
    return lost_;
  }

  std::string url_;

 private:
  Mutex mutex_;
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(ProcessNameTest, IsOnesOwnUntilItIsGivenBack) {
  auto first = Take("issuer/main");
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = Take("issuer/main", absl::ZeroDuration());
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ErrorReason(second.status()), "IN_USE") << second.status();
  EXPECT_TRUE(absl::StrContains(second.status().message(), "issuer/main")) << second.status();
  EXPECT_TRUE(Take("issuer/other", absl::ZeroDuration()).ok());
  EXPECT_TRUE(Take("validator/main", absl::ZeroDuration()).ok());
  first->reset();
  EXPECT_TRUE(Take("issuer/main").ok());
  EXPECT_TRUE(Lost().ok()) << Lost();
}

TEST_F(ProcessNameTest, TheWholeDatabaseIsHeldBesideNobody) {
  const auto whole = [&] {
    return ProcessName::Take({.url = url_,
                              .name = "issuer migration",
                              .whole = true,
                              .lost = [](const absl::Status&) {},
                              .patience = absl::ZeroDuration()});
  };
  {
    const auto name = Take("issuer/a");
    ASSERT_TRUE(name.ok()) << name.status();
    const auto refused = whole();
    EXPECT_EQ(ErrorReason(refused.status()), "IN_USE") << refused.status();
    EXPECT_TRUE(absl::StrContains(refused.status().message(), "issuer/a")) << refused.status();
  }
  absl::StatusOr<std::unique_ptr<ProcessName>> migration = absl::UnknownError("");
  EXPECT_TRUE(harness::Eventually([&] { return (migration = whole()).ok(); }));
  const auto refused = Take("issuer/a", absl::ZeroDuration());
  EXPECT_EQ(ErrorReason(refused.status()), "IN_USE") << refused.status();
  EXPECT_TRUE(absl::StrContains(refused.status().message(), "issuer migration"))
      << refused.status();
  migration = absl::UnknownError("over");
  EXPECT_TRUE(Take("issuer/a").ok());
}

TEST_F(ProcessNameTest, IsTakenAnewWhenItsConnectionIsLost) {
  const auto name = Take("issuer/cut");
  ASSERT_TRUE(name.ok()) << name.status();
  const std::string before = Holders("issuer/cut");
  Cut("issuer/cut");
  EXPECT_TRUE(harness::Eventually([&] {
    const std::string now = Holders("issuer/cut");
    return !now.empty() && now != before;
  }));
  EXPECT_EQ(ErrorReason(Take("issuer/cut", absl::ZeroDuration()).status()), "IN_USE");
  EXPECT_TRUE(Lost().ok()) << Lost();
}

TEST_F(ProcessNameTest, OutlivesTheServer) {
  const auto name = Take("issuer/restart");
  ASSERT_TRUE(name.ok()) << name.status();
  TestPostgres().Kill();
  TestPostgres().StartAgain();
  EXPECT_TRUE(harness::Eventually([&] { return !Holders("issuer/restart").empty(); }));
  EXPECT_TRUE(Lost().ok()) << Lost();
}

TEST_F(ProcessNameTest, SaysSoWhenSomebodyElseHasItMeanwhile) {
  const auto name = Take("issuer/twin");
  ASSERT_TRUE(name.ok()) << name.status();
  // Already in the queue for the lock, so that it comes first.
  std::thread twin([&] {
    auto connection = PostgresConnection::Open(url_);
    ASSERT_TRUE(connection.ok()) << connection.status();
    const auto locked = (*connection)
                            ->Execute(
                                "SELECT pg_advisory_lock(hashtextextended('norroy issuer/twin', "
                                "0))",
                                {});
    EXPECT_TRUE(locked.ok()) << locked.status();
    EXPECT_TRUE(harness::Eventually([&] { return !Lost().ok(); }));
  });
  EXPECT_TRUE(harness::Eventually([&] {
    return TestPostgres().Sql("names",
                              "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT "
                              "granted") == "1\n";
  }));
  Cut("issuer/twin");
  twin.join();
  EXPECT_EQ(ErrorReason(Lost()), "IN_USE") << Lost();
}

}  // namespace
}  // namespace norroy::sql
