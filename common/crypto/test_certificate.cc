#include "common/crypto/test_certificate.h"

#include "common/check.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {
namespace {

void AddText(X509* x509, X509* issuer, int nid, const std::string& text) {
  if (text.empty()) return;
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, x509, nullptr, nullptr, 0);
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, &context, nid, text.c_str()));
  NORROY_CHECK(extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1);
}

void AddRaw(X509* x509, const std::string& oid, const std::string& der) {
  ASN1_OBJECT* object = OBJ_txt2obj(oid.c_str(), 1);
  ASN1_OCTET_STRING* value = ASN1_OCTET_STRING_new();
  NORROY_CHECK(object != nullptr && value != nullptr &&
               ASN1_OCTET_STRING_set(value, Bytes(der), static_cast<int>(der.size())) == 1);
  const ExtensionPtr extension(X509_EXTENSION_create_by_OBJ(nullptr, object, 0, value));
  NORROY_CHECK(extension != nullptr && X509_add_ext(x509, extension.get(), -1) == 1);
  ASN1_OBJECT_free(object);
  ASN1_OCTET_STRING_free(value);
}

}  // namespace

absl::Time TestNow() { return absl::FromUnixSeconds(1800000000); }

TestCertificate MakeTestCertificate(const TestDraft& draft, const TestCertificate* issuer) {
  const PrivateKey key =
      draft.key.has_value() ? *draft.key : PrivateKey::Generate(KeyType::kP256).value();
  const X509Ptr x509(X509_new());
  const BnPtr serial(BN_new());
  NORROY_CHECK(BN_rand(serial.get(), 64, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1);
  BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509.get()));
  X509_set_version(x509.get(), X509_VERSION_3);
  ASN1_TIME_adj(X509_getm_notBefore(x509.get()), absl::ToTimeT(draft.not_before), 0, 0);
  ASN1_TIME_adj(X509_getm_notAfter(x509.get()), absl::ToTimeT(draft.not_after), 0, 0);
  X509_set_pubkey(x509.get(),
                  draft.public_key.has_value() ? draft.public_key->get() : key.public_key().get());
  if (!draft.subject.empty()) {
    X509_NAME_add_entry_by_NID(X509_get_subject_name(x509.get()), NID_commonName, MBSTRING_UTF8,
                               Bytes(draft.subject), static_cast<int>(draft.subject.size()), -1, 0);
  }
  X509* const signer = issuer == nullptr ? x509.get() : issuer->certificate.get();
  X509_set_issuer_name(x509.get(), X509_get_subject_name(signer));
  if (draft.identifiers) {
    AddText(x509.get(), signer, NID_subject_key_identifier, "hash");
    AddText(x509.get(), signer, NID_authority_key_identifier, "keyid:always");
  }
  AddText(x509.get(), signer, NID_basic_constraints, draft.basic_constraints);
  AddText(x509.get(), signer, NID_key_usage, draft.key_usage);
  AddText(x509.get(), signer, NID_ext_key_usage, draft.extended_key_usage);
  AddText(x509.get(), signer, NID_subject_alt_name, draft.alternative_names);
  for (const auto& [oid, der] : draft.extensions) AddRaw(x509.get(), oid, der);
  EVP_PKEY* const signing = issuer == nullptr ? key.get() : issuer->key.get();
  NORROY_CHECK(X509_sign(x509.get(), signing, EVP_sha256()) > 0);
  return {key, Certificate::ParseDer(ToDer<i2d_X509>(x509.get())).value()};
}

TestCertificate MakeTestCa(const std::string& name, const TestCertificate* issuer) {
  TestDraft draft;
  draft.subject = name;
  draft.basic_constraints = "critical,CA:TRUE";
  draft.key_usage = "critical,keyCertSign,cRLSign";
  draft.not_before = TestNow() - absl::Hours(24 * 365);
  draft.not_after = TestNow() + absl::Hours(24 * 3650);
  return MakeTestCertificate(draft, issuer);
}

}  // namespace norroy::crypto
