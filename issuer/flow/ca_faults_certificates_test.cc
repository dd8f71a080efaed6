// Chains that are not in order, and certificates that are not what was asked for.

#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/crypto/encoding.h"
#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::CertificateFault;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Blocks(const std::string& pem) {
  std::vector<std::string> blocks;
  const auto decoded = crypto::PemDecode(pem);
  for (const crypto::PemBlock& block : *decoded) {
    blocks.push_back(crypto::PemEncode(block.label, block.der));
  }
  return blocks;
}

struct ChainCase {
  std::string name;
  std::function<std::string(const std::string& leaf, const std::string& upper,
                            const std::string& root)>
      sent;
  std::string refused;  // what the order says; "": the certificate is delivered
};

// What is safe to put right is put right, everything else is refused, and a chain that does not
// hold is never delivered.
TEST(Row, F_CA_27_ChainsArePutRightOrRefused) {
  FaultyCa stranger;
  const std::string other = stranger.ca().root_pem();
  ASSERT_EQ(stranger.Issue({"stranger.example.test"}).state, State::kDone);
  const std::string foreign = Blocks(stranger.ca().orders()[0].certificate_pem)[0];
  const auto der = [](const std::string& pem) { return crypto::PemDecode(pem)->at(0).der; };
  using S = const std::string&;
  const std::vector<ChainCase> cases = {
      {"as it should be", [](S leaf, S upper, S) { return leaf + upper; }, ""},
      {"root included", [](S leaf, S upper, S root) { return leaf + upper + root; }, ""},
      {"wrong order", [](S leaf, S upper, S root) { return leaf + root + upper; }, ""},
      {"CRLF",
       [](S leaf, S upper, S) {
         return absl::StrReplaceAll(leaf + upper, {{"\n", "\r\n"}});
       },
       ""},
      {"text before",
       [](S leaf, S upper, S) { return "subject=a\nissuer=b\n" + leaf + "\n" + upper; }, ""},
      {"leaf only", [](S leaf, S, S) { return leaf; }, "lacks the certificate"},
      {"leaf last", [](S leaf, S upper, S) { return upper + leaf; }, "BAD"},
      {"no leaf", [](S, S upper, S) { return upper; }, "BAD"},
      {"a stranger", [&](S leaf, S upper, S) { return leaf + upper + foreign; }, "not on the way"},
      {"twice", [](S leaf, S upper, S) { return leaf + upper + upper; }, "twice"},
      {"101 certificates",
       [](S leaf, S upper, S) {
         std::string pem = leaf;
         for (int i = 0; i < 100; ++i) pem += upper;
         return pem;
       },
       "more than 32 blocks"},
      {"a key",
       [](S leaf, S upper, S) {
         return leaf + upper +
                "-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n";
       },
       "EC PRIVATE KEY"},
      {"cut short", [](S leaf, S upper, S) { return (leaf + upper).substr(0, 900); }, "BAD"},
      {"DER", [&](S leaf, S, S) { return der(leaf); }, "not a PEM chain"},
      {"PKCS #7",
       [](S, S, S) { return std::string("-----BEGIN PKCS7-----\nMA==\n-----END PKCS7-----\n"); },
       "not a PEM chain"},
      {"HTML", [](S, S, S) { return std::string("<html>log in</html>"); }, "not a PEM chain"},
  };
  for (const ChainCase& c : cases) {
    SCOPED_TRACE(c.name);
    FaultyCa f;
    f.ca().SetChainFilter([&](const std::string& pem) {
      const std::vector<std::string> blocks = Blocks(pem);
      return c.sent(blocks.at(0), blocks.at(1), f.ca().root_pem());
    });
    const Order end = f.Issue({kWww}, absl::Hours(3));
    if (c.refused.empty()) {
      ExpectOneCertificate(f, end);
      EXPECT_EQ(f.CertificateOf(end.id).chains_pem[0], f.ca().orders()[0].certificate_pem);
      continue;
    }
    EXPECT_EQ(end.state, State::kFailed);
    EXPECT_EQ(end.error->reason, "BAD_CERTIFICATE");
    if (c.refused != "BAD") {
      EXPECT_THAT(f.Says(end), HasSubstr(c.refused));
    }
    EXPECT_EQ(end.certificate_id, "");
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(Row, F_CA_28_AWrongCertificateIsNotDeliveredNorOrderedAnew) {
  for (const CertificateFault fault :
       {CertificateFault::kWrongKey, CertificateFault::kExtraName, CertificateFault::kMissingName,
        CertificateFault::kOtherName, CertificateFault::kOnlyCommonName, CertificateFault::kExpired,
        CertificateFault::kNotYetValid, CertificateFault::kTenYears, CertificateFault::kIsCa,
        CertificateFault::kNoServerAuth, CertificateFault::kNoIntermediate,
        CertificateFault::kBrokenLink, CertificateFault::kExpiredIntermediate}) {
    SCOPED_TRACE(static_cast<int>(fault));
    FaultyCa f;
    f.ca().SetCertificateFault(fault);
    const Order failed = f.Issue({kWww, "b.example.test"});
    EXPECT_EQ(failed.state, State::kFailed);
    EXPECT_EQ(failed.error->reason, "BAD_CERTIFICATE");
    EXPECT_EQ(failed.certificate_id, "");
    EXPECT_TRUE(f.store().ListCertificates({}, {}, 10)->empty());
    EXPECT_LE(f.ca().count(Endpoint::kCertificate), 3);
    // The CA heals at once; nobody asks it before an hour is over.
    f.ca().SetCertificateFault(CertificateFault::kNone);
    const Order again = f.Place({kWww, "b.example.test"});
    f.RunFor(absl::Minutes(59));
    EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), 1);
    EXPECT_THAT(f.Get(again.id).waiting_for, HasSubstr("limit"));
    EXPECT_EQ(f.Settle(again.id, absl::Minutes(5)).state, State::kDone);
  }
}

