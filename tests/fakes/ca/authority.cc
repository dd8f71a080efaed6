#include "tests/fakes/ca/authority.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <deque>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/sync/mutex.h"

namespace norroy::fakes {
namespace {

template <auto free_function>
struct Free {
  template <typename T>
  void operator()(T* object) const {
    free_function(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using X509Pointer = std::unique_ptr<X509, Free<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Free<X509_EXTENSION_free>>;

Key NewKey() {
  Key key(EVP_EC_gen("P-256"));
  NORROY_CHECK(key != nullptr);
  return key;
}

Key ReadKey(const std::string& spki_der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(spki_der.data());
  Key key(d2i_PUBKEY(nullptr, &bytes, static_cast<long>(spki_der.size())));
  NORROY_CHECK(key != nullptr);
  return key;
}

std::string Der(X509* certificate) {
  unsigned char* bytes = nullptr;
  const int length = i2d_X509(certificate, &bytes);
  NORROY_CHECK(length > 0);
  std::string der(reinterpret_cast<char*>(bytes), static_cast<size_t>(length));
  OPENSSL_free(bytes);
  return der;
}

std::string Pem(X509* certificate) { return crypto::PemEncode("CERTIFICATE", Der(certificate)); }

void SetName(X509_NAME* name, const std::string& common_name) {
  if (common_name.empty()) return;
  NORROY_CHECK(X509_NAME_add_entry_by_txt(
                   name, "CN", MBSTRING_ASC,
                   reinterpret_cast<const unsigned char*>(common_name.c_str()), -1, -1, 0) == 1);
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  NORROY_CHECK(extension != nullptr);
  NORROY_CHECK(X509_add_ext(certificate, extension.get(), -1) == 1);
}

struct Template {
  std::string serial;  // big-endian, positive
  std::string common_name;
  EVP_PKEY* key;
  absl::Time not_before, not_after;
  std::vector<std::pair<int, std::string>> extensions;
};

// `issuer` null: self-issued.
X509Pointer Sign(const Template& wanted, X509* issuer, EVP_PKEY* issuer_key) {
  X509Pointer certificate(X509_new());
  X509* const x509 = certificate.get();
  NORROY_CHECK(X509_set_version(x509, X509_VERSION_3) == 1);
  const std::unique_ptr<BIGNUM, Free<BN_free>> serial(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(wanted.serial.data()),
                static_cast<int>(wanted.serial.size()), nullptr));
  NORROY_CHECK(BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(x509)) != nullptr);
  NORROY_CHECK(ASN1_TIME_set(X509_getm_notBefore(x509), absl::ToTimeT(wanted.not_before)));
  NORROY_CHECK(ASN1_TIME_set(X509_getm_notAfter(x509), absl::ToTimeT(wanted.not_after)));
  SetName(X509_get_subject_name(x509), wanted.common_name);
  NORROY_CHECK(
      X509_set_issuer_name(x509, X509_get_subject_name(issuer == nullptr ? x509 : issuer)) == 1);
  NORROY_CHECK(X509_set_pubkey(x509, wanted.key) == 1);
  for (const auto& [nid, value] : wanted.extensions) {
    AddExtension(x509, issuer == nullptr ? x509 : issuer, nid, value);
  }
  NORROY_CHECK(X509_sign(x509, issuer_key, EVP_sha256()) > 0);
  return certificate;
}

std::vector<std::pair<int, std::string>> AuthorityExtensions(const std::string& constraints) {
  return {{NID_basic_constraints, "critical,CA:TRUE" + constraints},
          {NID_key_usage, "critical,keyCertSign,cRLSign"},
          {NID_subject_key_identifier, "hash"}};
}

std::string AltNames(const std::vector<std::string>& names) {
  std::vector<std::string> entries;
  for (const std::string& name : names) {
    in6_addr address;
    const bool is_ip = inet_pton(AF_INET, name.c_str(), &address) == 1 ||
                       inet_pton(AF_INET6, name.c_str(), &address) == 1;
    entries.push_back(absl::StrCat(is_ip ? "IP:" : "DNS:", name));
  }
  return absl::StrJoin(entries, ",");
}

std::vector<std::string> CertifiedNames(const LeafOrder& order) {
  std::vector<std::string> names;
  for (const challenge::Name& name : order.names) names.push_back(name.text());
  if (order.fault == CertificateFault::kExtraName) names.push_back("unasked.example.com");
  if (order.fault == CertificateFault::kMissingName && names.size() > 1) names.pop_back();
  const bool replaced = order.fault == CertificateFault::kOtherName ||
                        (order.fault == CertificateFault::kMissingName && names.size() == 1);
  if (replaced) names = {"other.example.com"};
  return names;
}

// RFC 9773 4.1: the authority key identifier, and the serial number's DER without tag and length.
std::string CertificateId(X509* leaf) {
  const ASN1_OCTET_STRING* const authority = X509_get0_authority_key_id(leaf);
  NORROY_CHECK(authority != nullptr);
  unsigned char* der = nullptr;
  const int length = i2d_ASN1_INTEGER(X509_get0_serialNumber(leaf), &der);
  NORROY_CHECK(length > 2 && length < 128);
  const std::string serial(reinterpret_cast<char*>(der) + 2, static_cast<size_t>(length) - 2);
  OPENSSL_free(der);
  return absl::StrCat(crypto::Base64Url(absl::string_view(
                          reinterpret_cast<const char*>(ASN1_STRING_get0_data(authority)),
                          static_cast<size_t>(ASN1_STRING_length(authority)))),
                      ".", crypto::Base64Url(serial));
}

// Long enough for every clock that a test may have.
absl::Time Founded() { return absl::FromCivil(absl::CivilYear(1980), absl::UTCTimeZone()); }
absl::Time Closed() { return absl::FromCivil(absl::CivilYear(2200), absl::UTCTimeZone()); }

std::string Byte(size_t number) { return std::string(1, static_cast<char>(number)); }

class Keys {
 public:
  struct Root {
    Key key;
    X509Pointer certificate;
    X509Pointer intermediate;  // the one intermediate's key, vouched for by this root
  };
  // Lives as long as the process.
  static Keys& Shared() {
    static Keys* const keys = new Keys();
    return *keys;
  }
  EVP_PKEY* intermediate_key() { return intermediate_key_.get(); }
  const Root& RootAt(size_t index);

