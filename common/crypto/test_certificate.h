#ifndef NORROY_COMMON_CRYPTO_TEST_CERTIFICATE_H_
#define NORROY_COMMON_CRYPTO_TEST_CERTIFICATE_H_

// Certificates of any content, good and bad, with their keys. For tests.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"

namespace norroy::crypto {

struct TestCertificate {
  PrivateKey key;
  Certificate certificate;
};

// What the tests call now.
absl::Time TestNow();

struct TestDraft {
  std::string subject = "leaf";
  // OpenSSL's text form: "DNS:a.example.com,IP:192.0.2.1"; empty: no such extension.
  std::string alternative_names;
  std::string extended_key_usage;
  std::string key_usage;
  std::string basic_constraints;  // "critical,CA:TRUE"
  bool identifiers = false;       // subject and authority key identifier
  absl::Time not_before = TestNow() - absl::Hours(1);
  absl::Time not_after = TestNow() + absl::Hours(24 * 90);
  // As they are, after the others: object identifier and DER.
  std::vector<std::pair<std::string, std::string>> extensions;
  // Else a fresh P-256 key.
  std::optional<PrivateKey> key;
  // The certificate's instead of `key`'s, whose private key is somebody else's.
  std::optional<PublicKey> public_key;
};

// Signed by `issuer`, by itself if that is null.
TestCertificate MakeTestCertificate(const TestDraft& draft, const TestCertificate* issuer);

TestCertificate MakeTestCa(const std::string& name, const TestCertificate* issuer);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_TEST_CERTIFICATE_H_
