#ifndef NORROY_COMMON_CRYPTO_CSR_DRAFT_H_
#define NORROY_COMMON_CRYPTO_CSR_DRAFT_H_

// CSRs put together by hand, so that each part can be wrong alone. For the CSR corpus.

#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/crypto/csr_corpus.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/key.h"
#include "common/crypto/openssl.h"

namespace norroy::crypto {

inline constexpr absl::string_view kEcdsaSha256 = "1.2.840.10045.4.3.2";
inline constexpr absl::string_view kRsaSha256 = "1.2.840.113549.1.1.11";
inline constexpr absl::string_view kExtensionRequest = "1.2.840.113549.1.9.14";
inline constexpr absl::string_view kSubjectAltName = "2.5.29.17";
// The name in every CSR that is not about names.
inline constexpr absl::string_view kName = "www.example.com";

// Made once per process.
const PrivateKey& EcKey();
const PrivateKey& RsaKey();

std::string Sign(const PrivateKey& key, absl::string_view data, const EVP_MD* digest);

// An Extension; an Attribute of one value; the extensionRequest of these Extensions.
std::string Extension(absl::string_view oid, absl::string_view value, bool critical = false);
std::string Attribute(absl::string_view oid, absl::string_view value);
std::string Extensions(std::initializer_list<absl::string_view> extensions);

// A GeneralName; a dNSName; the subjectAltName of these; the extensionRequest with just that.
std::string Entry(uint8_t choice, absl::string_view content);
std::string Dns(absl::string_view name);
std::string San(std::initializer_list<absl::string_view> entries, bool critical = false);
std::string Sans(std::initializer_list<absl::string_view> entries);

// A subject; UTF8String unless told otherwise.
std::string CommonName(absl::string_view name, uint8_t tag = 0x0C);

// What a case does not change is as it should be.
struct CsrDraft {
  std::string version = Integer(0);
  std::string subject = Seq({});
  std::string spki = EcKey().public_key().spki_der();
  std::string attributes = Sans({Dns(kName)});  // content of [0]
  bool no_attributes = false;
  std::string info_tail;
  std::string algorithm = Seq({Oid(kEcdsaSha256)});
  std::string tail;
  const PrivateKey* key = &EcKey();
  const EVP_MD* digest = EVP_sha256();
  std::string signature;  // the whole BIT STRING; empty: made
};

// What is signed, and the whole.
std::string CsrInfo(const CsrDraft& draft);
std::string MakeCsr(const CsrDraft& draft);

std::string WithAttributes(const std::string& attributes);
// Beside the subjectAltName.
std::string WithExtension(const std::string& extension);
std::string WithSubject(const std::string& subject, const std::string& attributes);

// {kName}
const std::vector<std::string>& TheName();

// The half of the corpus that is about names and extensions.
void AddNameCases(std::vector<CsrCase>& cases);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_CSR_DRAFT_H_
