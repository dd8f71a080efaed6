#ifndef NORROY_ISSUER_STORE_WARM_NAMES_H_
#define NORROY_ISSUER_STORE_WARM_NAMES_H_

// The names whose authorizations are kept valid ahead of time, one row for each name, CA and
// profile. What one keeper has taken, no other takes until the time that it named.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/audit/entry.h"
#include "common/challenge/identifier.h"
#include "common/sql/database.h"

namespace norroy::store {

// Authorizations are reused within one account and profile.
struct WarmKey {
  challenge::Name name;
  std::string ca;
  std::string profile;
  bool operator==(const WarmKey&) const = default;
};

struct WarmName {
  WarmKey key;
  std::string creator;
  absl::Time create_time;

  // Empty: none is valid that we know of.
  std::string authorization_url;
  absl::Time valid_until = absl::InfinitePast();
  // When its keeper looks at it next.
  absl::Time act_time;
  // Of its keeper's own order, the one under way or the last.
  std::string order_id;
  bool proving = false;
  int attempts = 0;  // that failed in a row
  std::string error_reason;
  std::string error_message;
};

// Thread-safe.
class WarmNames {
 public:
  // As Store::Make.
  WarmNames(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  // Those that are there already stay as they are. RESOURCE_EXHAUSTED, reason TOO_MANY_WARM_NAMES,
  // if the creator would have more than `most`. Audited with `entry`. Returns them as they are.
  absl::StatusOr<std::vector<WarmName>> Add(const std::vector<WarmName>& names, int64_t most,
                                            const audit::Entry& entry, absl::Time now);
  // Of them those of `owner`, or of everybody if it is unset. Returns how many.
  absl::StatusOr<int64_t> Remove(const std::vector<WarmKey>& keys,
                                 const std::optional<std::string>& owner, const audit::Entry& entry,
                                 absl::Time now);
  // By name, CA and profile, behind `after`; of `owner`, or of everybody.
  absl::StatusOr<std::vector<WarmName>> List(const std::optional<std::string>& owner,
                                             const std::optional<WarmKey>& after, int limit);

  // Of names whose authorization was deactivated or has been marked to be, there is none from now
  // on, and they are due. Returns how many.
  absl::StatusOr<int64_t> NoteLost(absl::Time now);
  // At most `limit` with act_time <= now, the oldest first.
  absl::StatusOr<std::vector<WarmName>> TakeDue(absl::Time now, absl::Time until, int limit);
  absl::StatusOr<absl::Time> NextDue();
  // Reads the row, lets `change` alter it, writes it; nothing happens if it is gone.
  absl::Status Update(const WarmKey& key, const std::function<void(WarmName&)>& change);

  // In audit entries, for what nobody asked for.
  const std::string& writer() const { return chain_.writer(); }

 private:
  sql::Database& database_;
  const audit::Chain chain_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_WARM_NAMES_H_
