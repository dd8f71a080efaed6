// CSRs: what is accepted has one encoding, and OpenSSL reads the same names in it. A request with
// its parts in place is also read with a key and a signature of our own: no fuzzer finds
// signatures.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/crypto/der.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/key.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"
#include "tests/fuzz/der_mutator.h"

namespace norroy::crypto {
namespace {

// The subjectAltName as OpenSSL reads it: "DNS:a.example.com", "IP:" and raw bytes. Sorted.
std::vector<std::string> OpensslNames(X509_REQ* request) {
  std::vector<std::string> names;
  STACK_OF(X509_EXTENSION)* extensions = X509_REQ_get_extensions(request);
  const GeneralNamesPtr entries(static_cast<GENERAL_NAMES*>(
      X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(entries.get()); ++i) {
    const GENERAL_NAME* entry = sk_GENERAL_NAME_value(entries.get(), i);
    NORROY_CHECK(entry->type == GEN_DNS || entry->type == GEN_IPADD);
    names.push_back(entry->type == GEN_DNS
                        ? absl::StrCat("DNS:", absl::AsciiStrToLower(StringOf(entry->d.dNSName)))
                        : absl::StrCat("IP:", StringOf(entry->d.iPAddress)));
  }
  sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::vector<std::string> OurNames(const Csr& csr) {
  std::vector<std::string> names;
  for (const challenge::Name& name : csr.names()) {
    if (name.identifier().type() == challenge::IdentifierType::kDns) {
      names.push_back(absl::StrCat("DNS:", name.text()));
      continue;
    }
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(name.text().c_str());
    NORROY_CHECK(address != nullptr);
    names.push_back(absl::StrCat("IP:", StringOf(address)));
    ASN1_OCTET_STRING_free(address);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void CheckRefusal(const absl::Status& status) {
  NORROY_CHECK(ErrorReason(status) == "BAD_CSR");
  NORROY_CHECK(Printable(status.message(), 4096) == status.message());
}

void CheckAccepted(const Csr& csr) {
  NORROY_CHECK(!csr.names().empty() && csr.names().size() <= challenge::kMaxNamesPerOrder);
  NORROY_CHECK(csr.der().size() <= kMaxCsrDer);
#ifdef PLANTED
  for (const challenge::Name& name : csr.names()) {
    const std::string text = name.text();
    NORROY_CHECK(name.identifier().type() != challenge::IdentifierType::kDns ||
                 std::none_of(text.begin(), text.end(), absl::ascii_isdigit));
  }
#endif
  NORROY_CHECK(Csr::Parse(csr.der())->names() == csr.names());
  const unsigned char* at = Bytes(csr.der());
  const X509ReqPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(csr.der().size())));
  NORROY_CHECK(request != nullptr && at == Bytes(csr.der()) + csr.der().size());
  const std::vector<std::string> openssl_names = OpensslNames(request.get());
  // Without a subjectAltName we took the common name.
  NORROY_CHECK(openssl_names.empty() ? csr.names().size() == 1 : openssl_names == OurNames(csr));
}

std::optional<std::vector<DerElement>> Elements(absl::string_view bytes) {
  std::vector<DerElement> elements;
  for (DerReader reader(bytes); !reader.empty();) {
    const absl::StatusOr<DerElement> element = reader.Next();
    if (!element.ok()) return std::nullopt;
    elements.push_back(*element);
  }
  return elements;
}

// RFC 2986 4.2: {{version, subject, key, attributes}, algorithm, signature}.
std::optional<std::string> SignedAnew(absl::string_view der) {
  static const PrivateKey* const key = new PrivateKey(PrivateKey::Generate(KeyType::kP256).value());
  const auto whole = Elements(der);
  if (!whole.has_value() || whole->size() != 1) return std::nullopt;
  const auto parts = Elements(whole->front().content);
  if (!parts.has_value() || parts->size() != 3) return std::nullopt;
  const auto fields = Elements(parts->front().content);
  if (!fields.has_value() || fields->size() < 3) return std::nullopt;
  std::string content;
  for (const DerElement& field : *fields) {
    const bool is_key = &field == &fields->at(2);
    absl::StrAppend(&content, is_key ? key->public_key().spki_der() : std::string(field.whole));
  }
  const std::string info = Tlv(parts->front().tag, content);
  const EvpMdCtxPtr context(EVP_MD_CTX_new());
  unsigned char signature[80];
  size_t length = sizeof(signature);
  NORROY_CHECK(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key->get()) == 1 &&
               EVP_DigestSign(context.get(), signature, &length, Bytes(info), info.size()) == 1);
  // RFC 5758 3.2: ecdsa-with-SHA256.
  return Seq({info, Seq({Oid("1.2.840.10045.4.3.2")}),
              BitString(absl::string_view(reinterpret_cast<char*>(signature), length))});
}

void Check(absl::string_view input) {
  const absl::StatusOr<Csr> csr = Csr::Parse(input);
  if (csr.ok()) {
    CheckAccepted(*csr);
  } else {
    CheckRefusal(csr.status());
  }
  const absl::StatusOr<Csr> identity = Csr::ParseForIdentity(input);
  if (identity.ok()) {
    NORROY_CHECK(identity->public_key().type() == KeyType::kP256 && identity->names().empty());
  } else {
    CheckRefusal(identity.status());
  }
  NORROY_CHECK(ERR_peek_error() == 0);
}

bool IsDer(const uint8_t* data, size_t size) { return size > 1 && data[0] == kDerSequence; }

}  // namespace
}  // namespace norroy::crypto

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateDerInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  std::optional<std::string> signed_anew;
  if (norroy::crypto::IsDer(data, size)) signed_anew = norroy::crypto::SignedAnew(input);
  if (signed_anew.has_value()) norroy::crypto::Check(*signed_anew);
  // With its own signature, seldom a valid one, it is not worth the time each time.
  if (!signed_anew.has_value() || size % 8 == 0) norroy::crypto::Check(input);
  return 0;
}
