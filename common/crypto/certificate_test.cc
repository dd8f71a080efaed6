#include "common/crypto/certificate.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/der.h"
#include "common/crypto/der_builder.h"
#include "common/crypto/encoding.h"
#include "common/crypto/openssl.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

constexpr absl::string_view kSubjectAltName = "2.5.29.17";

std::vector<std::string> Texts(const std::vector<challenge::Name>& names) {
  std::vector<std::string> texts;
  for (const challenge::Name& name : names) texts.push_back(name.text());
  return texts;
}

std::string Entry(uint8_t choice, absl::string_view content) {
  return Tlv(static_cast<uint8_t>(0x80 | choice), content);
}

TEST(Certificate, ShowsWhatItSays) {
  const TestCertificate ca = MakeTestCa("Test CA", nullptr);
  TestDraft draft;
  draft.subject =
      "b\xC3\xBC"
      "cher";
  draft.alternative_names =
      "DNS:www.example.com,DNS:*.Example.com,IP:192.0.2.1,IP:2001:db8::1,URI:spiffe://x/y";
  draft.extended_key_usage = "serverAuth,1.2.3.4";
  const TestCertificate leaf = MakeTestCertificate(draft, &ca);
  const Certificate& certificate = leaf.certificate;
  EXPECT_EQ(certificate.subject_common_name(), draft.subject);
  EXPECT_EQ(certificate.issuer_common_name(), "Test CA");
  EXPECT_EQ(certificate.not_before(), draft.not_before);
  EXPECT_EQ(certificate.not_after(), draft.not_after);
  EXPECT_FALSE(certificate.is_ca());
  EXPECT_TRUE(ca.certificate.is_ca());
  EXPECT_EQ(certificate.spki_der(), leaf.key.public_key().spki_der());
  EXPECT_EQ(certificate.spki_sha256(), leaf.key.public_key().spki_sha256());
  EXPECT_EQ(certificate.public_key().value(), leaf.key.public_key());
  EXPECT_EQ(certificate.fingerprint(), Hex(Sha256(certificate.der())));
  EXPECT_EQ(certificate.uris(), std::vector<std::string>{"spiffe://x/y"});
  EXPECT_TRUE(certificate.has_any_eku());
  EXPECT_TRUE(certificate.has_eku("1.3.6.1.5.5.7.3.1"));
  EXPECT_TRUE(certificate.has_eku("1.2.3.4"));
  EXPECT_FALSE(certificate.has_eku("1.3.6.1.5.5.7.3.2"));
  EXPECT_FALSE(ca.certificate.has_any_eku());
  std::vector<std::string> names = Texts(certificate.names());
  std::sort(names.begin(), names.end());
  EXPECT_EQ(names, (std::vector<std::string>{"*.example.com", "192.0.2.1", "2001:db8::1",
                                             "www.example.com"}));
  EXPECT_TRUE(std::is_sorted(certificate.names().begin(), certificate.names().end()));
  const auto again = Certificate::ParsePem("text\n" + certificate.ToPem());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->der(), certificate.der());
}

TEST(Certificate, SaysWhetherItsNamesAreClean) {
  struct Case {
    absl::string_view label;
    std::string value;  // the extension's DER
    std::vector<std::string> names;
    bool clean;
  };
  const std::string good = Entry(2, "a.example.com");
  const Case cases[] = {
      {"one", Seq({good}), {"a.example.com"}, true},
      {"two", Seq({good, Entry(2, "b.example.com")}), {"a.example.com", "b.example.com"}, true},
      {"upper case", Seq({Entry(2, "A.Example.com")}), {"a.example.com"}, true},
      {"address", Seq({Entry(7, "\xC0\xA8\x01\x01")}), {"192.168.1.1"}, true},
      {"doubled", Seq({good, good}), {"a.example.com"}, false},
      {"doubled by case", Seq({good, Entry(2, "A.example.com")}), {"a.example.com"}, false},
      {"address as dNSName", Seq({good, Entry(2, "192.0.2.1")}), {"a.example.com"}, false},
      {"address of 5 bytes", Seq({good, Entry(7, "12345")}), {"a.example.com"}, false},
      {"NUL", Seq({Entry(2, absl::string_view("good.com\0.evil.com", 18))}), {}, false},
      {"empty", Seq({good, Entry(2, "")}), {"a.example.com"}, false},
      {"blank", Seq({Entry(2, "a b.example.com")}), {}, false},
      {"mail", Seq({good, Entry(1, "a@example.com")}), {"a.example.com"}, false},
      {"URI", Seq({good, Entry(6, "https://a.example.com")}), {"a.example.com"}, false},
      {"no entries", Seq({}), {}, true},
      {"garbage", "garbage", {}, false},
  };
  const TestCertificate ca = MakeTestCa("CA", nullptr);
  for (const Case& c : cases) {
    TestDraft draft;
    draft.extensions = {{std::string(kSubjectAltName), c.value}};
    const Certificate certificate = MakeTestCertificate(draft, &ca).certificate;
    EXPECT_EQ(Texts(certificate.names()), c.names) << c.label;
    EXPECT_EQ(certificate.names_clean(), c.clean) << c.label;
  }
  TestDraft twice;
  twice.alternative_names = "DNS:a.example.com";
  twice.extensions = {{std::string(kSubjectAltName), Seq({good})}};
  EXPECT_FALSE(MakeTestCertificate(twice, &ca).certificate.names_clean());
  EXPECT_TRUE(ca.certificate.names_clean());
}

