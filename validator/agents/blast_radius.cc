#include "validator/agents/blast_radius.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/statusor.h"
#include "common/challenge/pattern.h"
#include "common/dns/alias.h"
#include "common/dns/name.h"

namespace norroy::validator {
namespace {

using challenge::Name;

bool IsGranted(const Agent& agent, const Name& name) {
  return std::any_of(agent.grants.begin(), agent.grants.end(), [&name](const auto& grant) {
    return challenge::MatchesAny(grant.patterns, name);
  });
}

// What the agent told of itself need not parse.
std::vector<challenge::Pattern> ScopeOf(const Agent& agent) {
  std::vector<challenge::Pattern> scope;
  for (const std::string& text : agent.report.scope) {
    absl::StatusOr<challenge::Pattern> pattern = challenge::Pattern::Parse(text);
    if (pattern.ok()) scope.push_back(*std::move(pattern));
  }
  return scope;
}

std::vector<dns::Name> ParsedZonesOf(const Agent& agent) {
  std::vector<dns::Name> zones;
  for (const std::string& text : ZonesOf(agent)) {
    const absl::StatusOr<dns::Name> zone = dns::Name::Parse(text);
    if (zone.ok()) zones.push_back(*zone);
  }
  return zones;
}

bool IsInAny(const std::vector<dns::Name>& zones, const dns::Name& name) {
  return std::any_of(zones.begin(), zones.end(),
                     [&name](const dns::Name& zone) { return name.IsWithin(zone); });
}

// Where the CA looks for the TXT record of a DNS name; absent for addresses.
std::optional<dns::Name> ChallengeOwner(const Name& name) {
  if (name.identifier().type() != challenge::IdentifierType::kDns) return std::nullopt;
  const absl::StatusOr<dns::Name> base = dns::Name::Parse(name.identifier().value());
  if (!base.ok()) return std::nullopt;
  const absl::StatusOr<dns::Name> owner = base->Child("_acme-challenge");
  if (!owner.ok()) return std::nullopt;
  return *owner;
}

// One name's way to a zone of the agent's.
class ZoneLook {
 public:
  ZoneLook(const std::vector<dns::Name>& zones, const BlastOptions& options)
      : zones_(zones), options_(options), end_(options.clock.Monotonic() + options.timeout) {}

  // Absent: nothing that the agent can write.
  std::optional<ExposedName> At(const Name& name) const {
    const std::optional<dns::Name> owner = ChallengeOwner(name);
    if (!owner.has_value()) return std::nullopt;
    // Whoever writes to its zone needs no CNAME.
    if (IsInAny(zones_, *owner)) return ExposedName{name.text(), Exposure::kZone, owner->text()};
    const absl::Duration left = end_ - options_.clock.Monotonic();
    const bool over = left <= absl::ZeroDuration() || (options_.cancelled && options_.cancelled());
    if (over || options_.resolver == nullptr) return ExposedName{name.text(), Exposure::kUnknown};
    const absl::StatusOr<dns::Alias> alias = dns::FollowCnames(*options_.resolver, *owner, left);
    if (!alias.ok()) return ExposedName{name.text(), Exposure::kUnknown};
    // A CNAME within the zone can be replaced by the record itself.
    for (const dns::Name& hop : alias->path) {
      if (IsInAny(zones_, hop)) {
        const dns::Name& end = IsInAny(zones_, alias->owner) ? alias->owner : hop;
        return ExposedName{name.text(), Exposure::kZone, end.text()};
      }
    }
    return std::nullopt;
  }

 private:
  const std::vector<dns::Name>& zones_;
  const BlastOptions& options_;
  const absl::Duration end_;
};

// Beside the names.
std::vector<std::optional<ExposedName>> LookAtZones(const std::vector<dns::Name>& zones,
                                                    const std::vector<Name>& names,
                                                    const BlastOptions& options) {
  std::vector<std::optional<ExposedName>> found(names.size());
  if (zones.empty()) return found;
  const ZoneLook look(zones, options);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < names.size(); i = next++) found[i] = look.At(names[i]);
  };
  std::vector<std::thread> threads;
  const size_t wanted = std::min(names.size(), static_cast<size_t>(kBlastThreads));
  for (size_t i = 0; i < wanted; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return found;
}

}  // namespace

absl::string_view ExposureName(Exposure exposure) {
  switch (exposure) {
    case Exposure::kGrant:
      return "grant";
    case Exposure::kBeyondScope:
      return "beyond-scope";
    case Exposure::kZone:
      return "zone";
    case Exposure::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::vector<std::string> ZonesOf(const Agent& agent) {
  std::set<std::string> zones;
  for (const AgentPresenter& presenter : agent.report.presenters) {
    zones.insert(presenter.zones.begin(), presenter.zones.end());
  }
  return {zones.begin(), zones.end()};
}

std::vector<ExposedName> ExposedNames(const Agent& agent, const std::vector<Name>& names,
                                      const BlastOptions& options) {
  const std::vector<challenge::Pattern> scope = ScopeOf(agent);
  const std::vector<std::optional<ExposedName>> zones =
      LookAtZones(ParsedZonesOf(agent), names, options);
  std::vector<ExposedName> exposed;
  for (size_t i = 0; i < names.size(); ++i) {
    if (IsGranted(agent, names[i])) {
      const bool in_scope = challenge::MatchesAny(scope, names[i]);
      exposed.push_back({names[i].text(), in_scope ? Exposure::kGrant : Exposure::kBeyondScope});
    }
    if (zones[i].has_value()) exposed.push_back(*zones[i]);
  }
  return exposed;
}

}  // namespace norroy::validator
