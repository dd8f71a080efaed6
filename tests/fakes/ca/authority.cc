#include "tests/fakes/ca/authority.h"

#include <arpa/inet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/crypto/encoding.h"

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
  int64_t serial;
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
  NORROY_CHECK(ASN1_INTEGER_set_int64(X509_get_serialNumber(x509), wanted.serial) == 1);
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

}  // namespace

struct Authority::Keys {
  struct Root {
    Key key;
    X509Pointer certificate;
    X509Pointer intermediate;  // the one intermediate's key, vouched for by this root
  };
  Key intermediate_key = NewKey();
  std::vector<Root> roots;
  absl::Time now;

  Root& RootAt(size_t index);
};

Authority::Keys::Root& Authority::Keys::RootAt(size_t index) {
  while (roots.size() <= index) {
    const auto number = static_cast<int64_t>(roots.size());
    const std::string suffix = number == 0 ? "" : absl::StrCat(" X", number);
    const absl::Time from = now - absl::Hours(24 * 365);
    const absl::Time until = now + absl::Hours(24 * 365 * 20);
    Root root;
    root.key = NewKey();
    root.certificate = Sign({2 * number + 1, "Fake Root" + suffix, root.key.get(), from, until,
                             AuthorityExtensions("")},
                            nullptr, root.key.get());
    root.intermediate = Sign({2 * number + 2, "Fake Intermediate", intermediate_key.get(), from,
                              until, AuthorityExtensions(",pathlen:0")},
                             root.certificate.get(), root.key.get());
    roots.push_back(std::move(root));
  }
  return roots[index];
}

Authority::Authority(absl::Time now) : keys_(std::make_unique<Keys>()) {
  keys_->now = now;
  keys_->RootAt(0);
}

Authority::~Authority() = default;

std::string Authority::root_pem() const { return Pem(keys_->roots[0].certificate.get()); }

IssuedLeaf Authority::Issue(const LeafOrder& order, int alternate_chains) {
  const CertificateFault fault = order.fault;
  const Key key = fault == CertificateFault::kWrongKey ? NewKey() : ReadKey(order.spki_der);
  // As CAs do, backdated by an hour.
  absl::Time from = order.now - absl::Hours(1);
  absl::Time until = from + order.lifetime;
  if (fault == CertificateFault::kExpired) until = order.now - absl::Minutes(30);
  if (fault == CertificateFault::kNotYetValid) from = order.now + absl::Hours(72);
  const bool is_ca = fault == CertificateFault::kIsCa;
  const Template wanted = {
      ++last_serial_,
      "",
      key.get(),
      from,
      until,
      {{NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "critical,CA:FALSE"},
       {NID_key_usage, "critical,digitalSignature"},
       {NID_ext_key_usage, fault == CertificateFault::kNoServerAuth ? "clientAuth" : "serverAuth"},
       {NID_subject_alt_name, "critical," + AltNames(CertifiedNames(order))}}};
  const X509Pointer leaf =
      Sign(wanted, keys_->RootAt(0).intermediate.get(), keys_->intermediate_key.get());
  IssuedLeaf issued;
  issued.der = Der(leaf.get());
  for (int i = 0; i <= alternate_chains; ++i) {
    std::string chain = Pem(leaf.get());
    Keys::Root& root = keys_->RootAt(static_cast<size_t>(i));
    if (fault == CertificateFault::kBrokenLink) {
      // Same name, another key: it did not sign the leaf.
      const Key stranger = NewKey();
      chain += Pem(Sign({99, "Fake Intermediate", stranger.get(), from, until,
                         AuthorityExtensions(",pathlen:0")},
                        root.certificate.get(), root.key.get())
                       .get());
    } else if (fault != CertificateFault::kNoIntermediate) {
      chain += Pem(root.intermediate.get());
    }
    issued.chains.push_back(std::move(chain));
  }
  return issued;
}

}  // namespace norroy::fakes
