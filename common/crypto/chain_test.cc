#include "common/crypto/chain.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/encoding.h"
#include "common/crypto/test_certificate.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

using challenge::Name;

// root - upper - lower - leaf; "cross" is upper's key and name, signed by another root.
struct World {
  TestCertificate root = MakeTestCa("Root", nullptr);
  TestCertificate upper = MakeTestCa("Upper", &root);
  TestCertificate lower = MakeTestCa("Lower", &upper);
  TestCertificate other_root = MakeTestCa("Other Root", nullptr);
  TestCertificate cross = Cross();
  TestCertificate leaf = Leaf();
  TestCertificate root_leaf = MakeTestCertificate({}, &root);
  TestCertificate self = MakeTestCertificate({}, nullptr);

  TestCertificate Cross() const {
    TestDraft draft;
    draft.subject = "Root";
    draft.key = root.key;
    draft.basic_constraints = "critical,CA:TRUE";
    draft.not_after = TestNow() + absl::Hours(24 * 3650);
    return MakeTestCertificate(draft, &other_root);
  }
  TestCertificate Leaf() const {
    TestDraft draft;
    draft.alternative_names = "DNS:www.example.com";
    return MakeTestCertificate(draft, &lower);
  }
};

const World& TheWorld() {
  static const auto* const world = new World;
  return *world;
}

std::string Pem(const TestCertificate& certificate) { return certificate.certificate.ToPem(); }

TEST(CertificateChain, PutsRightWhatIsSafe) {
  const World& w = TheWorld();
  const std::string leaf = Pem(w.leaf), lower = Pem(w.lower), upper = Pem(w.upper);
  const std::string root = Pem(w.root), cross = Pem(w.cross), other_root = Pem(w.other_root);
  struct Case {
    absl::string_view name;
    std::string pem, expected;
    absl::string_view top;
  };
  const Case cases[] = {
      {"as it should be", leaf + lower + upper, leaf + lower + upper, "Root"},
      {"short", leaf + lower, leaf + lower, "Upper"},
      {"order", leaf + upper + lower, leaf + lower + upper, "Root"},
      {"root at the end", leaf + lower + upper + root, leaf + lower + upper, "Root"},
      {"root in between", leaf + root + upper + lower, leaf + lower + upper, "Root"},
      {"cross-signed root", leaf + lower + upper + cross, leaf + lower + upper + cross,
       "Other Root"},
      {"both roots", leaf + lower + upper + root + cross, leaf + lower + upper + cross,
       "Other Root"},
      {"both and the other's root", leaf + lower + upper + cross + root + other_root,
       leaf + lower + upper + cross, "Other Root"},
      {"issued by a root", Pem(w.root_leaf) + root, Pem(w.root_leaf) + root, "Root"},
      {"self-signed", Pem(w.self), Pem(w.self), "leaf"},
      {"CRLF", absl::StrReplaceAll(leaf + lower, {{"\n", "\r\n"}}), leaf + lower, "Upper"},
      {"text between", "subject=leaf\n" + leaf + "\n\nissuer=x\n" + lower + "end", leaf + lower,
       "Upper"},
  };
  for (const Case& c : cases) {
    const auto chain = CertificateChain::ParsePem(c.pem);
    ASSERT_TRUE(chain.ok()) << c.name << ": " << chain.status();
    EXPECT_EQ(chain->ToPem(), c.expected) << c.name;
    EXPECT_EQ(chain->top_issuer(), c.top) << c.name;
    const auto again = CertificateChain::ParsePem(chain->ToPem());
    ASSERT_TRUE(again.ok()) << c.name << ": " << again.status();
    EXPECT_EQ(again->ToPem(), chain->ToPem()) << c.name;
  }
}