TEST(Row, F_CA_28_ASecondWrongCertificateIsADaysHold) {
  FaultyCa f;
  f.ca().SetCertificateFault(CertificateFault::kWrongKey);
  EXPECT_EQ(f.Issue().state, State::kFailed);
  EXPECT_EQ(f.Issue().state, State::kFailed);
  const int orders = f.ca().count(Endpoint::kNewOrder);
  const Order third = f.Place();
  f.RunFor(absl::Hours(23));
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), orders);
  // A human who knows better need not wait.
  f.ca().SetCertificateFault(CertificateFault::kNone);
  ASSERT_TRUE(LiftHolds(third, f.store()).ok());
  const auto woken =
      f.store().ChangeOrder(third.id, true,
                            [&](Order& order) {
                              order.due_time = f.clock().Now();
                              return absl::OkStatus();
                            },
                            {"operator/test", "order.retry", "order/" + third.id, ""});
  ASSERT_TRUE(woken.ok());
  EXPECT_EQ(f.Settle(third.id, absl::Minutes(1)).state, State::kDone);
}

TEST(Row, F_CA_28_AnotherProfileIsNotTaken) {
  fakes::FakeCaOptions options;
  options.profiles = {{"shortlived", ""}, {"classic", ""}};
  FaultyCa f(options);
  f.ca().SetTamper([](Endpoint at, const http::Request&, http::Response& reply) {
    if (at != Endpoint::kNewOrder) return;
    reply.body =
        absl::StrReplaceAll(reply.body, {{R"("profile":"shortlived")", R"("profile":"classic")"}});
  });
  Order order = f.Place({"donor.example.test"});
  f.Settle(order.id);
  order.id = std::string(32, 'a');
  order.request_id = order.request_hash = "with a profile";
  order.names = *challenge::ParseNames({kWww});
  order.csr = MakeCsr({kWww}, MakeKey());
  order.profile = "shortlived";
  const int told = f.ca().count(Endpoint::kChallenge);
  ASSERT_TRUE(f.store().CreateOrder(order, f.clock().Now()).ok());
  f.engine().Wake(order.id);
  order = f.Settle(order.id);
  EXPECT_EQ(order.state, State::kFailed);
  EXPECT_THAT(f.Says(order), HasSubstr("profile classic"));
  EXPECT_EQ(f.ca().count(Endpoint::kChallenge), told);
}

}  // namespace
}  // namespace norroy::flow
