// Replies that do not come, come late, come to pieces or make no sense.

#include "absl/strings/str_replace.h"
#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using fakes::Calls;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Row, F_CA_11_ServerErrorsCostTimeOnly) {
  int status = 500;
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    for (const int times : {1, 3}) {
      for (const bool acted : {false, true}) {
        SCOPED_TRACE(absl::StrCat(static_cast<int>(endpoint), " ", status, " x", times, acted));
        FaultyCa f;
        const Fault fault = Fault::Reply(status, "text/html", "<h1>oops</h1>");
        f.ca().Script(endpoint, acted ? fault.AfterActing() : fault, times);
        const absl::Time begin = f.clock().Now();
        ExpectOneCertificate(f, f.Issue());
        EXPECT_LE(f.clock().Now() - begin, absl::Seconds(15));
        status = status == 500 ? 502 : status == 502 ? 504 : 500;
      }
    }
  }
}

// A CA that hands no order out again: what got lost expires unused.
TEST(Row, F_CA_11_UnusedOrdersAreNeverFinalized) {
  fakes::FakeCaOptions options;
  options.reuse_orders = false;
  for (const Fault& fault :
       {Fault::LostReply(), Fault::Problem(500, "serverInternal", "").AfterActing(), Fault::Half(),
        Fault::Endless(), Fault::Stall()}) {
    FaultyCa f(options);
    f.ca().Script(Endpoint::kNewOrder, fault);
    ExpectOneCertificate(f, f.Issue(), 2);
    EXPECT_EQ(f.ca().orders()[0].finalizes, 0);
    EXPECT_EQ(f.ca().orders()[1].finalizes, 1);
  }
}

// Nor does it get a new order every few minutes.
TEST(Row, F_CA_11_OrdersThatAreNotHeardOfAreFew) {
  fakes::FakeCaOptions options;
  options.reuse_orders = false;
  FaultyCa f(options);
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Fault::LostReply());
  const Order order = f.Place();
  f.RunFor(absl::Hours(6));
  EXPECT_LE(f.ca().orders().size(), 14u);
  f.ca().ClearScript(Endpoint::kNewOrder);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

TEST(Row, F_CA_12_SlowRepliesAreWaitedForAMinute) {
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    SCOPED_TRACE(static_cast<int>(endpoint));
    FaultyCa slow;
    slow.ca().Script(endpoint, Fault::Slow(absl::Seconds(50)));
    const int before = slow.asked();
    ExpectOneCertificate(slow, slow.Issue());
    FaultyCa plain;
    const int plain_before = plain.asked();
    plain.Issue();
    EXPECT_EQ(slow.asked() - before, plain.asked() - plain_before);

    FaultyCa f;
    f.ca().Script(endpoint, Fault::Stall());
    const Order order = f.Place();
    const absl::Time begin = f.clock().Now();
    f.engine().RunDue();
    EXPECT_GE(f.clock().Now() - begin, absl::Seconds(60));
    EXPECT_LE(f.clock().Now() - begin, absl::Seconds(61));
    EXPECT_EQ(f.Get(order.id).error->reason, "REPLY_TIMEOUT");
    ExpectOneCertificate(f, f.Settle(order.id));
  }
}

TEST(Row, F_CA_14_RepliesThatMakeNoSenseAreAskedForAgain) {
  const std::vector<Fault> faults = {Fault::Half(),
                                     Fault::Reply(200, "application/json", "").AfterActing(),
                                     Fault::Reply(200, "application/json", "null"),
                                     Fault::Reply(200, "application/json", "{\"status\":1e400}"),
                                     Fault::Reply(200, "text/html", "<html>").AfterActing()};
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    // RFC 8555 7.5.1: what is said to a challenge counts, what comes back does not.
    const bool ignored = endpoint == Endpoint::kChallenge;
    for (const Fault& fault : faults) {
      const bool acted = fault.kind != Fault::Kind::kReply || fault.act_first;
      if (ignored && !acted) continue;
      SCOPED_TRACE(absl::StrCat(static_cast<int>(endpoint), " ", fault.response.body));
      FaultyCa f;
      f.ca().Script(endpoint, fault);
      ExpectOneCertificate(f, f.Issue());
    }
  }
}

struct PageCase {
  int status;
  std::string reason;
  bool final;
};

