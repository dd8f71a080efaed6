#ifndef NORROY_ISSUER_STORE_API_TOKENS_H_
#define NORROY_ISSUER_STORE_API_TOKENS_H_

// Static API tokens: "norroy_<id>_<random>", 256 random bits of which the database keeps the
// SHA-256 and nothing else. (A hash that is slow on purpose is for passwords, which can be
// guessed.)

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/audit/chain.h"
#include "common/crypto/random.h"
#include "common/crypto/secret.h"
#include "common/sql/database.h"
#include "issuer/store/store.h"

namespace norroy::store {

struct ApiToken {
  std::string id;         // 32 lower-case hexadecimal digits
  std::string principal;  // "requester/ci-web"
  std::string creator;
  absl::Time create_time;
  absl::Time expire_time;
  absl::Time use_time = absl::InfinitePast();  // never
};

// What its holder presents, in its parts.
struct PresentedToken {
  std::string id;
  crypto::Secret random;  // 43 characters of base64url

  // Nothing for what does not have the form.
  static std::optional<PresentedToken> Parse(absl::string_view text);
};

// The last use is noted to the minute.
inline constexpr absl::Duration kUseNoted = absl::Minutes(1);
inline constexpr int64_t kMaxApiTokens = 10'000;

// Thread-safe.
class ApiTokens {
 public:
  // `writer` is the process's name in its audit chain. The database outlives this object.
  ApiTokens(sql::Database& database, absl::string_view writer)
      : database_(database), chain_(writer) {}

  // Fills in the id and stores it; the answer is the token, which is nowhere else.
  // RESOURCE_EXHAUSTED (reason TOO_MANY_TOKENS) beyond kMaxApiTokens.
  absl::StatusOr<crypto::Secret> Create(ApiToken& token, crypto::Random& random,
                                        const AuditEntry& audit);
  // The newest first, from `after` on.
  absl::StatusOr<std::vector<ApiToken>> List(const PageKey& after, int limit);
  // Gone already: OK, and not audited.
  absl::Status Delete(const std::string& id, const AuditEntry& audit);
  // Whose token it is. UNAUTHENTICATED: TOKEN_UNKNOWN (no such id, or another secret) or
  // TOKEN_EXPIRED.
  absl::StatusOr<ApiToken> Use(const PresentedToken& presented, absl::Time now);

 private:
  sql::Database& database_;
  const audit::Chain chain_;
};

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_API_TOKENS_H_
