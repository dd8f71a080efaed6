#include "agent/presenter/tls_alpn/alpn_certificate.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace norroy::agent {
namespace {

using crypto::Bytes;

// RFC 8737 6.1: id-pe-acmeIdentifier. Not the 1.3.6.1.5.5.7.1.30.1 of its drafts.
constexpr char kAcmeIdentifier[] = "1.3.6.1.5.5.7.1.31";
// The same for every host: RFC 5280 4.1.2.4 wants an issuer that is not empty.
constexpr char kSubject[] = "tls-alpn-01";
constexpr int kSerialBits = 128;
constexpr size_t kSha256Size = 32;

using ObjectPtr = std::unique_ptr<ASN1_OBJECT, crypto::OpensslFree<ASN1_OBJECT_free>>;
using OctetStringPtr =
    std::unique_ptr<ASN1_OCTET_STRING, crypto::OpensslFree<ASN1_OCTET_STRING_free>>;

bool SetTime(ASN1_TIME* field, absl::Time time) {
  return ASN1_TIME_adj(field, absl::ToTimeT(time), 0, 0) != nullptr;
}

bool SetSerial(X509* x509) {
  const crypto::BnPtr serial(BN_new());
  return serial != nullptr &&
         BN_rand(serial.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool SetNames(X509* x509) {
  X509_NAME* const subject = X509_get_subject_name(x509);
  return X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_ASC, Bytes(kSubject), -1, -1,
                                    0) == 1 &&
         X509_set_issuer_name(x509, subject) == 1;
}

// RFC 8737 3: one dNSName; RFC 8738 4: or one iPAddress. The identifier's alphabet has nothing
// that OpenSSL's text form would take for a second entry.
bool AddAlternativeName(X509* x509, const challenge::Identifier& identifier) {
  const bool address = identifier.type() == challenge::IdentifierType::kIp;
  const std::string value = absl::StrCat(address ? "IP:" : "DNS:", identifier.value());
  const crypto::ExtensionPtr extension(
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, value.c_str()));
  return extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1;
}

// RFC 8737 3: critical; Authorization ::= OCTET STRING (SIZE (32)).
bool AddAcmeIdentifier(X509* x509, absl::string_view digest) {
  const ObjectPtr object(OBJ_txt2obj(kAcmeIdentifier, 1));
  const OctetStringPtr value(ASN1_OCTET_STRING_new());
  const std::string authorization = absl::StrCat("\x04\x20", digest);
  if (digest.size() != kSha256Size || object == nullptr || value == nullptr ||
      ASN1_OCTET_STRING_set(value.get(), Bytes(authorization),
                            static_cast<int>(authorization.size())) != 1) {
    return false;
  }
  const crypto::ExtensionPtr extension(
      X509_EXTENSION_create_by_OBJ(nullptr, object.get(), 1, value.get()));
  return extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1;
}

}  // namespace

absl::StatusOr<AlpnCertificate> MakeAlpnCertificate(const challenge::Proof& proof, absl::Time now) {
  crypto::ErrorScope scope;
  AlpnCertificate made = {crypto::X509Ptr(X509_new()), crypto::EvpPkeyPtr(EVP_EC_gen("P-256"))};
  X509* const x509 = made.certificate.get();
  const bool done = x509 != nullptr && made.key != nullptr &&
                    X509_set_version(x509, X509_VERSION_3) == 1 && SetSerial(x509) &&
                    SetNames(x509) &&
                    SetTime(X509_getm_notBefore(x509), now - kAlpnCertificateBackdate) &&
                    SetTime(X509_getm_notAfter(x509), now + kAlpnCertificateLifetime) &&
                    X509_set_pubkey(x509, made.key.get()) == 1 &&
                    AddAlternativeName(x509, proof.name.identifier()) &&
                    AddAcmeIdentifier(x509, proof.alpn_digest()) &&
                    X509_sign(x509, made.key.get(), EVP_sha256()) > 0;
  if (done) return made;
  return absl::InternalError(absl::StrCat("tls_alpn: making the certificate of ", proof.name.text(),
                                          ": ", crypto::ErrorText()));
}

}  // namespace norroy::agent
