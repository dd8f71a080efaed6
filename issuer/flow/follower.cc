#include "issuer/flow/follower.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/status_macros.h"

namespace norroy::flow {

absl::Duration Follower::Round() {
  const absl::Status looked = Look();
  if (looked.ok()) trouble_.Over();
  trouble_.Note("watchers do not hear what other issuers do", looked);
  return kEvery;
}

absl::Status Follower::Look() {
  const std::vector<std::string> watched = events_.Watched();
  std::map<std::string, absl::Time> seen;
  for (auto from = watched.begin(); from != watched.end();) {
    const auto to = from + std::min<ptrdiff_t>(kOrdersAtOnce, watched.end() - from);
    NORROY_ASSIGN_OR_RETURN(const std::vector<Order> orders,
                            store_.GetOrders(std::vector<std::string>(from, to)));
    for (const Order& order : orders) {
      const auto before = seen_.find(order.id);
      if (before == seen_.end() || before->second < order.update_time) events_.PassOn(order);
      seen.emplace(order.id, order.update_time);
    }
    from = to;
  }
  seen_ = std::move(seen);
  return absl::OkStatus();
}

}  // namespace norroy::flow