TEST(CertificateChain, RefusesTheRest) {
  const World& w = TheWorld();
  const std::string leaf = Pem(w.leaf), lower = Pem(w.lower), upper = Pem(w.upper);
  std::string long_chain = leaf;
  for (int i = 0; i < kMaxChainCertificates; ++i) long_chain += Pem(MakeTestCa("X", nullptr));
  struct Case {
    absl::string_view name;
    std::string pem;
    absl::string_view error;
  };
  const Case cases[] = {
      {"empty", "", "holds no certificate"},
      {"a page", "<html>oops</html>", "holds no certificate"},
      {"leaf alone", leaf, "lacks the certificate \"Lower\""},
      {"a gap", leaf + upper, "lacks the certificate \"Lower\""},
      {"leaf not first", lower + leaf + upper, "not on the way"},
      {"foreign root", leaf + lower + Pem(w.other_root), "not on the way"},
      {"foreign leaf", leaf + lower + Pem(w.root_leaf), "not on the way"},
      {"twice", leaf + lower + lower, "twice"},
      {"leaf twice", leaf + leaf + lower, "twice"},
      {"a key", leaf + lower + PemEncode("PRIVATE KEY", "x"), "holds a block \"PRIVATE KEY\""},
      {"a CRL", leaf + PemEncode("X509 CRL", "x"), "holds a block \"X509 CRL\""},
      {"garbage", leaf + PemEncode("CERTIFICATE", "x"), "not X.509"},
      {"cut off", leaf + lower.substr(0, lower.size() - 30), "PEM, line"},
      {"too many", long_chain, "at most 10"},
      {"too long", leaf + lower + std::string(kMaxChainBytes, 'x'), "at most 262144"},
  };
  for (const Case& c : cases) {
    const auto chain = CertificateChain::ParsePem(c.pem);
    EXPECT_EQ(ErrorReason(chain.status()), "BAD_CERTIFICATE") << c.name;
    EXPECT_TRUE(absl::StrContains(chain.status().message(), c.error))
        << c.name << ": " << chain.status();
  }
}

TEST(CertificateChain, TakesAsManyAsItsCap) {
  std::vector<TestCertificate> path = {MakeTestCa("0", nullptr)};
  for (int i = 1; i <= kMaxChainCertificates; ++i) {
    path.push_back(MakeTestCa(absl::StrCat(i), &path.back()));
  }
  std::string pem;
  for (int i = kMaxChainCertificates; i > 0; --i) {
    pem += Pem(path[static_cast<size_t>(i)]);
    if (i == kMaxChainCertificates) continue;
    const auto chain = CertificateChain::ParsePem(pem);
    EXPECT_TRUE(chain.ok()) << i << chain.status();
  }
  EXPECT_FALSE(CertificateChain::ParsePem(pem + Pem(path[0])).ok());
}

std::vector<Name> Names(std::initializer_list<absl::string_view> texts) {
  std::vector<Name> names;
  for (const absl::string_view text : texts) names.push_back(Name::Parse(text).value());
  return names;
}

