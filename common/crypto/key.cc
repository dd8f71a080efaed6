#include "common/crypto/key.h"

#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/rsa.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/der.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/crypto/rsa_modulus.h"
#include "common/crypto/signature.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

// Contents of OBJECT IDENTIFIERs (RFC 3279 2.3.1, RFC 5480 2.1.1).
constexpr absl::string_view kRsaEncryption = "\x2A\x86\x48\x86\xF7\x0D\x01\x01\x01";
constexpr absl::string_view kEcPublicKey = "\x2A\x86\x48\xCE\x3D\x02\x01";
constexpr absl::string_view kPrime256v1 = "\x2A\x86\x48\xCE\x3D\x03\x01\x07";
constexpr absl::string_view kSecp384r1("\x2B\x81\x04\x00\x22", 5);

// A 65536-bit RSA key fits, so that its error can name the size.
constexpr size_t kMaxSpki = 16 * 1024;
constexpr absl::string_view kAccepted = "use P-256, P-384, or RSA of 2048, 3072 or 4096 bits";

struct KeyTypeRow {
  KeyType type;
  absl::string_view name;
  int rsa_bits;
};
constexpr KeyTypeRow kKeyTypes[] = {
    {KeyType::kP256, "p256", 0},          {KeyType::kP384, "p384", 0},
    {KeyType::kRsa2048, "rsa2048", 2048}, {KeyType::kRsa3072, "rsa3072", 3072},
    {KeyType::kRsa4096, "rsa4096", 4096},
};

const KeyTypeRow& RowOf(KeyType type) {
  for (const KeyTypeRow& row : kKeyTypes) {
    if (row.type == type) return row;
  }
  NORROY_CHECK(false);
  return kKeyTypes[0];
}

absl::Status BadKey(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_KEY", absl::StrCat("key: ", message));
}

// What a SubjectPublicKeyInfo says, before any arithmetic.
struct KeyFacts {
  KeyType type = KeyType::kP256;
  std::string jwk;
  std::string ec_point;     // uncompressed; empty for RSA
  std::string rsa_modulus;  // big-endian, as the exponent; empty for EC
  std::string rsa_exponent;
};

absl::StatusOr<KeyFacts> ReadEcKey(const DerElement& parameters, absl::string_view point) {
  if (parameters.tag != kDerOid) {
    return BadKey(absl::StrCat("explicit curve parameters; ", kAccepted));
  }
  KeyFacts facts;
  if (parameters.content == kPrime256v1) {
    facts.type = KeyType::kP256;
  } else if (parameters.content == kSecp384r1) {
    facts.type = KeyType::kP384;
  } else {
    return BadKey(absl::StrCat("curve ", OidText(parameters.content), "; ", kAccepted));
  }
  const size_t half = facts.type == KeyType::kP256 ? 32 : 48;
  if (point.empty() || point[0] == 0) return BadKey("the point at infinity");
  if (point[0] == 2 || point[0] == 3) {
    return BadKey("compressed point; write it uncompressed (RFC 5480 2.2)");
  }
  if (point[0] != 4 || point.size() != 1 + 2 * half) return BadKey("malformed point");
  // RFC 7518 6.2.1: x and y in full length.
  facts.jwk = absl::StrCat("{\"crv\":\"", facts.type == KeyType::kP256 ? "P-256" : "P-384",
                           "\",\"kty\":\"EC\",\"x\":\"", Base64Url(point.substr(1, half)),
                           "\",\"y\":\"", Base64Url(point.substr(1 + half)), "\"}");
  facts.ec_point = std::string(point);
  return facts;
}

// The bytes of a positive INTEGER without the sign octet; empty for zero and below.
absl::string_view Magnitude(const DerElement& integer) {
  absl::string_view bytes = integer.content;
  if (bytes.empty() || static_cast<uint8_t>(bytes[0]) >= 0x80) return "";
  if (bytes[0] == 0) bytes.remove_prefix(1);
  return bytes;
}

size_t BitLength(absl::string_view magnitude) {
  if (magnitude.empty()) return 0;
  size_t bits = (magnitude.size() - 1) * 8;
  for (uint8_t top = static_cast<uint8_t>(magnitude[0]); top != 0; top >>= 1) ++bits;
  return bits;
}

absl::Status CheckRsaExponent(absl::string_view exponent) {
  if (exponent.size() > 4) return BadKey("the RSA exponent is 2^32 or more; use 65537");
  uint64_t value = 0;
  for (const char c : exponent) value = value << 8 | static_cast<uint8_t>(c);
  if (value <= 3 || value % 2 == 0) {
    return BadKey(absl::StrCat("the RSA exponent is ", value, "; use 65537"));
  }
  return absl::OkStatus();
}

