#include "common/crypto/csr.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/crypto/csr_extensions.h"
#include "common/crypto/der.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

// Contents of OBJECT IDENTIFIERs.
constexpr absl::string_view kCommonName = "\x55\x04\x03";
constexpr absl::string_view kExtensionRequest = "\x2A\x86\x48\x86\xF7\x0D\x01\x09\x0E";
constexpr absl::string_view kMicrosoftExtensions = "\x2B\x06\x01\x04\x01\x82\x37\x02\x01\x0E";

constexpr uint8_t kAttributesTag = 0xA0;
constexpr size_t kMaxCommonName = 64;  // X.520 ub-common-name

struct SignatureAlgorithm {
  absl::string_view oid;
  bool rsa;
};
// What public CAs take (RFC 8017 A.2.4, RFC 5758 3.2), with SHA-256, SHA-384 and SHA-512.
constexpr SignatureAlgorithm kSignatureAlgorithms[] = {
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0B", true}, {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0C", true},
    {"\x2A\x86\x48\x86\xF7\x0D\x01\x01\x0D", true}, {"\x2A\x86\x48\xCE\x3D\x04\x03\x02", false},
    {"\x2A\x86\x48\xCE\x3D\x04\x03\x03", false},    {"\x2A\x86\x48\xCE\x3D\x04\x03\x04", false},
};

absl::Status Bad(absl::string_view message) { return absl::InvalidArgumentError(message); }

// The parts of a CertificationRequest (RFC 2986 4.2), still encoded.
struct Parts {
  absl::string_view subject;     // content of the Name
  absl::string_view spki;        // whole
  absl::string_view attributes;  // content of [0]
  absl::string_view algorithm;   // content
};

absl::StatusOr<Parts> Split(absl::string_view der) {
  NORROY_RETURN_IF_ERROR(CheckDer(der));
  NORROY_ASSIGN_OR_RETURN(const DerElement whole,
                          DerReader(der).Expect(kDerSequence, "CertificationRequest"));
  DerReader request(whole.content);
  NORROY_ASSIGN_OR_RETURN(const DerElement info_element,
                          request.Expect(kDerSequence, "CertificationRequestInfo"));
  NORROY_ASSIGN_OR_RETURN(const DerElement algorithm,
                          request.Expect(kDerSequence, "the signature algorithm"));
  NORROY_ASSIGN_OR_RETURN(const DerElement signature,
                          request.Expect(kDerBitString, "the signature"));
  if (!request.empty()) return Bad("bytes after the signature");
  if (signature.content[0] != 0) return Bad("the signature is no whole number of bytes");
  DerReader info(info_element.content);
  NORROY_ASSIGN_OR_RETURN(const DerElement version, info.Expect(kDerInteger, "the version"));
  if (version.content != absl::string_view("\0", 1)) {
    return Bad("the version is not 0 (RFC 2986 4.1)");
  }
  NORROY_ASSIGN_OR_RETURN(const DerElement subject, info.Expect(kDerSequence, "the subject"));
  NORROY_ASSIGN_OR_RETURN(const DerElement spki, info.Expect(kDerSequence, "the public key"));
  // RFC 2986 4.1: the attributes are there, even if empty.
  NORROY_ASSIGN_OR_RETURN(const DerElement attributes,
                          info.Expect(kAttributesTag, "the attributes field"));
  if (!info.empty()) return Bad("bytes after the attributes");
  return Parts{subject.content, spki.whole, attributes.content, algorithm.content};
}

absl::Status CheckSignatureAlgorithm(absl::string_view algorithm, const PublicKey& key) {
  DerReader reader(algorithm);
  NORROY_ASSIGN_OR_RETURN(const DerElement oid, reader.Expect(kDerOid, "the signature algorithm"));
  const bool rsa = key.type() != KeyType::kP256 && key.type() != KeyType::kP384;
  const auto known = std::find_if(std::begin(kSignatureAlgorithms), std::end(kSignatureAlgorithms),
                                  [&](const auto& row) { return row.oid == oid.content; });
  if (known == std::end(kSignatureAlgorithms)) {
    return Bad(absl::StrCat("signed with ", OidText(oid.content), "; sign with SHA-256 and ",
                            rsa ? "RSA (PKCS#1 v1.5)" : "ECDSA"));
  }
  if (known->rsa != rsa) return Bad("the signature algorithm does not fit the key");
  if (known->rsa) {
    // RFC 4055 5: NULL for RSA.
    NORROY_RETURN_IF_ERROR(reader.Expect(kDerNull, "NULL after the RSA algorithm").status());
  }
  // RFC 5758 3.2: no parameters for ECDSA.
  if (!reader.empty()) return Bad("the signature algorithm has parameters that do not belong");
  return absl::OkStatus();
}

