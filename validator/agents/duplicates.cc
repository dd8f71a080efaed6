#include "validator/agents/duplicates.h"

#include <algorithm>

namespace norroy::validator {

std::vector<std::string> Duplicates::OnHello(const std::string& agent,
                                             absl::string_view enrollment_id,
                                             absl::string_view boot_id, absl::string_view peer) {
  if (boot_id.empty()) return {};
  const Boot now = {std::string(boot_id.substr(0, kMaxBootId)), std::string(peer)};
  MutexLock lock(&mutex_);
  Seen& seen = agents_[agent];
  if (seen.enrollment_id != enrollment_id) seen = {std::string(enrollment_id), {}};
  std::vector<Boot>& boots = seen.boots;
  const auto known = std::find_if(boots.begin(), boots.end(),
                                  [&now](const Boot& boot) { return boot.id == now.id; });
  std::vector<std::string> peers;
  if (known != boots.end()) {
    const bool another_since = known->id != boots.back().id;
    if (another_since) peers = {now.peer, boots.back().peer};
    boots.erase(known);
  }
  boots.push_back(now);
  if (boots.size() > kMaxBootIds) boots.erase(boots.begin());
  return peers;
}

}  // namespace norroy::validator