TEST(CheckIssued, BelievesOnlyWhatWasOrdered) {
  const World& w = TheWorld();
  const PrivateKey key = PrivateKey::Generate(KeyType::kP256).value();
  const PrivateKey other = PrivateKey::Generate(KeyType::kP256).value();
  struct Case {
    absl::string_view name;
    std::function<void(TestDraft&)> change;
    absl::string_view error;
  };
  const absl::Time now = TestNow();
  const Case cases[] = {
      {"good", [](TestDraft&) {}, ""},
      {"names in another order",
       [](TestDraft& d) { d.alternative_names = "DNS:www.example.com,DNS:a.example.com"; }, ""},
      {"no extended key usage", [](TestDraft& d) { d.extended_key_usage = ""; }, ""},
      {"clientAuth too", [](TestDraft& d) { d.extended_key_usage = "clientAuth,serverAuth"; }, ""},
      {"begins in 24 h", [now](TestDraft& d) { d.not_before = now + absl::Hours(24); }, ""},
      {"began 48 h ago", [now](TestDraft& d) { d.not_before = now - absl::Hours(48); }, ""},
      {"ends in a second", [now](TestDraft& d) { d.not_after = now + absl::Seconds(1); }, ""},
      {"2000 days",
       [now](TestDraft& d) {
         d.not_before = now;
         d.not_after = now + absl::Hours(24 * 2000);
       },
       ""},
      {"a second more",
       [now](TestDraft& d) {
         d.not_before = now;
         d.not_after = now + absl::Hours(24 * 2000) + absl::Seconds(1);
       },
       "at most 2000"},
      {"another key", [&](TestDraft& d) { d.key = other; }, "for another key"},
      {"a name more", [](TestDraft& d) { d.alternative_names += ",DNS:b.example.com"; },
       "ordered were"},
      {"a name less", [](TestDraft& d) { d.alternative_names = "DNS:www.example.com"; },
       "ordered were"},
      {"another name",
       [](TestDraft& d) { d.alternative_names = "DNS:a.example.com,DNS:ww.example.com"; },
       "it is for a.example.com, ww.example.com; ordered were a.example.com, www.example.com"},
      {"a wildcard instead",
       [](TestDraft& d) { d.alternative_names = "DNS:a.example.com,DNS:*.example.com"; },
       "ordered were"},
      {"no names", [](TestDraft& d) { d.alternative_names = ""; }, "ordered were"},
      {"a name doubled", [](TestDraft& d) { d.alternative_names += ",DNS:a.example.com"; },
       "doubled"},
      {"a URI too", [](TestDraft& d) { d.alternative_names += ",URI:https://x.example.com"; },
       "no host names"},
      {"a CA", [](TestDraft& d) { d.basic_constraints = "CA:TRUE"; }, "it is a CA's"},
      {"clientAuth only", [](TestDraft& d) { d.extended_key_usage = "clientAuth"; }, "serverAuth"},
      {"expired", [now](TestDraft& d) { d.not_after = now; }, "it ended at"},
      {"began too long ago",
       [now](TestDraft& d) { d.not_before = now - absl::Hours(48) - absl::Seconds(1); },
       "not near now"},
      {"begins too late",
       [now](TestDraft& d) { d.not_before = now + absl::Hours(24) + absl::Seconds(1); },
       "not near now"},
      {"ends before it begins",
       [now](TestDraft& d) {
         d.not_before = now + absl::Hours(2);
         d.not_after = now + absl::Hours(1);
       },
       "ends before"},
      {"malformed extension",
       [](TestDraft& d) {
         d.extensions = {{"2.5.29.15", "garbage"}};
       },
       "malformed"},
      {"extension twice",
       [](TestDraft& d) {
         d.key_usage = "digitalSignature";
         d.extensions = {{"2.5.29.15", std::string("\x03\x02\x07\x80", 4)}};
       },
       "malformed or doubled"},
  };
  for (const Case& c : cases) {
    TestDraft draft;
    draft.alternative_names = "DNS:a.example.com,DNS:www.example.com";
    draft.extended_key_usage = "serverAuth";
    draft.basic_constraints = "critical,CA:FALSE";
    draft.key = key;
    c.change(draft);
    const auto chain =
        CertificateChain::ParsePem(Pem(MakeTestCertificate(draft, &w.lower)) + Pem(w.lower));
    ASSERT_TRUE(chain.ok()) << c.name << ": " << chain.status();
    const absl::Status status =
        CheckIssued(*chain, key.public_key(), Names({"www.example.com", "a.example.com"}), now);
    EXPECT_EQ(status.ok(), c.error.empty()) << c.name << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << c.name << ": " << status;
    EXPECT_EQ(ErrorReason(status), status.ok() ? "" : "BAD_CERTIFICATE") << c.name;
  }
}

TEST(CheckIssued, LooksAtEveryLink) {
  const World& w = TheWorld();
  struct Case {
    absl::string_view name;
    std::function<void(TestDraft&)> change;
    absl::string_view error;
  };
  const Case cases[] = {
      {"good", [](TestDraft&) {}, ""},
      {"no CA", [](TestDraft& d) { d.basic_constraints = "critical,CA:FALSE"; }, "is no CA"},
      {"no basic constraints",
       [](TestDraft& d) {
         d.basic_constraints = "";
         d.key_usage = "digitalSignature";
       },
       "is no CA"},
      {"expired", [](TestDraft& d) { d.not_after = TestNow() - absl::Seconds(1); },
       "is not valid at"},
      {"not yet", [](TestDraft& d) { d.not_before = TestNow() + absl::Seconds(1); },
       "is not valid at"},
  };
  for (const Case& c : cases) {
    TestDraft middle;
    middle.subject = "Middle";
    middle.basic_constraints = "critical,CA:TRUE";
    c.change(middle);
    const TestCertificate issuer = MakeTestCertificate(middle, &w.upper);
    TestDraft draft;
    draft.alternative_names = "DNS:www.example.com";
    const TestCertificate leaf = MakeTestCertificate(draft, &issuer);
    const auto chain = CertificateChain::ParsePem(Pem(leaf) + Pem(issuer) + Pem(w.upper));
    ASSERT_TRUE(chain.ok()) << c.name << ": " << chain.status();
    const absl::Status status =
        CheckIssued(*chain, leaf.key.public_key(), Names({"www.example.com"}), TestNow());
    EXPECT_EQ(status.ok(), c.error.empty()) << c.name << ": " << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << c.name << ": " << status;
  }
}

}  // namespace
}  // namespace norroy::crypto
