#include "validator/agents/fleet_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "validator/agents/test_fleet.h"

namespace norroy::validator {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);

class FleetMetricsTest : public ::testing::Test {
 protected:
  FleetMetricsTest() {
    const auto grant = GrantOf({"www.example.com"}, {challenge::ChallengeType::kHttp01});
    for (const char* const name : {"web1", "web2"}) fleet_.Enroll(name, {grant});
    fleet_.Invite("web3", {grant});
  }

  std::string Sampled() {
    metrics_.Sample(fleet_.registry(), kNow);
    return registry_.Text();
  }

  TestFleet fleet_{kNow};
  metrics::Registry registry_;
  FleetMetrics metrics_{registry_};
};

TEST_F(FleetMetricsTest, CountsAgentsByState) {
  fleet_.registry().Attach("web1", std::make_shared<FakeLink>());
  const std::string text = Sampled();
  EXPECT_THAT(text, HasSubstr("norroy_agents{state=\"attached\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("norroy_agents{state=\"silent\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("norroy_agents{state=\"invited\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("norroy_agents{state=\"banned\"} 0\n"));
  EXPECT_THAT(text,
              HasSubstr("norroy_agent_last_seen_timestamp_seconds{agent=\"web1\"} 1767225600\n"));
}

TEST_F(FleetMetricsTest, ShowsWhatAttachedAgentsTell) {
  const int64_t attachment = fleet_.registry().Attach("web1", std::make_shared<FakeLink>());
  AgentReport report;
  report.version = "norroy-agent 9";
  report.clock_offset = absl::Seconds(90);
  fleet_.registry().NoteReport("web1", report);
  AgentCounts counts;
  counts.presenters = {{.name = "http_listener", .put_up = 7, .failed = 2}};
  fleet_.registry().NoteCounts("web1", counts);
  EXPECT_THAT(Sampled(), HasSubstr("norroy_agent_clock_offset_seconds{agent=\"web1\"} 90\n"));
  EXPECT_THAT(Sampled(), HasSubstr("norroy_agent_proofs{agent=\"web1\",presenter=\"http_listener\","
                                   "result=\"put_up\"} 7\n"));
  EXPECT_TRUE(fleet_.registry().Detach("web1", attachment));
  EXPECT_THAT(Sampled(), Not(HasSubstr("norroy_agent_proofs{")));
}

}  // namespace
}  // namespace norroy::validator
