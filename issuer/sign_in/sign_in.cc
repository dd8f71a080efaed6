#include "issuer/sign_in/sign_in.h"

#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/time_util.h>

#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::sign_in {
namespace {

using issuer::v1::SignInRequest;

constexpr size_t kMaxShown = 200;
constexpr absl::string_view kApiTokenPrefix = "norroy_";

std::string ToJson(const google::protobuf::Message& message) {
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json);
  return status.ok() ? json : "{}";
}

// Text of a token, for people who read the log.
std::string Shown(absl::string_view text) { return Printable(text, kMaxShown); }

std::string EvidenceOf(const VerifiedJwt& jwt) {
  return absl::StrCat("iss=", Shown(jwt.issuer), " sub=", Shown(jwt.subject),
                      " jti=", Shown(jwt.id), " kid=", Shown(jwt.kid));
}

// What a token that is not believed says of itself.
std::string AllegationOf(const ParsedJwt& jwt) {
  const auto text = [&](absl::string_view name) {
    const std::string* const value = jwt.claims.FindText(name);
    return value == nullptr ? "" : Shown(*value);
  };
  return absl::StrCat("it says iss=", Shown(jwt.issuer), " sub=", text("sub"), " jti=", text("jti"),
                      " kid=", Shown(jwt.kid));
}

HttpsReply Reply(int status, absl::string_view reason, absl::string_view message) {
  return {status, SignInErrorJson(reason, message)};
}

// The token's own fault, not ours or the OIDC issuer's.
bool IsRefusal(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnauthenticated ||
         status.code() == absl::StatusCode::kInvalidArgument;
}

HttpsReply NotNow(const absl::Status& why) {
  log::Error("sign_in", "cannot sign in", {{"error", why.message()}});
  return Reply(503, "UNAVAILABLE", "signing in is not possible now; the issuer's log says why");
}

}  // namespace

std::string SignInErrorJson(absl::string_view reason, absl::string_view message) {
  issuer::v1::SignInError error;
  error.set_reason(std::string(reason));
  error.set_message(std::string(message));
  return ToJson(error);
}

HttpsReply SignIn::Handle(const HttpsRequest& request) {
  SignInRequest sign_in;
  // The parser's own message could quote the token.
  if (!google::protobuf::util::JsonStringToMessage(request.body, &sign_in).ok()) {
    return Reply(400, "BAD_REQUEST",
                 "the body must be JSON: {\"token\": \"...\", \"csr\": \"base64 of DER\"}");
  }
  if (sign_in.token().empty() || sign_in.csr().empty()) {
    return Reply(400, "BAD_REQUEST", "token and csr are needed");
  }
  std::string what;
  const absl::StatusOr<Holder> holder = Identify(sign_in.token(), what);
  if (!holder.ok() && IsRefusal(holder.status()))
    return Refuse(holder.status(), what, request.peer);
  if (!holder.ok()) return NotNow(holder.status());
  return Grant(*holder, sign_in, request.peer);
}

absl::StatusOr<SignIn::Holder> SignIn::Identify(const std::string& token, std::string& what) {
  if (!absl::StartsWith(token, kApiTokenPrefix)) return IdentifyByJwt(token, what);
  what = "API token";
  return IdentifyByApiToken(token);
}

absl::StatusOr<SignIn::Holder> SignIn::IdentifyByApiToken(const std::string& token) {
  const std::optional<store::PresentedToken> presented = store::PresentedToken::Parse(token);
  if (!presented.has_value()) {
    return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_MALFORMED",
                     "it has not the form of an API token");
  }
  absl::StatusOr<store::ApiToken> used = options_.tokens.Use(*presented, options_.clock.Now());
  // The id is no secret.
  if (!used.ok()) return WithContext(used.status(), absl::StrCat("API token ", presented->id));
  NORROY_ASSIGN_OR_RETURN(std::string requester, RequesterName(used->principal));
  return Holder{std::move(requester), absl::StrCat("api_token=", used->id)};
}

absl::StatusOr<SignIn::Holder> SignIn::IdentifyByJwt(const std::string& token, std::string& what) {
  NORROY_ASSIGN_OR_RETURN(const ParsedJwt parsed, ParsedJwt::Parse(token));
  what = AllegationOf(parsed);
  for (const auto& issuer : options_.issuers) {
    if (issuer->name() != parsed.issuer) continue;
    NORROY_ASSIGN_OR_RETURN(const VerifiedJwt jwt, issuer->Verify(parsed));
    std::optional<std::string> requester = issuer->RequesterOf(jwt);
    if (requester.has_value()) return Holder{*std::move(requester), EvidenceOf(jwt)};
    return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_NOBODY",
                     "the token is good, but no rule of its issuer fits its claims");
  }
  return MakeError(absl::StatusCode::kUnauthenticated, "TOKEN_ISSUER",
                   "iss is none of the configured issuers");
}

HttpsReply SignIn::Refuse(const absl::Status& why, const std::string& what,
                          const std::string& peer) {
  options_.refused({.principal = "nobody",
                    .action = "sign_in.grant",
                    .object = absl::StrCat("sign_in/", ErrorReason(why)),
                    .detail = absl::StrCat(why.message(), "; ", what),
                    .time = options_.clock.Now(),
                    .peer = peer,
                    .outcome = audit::kDenied});
  log::Warning("sign_in", "refused",
               {{"reason", ErrorReason(why)}, {"error", why.message()}, {"peer", peer}});
  return Reply(401, "BAD_TOKEN", "the token is not accepted; the issuer's audit log says why");
}

HttpsReply SignIn::Grant(const Holder& holder, const SignInRequest& request,
                         const std::string& peer) {
  const absl::Time now = options_.clock.Now();
  const absl::StatusOr<ClientCertificate> certificate =
      options_.authority.Sign(request.csr(), holder.requester, now);
  if (!certificate.ok()) {
    if (ErrorReason(certificate.status()) != "BAD_CSR") return NotNow(certificate.status());
    return Reply(400, "BAD_CSR", certificate.status().message());
  }
  issuer::v1::SignInResponse response;
  response.set_principal(absl::StrCat("requester/", holder.requester));
  response.set_certificate_chain_pem(certificate->chain_pem);
  *response.mutable_expire_time() =
      google::protobuf::util::TimeUtil::TimeTToTimestamp(absl::ToTimeT(certificate->expire_time));
  const absl::Status audited = options_.audit(
      {.principal = response.principal(),
       .action = "sign_in.grant",
       .object = absl::StrCat("identity/", certificate->serial),
       .detail = absl::StrCat(holder.evidence, " until=",
                              absl::FormatTime(certificate->expire_time, absl::UTCTimeZone())),
       .time = now,
       .peer = peer});
  if (!audited.ok()) return NotNow(audited);
  log::Info("sign_in", "signed in",
            {{"principal", response.principal()}, {"by", holder.evidence}, {"peer", peer}});
  return {200, ToJson(response)};
}

}  // namespace norroy::sign_in
