// The certificate for any proof: it is DER, and read by hand it has exactly the acmeIdentifier of
// RFC 8737 3 (critical, the digest of the key authorization) and exactly the one name. The input is
// name, token and thumbprint, divided by zeros.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/presenter/tls_alpn/alpn_certificate.h"
#include "common/challenge/proof.h"
#include "common/check.h"
#include "common/crypto/certificate.h"
#include "common/crypto/der.h"
#include "common/crypto/openssl.h"

namespace {

using norroy::challenge::Proof;
using norroy::crypto::DerElement;
using norroy::crypto::DerReader;

constexpr char kAcmeIdentifier[] = "\x2b\x06\x01\x05\x05\x07\x01\x1f";
constexpr char kSubjectAltName[] = "\x55\x1d\x11";
constexpr uint8_t kExtensions = 0xA3;

std::vector<DerElement> Elements(absl::string_view bytes) {
  std::vector<DerElement> elements;
  for (DerReader reader(bytes); !reader.empty();) elements.push_back(reader.Next().value());
  return elements;
}

// Of the certificate's extensions those with this object identifier.
std::vector<std::vector<DerElement>> Find(absl::string_view der, absl::string_view oid) {
  std::vector<std::vector<DerElement>> found;
  const DerElement tbs = Elements(Elements(der).front().content).front();
  for (const DerElement& field : Elements(tbs.content)) {
    if (field.tag != kExtensions) continue;
    for (const DerElement& extension : Elements(Elements(field.content).front().content)) {
      std::vector<DerElement> parts = Elements(extension.content);
      if (parts.front().content == oid) found.push_back(std::move(parts));
    }
  }
  return found;
}

void Check(const Proof& proof) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const auto made = norroy::agent::MakeAlpnCertificate(proof, now);
  NORROY_CHECK(made.ok());
  const std::string der = norroy::crypto::ToDer<i2d_X509>(made->certificate.get());
  NORROY_CHECK(norroy::crypto::CheckDer(der).ok());
  const auto acme = Find(der, kAcmeIdentifier);
  NORROY_CHECK(acme.size() == 1 && acme[0].size() == 3);
  NORROY_CHECK(acme[0][1].whole == "\x01\x01\xff");
  NORROY_CHECK(acme[0][2].content == absl::StrCat("\x04\x20", proof.alpn_digest()));
  const auto names = Find(der, kSubjectAltName);
  NORROY_CHECK(names.size() == 1);
  const std::vector<DerElement> entries =
      Elements(Elements(names[0].back().content).front().content);
  NORROY_CHECK(entries.size() == 1);
  // RFC 5280 4.2.1.6: [2] dNSName, [7] iPAddress.
  const bool dns = proof.name.identifier().type() == norroy::challenge::IdentifierType::kDns;
  NORROY_CHECK(entries[0].tag == (dns ? 0x82 : 0x87));
  NORROY_CHECK(!dns || entries[0].content == proof.name.identifier().value());
#ifdef PLANTED
  NORROY_CHECK(!dns || entries[0].content.size() < 12 ||
               !absl::StartsWith(entries[0].content, "0"));
#endif
  const auto read = norroy::crypto::Certificate::ParseDer(der);
  NORROY_CHECK(read.ok() && read->not_before() < now && now < read->not_after());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> parts = absl::StrSplit(input, absl::MaxSplits('\0', 2));
  if (parts.size() < 3) return -1;
  const auto name = norroy::challenge::Name::Parse(parts[0]);
  const auto token = norroy::challenge::Token::Parse(parts[1]);
  // RFC 8737 3: not for wildcards.
  if (!name.ok() || !token.ok() || name->wildcard()) return 0;
  auto authorization = norroy::challenge::KeyAuthorization::Make(*token, parts[2]);
  if (!authorization.ok()) authorization = norroy::challenge::KeyAuthorization::Rehearsal(*token);
  Check({.name = *name,
         .type = norroy::challenge::ChallengeType::kTlsAlpn01,
         .token = *token,
         .key_authorization = *authorization});
  return 0;
}
