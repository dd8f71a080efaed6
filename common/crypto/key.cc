#include "common/crypto/key.h"

#include <openssl/pem.h>
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
constexpr size_t kEs256Half = 32;

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
  std::string rsa_modulus;  // big-endian; empty for EC
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

// Signs and verifies: a private key whose public half is another key's would fail only later.
bool HalvesMatch(EVP_PKEY* key) {
  const absl::string_view probe = "norroy";
  const EvpMdCtxPtr signing(EVP_MD_CTX_new());
  const EvpMdCtxPtr verifying(EVP_MD_CTX_new());
  std::string signature(static_cast<size_t>(EVP_PKEY_get_size(key)), '\0');
  size_t length = signature.size();
  return EVP_DigestSignInit(signing.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestSign(signing.get(), reinterpret_cast<unsigned char*>(signature.data()), &length,
                        Bytes(probe), probe.size()) == 1 &&
         EVP_DigestVerifyInit(verifying.get(), nullptr, EVP_sha256(), nullptr, key) == 1 &&
         EVP_DigestVerify(verifying.get(), Bytes(signature), length, Bytes(probe), probe.size()) ==
             1;
}

// The first block that is a private key, decoded; nullopt if there is none.
absl::StatusOr<EvpPkeyPtr> DecodePrivateKey(const std::vector<PemBlock>& blocks) {
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
      return BadKey("the private key is encrypted; write it without a passphrase, mode 0600");
    } else {
      continue;
    }
    if (key == nullptr || at != Bytes(block.der) + size) {
      return BadKey(absl::StrCat("the block \"", block.label, "\" cannot be read"));
    }
    return key;
  }
  return BadKey("no block \"PRIVATE KEY\", \"EC PRIVATE KEY\" or \"RSA PRIVATE KEY\"");
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
  const unsigned char* at = Bytes(spki_der);
  std::shared_ptr<EVP_PKEY> key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki_der.size())),
                                EVP_PKEY_free);
  if (key == nullptr) return BadKey(ErrorText());
  if (facts->rsa_modulus.empty()) {
    const EvpPkeyCtxPtr context(EVP_PKEY_CTX_new(key.get(), nullptr));
    if (context == nullptr || EVP_PKEY_public_check(context.get()) != 1) return BadKey(ErrorText());
  }
  if (ToDer<i2d_PUBKEY>(key.get()) != spki_der) return BadKey("it has a second encoding");
  PublicKey result;
  result.key_ = std::move(key);
  result.type_ = facts->type;
  result.spki_der_ = std::string(spki_der);
  result.spki_sha256_ = Hex(Sha256(spki_der));
  result.jwk_ = std::move(facts->jwk);
  return result;
}

std::string PublicKey::thumbprint() const { return Base64Url(Sha256(jwk_)); }

bool PublicKey::VerifyEs256(absl::string_view data, absl::string_view signature) const {
  if (type_ != KeyType::kP256 || signature.size() != 2 * kEs256Half) return false;
  ErrorScope scope;
  const EcdsaSigPtr pair(ECDSA_SIG_new());
  BnPtr r(BN_bin2bn(Bytes(signature), kEs256Half, nullptr));
  BnPtr s(BN_bin2bn(Bytes(signature) + kEs256Half, kEs256Half, nullptr));
  if (pair == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return false;
  r.release();
  s.release();
  const std::string der = ToDer<i2d_ECDSA_SIG>(pair.get());
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), Bytes(der), der.size(), Bytes(data), data.size()) == 1;
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

absl::StatusOr<PrivateKey> PrivateKey::ParsePem(const Secret& pem) {
  ErrorScope scope;
  NORROY_ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, PemDecode(pem.Expose()));
  absl::StatusOr<EvpPkeyPtr> decoded = DecodePrivateKey(blocks);
  WipeBlocks(blocks);
  if (!decoded.ok()) return std::move(decoded).status();
  const std::shared_ptr<EVP_PKEY> key = *std::move(decoded);
  PrivateKey result;
  // The public half decides whether the kind and size are ours, before the private one is used.
  NORROY_ASSIGN_OR_RETURN(result.public_, PublicKey::Parse(ToDer<i2d_PUBKEY>(key.get())));
  if (!HalvesMatch(key.get())) return BadKey("its private and public halves do not match");
  result.key_ = key;
  return result;
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

absl::StatusOr<std::string> PrivateKey::SignEs256(absl::string_view data) const {
  if (public_.type() != KeyType::kP256) {
    return BadKey(absl::StrCat("ES256 needs a p256 key, this is ", KeyTypeName(public_.type())));
  }
  ErrorScope scope;
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  unsigned char der[80];
  size_t length = sizeof(der);
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) != 1 ||
      EVP_DigestSign(context.get(), der, &length, Bytes(data), data.size()) != 1) {
    return absl::InternalError(absl::StrCat("signing: ", ErrorText()));
  }
  const unsigned char* at = der;
  const EcdsaSigPtr pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(length)));
  NORROY_CHECK(pair != nullptr);
  // RFC 7518 3.4: R and S as octets of full length, one after the other.
  unsigned char signature[2 * kEs256Half];
  NORROY_CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), signature, kEs256Half) == kEs256Half &&
               BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), signature + kEs256Half, kEs256Half) ==
                   kEs256Half);
  return std::string(reinterpret_cast<char*>(signature), sizeof(signature));
}

}  // namespace norroy::crypto
