#ifndef NORROY_ISSUER_SIGN_IN_OIDC_ISSUER_H_
#define NORROY_ISSUER_SIGN_IN_OIDC_ISSUER_H_

// One OIDC issuer whose tokens we take: its rules, and its keys as they are published now.
//
// Keys are fetched from jwks_url, or from where the discovery document says (OpenID Connect
// Discovery 1.0, 4): when they are ten minutes old, and when a token names a key that is not among
// them, but never sooner than a minute after the last attempt, whoever asks. While the issuer's
// servers do not answer the last keys count on, for up to a day. What is fetched never depends on a
// token.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/http/client.h"
#include "common/sync/mutex.h"
#include "issuer/sign_in/claims.h"
#include "issuer/sign_in/jwks.h"
#include "issuer/sign_in/jwt.h"

namespace norroy::sign_in {

inline constexpr absl::Duration kKeysFresh = absl::Minutes(10);
inline constexpr absl::Duration kKeysUsable = absl::Hours(24);
inline constexpr absl::Duration kFetchPause = absl::Minutes(1);

struct OidcIssuerOptions {
  JwtRules rules;
  ClaimRules claims;
  std::string jwks_url;  // empty: by discovery
  std::vector<std::string> extra_hosts;
};

// INVALID_ARGUMENT for an issuer or jwks_url that is no https URL, or extra hosts that are none.
absl::Status CheckIssuerUrls(const OidcIssuerOptions& options);

// Thread-safe. Verify may block for as long as two fetches.
class OidcIssuer {
 public:
  // The references outlive this object. `options` has been checked.
  OidcIssuer(OidcIssuerOptions options, http::Client& http, Clock& clock)
      : options_(std::move(options)), http_(http), clock_(clock) {}

  const std::string& name() const { return options_.rules.issuer; }

  // UNAUTHENTICATED for the token's fault (see VerifyJwt), UNAVAILABLE, reason NO_KEYS, if there
  // are no keys to judge it by.
  absl::StatusOr<VerifiedJwt> Verify(const ParsedJwt& token);
  // Nothing for nobody.
  std::optional<std::string> RequesterOf(const VerifiedJwt& token) const {
    return options_.claims.RequesterOf(token.claims);
  }

 private:
  using Keys = std::shared_ptr<const KeySet>;

  absl::StatusOr<Keys> KeysFor(const std::string& kid);
  bool MayFetch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool WantsFetch(const std::string& kid) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Lets go of the lock while it waits for the issuer.
  void Refresh() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<KeySet> Fetch() const;
  absl::StatusOr<std::string> Discover() const;
  absl::StatusOr<std::string> Get(const std::string& url, size_t max_bytes) const;

  const OidcIssuerOptions options_;
  http::Client& http_;
  Clock& clock_;
  Mutex mutex_;
  CondVar fetched_;
  Keys keys_ ABSL_GUARDED_BY(mutex_);
  bool fetching_ ABSL_GUARDED_BY(mutex_) = false;
  // By the monotonic clock.
  std::optional<absl::Duration> keys_time_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Duration> try_time_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_OIDC_ISSUER_H_
