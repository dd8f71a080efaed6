#include "validator/service/follower.h"

#include <set>
#include <string>
#include <vector>

#include "common/status_macros.h"

namespace norroy::validator {
namespace {

// Everybody whom the store or the registry knows.
absl::StatusOr<std::vector<std::string>> Everybody(Store& store, Registry& registry) {
  std::set<std::string> names;
  NORROY_ASSIGN_OR_RETURN(const std::vector<Agent> stored, store.ListAgents());
  NORROY_ASSIGN_OR_RETURN(const std::vector<Ban> bans, store.ListBans());
  for (const Agent& agent : stored) names.insert(agent.name);
  for (const Ban& ban : bans) names.insert(ban.name);
  for (const Agent& agent : registry.agents()) names.insert(agent.name);
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace

absl::Duration Follower::Round() {
  const absl::Status looked = Look();
  if (looked.ok()) trouble_.Over();
  trouble_.Note("what other validators change is not seen now", looked);
  return kEvery;
}

absl::Status Follower::Look() {
  const absl::Status fleet = LookAtFleet();
  const absl::Status presentations = coordinator_.Compare();
  return fleet.ok() ? presentations : fleet;
}

absl::Status Follower::LookAtFleet() {
  NORROY_ASSIGN_OR_RETURN(FleetChanges changes, store_.ChangesSince(version_));
  if (changes.all) {
    NORROY_ASSIGN_OR_RETURN(changes.names, Everybody(store_, registry_));
  }
  for (const std::string& name : changes.names) NORROY_RETURN_IF_ERROR(registry_.Reload(name));
  if (!changes.names.empty()) coordinator_.FleetChanged();
  version_ = changes.version;
  return absl::OkStatus();
}

}  // namespace norroy::validator
