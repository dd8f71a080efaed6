// Which requests a script is for, and what comes of each kind of fault.

#include <gmock/gmock.h>

#include <algorithm>

#include "common/error/error.h"
#include "tests/fakes/ca/fake_ca_fixture.h"
#include "tests/fakes/ca/script.h"

namespace norroy::fakes {
namespace {

using ::testing::HasSubstr;

// "x" where a fault came, "." where none did.
std::string Pattern(Script& script, int requests) {
  std::string pattern;
  for (int i = 0; i < requests; ++i) {
    pattern += script.Next(Endpoint::kFinalize).has_value() ? 'x' : '.';
  }
  return pattern;
}

struct CallsCase {
  Calls calls;
  std::string pattern;
};

TEST(Script, IsForSomeOfTheCalls) {
  for (const CallsCase& c :
       {CallsCase{Calls::Nth(3), "..x......."}, CallsCase{Calls::Every(2), ".x.x.x.x.x"},
        CallsCase{Calls::All(), "xxxxxxxxxx"}, CallsCase{{4, 1, 2, 100}, "...xx....."},
        CallsCase{{2, 3, 2, 100}, ".x..x....."}, CallsCase{Calls::Share(0), ".........."}}) {
    Script script(1);
    script.Add(Endpoint::kFinalize, c.calls, Fault::LostReply());
    EXPECT_EQ(Pattern(script, 10), c.pattern);
    EXPECT_FALSE(script.Next(Endpoint::kOrder).has_value());
  }
}

TEST(Script, QueuesComeFirstAndCount) {
  Script script(1);
  script.Add(Endpoint::kFinalize, Calls::Nth(2), Fault::LostReply());
  script.Queue(Endpoint::kFinalize, Fault::BadNonce());
  EXPECT_EQ(script.Next(Endpoint::kFinalize)->kind, Fault::Kind::kBadNonce);
  EXPECT_EQ(script.Next(Endpoint::kFinalize)->kind, Fault::Kind::kLostReply);
  script.Add(Endpoint::kFinalize, Calls::All(), Fault::NotSent());
  script.Clear(Endpoint::kFinalize);
  EXPECT_EQ(Pattern(script, 3), "...");
}

TEST(Script, SharesGoByTheSeed) {
  const auto pattern = [](uint64_t seed) {
    Script script(seed);
    script.Add(Endpoint::kFinalize, Calls::Share(30), Fault::LostReply());
    return Pattern(script, 200);
  };
  EXPECT_EQ(pattern(1), pattern(1));
  EXPECT_NE(pattern(1), pattern(2));
  const std::string one = pattern(1);
  EXPECT_NEAR(static_cast<double>(std::count(one.begin(), one.end(), 'x')), 60, 25);
}

// A simulation makes a CA a run.
TEST(FakeCa, SharesItsKeysWithOthers) {
  SimulatedClock clock(absl::FromUnixSeconds(1'772'366'400));
  FakeCaOptions options;
  options.clock = &clock;
  const std::string root = FakeCa(options).root_pem();
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(FakeCa(options).root_pem(), root);
}

class FaultsTest : public FakeCaTest {
 protected:
  FaultsTest() { Register(); }
  // A newOrder, whatever becomes of it.
  absl::StatusOr<http::Response> Send(const Fault& fault) {
    ca_.Script(Endpoint::kNewOrder, fault);
    return PostIt(Signed("/v1/new-order", OrderOf("www.example.com")));
  }
};

struct KindCase {
  Fault fault;
  std::string reason;
  std::string sent;
  size_t orders;  // that the CA has afterwards
};

TEST_F(FaultsTest, TellWhetherTheCaActed) {
  for (const KindCase& c : {KindCase{Fault::NotSent(), "CONNECT_FAILED", "no", 0},
                            KindCase{Fault::TlsRefused(), "TLS_REFUSED", "no", 0},
                            KindCase{Fault::LostRequest(), "CONNECTION_LOST", "maybe", 0},
                            KindCase{Fault::LostReply(), "CONNECTION_LOST", "maybe", 1},
                            KindCase{Fault::Endless(), "REPLY_TOO_LARGE", "maybe", 1},
                            KindCase{Fault::Stall(), "REPLY_TIMEOUT", "maybe", 1}}) {
    const auto reply = Send(c.fault);
    ASSERT_FALSE(reply.ok()) << c.reason;
    EXPECT_EQ(ErrorReason(reply.status()), c.reason);
    EXPECT_EQ(ErrorMetadataOf(reply.status())["sent"], c.sent) << c.reason;
    EXPECT_EQ(ca_.requests().back().status, 0) << c.reason;
    EXPECT_EQ(ca_.orders().size(), c.orders) << c.reason;
  }
}

TEST_F(FaultsTest, TakeTime) {
  ca_.Change([this](FakeCaOptions& options) {
    options.pass_time = [this](absl::Duration by) { clock_.Advance(by); };
  });
  const absl::Time begin = clock_.Now();
  EXPECT_TRUE(Send(Fault::Slow(absl::Seconds(20))).ok());
  EXPECT_EQ(clock_.Now() - begin, absl::Seconds(20));
  EXPECT_FALSE(Send(Fault::Stall()).ok());
  EXPECT_EQ(clock_.Now() - begin, absl::Seconds(80));
}

TEST_F(FaultsTest, CutBodies) {
  const auto whole = Send(Fault::Slow(absl::ZeroDuration()));
  const auto half = Send(Fault::Half());
  ASSERT_TRUE(whole.ok() && half.ok());
  EXPECT_EQ(half->body.size(), whole->body.size() / 2);
}

TEST_F(FaultsTest, NewTermsAreAskedForEverywhereButAtTheAccount) {
  ca_.ChangeTerms("https://ca.test/terms/2");
  const http::Response refused = Call("/v1/new-order", OrderOf("www.example.com"));
  EXPECT_EQ(refused.status, 403);
  EXPECT_THAT(refused.body, HasSubstr("userActionRequired"));
  EXPECT_THAT(refused.body, HasSubstr("\"instance\":\"https://ca.test/agree-to-terms\""));
  EXPECT_THAT(refused.Header("Link"), HasSubstr("terms-of-service"));
  EXPECT_EQ(Call(account_.substr(std::string("https://ca.test").size()),
                 R"({"termsOfServiceAgreed":true})")
                .status,
            200);
  EXPECT_EQ(Call("/v1/new-order", OrderOf("www.example.com")).status, 201);
}

TEST_F(FaultsTest, SayWhatTimeTheCaThinksItIs) {
  EXPECT_EQ(Call("/v1/new-order", OrderOf("a.example.com")).Header("Date"), "");
  ca_.Change([](FakeCaOptions& options) { options.date_offset = absl::Hours(24); });
  EXPECT_EQ(Call("/v1/new-order", OrderOf("a.example.com")).Header("Date"),
            "Mon, 02 Mar 2026 12:00:00 GMT");
}

}  // namespace
}  // namespace norroy::fakes
