#include "agent/presenter/tls_alpn/alpn_certificate.h"

#include "agent/presenter/presenter_contract.h"
#include "agent/presenter/tls_alpn/alpn_probe.h"
#include "common/crypto/certificate.h"
#include "gtest/gtest.h"

namespace norroy::agent {

// For its proofs alone: no presenter is tested here.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PresenterContract);

namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

std::string Der(const AlpnCertificate& made) {
  return crypto::ToDer<i2d_X509>(made.certificate.get());
}

AlpnCertificate Make(const std::string& name, char account = 'a') {
  return *MakeAlpnCertificate(MakeProof(name, "token-1", account), kNow);
}

TEST(AlpnCertificate, WhatACaWants) {
  for (const char* name :
       {"www.example.com", "xn--bcher-kva.example", "192.0.2.7", "2001:db8::7"}) {
    const auto proof = MakeProof(name, "token-1");
    const AlpnSight sight = {.protocol = "acme-tls/1", .certificate = Der(Make(name))};
    EXPECT_EQ(JudgeAlpn(sight, proof), proof.key_authorization.value()) << name;
    EXPECT_EQ(JudgeAlpn(sight, MakeProof(name, "token-2")), "another digest");
    EXPECT_EQ(JudgeAlpn(sight, MakeProof(name, "token-1", 'b')), "another digest");
    EXPECT_NE(JudgeAlpn(sight, MakeProof("other.example", "token-1")),
              MakeProof("other.example", "token-1").key_authorization.value());
  }
}

TEST(AlpnCertificate, ExtensionBytes) {
  // SEQUENCE { OID 1.3.6.1.5.5.7.1.31, BOOLEAN TRUE, OCTET STRING { OCTET STRING (32) } }
  const auto proof = MakeProof("www.example.com", "token-1");
  const std::string extension =
      std::string("\x30\x31\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x1f\x01\x01\xff\x04\x22\x04\x20") +
      proof.alpn_digest();
  EXPECT_NE(Der(Make("www.example.com")).find(extension), std::string::npos);
}

TEST(AlpnCertificate, ShortLivedAndBackdated) {
  const auto certificate = crypto::Certificate::ParseDer(Der(Make("www.example.com")));
  ASSERT_TRUE(certificate.ok()) << certificate.status();
  EXPECT_EQ(certificate->not_before(), kNow - absl::Hours(1));
  EXPECT_EQ(certificate->not_after(), kNow + absl::Hours(168));
  EXPECT_FALSE(certificate->is_ca());
  EXPECT_TRUE(certificate->names_clean());
  EXPECT_EQ(certificate->public_key()->type(), crypto::KeyType::kP256);
}

TEST(AlpnCertificate, AKeyAndASerialOfItsOwn) {
  const auto first = *crypto::Certificate::ParseDer(Der(Make("www.example.com")));
  const auto second = *crypto::Certificate::ParseDer(Der(Make("www.example.com")));
  EXPECT_NE(first.spki_der(), second.spki_der());
  EXPECT_NE(first.serial(), second.serial());
  EXPECT_EQ(first.subject_common_name(), second.subject_common_name());
}

}  // namespace
}  // namespace norroy::agent