absl::StatusOr<KeyFacts> ReadRsaKey(const DerElement& parameters, absl::string_view bits) {
  // RFC 3279 2.3.1: the parameters are NULL.
  if (parameters.tag != kDerNull) return BadKey("RSA parameters other than NULL");
  DerReader outer(bits);
  NORROY_ASSIGN_OR_RETURN(const DerElement sequence, outer.Expect(kDerSequence, "RSAPublicKey"));
  DerReader reader(sequence.content);
  NORROY_ASSIGN_OR_RETURN(const DerElement modulus, reader.Expect(kDerInteger, "RSA modulus"));
  NORROY_ASSIGN_OR_RETURN(const DerElement exponent, reader.Expect(kDerInteger, "RSA exponent"));
  if (!outer.empty() || !reader.empty()) return BadKey("bytes after the RSA key");
  NORROY_RETURN_IF_ERROR(CheckDer(sequence.whole));
  const absl::string_view n = Magnitude(modulus);
  KeyFacts facts;
  const KeyTypeRow* found = nullptr;
  for (const KeyTypeRow& row : kKeyTypes) {
    if (row.rsa_bits != 0 && BitLength(n) == static_cast<size_t>(row.rsa_bits)) found = &row;
  }
  if (found == nullptr) return BadKey(absl::StrCat("RSA of ", BitLength(n), " bits; ", kAccepted));
  facts.type = found->type;
  NORROY_RETURN_IF_ERROR(CheckRsaExponent(Magnitude(exponent)));
  facts.jwk = absl::StrCat("{\"e\":\"", Base64Url(Magnitude(exponent)),
                           "\",\"kty\":\"RSA\",\"n\":\"", Base64Url(n), "\"}");
  facts.rsa_modulus = std::string(n);
  facts.rsa_exponent = std::string(Magnitude(exponent));
  return facts;
}

absl::StatusOr<KeyFacts> ReadSpki(absl::string_view der) {
  if (der.size() > kMaxSpki) return BadKey(absl::StrCat(der.size(), " bytes; ", kAccepted));
  NORROY_RETURN_IF_ERROR(CheckDer(der));
  NORROY_ASSIGN_OR_RETURN(const DerElement whole,
                          DerReader(der).Expect(kDerSequence, "SubjectPublicKeyInfo"));
  DerReader spki(whole.content);
  NORROY_ASSIGN_OR_RETURN(const DerElement algorithm,
                          spki.Expect(kDerSequence, "AlgorithmIdentifier"));
  NORROY_ASSIGN_OR_RETURN(const DerElement bits, spki.Expect(kDerBitString, "public key"));
  DerReader parts(algorithm.content);
  NORROY_ASSIGN_OR_RETURN(const DerElement oid, parts.Expect(kDerOid, "key algorithm"));
  if (!spki.empty() || bits.content[0] != 0) return BadKey("malformed SubjectPublicKeyInfo");
  const absl::string_view value = bits.content.substr(1);
  if (oid.content != kEcPublicKey && oid.content != kRsaEncryption) {
    return BadKey(absl::StrCat("algorithm ", OidText(oid.content), "; ", kAccepted));
  }
  if (parts.empty()) return BadKey("the algorithm has no parameters");
  NORROY_ASSIGN_OR_RETURN(const DerElement parameters, parts.Next());
  if (!parts.empty()) return BadKey("malformed AlgorithmIdentifier");
  return oid.content == kEcPublicKey ? ReadEcKey(parameters, value) : ReadRsaKey(parameters, value);
}

using ParamBuilderPtr = std::unique_ptr<OSSL_PARAM_BLD, OpensslFree<OSSL_PARAM_BLD_free>>;
using ParamsPtr = std::unique_ptr<OSSL_PARAM, OpensslFree<OSSL_PARAM_free>>;

BnPtr Number(absl::string_view big_endian) {
  return BnPtr(BN_bin2bn(Bytes(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

// OpenSSL's key of what was read; null if it will not have it, as a point that is on no curve. Its
// own reader of a SubjectPublicKeyInfo takes ten times as long.
EvpPkeyPtr MakePublicKey(const KeyFacts& facts) {
  const bool ec = facts.rsa_modulus.empty();
  const BnPtr modulus = Number(facts.rsa_modulus);
  const BnPtr exponent = Number(facts.rsa_exponent);
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  NORROY_CHECK(modulus != nullptr && exponent != nullptr && builder != nullptr);
  const bool pushed =
      ec ? OSSL_PARAM_BLD_push_utf8_string(
               builder.get(), OSSL_PKEY_PARAM_GROUP_NAME,
               facts.type == KeyType::kP256 ? "prime256v1" : "secp384r1", 0) == 1 &&
               OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                                facts.ec_point.data(), facts.ec_point.size()) == 1
         : OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) == 1 &&
               OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) == 1;
  const ParamsPtr params(pushed ? OSSL_PARAM_BLD_to_param(builder.get()) : nullptr);
  const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new_from_name(nullptr, ec ? "EC" : "RSA", nullptr));
  NORROY_CHECK(params != nullptr && context != nullptr);
  EVP_PKEY* key = nullptr;
  if (EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return nullptr;
  }
  return EvpPkeyPtr(key);
}