// The common names of the subject, as UTF-8 or ASCII text.
absl::StatusOr<std::vector<std::string>> CommonNames(absl::string_view subject) {
  std::vector<std::string> names;
  DerReader sets(subject);
  while (!sets.empty()) {
    NORROY_ASSIGN_OR_RETURN(const DerElement set, sets.Expect(kDerSet, "a part of the subject"));
    DerReader pairs(set.content);
    if (pairs.empty()) return Bad("an empty part in the subject");
    while (!pairs.empty()) {
      NORROY_ASSIGN_OR_RETURN(const DerElement pair,
                              pairs.Expect(kDerSequence, "a part of the subject"));
      DerReader reader(pair.content);
      NORROY_ASSIGN_OR_RETURN(const DerElement type, reader.Expect(kDerOid, "its type"));
      NORROY_ASSIGN_OR_RETURN(const DerElement value, reader.Next());
      if (!reader.empty()) return Bad("a part of the subject has more than one value");
      if (type.content != kCommonName) continue;
      if (value.tag != kDerUtf8String && value.tag != kDerPrintableString &&
          value.tag != kDerIa5String) {
        return Bad("the common name is neither UTF8String nor PrintableString");
      }
      if (value.content.empty() || value.content.size() > kMaxCommonName) {
        return Bad(absl::StrCat("the common name has ", value.content.size(), " bytes, not 1 to ",
                                kMaxCommonName, "; leave it out, the subjectAltName is enough"));
      }
      names.emplace_back(value.content);
    }
  }
  return names;
}

// The value of the one extensionRequest (RFC 2985 5.4.2), nullopt if there is none.
absl::StatusOr<std::optional<absl::string_view>> ExtensionRequest(absl::string_view attributes) {
  std::optional<absl::string_view> found;
  std::set<absl::string_view> seen;
  absl::string_view previous;
  DerReader reader(attributes);
  while (!reader.empty()) {
    NORROY_ASSIGN_OR_RETURN(const DerElement attribute,
                            reader.Expect(kDerSequence, "an attribute"));
    // X.690 11.6: [0] stands for SET OF, so CheckDer could not tell.
    if (attribute.whole < previous) return Bad("the attributes are not sorted");
    previous = attribute.whole;
    DerReader fields(attribute.content);
    NORROY_ASSIGN_OR_RETURN(const DerElement type, fields.Expect(kDerOid, "an attribute's type"));
    NORROY_ASSIGN_OR_RETURN(const DerElement values,
                            fields.Expect(kDerSet, "an attribute's values"));
    if (!fields.empty()) return Bad("bytes after an attribute");
    if (!seen.insert(type.content).second) {
      return Bad(absl::StrCat("two attributes ", OidText(type.content)));
    }
    if (type.content == kMicrosoftExtensions) {
      return Bad(
          "the extensions are in Microsoft's own attribute 1.3.6.1.4.1.311.2.1.14, which "
          "CAs overlook; ask for them in extensionRequest 1.2.840.113549.1.9.14");
    }
    if (type.content != kExtensionRequest) continue;
    DerReader value(values.content);
    NORROY_ASSIGN_OR_RETURN(const DerElement extensions,
                            value.Expect(kDerSequence, "the extensionRequest"));
    if (!value.empty()) return Bad("the extensionRequest has two values");
    found = extensions.content;
  }
  return found;
}

absl::StatusOr<std::vector<challenge::Name>> NamesOfCommonName(
    const std::vector<std::string>& common_names) {
  if (common_names.empty()) {
    return Bad(
        "it names nothing: add a subjectAltName, e.g. openssl req -addext "
        "subjectAltName=DNS:www.example.com");
  }
  if (common_names.size() > 1) return Bad("several common names and no subjectAltName");
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, ParseDnsName(common_names[0]));
  return std::vector<challenge::Name>{std::move(name)};
}

absl::StatusOr<std::vector<challenge::Name>> NamesOf(const Parts& parts) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> common_names, CommonNames(parts.subject));
  NORROY_ASSIGN_OR_RETURN(const std::optional<absl::string_view> request,
                          ExtensionRequest(parts.attributes));
  std::optional<std::vector<challenge::Name>> names;
  if (request.has_value()) {
    NORROY_ASSIGN_OR_RETURN(names, NamesOfExtensions(*request));
  }
  if (!names.has_value()) return NamesOfCommonName(common_names);
  for (const std::string& common_name : common_names) {
    const absl::StatusOr<challenge::Name> name = challenge::Name::Parse(common_name);
    if (!name.ok() || !std::binary_search(names->begin(), names->end(), *name)) {
      return Bad(absl::StrCat("the common name \"", Printable(common_name, 128),
                              "\" is not in the subjectAltName; leave it out or add it there"));
    }
  }
  return *std::move(names);
}

// OpenSSL's own reading: the same bytes again, and the signature of this very key.
absl::Status CheckSignature(absl::string_view der, const PublicKey& key) {
  const unsigned char* at = Bytes(der);
  const X509ReqPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
  if (request == nullptr) return Bad(absl::StrCat("cannot be read: ", ErrorText()));
  // Without the second line OpenSSL would give back the bytes that it kept.
  unsigned char* info = nullptr;
  if (i2d_re_X509_REQ_tbs(request.get(), &info) <= 0) return Bad("cannot be encoded again");
  OPENSSL_free(info);
  if (ToDer<i2d_X509_REQ>(request.get()) != der) return Bad("it has a second encoding");
  if (X509_REQ_verify(request.get(), key.get()) == 1) return absl::OkStatus();
  return Bad("the signature is not valid for the public key inside");
}

