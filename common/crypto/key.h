#ifndef NORROY_COMMON_CRYPTO_KEY_H_
#define NORROY_COMMON_CRYPTO_KEY_H_

// Public and private keys of the kinds that public CAs sign: P-256, P-384, RSA 2048/3072/4096.
// Values: copying shares the immutable OpenSSL key. Thread-safe.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/secret.h"

struct evp_pkey_st;

namespace norroy::crypto {

enum class KeyType { kP256, kP384, kRsa2048, kRsa3072, kRsa4096 };

// "p256", "p384", "rsa2048", "rsa3072", "rsa4096".
absl::string_view KeyTypeName(KeyType type);
absl::StatusOr<KeyType> ParseKeyType(absl::string_view name);
// What keys of this type sign by (RFC 7518 3.1): "ES256", "ES384", "RS256".
absl::string_view SignatureAlgorithm(KeyType type);

class PublicKey {
 public:
  // DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7). Refuses what a CA would: other kinds and sizes,
  // explicit curve parameters, points off the curve, RSA exponents that are even or outside
  // (3, 2^32), moduli that are even, have small factors or close primes (Fermat, 100 rounds). The
  // modulus' size is looked at before any arithmetic (CVE-2023-6237).
  static absl::StatusOr<PublicKey> Parse(absl::string_view spki_der);

  KeyType type() const { return type_; }
  const std::string& spki_der() const { return spki_der_; }
  // Lower-case hexadecimal SHA-256 of spki_der().
  const std::string& spki_sha256() const { return spki_sha256_; }
  // The JWK with its members in the order of RFC 7638 3.2, no white space.
  const std::string& jwk() const { return jwk_; }
  // Base64url SHA-256 of jwk() (RFC 7638).
  std::string thumbprint() const;

  // By SignatureAlgorithm(type()); ECDSA signatures are r and s in full length (RFC 7518 3.4).
  bool Verify(absl::string_view data, absl::string_view signature) const;
  // ES256 and nothing else: false for any other key.
  bool VerifyEs256(absl::string_view data, absl::string_view signature) const;

  bool operator==(const PublicKey& other) const { return spki_der_ == other.spki_der_; }
  // For this folder.
  evp_pkey_st* get() const { return key_.get(); }

 private:
  friend class PrivateKey;
  PublicKey() = default;
  std::shared_ptr<evp_pkey_st> key_;
  KeyType type_ = KeyType::kP256;
  std::string spki_der_;
  std::string spki_sha256_;
  std::string jwk_;
};

class PrivateKey {
 public:
  static absl::StatusOr<PrivateKey> Generate(KeyType type);
  // PKCS#8 or the traditional forms, unencrypted; the first key block counts.
  static absl::StatusOr<PrivateKey> ParsePem(const Secret& pem);
  // PKCS#8, encrypted (RFC 5958 3). A wrong passphrase is PERMISSION_DENIED, reason
  // WRONG_PASSPHRASE; a key that is not encrypted is refused, because somebody believes that it is.
  static absl::StatusOr<PrivateKey> ParseEncryptedPem(const Secret& pem, const Secret& passphrase);

  const PublicKey& public_key() const { return public_; }
  // PKCS#8.
  Secret ToPem() const;
  // As PublicKey::Verify.
  absl::StatusOr<std::string> Sign(absl::string_view data) const;
  // As PublicKey::VerifyEs256; P-256 keys only.
  absl::StatusOr<std::string> SignEs256(absl::string_view data) const;

  // For this folder and for identity/.
  evp_pkey_st* get() const { return key_.get(); }

 private:
  PrivateKey() = default;
  static absl::StatusOr<PrivateKey> Check(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  PublicKey public_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_KEY_H_
