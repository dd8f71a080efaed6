// The fake must catch what clients do wrong; that it lets good ones through, the client's tests
// show.

#include <gmock/gmock.h>

#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "tests/fakes/ca/fake_ca_fixture.h"

namespace norroy::fakes {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(FakeCaTest, VerifiesEveryJws) {
  Register();
  struct Case {
    std::string name;
    std::function<void(Jws&)> spoil;
    std::string problem;
  };
  const std::vector<Case> cases = {
      {"good", [](Jws&) {}, ""},
      {"signature", [](Jws& jws) { jws.spoil_signature = true; }, "malformed"},
      {"other URL", [](Jws& jws) { jws.signed_url = "https://ca.test/order/1"; }, "malformed"},
      {"algorithm", [](Jws& jws) { jws.alg = "HS256"; }, "malformed"},
      {"no algorithm", [](Jws& jws) { jws.alg = "none"; }, "malformed"},
      {"jwk where kid is due", [](Jws& jws) { jws.kid = ""; }, "malformed"},
      {"both", [](Jws& jws) { jws.header_extra = ",\"jwk\":{}"; }, "malformed"},
      {"unknown account", [](Jws& jws) { jws.kid += "9"; }, "accountDoesNotExist"},
      {"unknown nonce", [](Jws& jws) { jws.nonce = "invented"; }, "badNonce"},
      {"no nonce", [](Jws& jws) { jws.nonce = ""; }, "badNonce"},
  };
  for (const Case& c : cases) {
    Jws jws = Signed("/v1/new-order", OrderOf("www.example.com"));
    c.spoil(jws);
    const http::Response reply = Post(jws);
    EXPECT_EQ(reply.status < 400, c.problem.empty()) << c.name << reply.body;
    if (!c.problem.empty()) {
      EXPECT_THAT(reply.body, HasSubstr(c.problem)) << c.name;
    }
    EXPECT_NE(reply.Header("Replay-Nonce"), "") << c.name;
    EXPECT_EQ(ca_.requests().back().problem, c.problem);
  }
}

TEST_F(FakeCaTest, TakesANonceOnce) {
  Register();
  Jws jws = Signed("/v1/new-order", OrderOf("www.example.com"));
  EXPECT_EQ(Post(jws).status, 201);
  EXPECT_THAT(ca_.violations(), IsEmpty());
  EXPECT_EQ(Post(jws).status, 400);
  ASSERT_THAT(ca_.violations(), SizeIs(1));
  EXPECT_THAT(ca_.violations()[0], HasSubstr("nonce"));
}

TEST_F(FakeCaTest, NotesWhatClientsMustNotDo) {
  Register();
  ca_.Change([](FakeCaOptions& options) {
    options.finalize_polls = 1;
    options.retry_after_seconds = 5;
  });
  ASSERT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
  EXPECT_THAT(Call("/finalize/1", CsrFor("www.example.com")).body, HasSubstr("orderNotReady"));
  EXPECT_THAT(ca_.violations(), SizeIs(1));
  EXPECT_EQ(Call("/challenge/1/http-01", "{}").status, 200);
  EXPECT_EQ(Call("/challenge/1/http-01", "{}").status, 400);
  EXPECT_THAT(ca_.violations(), SizeIs(2));
  EXPECT_THAT(Call("/authz/1", "").body, HasSubstr("\"status\":\"valid\""));
  EXPECT_THAT(Call("/finalize/1", CsrFor("www.example.com")).body, HasSubstr("processing"));
  EXPECT_THAT(ca_.violations(), SizeIs(2));
  Call("/order/1", "");
  ASSERT_THAT(ca_.violations(), SizeIs(3));
  EXPECT_THAT(ca_.violations()[2], HasSubstr("Retry-After"));
  clock_.Advance(absl::Seconds(5));
  EXPECT_THAT(Call("/order/1", "").body, HasSubstr("\"status\":\"valid\""));
  EXPECT_THAT(ca_.violations(), SizeIs(3));
}

struct FaultCase {
  CertificateFault fault;
  std::string says;  // by CheckIssued
};

TEST_F(FakeCaTest, IssuesCertificatesThatAreWrongOnRequest) {
  Register();
  const std::vector<FaultCase> cases = {
      {CertificateFault::kNone, ""},
      {CertificateFault::kWrongKey, "key"},
      {CertificateFault::kExtraName, "it is for"},
      {CertificateFault::kMissingName, "it is for"},
      {CertificateFault::kOtherName, "it is for"},
      {CertificateFault::kExpired, ""},
      {CertificateFault::kNotYetValid, ""},
      {CertificateFault::kIsCa, ""},
      {CertificateFault::kNoServerAuth, ""},
      {CertificateFault::kNoIntermediate, ""},
      {CertificateFault::kBrokenLink, ""},
      {CertificateFault::kTenYears, "3650 days"},
      {CertificateFault::kOnlyCommonName, "it is for"},
      {CertificateFault::kExpiredIntermediate, "not valid at"},
  };
  int number = 0;
  for (const FaultCase& c : cases) {
    ca_.SetCertificateFault(c.fault);
    const std::string name = absl::StrCat("n", ++number, ".example.com");
    ASSERT_EQ(Call("/v1/new-order", OrderOf(name)).status, 201);
    ASSERT_EQ(Call(absl::StrCat("/challenge/", number, "/http-01"), "{}").status, 200);
    Call(absl::StrCat("/authz/", number), "");
    const http::Response done = Call(absl::StrCat("/finalize/", number), CsrFor(name));
    ASSERT_EQ(done.status, 200) << done.body;
    const std::string pem = Call(absl::StrCat("/certificate/", number), "").body;
    EXPECT_EQ(pem, ca_.orders().back().certificate_pem);
    const auto chain = crypto::CertificateChain::ParsePem(pem);
    const absl::Status status =
        chain.ok() ? crypto::CheckIssued(*chain, certificate_key_.public_key(),
                                         *challenge::ParseNames({name}), clock_.Now())
                   : chain.status();
    EXPECT_EQ(status.ok(), c.fault == CertificateFault::kNone)
        << static_cast<int>(c.fault) << ": " << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
  }
  EXPECT_EQ(ca_.certificates_issued(), static_cast<int>(cases.size()));
  EXPECT_THAT(ca_.violations(), IsEmpty());
}

TEST_F(FakeCaTest, LooksAtHttp01AsACaDoes) {
  Register();
  ca_.SetValidator(nullptr);
  std::string answer;
  std::vector<std::string> fetched;
  ca_.SetFetch(
      [&](const std::string& host, const std::string& path) -> absl::StatusOr<std::string> {
        fetched.push_back(host + path);
        return answer;
      });
  ca_.Change([](FakeCaOptions& options) { options.reuse_authorizations = false; });
  ASSERT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
  Call("/challenge/1/http-01", "{}");
  EXPECT_THAT(Call("/authz/1", "").body, HasSubstr("unauthorized"));
  ASSERT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
  const AuthorizationRecord second = ca_.authorizations().at(1);
  answer = absl::StrCat(second.token, ".", key_.public_key().thumbprint());
  Call("/challenge/2/http-01", "{}");
  EXPECT_THAT(Call("/authz/2", "").body, HasSubstr("\"status\":\"valid\""));
  EXPECT_EQ(fetched.back(),
            absl::StrCat("www.example.com/.well-known/acme-challenge/", second.token));
}

TEST_F(FakeCaTest, HandsOrdersAndAuthorizationsOutAgain) {
  Register();
  for (const bool reuse : {true, false}) {
    ca_.Change([=](FakeCaOptions& options) {
      options.reuse_orders = reuse;
      options.reuse_authorizations = reuse;
    });
    const std::string name = reuse ? "again.example.com" : "anew.example.com";
    for (int i = 0; i < 2; ++i) ASSERT_EQ(Call("/v1/new-order", OrderOf(name)).status, 201);
  }
  const std::vector<OrderRecord> orders = ca_.orders();
  ASSERT_THAT(orders, SizeIs(3));
  EXPECT_EQ(orders[0].handed_out, 2);
  EXPECT_EQ(orders[1].handed_out, 1);
  EXPECT_THAT(ca_.authorizations(), SizeIs(3));
  // What has expired is not handed out.
  ca_.Change([](FakeCaOptions& options) { options.reuse_orders = true; });
  clock_.Advance(absl::Hours(24 * 8));
  ASSERT_EQ(Call("/v1/new-order", OrderOf("again.example.com")).status, 201);
  EXPECT_THAT(ca_.orders(), SizeIs(4));
  EXPECT_EQ(ca_.orders()[0].status, "invalid");
}

TEST_F(FakeCaTest, MisbehavesAsScripted) {
  Register();
  ca_.Script(Endpoint::kNewOrder, Fault::LostReply());
  ca_.Script(Endpoint::kNewOrder, Fault::Problem(429, "rateLimited", "later", "60"), 2);
  Fault after = Fault::Reply(500, "text/html", "down");
  after.act_first = true;
  ca_.Script(Endpoint::kNewOrder, after);
  const auto send = [&](const std::string& name) {
    Jws jws = Signed("/v1/new-order", OrderOf(name));
    return jws;
  };
  http::Request request;
  request.method = "POST";
  request.url = "https://ca.test/v1/new-order";
  const auto lost = ca_.Send(request);
  ASSERT_FALSE(lost.ok());
  EXPECT_EQ(ErrorMetadataOf(lost.status())["sent"], "maybe");
  for (int i = 0; i < 2; ++i) {
    const http::Response limited = Post(send("b.example.com"));
    EXPECT_EQ(limited.status, 429);
    EXPECT_EQ(limited.Header("Retry-After"), "60");
  }
  EXPECT_THAT(ca_.orders(), IsEmpty());
  EXPECT_EQ(Post(send("c.example.com")).status, 500);
  EXPECT_THAT(ca_.orders(), SizeIs(1));
  EXPECT_EQ(Post(send("c.example.com")).status, 201);
}

TEST_F(FakeCaTest, ChecksCsrs) {
  Register();
  ASSERT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
  Call("/challenge/1/http-01", "{}");
  Call("/authz/1", "");
  EXPECT_THAT(Call("/finalize/1", "{}").body, HasSubstr("badCSR"));
  EXPECT_THAT(Call("/finalize/1", CsrFor("other.example.com")).body, HasSubstr("badCSR"));
  certificate_key_ = key_;
  EXPECT_THAT(Call("/finalize/1", CsrFor("www.example.com")).body, HasSubstr("account"));
  EXPECT_EQ(ca_.certificates_issued(), 0);
}

}  // namespace
}  // namespace norroy::fakes
