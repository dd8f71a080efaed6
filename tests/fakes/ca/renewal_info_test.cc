// RFC 9773, as Boulder does it.

#include <gmock/gmock.h>

#include "tests/fakes/ca/fake_ca_fixture.h"

namespace norroy::fakes {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class RenewalInfoTest : public FakeCaTest {
 protected:
  RenewalInfoTest() { Register(); }

  // Number of the order and its authorization, counted by hand.
  void Issue(const std::string& name, int number) {
    ASSERT_EQ(Call("/v1/new-order", OrderOf(name)).status, 201);
    Validate(number);
    ASSERT_EQ(Call(absl::StrCat("/finalize/", number), CsrFor(name)).status, 200);
  }
  void Validate(int number) {
    Call(absl::StrCat("/challenge/", number, "/http-01"), "{}");
    Call(absl::StrCat("/authz/", number), "");
  }

  http::Response Ask(const std::string& id) {
    http::Request request;
    request.url = "https://ca.test/v1/renewal-info/" + id;
    request.headers = {{"User-Agent", "test"}};
    return *ca_.Send(request);
  }

  http::Response Replace(const std::string& id, const std::string& name,
                         const std::string& profile = "") {
    return Call(
        "/v1/new-order",
        absl::StrCat(R"({"replaces":")", id, R"(","identifiers":[{"type":"dns","value":")", name,
                     R"("}])", profile.empty() ? "" : R"(,"profile":")" + profile + "\"", "}"));
  }

  // Lets the certificate's window begin.
  void GoToWindow() { ca_.SetRenewalWindow("", {clock_.Now(), clock_.Now() + absl::Hours(1), ""}); }
};

TEST_F(RenewalInfoTest, SuggestsAWindow) {
  Issue("www.example.com", 1);
  const CertificateRecord certificate = ca_.certificates().at(0);
  const http::Response reply = Ask(certificate.id);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.Header("Retry-After"), "21600");
  // 90 days, 60 of them gone, 0.9 days to each side.
  EXPECT_THAT(reply.body, HasSubstr(R"("start":"2026-04-29T)")) << reply.body;
  EXPECT_THAT(reply.body, HasSubstr(R"("end":"2026-05-01T)")) << reply.body;
  ca_.SetRenewalWindow(certificate.id, {absl::UnixEpoch(), clock_.Now(), "https://ca.test/why"});
  EXPECT_THAT(Ask(certificate.id).body, HasSubstr("1970-01-01T00:00:00Z"));
  EXPECT_THAT(Ask(certificate.id).body, HasSubstr("https://ca.test/why"));
  EXPECT_EQ(Ask("AAAA.BBBB").status, 404);
  EXPECT_EQ(Ask("no-stop").status, 400);
  EXPECT_EQ(ca_.count(Endpoint::kRenewalInfo), 5);
  ca_.Change([](FakeCaOptions& options) { options.renewal_info = false; });
  EXPECT_EQ(Ask(certificate.id).status, 404);
}

// RFC 9773 4.1 has a serial number with its high bit set: a zero byte goes before it.
TEST_F(RenewalInfoTest, NamesCertificatesByTheirWholeSerialNumber) {
  bool with_zero = false;
  for (int i = 1; i <= 8; ++i) {
    Issue(absl::StrCat("n", i, ".example.com"), i);
    const std::string id = ca_.certificates().back().id;
    const auto serial = crypto::Base64UrlDecode(id.substr(id.find('.') + 1));
    ASSERT_TRUE(serial.ok());
    with_zero = with_zero || ((*serial)[0] == 0 && serial->size() == 17);
  }
  EXPECT_TRUE(with_zero);
}

TEST_F(RenewalInfoTest, ARevokedCertificateIsToBeReplacedAtOnce) {
  Issue("www.example.com", 1);
  const std::string pem = ca_.orders()[0].certificate_pem;
  const std::string der = crypto::PemDecode(pem)->at(0).der;
  ASSERT_EQ(
      Call("/v1/revoke-cert", absl::StrCat(R"({"certificate":")", crypto::Base64Url(der), R"("})"))
          .status,
      200);
  const std::string id = ca_.certificates()[0].id;
  EXPECT_THAT(Ask(id).body, HasSubstr(R"("end":"2026-03-01T11:30:00Z")")) << Ask(id).body;
  // That window is over: no exemption.
  EXPECT_EQ(Replace(id, "www.example.com").status, 201);
  EXPECT_FALSE(ca_.orders().back().exempt);
}

TEST_F(RenewalInfoTest, OneOrderReplacesACertificate) {
  Issue("www.example.com", 1);
  const std::string id = ca_.certificates()[0].id;
  const http::Response first = Replace(id, "www.example.com");
  EXPECT_EQ(first.status, 201);
  EXPECT_THAT(first.body, HasSubstr(absl::StrCat(R"("replaces":")", id, "\"")));
  // It is only ready yet; still the certificate counts as replaced.
  const http::Response again = Replace(id, "www.example.com");
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("alreadyReplaced"));
  // Without `replaces` the same order is handed out.
  const http::Response plain = Call("/v1/new-order", OrderOf("www.example.com"));
  EXPECT_EQ(plain.Header("Location"), first.Header("Location"));
  // An order that died gives the place back.
  ca_.InvalidateOrder(first.Header("Location"), "unauthorized", "");
  EXPECT_EQ(Replace(id, "www.example.com").status, 201);
  EXPECT_EQ(ca_.certificates()[0].replaced_by, ca_.orders().back().url);
}