TEST(Row, F_CA_15_PagesAreJudgedByTheirStatusAndQuotedInPart) {
  const std::string page = absl::StrCat("<html>\x1b[31m\r\n", std::string(5000, '\x01'), "</html>");
  for (const PageCase& c : {PageCase{500, "CA_UNAVAILABLE", false},
                            {502, "CA_UNAVAILABLE", false},
                            {429, "CA_RATE_LIMITED", false},
                            {403, "CA_REFUSED", true},
                            {400, "CA_REFUSED", true},
                            {200, "CA_PROTOCOL", false}}) {
    FaultyCa f;
    f.ca().ScriptAt(Endpoint::kNewOrder, Calls::All(), Fault::Reply(c.status, "text/html", page));
    const Order order = f.Place();
    f.RunFor(absl::Seconds(5));
    const Order seen = f.Get(order.id);
    EXPECT_EQ(seen.state == State::kFailed, c.final) << c.status;
    EXPECT_EQ(seen.error->reason, c.reason) << c.status;
    EXPECT_LE(f.Says(seen).size(), 700u) << c.status;
    EXPECT_THAT(f.Says(seen), Not(HasSubstr("\x1b")));
    if (c.status != 200) {
      EXPECT_THAT(f.Says(seen), HasSubstr("<html>\\x1b[31m")) << c.status;
    }
  }
}

TEST(Row, F_CA_16_RepliesWithoutEndAreAskedForAgain) {
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    SCOPED_TRACE(static_cast<int>(endpoint));
    FaultyCa f;
    f.ca().Script(endpoint, Fault::Endless());
    ExpectOneCertificate(f, f.Issue());
  }
}

TEST(Row, F_CA_17_RedirectsAreNotFollowed) {
  int status = 301;
  for (const Endpoint endpoint : EndpointsOfAnIssuance()) {
    SCOPED_TRACE(static_cast<int>(endpoint));
    FaultyCa f;
    f.ca().ScriptAt(endpoint, Calls::All(),
                    Fault::Reply(status, "text/html", "").With("Location", "https://evil.test/"));
    const Order order = f.Place();
    f.RunFor(absl::Minutes(5));
    const Order waiting = f.Get(order.id);
    EXPECT_FALSE(IsFinal(waiting.state));
    EXPECT_THAT(f.Says(waiting), HasSubstr("redirects are not followed"));
    f.ca().ClearScript(endpoint);
    ExpectOneCertificate(f, f.Settle(order.id));
    for (const fakes::RequestRecord& request : f.ca().requests()) {
      EXPECT_THAT(request.url, ::testing::StartsWith("https://ca.test/"));
    }
    status = status == 301 ? 302 : status == 302 ? 307 : status == 307 ? 308 : 301;
  }
}

TEST(Row, F_CA_29_ADirectoryThatMovesIsReadAgain) {
  FaultyCa f;
  ASSERT_EQ(f.Issue({"first.example.test"}).state, State::kDone);
  f.ca().MoveEndpoints();
  ASSERT_EQ(f.Issue({"second.example.test"}).state, State::kDone);
  // One that lacks something is tried again; one that points elsewhere is not followed.
  f.ca().MoveEndpoints();
  f.ca().Script(Endpoint::kDirectory, Fault::Reply(200, "application/json", "{}"));
  ASSERT_EQ(f.Issue({"third.example.test"}).state, State::kDone);
  f.ca().MoveEndpoints();
  f.ca().SetTamper([](Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint != Endpoint::kDirectory) return;
    reply.body = absl::StrReplaceAll(reply.body, {{"https://ca.test/", "https://evil.test/"}});
  });
  const Order refused = f.Issue({"fourth.example.test"});
  EXPECT_EQ(refused.state, State::kFailed);
  EXPECT_EQ(refused.error->reason, "CA_URL_REFUSED");
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Row, F_CA_37_AClockThatIsADayOffDoesNotMatter) {
  for (const absl::Duration off : {-absl::Hours(24), absl::Hours(24)}) {
    fakes::FakeCaOptions options;
    options.date_offset = off;
    FaultyCa f(options);
    const absl::Time end = f.clock().Now() + absl::Minutes(10);
    const std::string date = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT",
                                              end + off + absl::Seconds(1), absl::UTCTimeZone());
    f.ca().Script(Endpoint::kNewOrder, Fault::Problem(429, "rateLimited", "later", date));
    ExpectOneCertificate(f, f.Issue());
    EXPECT_GE(f.TimeOf(Endpoint::kNewOrder, 1), end);
    EXPECT_LE(f.TimeOf(Endpoint::kNewOrder, 1), end + absl::Minutes(1));
  }
}

TEST(Row, F_CA_39_ATlsFaultIsSaidPlainly) {
  FaultyCa f;
  f.Restart();
  f.ca().ScriptAt(Endpoint::kDirectory, Calls::All(), Fault::TlsRefused());
  const Order order = f.Place();
  f.RunFor(absl::Minutes(10));
  const Order waiting = f.Get(order.id);
  EXPECT_FALSE(IsFinal(waiting.state));
  EXPECT_THAT(waiting.error->reason, ::testing::AnyOf("TLS_REFUSED", "CA_ON_HOLD"));
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), 0);
  f.ca().ClearScript(Endpoint::kDirectory);
  ExpectOneCertificate(f, f.Settle(order.id));
}

}  // namespace
}  // namespace norroy::flow