TEST(Certificate, KnowsItsIssuer) {
  const TestCertificate ca = MakeTestCa("CA", nullptr);
  const TestCertificate same_name = MakeTestCa("CA", nullptr);
  TestDraft renamed;
  renamed.subject = "Other";
  renamed.key = ca.key;
  const TestCertificate same_key = MakeTestCertificate(renamed, nullptr);
  const Certificate leaf = MakeTestCertificate({}, &ca).certificate;
  EXPECT_TRUE(leaf.IsSignedBy(ca.certificate));
  EXPECT_TRUE(ca.certificate.IsSignedBy(ca.certificate));
  EXPECT_FALSE(leaf.IsSignedBy(same_name.certificate));
  EXPECT_FALSE(leaf.IsSignedBy(same_key.certificate));
  EXPECT_FALSE(leaf.IsSignedBy(leaf));
}

TEST(Certificate, WritesSerialsInHexadecimal) {
  struct Case {
    absl::string_view content, serial;
  };
  const Case cases[] = {
      {"\x0A", "a"},
      {"\x10", "10"},
      {absl::string_view("\0", 1), "0"},
      {absl::string_view("\0\xFF", 2), "ff"},
      {"\x01\x02\x03", "10203"},
      {"\xFF", "-1"},
  };
  const std::string der = MakeTestCa("CA", nullptr).certificate.der();
  DerReader outer(DerReader(der).Next()->content);
  DerReader info(outer.Next()->content);
  const absl::string_view version = info.Next()->whole;
  ASSERT_EQ(info.Next()->tag, kDerInteger);
  std::string after;
  while (!info.empty()) absl::StrAppend(&after, info.Next()->whole);
  const absl::string_view algorithm = outer.Next()->whole, signature = outer.Next()->whole;
  for (const Case& c : cases) {
    const std::string changed = Seq({version, Tlv(kDerInteger, c.content), after});
    const auto certificate = Certificate::ParseDer(Seq({changed, algorithm, signature}));
    ASSERT_TRUE(certificate.ok()) << certificate.status();
    EXPECT_EQ(certificate->serial(), c.serial);
  }
}

TEST(Certificate, RefusesWhatItCannotRead) {
  const std::string der = MakeTestCa("CA", nullptr).certificate.der();
  for (size_t size = 0; size < der.size(); ++size) {
    EXPECT_FALSE(Certificate::ParseDer(der.substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(Certificate::ParseDer(der + "x").ok());
  const auto large = Certificate::ParseDer(std::string(kMaxCertificateDer + 1, '0'));
  EXPECT_TRUE(absl::StrContains(large.status().message(), "at most")) << large.status();
  const auto none = Certificate::ParsePem("-----BEGIN X-----\nZm9v\n-----END X-----\n");
  EXPECT_EQ(ErrorReason(none.status()), "BAD_CERTIFICATE");
  EXPECT_TRUE(absl::StrContains(none.status().message(), "no block")) << none.status();
  EXPECT_EQ(ERR_peek_error(), 0u) << "an error was left on OpenSSL's queue";
}

}  // namespace
}  // namespace norroy::crypto
