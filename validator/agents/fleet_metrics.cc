#include "validator/agents/fleet_metrics.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace norroy::validator {
namespace {

using Series = std::vector<std::pair<metrics::LabelValues, double>>;

double Seconds(absl::Time time) { return absl::ToDoubleSeconds(time - absl::UnixEpoch()); }

// One state an agent, the one that matters most: of a banned one nobody asks whether it is
// attached.
std::string StateOf(const Agent& agent, bool attached) {
  if (agent.ban.has_value()) return "banned";
  if (agent.state == AgentState::kInvited) return "invited";
  if (agent.drained) return "drained";
  return attached ? "attached" : "silent";
}

}  // namespace

FleetMetrics::FleetMetrics(metrics::Registry& registry)
    : agents_(registry.NewGauge("norroy_agents", "Agents of this validator, by state.", {"state"})),
      last_seen_(registry.NewGauge("norroy_agent_last_seen_timestamp_seconds",
                                   "When an agent that must answer was last attached.", {"agent"})),
      clock_offset_(registry.NewGauge("norroy_agent_clock_offset_seconds",
                                      "By how much an agent's clock was ahead of ours.",
                                      {"agent"})),
      identity_end_(registry.NewGauge("norroy_agent_identity_not_after_timestamp_seconds",
                                      "When an agent's identity ends; it renews it at half life.",
                                      {"agent"})),
      proofs_(registry.NewGauge("norroy_agent_proofs",
                                "What an agent's presenters have done since it started, by result: "
                                "put_up, taken_down, failed.",
                                {"agent", "presenter", "result"})),
      info_(registry.NewGauge("norroy_agent_info", "What runs on an agent's host; always 1.",
                              {"agent", "version"})) {}

void FleetMetrics::Sample(Registry& fleet, absl::Time now) {
  std::map<std::string, double> states = {
      {"attached", 0}, {"silent", 0}, {"drained", 0}, {"banned", 0}, {"invited", 0}};
  Series seen, offsets, ends, proofs, infos;
  for (const Agent& agent : fleet.agents()) {
    const bool attached = fleet.IsAttached(agent.name);
    const std::string state = StateOf(agent, attached);
    ++states[state];
    if (state != "attached" && state != "silent") continue;
    seen.push_back({{agent.name}, Seconds(attached ? now : agent.report.seen_time)});
    ends.push_back({{agent.name}, Seconds(agent.identity_expire_time)});
    infos.push_back({{agent.name, agent.report.version}, 1});
    if (!attached) continue;
    offsets.push_back({{agent.name}, absl::ToDoubleSeconds(fleet.ClockOffset(agent.name))});
    for (const PresenterCounts& counts : fleet.CountsOf(agent.name).presenters) {
      const auto add = [&](const char* result, int64_t count) {
        proofs.push_back({{agent.name, counts.name, result}, static_cast<double>(count)});
      };
      add("put_up", counts.put_up);
      add("taken_down", counts.taken_down);
      add("failed", counts.failed);
    }
  }
  for (const auto& [state, count] : states) agents_.Set({state}, count);
  last_seen_.Replace(seen);
  clock_offset_.Replace(offsets);
  identity_end_.Replace(ends);
  proofs_.Replace(proofs);
  info_.Replace(infos);
}

}  // namespace norroy::validator
