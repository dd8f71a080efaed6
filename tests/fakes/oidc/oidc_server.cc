#include "tests/fakes/oidc/oidc_server.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/test_certificate.h"
#include "common/identity/issuing.h"
#include "issuer/sign_in/test_jwt.h"

namespace norroy::fakes {
namespace {

constexpr char kDiscoveryPath[] = "/.well-known/openid-configuration";
constexpr char kKeysPath[] = "/.well-known/jwks";

crypto::PrivateKey NewKey() { return crypto::PrivateKey::Generate(crypto::KeyType::kP256).value(); }

}  // namespace

OidcServer::OidcServer(const std::string& dir) : root_file_(dir + "/oidc-root.pem") {
  keys_.push_back({"key-0", NewKey()});
  crypto::TestDraft ca;
  ca.subject = "oidc root";
  ca.basic_constraints = "critical,CA:TRUE";
  ca.key_usage = "critical,keyCertSign";
  ca.identifiers = true;
  ca.not_before = clock_.Now() - absl::Hours(1);
  ca.not_after = clock_.Now() + absl::Hours(24);
  const crypto::TestCertificate root = crypto::MakeTestCertificate(ca, nullptr);
  crypto::TestDraft draft;
  draft.subject = "oidc";
  draft.alternative_names = "IP:127.0.0.1";
  draft.extended_key_usage = "serverAuth";
  draft.identifiers = true;
  draft.not_before = clock_.Now() - absl::Hours(1);
  draft.not_after = clock_.Now() + absl::Hours(24);
  const crypto::TestCertificate leaf = crypto::MakeTestCertificate(draft, &root);
  const std::string tls_file = dir + "/oidc.pem";
  NORROY_CHECK(identity::WriteIdentityFile(tls_file, {leaf.key, {leaf.certificate}}).ok());
  NORROY_CHECK(identity::WriteFileAtomically(root_file_, root.certificate.ToPem(), 0644).ok());
  sign_in::HttpsServerOptions options;
  options.listen = {"127.0.0.1:0"};
  options.tls_file = tls_file;
  options.requests_per_minute = 10'000;
  options.connections_per_minute = 10'000;
  options.judge = [](const sign_in::HttpHead&) { return std::nullopt; };
  options.handle = [this](const sign_in::HttpsRequest& request) { return Answer(request); };
  options.refuse = [](int) { return std::string("{}"); };
  auto server = sign_in::HttpsServer::Start(std::move(options), clock_);
  NORROY_CHECK(server.ok());
  server_ = *std::move(server);
  MutexLock lock(&mutex_);
  url_ = absl::StrCat("https://127.0.0.1:", server_->ports()[0]);
}

std::string OidcServer::Token(const std::string& audience,
                              const std::map<std::string, std::string>& claims) {
  MutexLock lock(&mutex_);
  sign_in::Members members = sign_in::GoodClaims(clock_.Now());
  members = sign_in::With(members, "iss", sign_in::Quoted(url_));
  members = sign_in::With(members, "aud", sign_in::Quoted(audience));
  members = sign_in::With(members, "jti", sign_in::Quoted(absl::StrCat("job-", ++made_)));
  for (const auto& [name, value] : claims) {
    members = sign_in::With(members, name, sign_in::Quoted(value));
  }
  return sign_in::SignJwt(keys_.front().key,
                          sign_in::ToJson(sign_in::HeaderOf("ES256", keys_.front().kid)),
                          sign_in::ToJson(members));
}

void OidcServer::Rotate(bool withdraw_old) {
  MutexLock lock(&mutex_);
  if (withdraw_old) keys_.clear();
  keys_.insert(keys_.begin(), {absl::StrCat("key-", ++made_), NewKey()});
}

int OidcServer::fetches() {
  MutexLock lock(&mutex_);
  return fetches_;
}

sign_in::HttpsReply OidcServer::Answer(const sign_in::HttpsRequest& request) {
  MutexLock lock(&mutex_);
  if (request.path == kDiscoveryPath) {
    return {200, sign_in::ToJson({{"issuer", sign_in::Quoted(url_)},
                                  {"jwks_uri", sign_in::Quoted(url_ + kKeysPath)},
                                  {"response_types_supported", "[\"id_token\"]"}})};
  }
  if (request.path != kKeysPath) return {404, "{}"};
  ++fetches_;
  std::vector<std::string> jwks;
  for (const Key& key : keys_) {
    jwks.push_back(
        sign_in::JwkOf(key.key.public_key(), key.kid, {{"use", "\"sig\""}, {"alg", "\"ES256\""}}));
  }
  return {200, sign_in::JwksOf(jwks)};
}

}  // namespace norroy::fakes
