#ifndef NORROY_TESTS_FAKES_CA_LIMITS_H_
#define NORROY_TESTS_FAKES_CA_LIMITS_H_

// The fake CA's rate limits, as Let's Encrypt has them: token buckets that refill evenly. Orders
// are counted when they are placed, certificates when they are issued, failures when they are
// found. Not thread-safe.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "tests/fakes/ca/options.h"

namespace norroy::fakes {

// A limit that is used up.
struct Exceeded {
  std::string what;  // in words
  absl::Time until;
};

class Limits {
 public:
  // May this order be placed? `renewal`: the set was issued before.
  std::optional<Exceeded> CheckOrder(const RateLimits& limits, const std::string& account_url,
                                     const std::vector<challenge::Name>& names, bool renewal,
                                     absl::Time now) const;
  void SpendOrder(const RateLimits& limits, const std::string& account_url, absl::Time now);
  void SpendCertificate(const RateLimits& limits, const std::vector<challenge::Name>& names,
                        bool renewal, absl::Time now);
  void SpendFailure(const RateLimits& limits, const std::string& account_url,
                    const challenge::Name& name, absl::Time now);

 private:
  struct Size {
    int tokens;
    absl::Duration window;
  };
  // When there is a token in the bucket again; <= now: there is.
  absl::Time FreeAt(const std::string& bucket, const Size& size, absl::Time now) const;
  void Spend(const std::string& bucket, const Size& size, absl::Time now);

  // When a bucket will be full again.
  std::map<std::string, absl::Time> full_at_;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_LIMITS_H_
