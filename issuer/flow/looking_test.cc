#include "issuer/flow/looking.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace norroy::flow {
namespace {

using types::v1::Verdict;
using types::v1::View;

const absl::Time kReady = absl::FromUnixSeconds(1'772'366'400);

// "P", "W", "F", "U" a viewpoint; "L" waits because of a lagging server.
std::vector<View> Views(const std::string& letters, int64_t again_after_ms = 0) {
  std::vector<View> views;
  for (const char letter : letters) {
    View& view = views.emplace_back();
    view.set_verdict(letter == 'P'   ? types::v1::VERDICT_PASS
                     : letter == 'F' ? types::v1::VERDICT_FAIL
                     : letter == 'U' ? types::v1::VERDICT_UNKNOWN
                                     : types::v1::VERDICT_WAIT);
    view.set_again_after_ms(again_after_ms);
    view.add_findings()->set_code(letter == 'L' ? "LAGGING_SERVER" : std::string(1, letter));
  }
  return views;
}

TEST(Looking, CombinesVerdicts) {
  const struct {
    std::string views;
    Verdict verdict;
  } cases[] = {
      {"", types::v1::VERDICT_UNKNOWN},   {"U", types::v1::VERDICT_UNKNOWN},
      {"UU", types::v1::VERDICT_UNKNOWN}, {"P", types::v1::VERDICT_PASS},
      {"W", types::v1::VERDICT_WAIT},     {"F", types::v1::VERDICT_FAIL},
      {"PU", types::v1::VERDICT_PASS},    {"FU", types::v1::VERDICT_FAIL},
      {"WU", types::v1::VERDICT_WAIT},    {"PF", types::v1::VERDICT_PASS},
      {"FW", types::v1::VERDICT_WAIT},    {"PW", types::v1::VERDICT_WAIT},
      {"PFF", types::v1::VERDICT_FAIL},   {"PPF", types::v1::VERDICT_PASS},
      {"PFW", types::v1::VERDICT_WAIT},   {"FFPP", types::v1::VERDICT_PASS},
      {"FFPUU", types::v1::VERDICT_FAIL}, {"FFW", types::v1::VERDICT_FAIL},
  };
  for (const auto& row : cases) {
    EXPECT_EQ(Combine(Views(row.views), Grade::kAdvise), row.verdict) << row.views;
    // A gate differs where as many fail as pass.
    const bool tie = row.views == "PF" || row.views == "FFPP";
    EXPECT_EQ(Combine(Views(row.views), Grade::kGate), tie ? types::v1::VERDICT_FAIL : row.verdict)
        << row.views;
  }
}

TEST(Looking, AnOldPassIsLookedAtOnceMore) {
  const struct {
    std::string name;
    std::string seen;
    int age;  // seconds
    int64_t generation;
    int64_t revision;
    bool again;
  } cases[] = {
      {"fresh", "P", 15, 2, 7, false},
      {"old", "P", 16, 2, 7, true},
      {"of another generation", "P", 0, 1, 7, true},
      {"of another revision", "P", 0, 2, 6, true},
      {"no pass", "U", 60, 1, 6, false},
  };
  for (const auto& row : cases) {
    SCOPED_TRACE(row.name);
    Looks looks;
    NameLook& look = looks.names[*challenge::Name::Parse("www.example.test")];
    look.since = kReady;
    TakeIn(look, Views(row.seen), Grade::kAdvise, kReady);
    look.generation = row.generation;
    look.revision = row.revision;
    const absl::Time now = kReady + absl::Seconds(row.age);
    EXPECT_EQ(LookOnceMore(looks, 2, 7, now), row.again);
    EXPECT_EQ(look.settled, !row.again);
    if (!row.again) continue;
    EXPECT_EQ(look.next, now);
    TakeIn(look, Views("P"), Grade::kAdvise, now);
    EXPECT_TRUE(look.settled);
    // It ends.
    EXPECT_FALSE(LookOnceMore(looks, 2, 7, now + absl::Minutes(1)));
  }
}

TEST(Looking, ExplainsByTheViewThatHasTheVerdict) {
  EXPECT_EQ(Explain(Views("PFF"), types::v1::VERDICT_FAIL).code(), "F");
  EXPECT_EQ(Explain(Views("P"), types::v1::VERDICT_FAIL).code(), "");
  EXPECT_EQ(Explain({}, types::v1::VERDICT_UNKNOWN).code(), "");
}

struct Look {
  int at;  // seconds from READY on
  std::string views;
  int64_t again_after_ms;
  int next;  // seconds from READY on; 0: settled
};

struct WayCase {
  std::string name;
  Grade grade;
  std::vector<Look> looks;
};

TEST(Looking, LooksAgainAsTheRulesSay) {
  const std::vector<WayCase> cases = {
      {"a pass settles", Grade::kAdvise, {{0, "P", 0, 0}}},
      {"a pass settles under a gate", Grade::kGate, {{0, "P", 0, 0}}},
      {"unknown settles", Grade::kAdvise, {{0, "U", 0, 0}}},
      {"unknown settles under a gate", Grade::kGate, {{0, "U", 0, 0}}},
      {"a second look before a failure is believed",
       Grade::kAdvise,
       {{0, "F", 0, 2}, {2, "F", 0, 0}}},
      {"a failure that was none", Grade::kAdvise, {{0, "F", 0, 2}, {2, "P", 0, 0}}},
      {"failures need not follow each other",
       Grade::kAdvise,
       {{0, "F", 0, 2}, {2, "W", 3000, 5}, {5, "F", 0, 0}}},
      {"a gate believes the first", Grade::kGate, {{0, "F", 0, 0}}},
      {"a wait, then a pass", Grade::kAdvise, {{0, "W", 4000, 4}, {4, "P", 0, 0}}},
      {"at least a second", Grade::kAdvise, {{0, "W", 10, 1}}},
      {"at most a minute", Grade::kAdvise, {{0, "W", 3'600'000, 60}}},
      {"the longest of several", Grade::kAdvise, {{0, "WW", 7000, 7}}},
      {"a lagging server must pass twice",
       Grade::kAdvise,
       {{0, "L", 1000, 1}, {1, "P", 0, 6}, {6, "P", 0, 0}}},
      {"twice in a row",
       Grade::kGate,
       {{0, "L", 1000, 1}, {1, "P", 0, 6}, {6, "W", 1000, 7}, {7, "P", 0, 12}, {12, "P", 0, 0}}},
      {"up to the cap", Grade::kAdvise, {{119, "W", 5000, 120}, {120, "W", 5000, 0}}},
      {"a gate is patient",
       Grade::kGate,
       {{120, "W", 5000, 125}, {599, "W", 5000, 600}, {600, "W", 0, 0}}},
  };
  for (const WayCase& c : cases) {
    NameLook look = {.type = challenge::ChallengeType::kDns01, .since = kReady, .next = kReady};
    for (const Look& one : c.looks) {
      TakeIn(look, Views(one.views, one.again_after_ms), c.grade, kReady + absl::Seconds(one.at));
      EXPECT_EQ(look.settled, one.next == 0) << c.name << " at " << one.at;
      if (one.next > 0) {
        EXPECT_EQ(look.next, kReady + absl::Seconds(one.next)) << c.name << " at " << one.at;
      }
    }
  }
}

}  // namespace
}  // namespace norroy::flow
