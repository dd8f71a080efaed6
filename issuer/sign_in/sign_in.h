#ifndef NORROY_ISSUER_SIGN_IN_SIGN_IN_H_
#define NORROY_ISSUER_SIGN_IN_SIGN_IN_H_

// One sign-in: a token and a CSR in, a client certificate out
// (protos/norroy/issuer/v1/sign_in.proto as JSON). Whatever is wrong with a token, the answer is
// one and the same 401; the audit log says what it was. Every certificate is in the audit log
// before it is handed out.
//
// A token may be used again while it is good: a job that runs two commands signs in twice, and who
// has stolen a token could as well use it first. Each use is audited with the token's `jti`.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/audit/entry.h"
#include "common/clock/clock.h"
#include "issuer/sign_in/https_server.h"
#include "issuer/sign_in/oidc_issuer.h"
#include "issuer/sign_in/signing.h"
#include "issuer/store/api_tokens.h"
#include "norroy/issuer/v1/sign_in.pb.h"

namespace norroy::sign_in {

struct SignInOptions {
  std::vector<std::unique_ptr<OidcIssuer>> issuers;
  CiAuthority authority;
  store::ApiTokens& tokens;
  Clock& clock;
  // Appends to the audit log; may block.
  std::function<absl::Status(const audit::Entry&)> audit;
  // Told of refused tokens; must be bounded, and must not block.
  std::function<void(const audit::Entry&)> refused;
};

// The body of an answer that is not 200.
std::string SignInErrorJson(absl::string_view reason, absl::string_view message);

// Thread-safe.
class SignIn {
 public:
  explicit SignIn(SignInOptions options) : options_(std::move(options)) {}

  HttpsReply Handle(const HttpsRequest& request);

 private:
  // Who the token's holder is, and by what.
  struct Holder {
    std::string requester;
    std::string evidence;  // for the audit log: "iss=... sub=... jti=... kid=..."
  };

  absl::StatusOr<Holder> Identify(const std::string& token, std::string& what);
  absl::StatusOr<Holder> IdentifyByApiToken(const std::string& token);
  absl::StatusOr<Holder> IdentifyByJwt(const std::string& token, std::string& what);
  HttpsReply Refuse(const absl::Status& why, const std::string& what, const std::string& peer);
  HttpsReply Grant(const Holder& holder, const issuer::v1::SignInRequest& request,
                   const std::string& peer);

  const SignInOptions options_;
};

}  // namespace norroy::sign_in

#endif  // NORROY_ISSUER_SIGN_IN_SIGN_IN_H_
