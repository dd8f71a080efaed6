#include "tests/fakes/ca/post_gate.h"

#include <utility>

#include "tests/fakes/ca/problem_reply.h"

namespace norroy::fakes {

void PostGate::AddNonce(http::Response& reply) {
  std::string nonce = endpoints_.NextToken();
  reply.headers.emplace_back("Replay-Nonce", nonce);
  good_nonces_.insert(std::move(nonce));
}

std::optional<http::Response> PostGate::CheckSignature(const SignedRequest& parsed,
                                                       Endpoint endpoint) {
  // RFC 8555 6.2: newAccount shows its key, everything else names its account.
  const bool wants_key = endpoint == Endpoint::kNewAccount;
  if (wants_key != parsed.kid.empty()) {
    return ProblemReply(400, "malformed", wants_key ? "jwk is required" : "kid is required");
  }
  std::string spki = parsed.jwk_spki;
  if (!wants_key) {
    const AccountEntry* const account = endpoints_.ledger.AccountByUrl(parsed.kid);
    if (account == nullptr) return ProblemReply(400, "accountDoesNotExist", "no such account");
    spki = account->spki;
  }
  auto known = keys_.find(spki);
  if (known == keys_.end()) {
    auto key = crypto::PublicKey::Parse(spki);
    if (!key.ok()) return ProblemReply(400, "badPublicKey", std::string(key.status().message()));
    known = keys_.emplace(spki, *std::move(key)).first;
  }
  if (!parsed.IsSignedBy(known->second))
    return ProblemReply(400, "malformed", "the signature is wrong");
  return std::nullopt;
}

std::optional<http::Response> PostGate::CheckNonce(const std::string& nonce) {
  if (used_nonces_.count(nonce) > 0) {
    endpoints_.violations.push_back("a nonce was sent twice: " + nonce);
  }
  used_nonces_.insert(nonce);
  if (good_nonces_.erase(nonce) == 0) return ProblemReply(400, "badNonce", "unknown nonce");
  if (endpoints_.Roll() < endpoints_.options.nonce_rejection_percent) {
    return ProblemReply(400, "badNonce", "rejected for practice");
  }
  return std::nullopt;
}

http::Response PostGate::Malformed(const std::string& why) {
  endpoints_.violations.push_back(why);
  return ProblemReply(400, "malformed", why);
}

std::optional<http::Response> PostGate::Check(const http::Request& request, Endpoint endpoint,
                                              SignedRequest& parsed) {
  http::Response headers;
  headers.headers = request.headers;
  if (headers.Header("Content-Type") != "application/jose+json") {
    endpoints_.violations.push_back("a POST's content type was not application/jose+json");
    return ProblemReply(415, "malformed", "the content type must be application/jose+json");
  }
  if (endpoint == Endpoint::kOther) return ProblemReply(404, "malformed", "no such resource");
  auto read = SignedRequest::Parse(request.body);
  if (!read.ok()) return Malformed(std::string(read.status().message()));
  parsed = *std::move(read);
  // RFC 8555 6.4.
  if (parsed.url != request.url) return Malformed("the JWS is for another URL");
  std::optional<http::Response> refusal = CheckSignature(parsed, endpoint);
  return refusal.has_value() ? refusal : CheckNonce(parsed.nonce);
}

}  // namespace norroy::fakes