// PEM is text; DER of a CSR begins with a SEQUENCE of more than 127 bytes.
bool LooksLikeDer(absl::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == static_cast<char>(kDerSequence) &&
         static_cast<uint8_t>(bytes[1]) >= 0x80;
}

absl::StatusOr<std::string> DerOfPem(absl::string_view pem) {
  if (pem.size() > kMaxCsrPem) {
    return Bad(absl::StrCat(pem.size(), " bytes of PEM; at most ", kMaxCsrPem));
  }
  NORROY_ASSIGN_OR_RETURN(std::vector<PemBlock> blocks, PemDecode(pem));
  if (blocks.empty()) {
    return Bad("neither DER nor PEM: expected \"-----BEGIN CERTIFICATE REQUEST-----\"");
  }
  if (blocks.size() > 1) return Bad("more than one PEM block; give one request alone");
  if (blocks[0].label != "CERTIFICATE REQUEST" && blocks[0].label != "NEW CERTIFICATE REQUEST") {
    return Bad(absl::StrCat("the PEM block is a \"", Printable(blocks[0].label),
                            "\", not a \"CERTIFICATE REQUEST\""));
  }
  return std::move(blocks[0].der);
}

// One reason for all that can be wrong with a CSR.
absl::Status AsBadCsr(const absl::Status& status) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CSR",
                   absl::StrCat("CSR: ", status.message()));
}

}  // namespace

struct CsrParser {
  enum class Use { kPublic, kIdentity };

  static absl::StatusOr<Csr> Parse(absl::string_view der, Use use) {
    if (der.size() > kMaxCsrDer) {
      return Bad(absl::StrCat(der.size(), " bytes; at most ", kMaxCsrDer));
    }
    NORROY_ASSIGN_OR_RETURN(const Parts parts, Split(der));
    NORROY_ASSIGN_OR_RETURN(PublicKey key, PublicKey::Parse(parts.spki));
    NORROY_RETURN_IF_ERROR(CheckSignatureAlgorithm(parts.algorithm, key));
    Csr csr(std::move(key));
    csr.der_ = std::string(der);
    if (use == Use::kPublic) {
      NORROY_ASSIGN_OR_RETURN(csr.names_, NamesOf(parts));
    } else if (csr.public_key_.type() != KeyType::kP256) {
      return Bad(absl::StrCat("identities have p256 keys, this one is ",
                              KeyTypeName(csr.public_key_.type())));
    }
    NORROY_RETURN_IF_ERROR(CheckSignature(der, csr.public_key_));
    return csr;
  }
};

absl::StatusOr<Csr> Csr::Parse(absl::string_view pem_or_der) {
  ErrorScope scope;
  std::string decoded;
  absl::string_view der = pem_or_der;
  if (!LooksLikeDer(pem_or_der)) {
    absl::StatusOr<std::string> body = DerOfPem(pem_or_der);
    if (!body.ok()) return AsBadCsr(body.status());
    decoded = *std::move(body);
    der = decoded;
  }
  absl::StatusOr<Csr> csr = CsrParser::Parse(der, CsrParser::Use::kPublic);
  if (!csr.ok()) return AsBadCsr(csr.status());
  return csr;
}

absl::StatusOr<Csr> Csr::ParseForIdentity(absl::string_view der) {
  ErrorScope scope;
  absl::StatusOr<Csr> csr = CsrParser::Parse(der, CsrParser::Use::kIdentity);
  if (!csr.ok()) return AsBadCsr(csr.status());
  return csr;
}

absl::StatusOr<std::string> BuildCsr(const PrivateKey& key,
                                     const std::vector<challenge::Name>& names) {
  ErrorScope scope;
  const X509ReqPtr request(X509_REQ_new());
  NORROY_CHECK(request != nullptr);
  bool done = X509_REQ_set_version(request.get(), X509_REQ_VERSION_1) == 1 &&
              X509_REQ_set_pubkey(request.get(), key.get()) == 1;
  if (done && !names.empty()) {
    std::vector<std::string> entries;
    for (const challenge::Name& name : names) {
      const bool dns = name.identifier().type() == challenge::IdentifierType::kDns;
      entries.push_back(absl::StrCat(dns ? "DNS:" : "IP:", name.text()));
    }
    const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name,
                                                     absl::StrJoin(entries, ",").c_str()));
    STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
    done = extension != nullptr && extensions != nullptr &&
           sk_X509_EXTENSION_push(extensions, extension.get()) > 0 &&
           X509_REQ_add_extensions(request.get(), extensions) == 1;
    sk_X509_EXTENSION_free(extensions);
  }
  const EVP_MD* const digest =
      key.public_key().type() == KeyType::kP384 ? EVP_sha384() : EVP_sha256();
  if (!done || X509_REQ_sign(request.get(), key.get(), digest) <= 0) {
    return absl::InternalError(absl::StrCat("making a CSR: ", ErrorText()));
  }
  return ToDer<i2d_X509_REQ>(request.get());
}

}  // namespace norroy::crypto