// Signs and verifies: a private key whose public half is another key's would fail only later.
bool HalvesMatch(EVP_PKEY* key) {
  const absl::string_view probe = "norroy";
  const absl::StatusOr<std::string> signature = SignWith(key, probe);
  return signature.ok() && VerifyWith(key, probe, *signature);
}

using EncryptedKeyPtr = std::unique_ptr<X509_SIG, OpensslFree<X509_SIG_free>>;
using KeyInfoPtr = std::unique_ptr<PKCS8_PRIV_KEY_INFO, OpensslFree<PKCS8_PRIV_KEY_INFO_free>>;

absl::StatusOr<EvpPkeyPtr> Decrypt(const PemBlock& block, const Secret& passphrase) {
  const unsigned char* at = Bytes(block.der);
  const long size = static_cast<long>(block.der.size());
  const EncryptedKeyPtr encrypted(d2i_X509_SIG(nullptr, &at, size));
  if (encrypted == nullptr || at != Bytes(block.der) + size) {
    return BadKey(absl::StrCat("the block \"", block.label, "\" cannot be read"));
  }
  const absl::string_view text = passphrase.Expose();
  const KeyInfoPtr info(PKCS8_decrypt(encrypted.get(), text.data(), static_cast<int>(text.size())));
  EvpPkeyPtr key(info == nullptr ? nullptr : EVP_PKCS82PKEY(info.get()));
  // One in 256 wrong passphrases gives bytes that look padded, and then no key.
  if (key == nullptr) {
    return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_PASSPHRASE",
                     "key: the passphrase does not open it");
  }
  return key;
}

// The first block that is a private key, decoded. `passphrase` is null for a key that must not be
// encrypted.
absl::StatusOr<EvpPkeyPtr> DecodePrivateKey(const std::vector<PemBlock>& blocks,
                                            const Secret* passphrase) {
  for (const PemBlock& block : blocks) {
    const unsigned char* at = Bytes(block.der);
    const long size = static_cast<long>(block.der.size());
    EvpPkeyPtr key;
    if (block.label == "PRIVATE KEY") {
      key.reset(d2i_AutoPrivateKey(nullptr, &at, size));
    } else if (block.label == "EC PRIVATE KEY") {
      key.reset(d2i_PrivateKey(EVP_PKEY_EC, nullptr, &at, size));
    } else if (block.label == "RSA PRIVATE KEY") {
      key.reset(d2i_PrivateKey(EVP_PKEY_RSA, nullptr, &at, size));
    } else if (block.label == "ENCRYPTED PRIVATE KEY") {
      if (passphrase != nullptr) return Decrypt(block, *passphrase);
      return BadKey(
          "the private key is encrypted, and nothing says where its passphrase is; write it "
          "without a passphrase, mode 0600");
    } else {
      continue;
    }
    if (key == nullptr || at != Bytes(block.der) + size) {
      return BadKey(absl::StrCat("the block \"", block.label, "\" cannot be read"));
    }
    if (passphrase != nullptr) {
      return BadKey("there is a passphrase for it, but it is not encrypted");
    }
    return key;
  }
  return BadKey("no block \"PRIVATE KEY\", \"EC PRIVATE KEY\" or \"RSA PRIVATE KEY\"");
}

absl::StatusOr<std::shared_ptr<EVP_PKEY>> ReadPrivateKey(const Secret& pem,
                                                         const Secret* passphrase) {
  ErrorScope scope;
  NORROY_ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, PemDecode(pem.Expose()));
  absl::StatusOr<EvpPkeyPtr> decoded = DecodePrivateKey(blocks, passphrase);
  WipeBlocks(blocks);
  if (!decoded.ok()) return std::move(decoded).status();
  return std::shared_ptr<EVP_PKEY>(*std::move(decoded));
}

}  // namespace

absl::string_view KeyTypeName(KeyType type) { return RowOf(type).name; }

absl::StatusOr<KeyType> ParseKeyType(absl::string_view name) {
  for (const KeyTypeRow& row : kKeyTypes) {
    if (row.name == name) return row.type;
  }
  return BadKey(absl::StrCat("unknown type \"", Printable(name, 64),
                             "\"; known are p256, p384, rsa2048, rsa3072, rsa4096"));
}

