#ifndef NORROY_TESTS_FAKES_CA_FAKE_CA_FIXTURE_H_
#define NORROY_TESTS_FAKES_CA_FAKE_CA_FIXTURE_H_

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "common/clock/clock.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::fakes {

// A client that does just what it is told, wrong things too.
class FakeCaTest : public ::testing::Test {
 protected:
  FakeCaTest()
      : ca_([this] {
          FakeCaOptions options;
          options.clock = &clock_;
          return options;
        }()),
        key_(*crypto::PrivateKey::Generate(crypto::KeyType::kP256)) {
    ca_.SetValidator([](const Attempt&) { return absl::OkStatus(); });
  }

  struct Jws {
    std::string url;
    std::string payload;
    std::string kid;
    std::string nonce;
    std::string header_extra;  // members, with a comma before them
    std::string alg = "ES256";
    std::string signed_url;  // empty: url
    bool spoil_signature = false;
  };

  std::string Nonce() {
    http::Request request;
    request.method = "HEAD";
    request.url = "https://ca.test/v1/new-nonce";
    request.headers = {{"User-Agent", "test"}};
    return ca_.Send(request)->Header("Replay-Nonce");
  }

  http::Response Post(const Jws& jws) { return *PostIt(jws); }

  absl::StatusOr<http::Response> PostIt(const Jws& jws) {
    const std::string who = jws.kid.empty() ? absl::StrCat("\"jwk\":", key_.public_key().jwk())
                                            : absl::StrCat("\"kid\":\"", jws.kid, "\"");
    const std::string header = crypto::Base64Url(absl::StrCat(
        "{\"alg\":\"", jws.alg, "\",", who, ",\"nonce\":\"", jws.nonce, "\",\"url\":\"",
        jws.signed_url.empty() ? jws.url : jws.signed_url, "\"", jws.header_extra, "}"));
    const std::string payload = crypto::Base64Url(jws.payload);
    std::string signature = *key_.SignEs256(absl::StrCat(header, ".", payload));
    if (jws.spoil_signature) signature[5] = static_cast<char>(signature[5] ^ 1);
    http::Request request;
    request.method = "POST";
    request.url = jws.url;
    request.headers = {{"User-Agent", "test"}, {"Content-Type", "application/jose+json"}};
    request.body = absl::StrCat("{\"protected\":\"", header, "\",\"payload\":\"", payload,
                                "\",\"signature\":\"", crypto::Base64Url(signature), "\"}");
    return ca_.Send(request);
  }

  Jws Signed(const std::string& url, const std::string& payload) {
    Jws jws;
    jws.url = absl::StrCat("https://ca.test", url);
    jws.payload = payload;
    jws.kid = account_;
    jws.nonce = Nonce();
    return jws;
  }

  http::Response Call(const std::string& url, const std::string& payload) {
    return Post(Signed(url, payload));
  }

  void Register() {
    account_ = "";
    const http::Response reply = Call("/v1/new-account", "{}");
    ASSERT_EQ(reply.status, 201) << reply.body;
    account_ = reply.Header("Location");
  }

  static std::string OrderOf(const std::string& name) {
    return absl::StrCat(R"({"identifiers":[{"type":"dns","value":")", name, R"("}]})");
  }

  std::string CsrFor(const std::string& name) {
    const auto csr = crypto::BuildCsr(certificate_key_, *challenge::ParseNames({name}));
    return absl::StrCat(R"({"csr":")", crypto::Base64Url(*csr), R"("})");
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1'772'366'400)};
  FakeCa ca_;
  crypto::PrivateKey key_;
  crypto::PrivateKey certificate_key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  std::string account_;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_FAKE_CA_FIXTURE_H_
