#ifndef NORROY_ISSUER_SERVICE_API_TOKEN_ADMIN_H_
#define NORROY_ISSUER_SERVICE_API_TOKEN_ADMIN_H_

// What operators do with static API tokens. Knows nothing of gRPC. The methods are those of
// protos/norroy/issuer/v1/api_token_service.proto, which says what each promises.

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/rpc/caller.h"
#include "issuer/store/api_tokens.h"
#include "norroy/issuer/v1/api_token_service.pb.h"

namespace norroy::service {

inline constexpr absl::Duration kDefaultTokenLifetime = absl::Hours(24 * 30);
inline constexpr absl::Duration kMaxTokenLifetime = absl::Hours(24 * 365);

// Thread-safe.
class ApiTokenAdmin {
 public:
  // The references outlive this object.
  ApiTokenAdmin(store::ApiTokens& tokens, crypto::Random& random, Clock& clock)
      : tokens_(tokens), random_(random), clock_(clock) {}

  absl::StatusOr<issuer::v1::CreateApiTokenResponse> Create(
      const rpc::Caller& caller, const issuer::v1::CreateApiTokenRequest& request);
  // The newest first.
  absl::StatusOr<issuer::v1::ListApiTokensResponse> List(
      const rpc::Caller& caller, const issuer::v1::ListApiTokensRequest& request);
  absl::StatusOr<issuer::v1::DeleteApiTokenResponse> Delete(
      const rpc::Caller& caller, const issuer::v1::DeleteApiTokenRequest& request);

 private:
  store::ApiTokens& tokens_;
  crypto::Random& random_;
  Clock& clock_;
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_API_TOKEN_ADMIN_H_