TEST_F(RenewalInfoTest, RefusesWhatIsNoReplacement) {
  Issue("www.example.com", 1);
  const std::string id = ca_.certificates()[0].id;
  EXPECT_EQ(Replace("rubbish", "www.example.com").status, 400);
  EXPECT_EQ(Replace("AAAA.BBBB", "www.example.com").status, 404);
  EXPECT_EQ(Replace(id, "other.example.com").status, 400);
  key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  Register();
  EXPECT_EQ(Replace(id, "www.example.com").status, 403);
  EXPECT_THAT(ca_.orders(), SizeIs(1));
  // A CA that does not know the member ignores it.
  ca_.Change([](FakeCaOptions& options) { options.renewal_info = false; });
  EXPECT_EQ(Replace("rubbish", "www.example.com").status, 201);
  EXPECT_EQ(ca_.orders().back().replaces, "");
}

TEST_F(RenewalInfoTest, IsExemptFromLimitsInsideTheWindowOnly) {
  ca_.Change([](FakeCaOptions& options) {
    options.rate_limits = RateLimits();
    options.rate_limits->certificates_per_set_in_7d = 1;
  });
  Issue("www.example.com", 1);
  const std::string id = ca_.certificates()[0].id;
  const http::Response early = Replace(id, "www.example.com");
  EXPECT_EQ(early.status, 429);
  EXPECT_THAT(early.body, HasSubstr("exact set"));
  EXPECT_EQ(early.Header("Retry-After"), absl::StrCat(7 * 24 * 3600 + 1));
  GoToWindow();
  EXPECT_EQ(Replace(id, "www.example.com").status, 201);
  EXPECT_TRUE(ca_.orders().back().exempt);
  clock_.Advance(absl::Hours(1));
  EXPECT_EQ(Replace(id, "www.example.com").status, 409);
  ca_.InvalidateOrder(ca_.orders().back().url, "unauthorized", "");
  // The window's end is not part of it.
  EXPECT_EQ(Replace(id, "www.example.com").status, 429);
  clock_.Advance(absl::Hours(24 * 7));
  EXPECT_EQ(Replace(id, "www.example.com").status, 201);
  EXPECT_FALSE(ca_.orders().back().exempt);
}

TEST_F(RenewalInfoTest, APausedNameIsRefusedBeforeAllElse) {
  Issue("www.example.com", 1);
  const std::string id = ca_.certificates()[0].id;
  ASSERT_EQ(Replace(id, "www.example.com").status, 201);
  ca_.PauseIdentifier("www.example.com");
  const http::Response paused = Replace(id, "www.example.com", "unknown");
  EXPECT_EQ(paused.status, 429);
  EXPECT_EQ(paused.Header("Retry-After"), "");
  EXPECT_THAT(paused.body, HasSubstr("rateLimited"));
  EXPECT_THAT(paused.body, HasSubstr("https://ca.test/sfe/v1/unpause?jwt="));
  ca_.Unpause("www.example.com");
  EXPECT_EQ(Replace(id, "www.example.com", "unknown").status, 409);
}

TEST_F(RenewalInfoTest, FailuresInARowPauseAName) {
  ca_.Change([](FakeCaOptions& options) { options.pause_after_failures = 2; });
  ca_.SetValidator([](const Attempt&) { return absl::NotFoundError("no"); });
  for (int i = 1; i <= 2; ++i) {
    ASSERT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
    Validate(i);
  }
  EXPECT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 429);
  EXPECT_EQ(Call("/v1/new-order", OrderOf("b.example.com")).status, 201);
}

TEST_F(RenewalInfoTest, ProfilesHaveTheirOwnLifetimes) {
  ca_.Change([](FakeCaOptions& options) {
    options.profiles = {{"shortlived", "6 days"}};
    options.profile_lifetimes["shortlived"] = {absl::Hours(8), absl::Hours(1), absl::Hours(7),
                                               absl::Hours(160), 1};
  });
  const std::string with =
      R"({"profile":"shortlived","identifiers":[{"type":"dns","value":"a.example.com"})";
  const http::Response placed = Call("/v1/new-order", with + "]}");
  ASSERT_EQ(placed.status, 201) << placed.body;
  EXPECT_THAT(placed.body, HasSubstr(R"("expires":"2026-03-01T20:00:00Z")"));
  EXPECT_THAT(placed.body, HasSubstr(R"("profile":"shortlived")"));
  Validate(1);
  ASSERT_EQ(Call("/finalize/1", CsrFor("a.example.com")).status, 200);
  EXPECT_EQ(ca_.certificates()[0].not_after - ca_.certificates()[0].not_before, absl::Hours(160));
  EXPECT_EQ(Call("/v1/new-order", with + R"(,{"type":"dns","value":"b.example.com"}]})").status,
            400);
  // Another profile is another order.
  EXPECT_EQ(Call("/v1/new-order", OrderOf("a.example.com")).Header("Location"),
            "https://ca.test/order/2");
  EXPECT_THAT(ca_.violations(), IsEmpty());
}

}  // namespace
}  // namespace norroy::fakes
