#ifndef NORROY_TESTS_FAKES_CA_OPTIONS_H_
#define NORROY_TESTS_FAKES_CA_OPTIONS_H_

// What kind of CA the fake is. May be changed between requests through FakeCa::Change.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/clock/clock.h"

namespace norroy::fakes {

// How long things of one profile live.
struct Lifetimes {
  absl::Duration order = absl::Hours(24 * 7);
  absl::Duration pending_authorization = absl::Hours(24 * 7);
  absl::Duration valid_authorization = absl::Hours(24 * 30);
  absl::Duration certificate = absl::Hours(24 * 90);
  int max_names = 100;
};

// Token buckets as Let's Encrypt has them, each refilled evenly.
struct RateLimits {
  int orders_per_account_in_3h = 300;
  int certificates_per_domain_in_7d = 50;  // by the last two labels
  int certificates_per_set_in_7d = 5;
  int failures_per_name_in_1h = 5;
};

struct FakeCaOptions {
  Clock* clock = nullptr;
  uint64_t seed = 1;
  std::string host = "ca.test";
  // As Boulder does: newOrder for the same account, profile and names hands out the pending or
  // ready order that there is.
  bool reuse_orders = true;
  bool reuse_authorizations = true;  // valid ones; pending ones too, as Boulder does
  int nonce_rejection_percent = 0;
  int finalize_polls = 0;    // reads that say "processing" after a finalize
  int validation_polls = 0;  // reads that say "pending" after a challenge's POST
  // Seconds in Retry-After of replies that say pending or processing; 0: no header.
  int retry_after_seconds = 0;
  // The same of renewalInfo (RFC 9773 4.3).
  int renewal_retry_after_seconds = 21600;
  std::vector<std::string> challenge_types = {"http-01", "dns-01", "tls-alpn-01"};
  std::map<std::string, std::string> profiles;         // name -> description
  std::map<std::string, Lifetimes> profile_lifetimes;  // of those that differ from the ones below
  std::string terms_of_service;                        // newAccount must agree if set
  std::map<std::string, std::string> eab_keys;  // kid -> raw HMAC key; newAccount must bind if set
  int alternate_chains = 0;
  bool renewal_info = true;               // the directory has it; `replaces` is understood
  std::optional<RateLimits> rate_limits;  // unset: none
  int pause_after_failures = 0;           // in a row, of one name; 0: never
  // The Date header of replies: this far from the clock; unset: there is none.
  std::optional<absl::Duration> date_offset;
  absl::Duration order_lifetime = absl::Hours(24 * 7);
  absl::Duration pending_authorization_lifetime = absl::Hours(24 * 7);
  absl::Duration valid_authorization_lifetime = absl::Hours(24 * 30);
  absl::Duration certificate_lifetime = absl::Hours(24 * 90);
  // Lets time pass while a reply is slow, with no lock held; empty: it passes unnoticed.
  std::function<void(absl::Duration)> pass_time;

  Lifetimes LifetimesOf(const std::string& profile) const {
    const auto own = profile_lifetimes.find(profile);
    if (own != profile_lifetimes.end()) return own->second;
    return {order_lifetime, pending_authorization_lifetime, valid_authorization_lifetime,
            certificate_lifetime, 100};
  }
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_OPTIONS_H_
