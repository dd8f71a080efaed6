// CSRs: what is accepted has one encoding, and OpenSSL reads the same names in it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

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
  NORROY_CHECK(Csr::Parse(csr.der())->names() == csr.names());
  const unsigned char* at = Bytes(csr.der());
  const X509ReqPtr request(d2i_X509_REQ(nullptr, &at, static_cast<long>(csr.der().size())));
  NORROY_CHECK(request != nullptr && at == Bytes(csr.der()) + csr.der().size());
  const std::vector<std::string> openssl_names = OpensslNames(request.get());
  // Without a subjectAltName we took the common name.
  NORROY_CHECK(openssl_names.empty() ? csr.names().size() == 1 : openssl_names == OurNames(csr));
}

}  // namespace
}  // namespace norroy::crypto

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace norroy::crypto;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
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
  return 0;
}
