#include "common/crypto/csr.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "common/crypto/csr_corpus.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

using challenge::Name;

std::vector<std::string> Texts(const std::vector<Name>& names) {
  std::vector<std::string> texts;
  for (const Name& name : names) texts.push_back(name.text());
  std::sort(texts.begin(), texts.end());
  return texts;
}

std::vector<Name> Names(const std::vector<std::string>& texts) {
  return challenge::ParseNames(texts).value();
}

TEST(Csr, JudgesTheCorpus) {
  for (const CsrCase& c : CsrCorpus()) {
    const auto csr = Csr::Parse(c.input);
    EXPECT_EQ(csr.ok(), c.error.empty()) << c.label << ": " << csr.status();
    EXPECT_EQ(ERR_peek_error(), 0u) << c.label << ": an error was left on OpenSSL's queue";
    if (csr.ok()) {
      std::vector<std::string> expected = c.names;
      std::sort(expected.begin(), expected.end());
      EXPECT_EQ(Texts(csr->names()), expected) << c.label;
      EXPECT_TRUE(std::is_sorted(csr->names().begin(), csr->names().end())) << c.label;
      continue;
    }
    EXPECT_EQ(csr.status().code(), absl::StatusCode::kInvalidArgument) << c.label;
    EXPECT_EQ(ErrorReason(csr.status()), "BAD_CSR") << c.label;
    EXPECT_TRUE(absl::StrContains(csr.status().message(), c.error))
        << c.label << ": " << csr.status();
    EXPECT_EQ(Printable(csr.status().message(), 4096), csr.status().message()) << c.label;
  }
}

TEST(Csr, ReadsWhatWeBuild) {
  const std::vector<Name> names = Names(
      {"*.example.com", "192.0.2.1", "2001:db8::1", "example.com", "xn--bcher-kva.example.com"});
  for (const KeyType type : {KeyType::kP256, KeyType::kP384, KeyType::kRsa2048}) {
    const PrivateKey key = PrivateKey::Generate(type).value();
    const std::string der = BuildCsr(key, names).value();
    const auto csr = Csr::Parse(der);
    ASSERT_TRUE(csr.ok()) << csr.status();
    EXPECT_EQ(csr->der(), der);
    EXPECT_EQ(csr->names(), names);
    EXPECT_EQ(csr->public_key(), key.public_key());
    const auto from_pem = Csr::Parse(PemEncode("CERTIFICATE REQUEST", der));
    ASSERT_TRUE(from_pem.ok()) << from_pem.status();
    EXPECT_EQ(from_pem->der(), der);
  }
}

TEST(Csr, RefusesEveryBeginningAndEveryChangedBit) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const std::string der = BuildCsr(key, Names({"www.example.com"})).value();
  const std::string pem = PemEncode("CERTIFICATE REQUEST", der);
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(Csr::Parse(der.substr(0, size)).ok()) << size;
  }
  // Only the last newline may be missing.
  for (size_t size = 0; size + 1 < pem.size(); ++size) {
    EXPECT_FALSE(Csr::Parse(pem.substr(0, size)).ok()) << size;
  }
  for (size_t bit = 0; bit < der.size() * 8; ++bit) {
    std::string changed = der;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Csr::Parse(changed).ok()) << "bit " << bit;
  }
}

// A CSR of exactly `size` bytes: an attribute that we do not know takes up what is left.
std::string CsrOfSize(size_t size) {
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  for (size_t filling = size - 512; filling < size; ++filling) {
    const X509ReqPtr request(X509_REQ_new());
    const std::string bytes(filling, 'x');
    const std::string name = "DNS:www.example.com";
    const ExtensionPtr names(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str()));
    STACK_OF(X509_EXTENSION)* extensions = sk_X509_EXTENSION_new_null();
    sk_X509_EXTENSION_push(extensions, names.get());
    X509_REQ_set_pubkey(request.get(), key.get());
    X509_REQ_add_extensions(request.get(), extensions);
    X509_REQ_add1_attr_by_txt(request.get(), "1.2.3.4", V_ASN1_OCTET_STRING, Bytes(bytes),
                              static_cast<int>(bytes.size()));
    sk_X509_EXTENSION_free(extensions);
    // The signature's length varies by a few bytes.
    for (int attempt = 0; attempt < 50; ++attempt) {
      X509_REQ_sign(request.get(), key.get(), EVP_sha256());
      std::string der = ToDer<i2d_X509_REQ>(request.get());
      if (der.size() == size) return der;
      if (der.size() > size + 4 || der.size() + 8 < size) break;
    }
  }
  return "";
}

TEST(Csr, KeepsItsCap) {
  for (const size_t size : {kMaxCsrDer - 1, kMaxCsrDer, kMaxCsrDer + 1}) {
    const std::string der = CsrOfSize(size);
    ASSERT_EQ(der.size(), size);
    const auto csr = Csr::Parse(der);
    EXPECT_EQ(csr.ok(), size <= kMaxCsrDer) << size << csr.status();
    EXPECT_EQ(Csr::Parse(PemEncode("CERTIFICATE REQUEST", der)).ok(), size <= kMaxCsrDer) << size;
  }
}

TEST(CsrForIdentity, CountsTheKeyAlone) {
  const PrivateKey p256 = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey p384 = PrivateKey::Generate(KeyType::kP384).value();
  const std::string bare = BuildCsr(p256, {}).value();
  const std::string named = BuildCsr(p256, Names({"www.example.com"})).value();
  for (const std::string& der : {bare, named}) {
    const auto csr = Csr::ParseForIdentity(der);
    ASSERT_TRUE(csr.ok()) << csr.status();
    EXPECT_EQ(csr->public_key(), p256.public_key());
    EXPECT_TRUE(csr->names().empty());
  }
  struct Case {
    absl::string_view name;
    std::string input;
    absl::string_view error;
  };
  std::string unsigned_csr = bare;
  unsigned_csr.back() = static_cast<char>(unsigned_csr.back() ^ 1);
  const Case cases[] = {
      {"another curve", BuildCsr(p384, {}).value(), "this one is p384"},
      {"PEM", PemEncode("CERTIFICATE REQUEST", bare), "not DER"},
      {"bad signature", unsigned_csr, "not valid for the public key"},
      {"empty", "", "not DER"},
      {"too long", std::string(kMaxCsrDer + 1, 'x'), "at most"},
  };
  for (const Case& c : cases) {
    const auto csr = Csr::ParseForIdentity(c.input);
    EXPECT_EQ(ErrorReason(csr.status()), "BAD_CSR") << c.name;
    EXPECT_TRUE(absl::StrContains(csr.status().message(), c.error)) << c.name << csr.status();
  }
  EXPECT_TRUE(absl::StrContains(Csr::Parse(bare).status().message(), "names nothing"));
}

}  // namespace
}  // namespace norroy::crypto
