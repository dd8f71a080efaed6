// A join token works once, however many come with it at the same moment: of 64 that race, in each
// of 100 rounds, exactly one becomes the agent. On PostgreSQL they come to eight validators.

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/challenge/pattern.h"
#include "common/error/error.h"
#include "common/sql/database_kinds.h"
#include "gtest/gtest.h"
#include "validator/store/store.h"

namespace norroy::validator {
namespace {

constexpr int kThreads = 64;
constexpr int kRounds = 100;
constexpr int kValidators = 8;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

class JoinRace : public testing::TestWithParam<sql::DatabaseKind> {};

INSTANTIATE_TEST_SUITE_P(On, JoinRace, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

audit::Entry AuditOf(const std::string& action, const std::string& agent) {
  return {.principal = "operator/test", .action = action, .object = "agent/" + agent};
}

JoinToken TokenOf(int round) {
  return {.id = absl::StrCat("t", round),
          .agent_name = absl::StrCat("web", round),
          .key_sha256 = "key",
          .grants = {{.patterns = *challenge::ParsePatterns({"www.example.com"}),
                      .types = {challenge::ChallengeType::kHttp01}}},
          .expire_time = kNow + absl::Hours(1)};
}

// A number from the database.
int64_t Count(sql::Database& database, const std::string& query) {
  int64_t count = -1;
  const absl::Status read = database.Read([&](sql::Connection& connection) -> absl::Status {
    const auto rows = connection.Query(query, {});
    if (!rows.ok()) return rows.status();
    count = rows->at(0).Int(0);
    return absl::OkStatus();
  });
  EXPECT_TRUE(read.ok()) << read;
  return count;
}

TEST_P(JoinRace, ExactlyOneOfAllWins) {
  std::vector<std::unique_ptr<sql::Database>> databases;
  std::vector<std::unique_ptr<Store>> stores;
  for (int i = 0; i < (GetParam().shared ? kValidators : 1); ++i) {
    auto opened = sql::OpenForThisTest(GetParam());
    ASSERT_TRUE(opened.ok()) << opened.status();
    databases.push_back(*std::move(opened));
    ASSERT_TRUE(sql::Migrate(*databases.back(), Store::Migrations()).ok());
    stores.push_back(Store::Make(*databases.back(), absl::StrCat("validator/v", i)));
  }
  sql::Database& database = *databases[0];
  for (int round = 0; round < kRounds; ++round) {
    const JoinToken token = TokenOf(round);
    ASSERT_TRUE(
        stores[0]->CreateJoinToken(token, false, kNow, AuditOf("invite", token.agent_name)).ok());
  }

  std::vector<std::atomic<int>> won(kRounds), used(kRounds), arrived(kRounds);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      Store& store = *stores[static_cast<size_t>(i) % stores.size()];
      for (int round = 0; round < kRounds; ++round) {
        // All at once: nobody begins a round before everybody has come to it.
        ++arrived[round];
        while (arrived[round] < kThreads) std::this_thread::yield();
        const JoinToken token = TokenOf(round);
        const auto agent = store.UseJoinToken(token.id, token.key_sha256, kNow + absl::Hours(24),
                                              kNow, AuditOf("enroll", token.agent_name));
        if (agent.ok()) ++won[round];
        if (ErrorReason(agent.status()) == "TOKEN_USED") ++used[round];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (int round = 0; round < kRounds; ++round) {
    EXPECT_EQ(won[round], 1) << "round " << round;
    EXPECT_EQ(used[round], kThreads - 1) << "round " << round;
  }
  EXPECT_EQ(Count(database, "SELECT COUNT(*) FROM agents WHERE state = 1"), kRounds);
  EXPECT_EQ(Count(database, "SELECT COUNT(*) FROM agents"), kRounds);
  EXPECT_EQ(Count(database, "SELECT COUNT(*) FROM audit WHERE action = 'enroll'"), kRounds);
}

}  // namespace
}  // namespace norroy::validator
