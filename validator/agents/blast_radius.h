#ifndef NORROY_VALIDATOR_AGENTS_BLAST_RADIUS_H_
#define NORROY_VALIDATOR_AGENTS_BLAST_RADIUS_H_

// What somebody with root on an agent's host could have validated, among names that are asked for:
// through us, by the agent's grants; and with any CA account, by DNS-01, wherever the names'
// _acme-challenge ends in a zone that the agent writes to (RFC 8555 8.4).

#include <functional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/clock/clock.h"
#include "common/dns/resolver.h"
#include "validator/agents/agent.h"

namespace norroy::validator {

enum class Exposure {
  kGrant,        // its grants and its scope cover the name
  kBeyondScope,  // its grants do; its scope, which whoever has root there can widen, does not
  kZone,         // the name's _acme-challenge is, or leads to, what the agent can write
  kUnknown,      // where it leads could not be looked up, or not in time
};
// "grant", "beyond-scope", "zone", "unknown".
absl::string_view ExposureName(Exposure exposure);

struct ExposedName {
  std::string name;
  Exposure how;
  std::string owner = {};  // of kZone: the owner of the TXT record
  bool operator==(const ExposedName&) const = default;
};

inline constexpr int kMaxBlastNames = 1000;
inline constexpr int kBlastThreads = 16;
inline constexpr absl::Duration kBlastTimeout = absl::Seconds(10);

struct BlastOptions {
  dns::Resolver* resolver = nullptr;  // null: none is configured
  Clock& clock;
  absl::Duration timeout = kBlastTimeout;  // of all lookups; what is not done by then is kUnknown
  std::function<bool()> cancelled = {};    // nobody waits for it any more
};

// The zones that its presenters write to, as it told them; sorted, each once.
std::vector<std::string> ZonesOf(const Agent& agent);

// By name, in the order of the names; a name may be exposed in two ways. Blocks; looks up, at most
// 16 at once, only where the agent writes to zones at all.
std::vector<ExposedName> ExposedNames(const Agent& agent, const std::vector<challenge::Name>& names,
                                      const BlastOptions& options);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_AGENTS_BLAST_RADIUS_H_
