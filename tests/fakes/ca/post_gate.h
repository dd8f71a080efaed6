#ifndef NORROY_TESTS_FAKES_CA_POST_GATE_H_
#define NORROY_TESTS_FAKES_CA_POST_GATE_H_

// What a POST must have before anybody looks at what it asks for: the content type, a JWS for this
// URL, its account's signature, a nonce that was given out and not used (RFC 8555 6.2 to 6.5).

#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/crypto/key.h"
#include "common/http/client.h"
#include "tests/fakes/ca/endpoints.h"
#include "tests/fakes/ca/records.h"
#include "tests/fakes/ca/signed_request.h"

namespace norroy::fakes {

// Notes violations with the endpoints. Not thread-safe.
class PostGate {
 public:
  explicit PostGate(Endpoints& endpoints) : endpoints_(endpoints) {}

  // Gives a nonce out.
  void AddNonce(http::Response& reply);
  // Why it is refused; nothing: `parsed` is set.
  std::optional<http::Response> Check(const http::Request& request, Endpoint endpoint,
                                      SignedRequest& parsed);

 private:
  std::optional<http::Response> CheckSignature(const SignedRequest& parsed, Endpoint endpoint);
  std::optional<http::Response> CheckNonce(const std::string& nonce);
  http::Response Malformed(const std::string& why);

  Endpoints& endpoints_;
  std::set<std::string> good_nonces_;
  std::set<std::string> used_nonces_;
  // Accounts' keys by their DER: to parse one costs several verifications.
  std::map<std::string, crypto::PublicKey> keys_;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_POST_GATE_H_