absl::string_view SignatureAlgorithm(KeyType type) {
  if (type == KeyType::kP256) return "ES256";
  return type == KeyType::kP384 ? "ES384" : "RS256";
}

absl::StatusOr<PublicKey> PublicKey::Parse(absl::string_view spki_der) {
  absl::StatusOr<KeyFacts> facts = ReadSpki(spki_der);
  if (!facts.ok()) {
    if (!ErrorReason(facts.status()).empty()) return facts.status();
    return BadKey(facts.status().message());
  }
  if (!facts->rsa_modulus.empty()) {
    const absl::Status modulus = CheckRsaModulus(facts->rsa_modulus);
    if (!modulus.ok()) return BadKey(modulus.message());
  }
  ErrorScope scope;
  std::shared_ptr<EVP_PKEY> key = MakePublicKey(*facts);
  if (key == nullptr) return BadKey(ErrorText());
  if (facts->rsa_modulus.empty()) {
    // Of these curves every point is of the group's order, and the quick check asks for no more
    // than a point.
    const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new(key.get(), nullptr));
    if (context == nullptr || EVP_PKEY_public_check_quick(context.get()) != 1) {
      return BadKey(ErrorText());
    }
  }
  PublicKey result;
  result.key_ = std::move(key);
  result.type_ = facts->type;
  result.spki_der_ = std::string(spki_der);
  result.spki_sha256_ = Hex(Sha256(spki_der));
  result.jwk_ = std::move(facts->jwk);
  return result;
}

std::string PublicKey::thumbprint() const { return Base64Url(Sha256(jwk_)); }

bool PublicKey::Verify(absl::string_view data, absl::string_view signature) const {
  return VerifyWith(key_.get(), data, signature);
}

bool PublicKey::VerifyEs256(absl::string_view data, absl::string_view signature) const {
  return type_ == KeyType::kP256 && Verify(data, signature);
}

absl::StatusOr<PrivateKey> PrivateKey::Generate(KeyType type) {
  ErrorScope scope;
  const KeyTypeRow& row = RowOf(type);
  std::shared_ptr<EVP_PKEY> key(row.rsa_bits != 0
                                    ? EVP_RSA_gen(static_cast<unsigned int>(row.rsa_bits))
                                    : EVP_EC_gen(type == KeyType::kP256 ? "P-256" : "P-384"),
                                EVP_PKEY_free);
  if (key == nullptr) return absl::InternalError(absl::StrCat("making a key: ", ErrorText()));
  PrivateKey result;
  NORROY_ASSIGN_OR_RETURN(result.public_, PublicKey::Parse(ToDer<i2d_PUBKEY>(key.get())));
  result.key_ = std::move(key);
  return result;
}

absl::StatusOr<PrivateKey> PrivateKey::Check(std::shared_ptr<evp_pkey_st> key) {
  ErrorScope scope;
  PrivateKey result;
  // The public half decides whether the kind and size are ours, before the private one is used.
  NORROY_ASSIGN_OR_RETURN(result.public_, PublicKey::Parse(ToDer<i2d_PUBKEY>(key.get())));
  if (!HalvesMatch(key.get())) return BadKey("its private and public halves do not match");
  result.key_ = std::move(key);
  return result;
}

absl::StatusOr<PrivateKey> PrivateKey::ParsePem(const Secret& pem) {
  NORROY_ASSIGN_OR_RETURN(std::shared_ptr<EVP_PKEY> key, ReadPrivateKey(pem, nullptr));
  return Check(std::move(key));
}

absl::StatusOr<PrivateKey> PrivateKey::ParseEncryptedPem(const Secret& pem,
                                                         const Secret& passphrase) {
  NORROY_ASSIGN_OR_RETURN(std::shared_ptr<EVP_PKEY> key, ReadPrivateKey(pem, &passphrase));
  return Check(std::move(key));
}

Secret PrivateKey::ToPem() const {
  ErrorScope scope;
  const BioPtr bio(BIO_new(BIO_s_mem()));
  NORROY_CHECK(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr,
                                                               nullptr, 0, nullptr, nullptr) == 1);
  char* data = nullptr;
  const long length = BIO_get_mem_data(bio.get(), &data);
  // The BIO wipes its buffer when it goes.
  return Secret(absl::string_view(data, static_cast<size_t>(length)));
}

absl::StatusOr<std::string> PrivateKey::Sign(absl::string_view data) const {
  return SignWith(key_.get(), data);
}

absl::StatusOr<std::string> PrivateKey::SignEs256(absl::string_view data) const {
  if (public_.type() != KeyType::kP256) {
    return BadKey(absl::StrCat("ES256 needs a p256 key, this is ", KeyTypeName(public_.type())));
  }
  return Sign(data);
}

}  // namespace norroy::crypto