 private:
  Mutex mutex_;
  const Key intermediate_key_ = NewKey();
  std::deque<Root> roots_ ABSL_GUARDED_BY(mutex_);
};

const Keys::Root& Keys::RootAt(size_t index) {
  MutexLock lock(&mutex_);
  while (roots_.size() <= index) {
    const size_t number = roots_.size();
    const std::string suffix = number == 0 ? "" : absl::StrCat(" X", number);
    Root root;
    root.key = NewKey();
    root.certificate = Sign({Byte(2 * number + 1), "Fake Root" + suffix, root.key.get(), Founded(),
                             Closed(), AuthorityExtensions("")},
                            nullptr, root.key.get());
    root.intermediate = Sign({Byte(2 * number + 2), "Fake Intermediate", intermediate_key(),
                              Founded(), Closed(), AuthorityExtensions(",pathlen:0")},
                             root.certificate.get(), root.key.get());
    roots_.push_back(std::move(root));
  }
  return roots_[index];
}

// What goes with the leaf under this root.
std::string IntermediatePem(const Keys::Root& root, const LeafOrder& order) {
  const auto another = [&](EVP_PKEY* key, absl::Time until) {
    return Pem(Sign({Byte(99), "Fake Intermediate", key, Founded(), until,
                     AuthorityExtensions(",pathlen:0")},
                    root.certificate.get(), root.key.get())
                   .get());
  };
  switch (order.fault) {
    case CertificateFault::kNoIntermediate:
      return "";
    case CertificateFault::kBrokenLink:
      // Same name, another key: it did not sign the leaf.
      return another(NewKey().get(), Closed());
    case CertificateFault::kExpiredIntermediate:
      return another(Keys::Shared().intermediate_key(), order.now - absl::Hours(1));
    default:
      return Pem(root.intermediate.get());
  }
}

struct Validity {
  absl::Time from, until;
};

Validity ValidityOf(const LeafOrder& order) {
  // As CAs do, backdated by an hour.
  const absl::Time from = order.now - absl::Hours(1);
  switch (order.fault) {
    case CertificateFault::kExpired:
      return {from, order.now - absl::Minutes(30)};
    case CertificateFault::kNotYetValid:
      return {order.now + absl::Hours(72), from + order.lifetime};
    case CertificateFault::kTenYears:
      return {from, from + absl::Hours(24 * 3650)};
    default:
      return {from, from + order.lifetime};
  }
}

X509Pointer SignLeaf(const LeafOrder& order) {
  const CertificateFault fault = order.fault;
  const Key key = fault == CertificateFault::kWrongKey ? NewKey() : ReadKey(order.spki_der);
  const Validity validity = ValidityOf(order);
  const bool nameless = fault == CertificateFault::kOnlyCommonName;
  Template wanted = {
      order.serial,
      nameless ? order.names.front().text() : "",
      key.get(),
      validity.from,
      validity.until,
      {{NID_basic_constraints,
        fault == CertificateFault::kIsCa ? "critical,CA:TRUE" : "critical,CA:FALSE"},
       {NID_key_usage, "critical,digitalSignature"},
       {NID_ext_key_usage, fault == CertificateFault::kNoServerAuth ? "clientAuth" : "serverAuth"},
       {NID_authority_key_identifier, "keyid:always"}}};
  if (!nameless) {
    wanted.extensions.emplace_back(NID_subject_alt_name,
                                   "critical," + AltNames(CertifiedNames(order)));
  }
  return Sign(wanted, Keys::Shared().RootAt(0).intermediate.get(),
              Keys::Shared().intermediate_key());
}

}  // namespace

std::string Authority::root_pem() const { return Pem(Keys::Shared().RootAt(0).certificate.get()); }

IssuedLeaf Authority::Issue(const LeafOrder& order, int alternate_chains) {
  const X509Pointer leaf = SignLeaf(order);
  const Validity validity = ValidityOf(order);
  IssuedLeaf issued;
  issued.der = Der(leaf.get());
  issued.id = CertificateId(leaf.get());
  issued.not_before = validity.from;
  issued.not_after = validity.until;
  for (int i = 0; i <= alternate_chains; ++i) {
    const Keys::Root& root = Keys::Shared().RootAt(static_cast<size_t>(i));
    issued.chains.push_back(Pem(leaf.get()) + IntermediatePem(root, order));
  }
  return issued;
}

}  // namespace norroy::fakes
