#include "validator/agents/audit_budget.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace norroy::validator {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1767225600);

TEST(AuditBudget, SoManyAnHourAndTheNextSaysHowManyWereLeftOut) {
  AuditBudget budget;
  for (int i = 0; i < kAuditLinesPerHour; ++i) {
    EXPECT_EQ(budget.Take("agent.attach", "agent/web1", kNow + absl::Seconds(i)), "") << i;
  }
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(budget.Take("agent.attach", "agent/web1", kNow + absl::Minutes(1)).has_value());
  }
  EXPECT_EQ(budget.Take("agent.detach", "agent/web1", kNow), "") << "another kind";
  EXPECT_EQ(budget.Take("agent.attach", "agent/web2", kNow), "") << "another subject";
  EXPECT_EQ(budget.Take("agent.attach", "agent/web1", kNow + absl::Hours(1)),
            "; 3 more like it since 2026-01-01T00:01:00+00:00 were left out");
  EXPECT_EQ(budget.Take("agent.attach", "agent/web1", kNow + absl::Hours(1)), "");
}

TEST(AuditBudget, SubjectsAreBounded) {
  AuditBudget budget;
  for (size_t i = 0; i < kMaxAuditSubjects; ++i) {
    ASSERT_TRUE(budget.Take("call.refused", absl::StrCat(i), kNow).has_value());
  }
  EXPECT_FALSE(budget.Take("call.refused", "one more", kNow).has_value());
  EXPECT_TRUE(budget.Take("call.refused", "0", kNow).has_value());
  EXPECT_TRUE(budget.Take("call.refused", "one more", kNow + absl::Hours(1)).has_value());
}

}  // namespace
}  // namespace norroy::validator
