#include "issuer/renewal/keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/service/service_fixture.h"

namespace norroy::renewal {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using service::CallerOf;
using service::CsrFor;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::Duration kDay = absl::Hours(24);
constexpr char kWww[] = "www.example.com";

class KeeperTest : public ::testing::Test {
 protected:
  // A certificate of requester/web, which the issuer renews if `automatic`. Its id.
  std::string Issue(const std::string& name = kWww, bool automatic = true) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    request.set_csr(CsrFor(service::KeyA(), {name}));
    if (automatic) SetTime(f_.clock().Now() + 390 * kDay, *request.mutable_auto_renew_until());
    const auto created = f_.orders().Create(CallerOf("requester/web"), request);
    EXPECT_TRUE(created.ok()) << created.status();
    f_.Work(absl::Seconds(1));
    const std::string id = f_.Get(created->order().id()).certificate_id();
    EXPECT_NE(id, "");
    return id;
  }
  static void SetTime(absl::Time time, google::protobuf::Timestamp& out) {
    out.set_seconds(absl::ToUnixSeconds(time));
  }
  store::Renewal Row(const std::string& id) {
    const auto row = f_.renewal_rows().Get(id);
    EXPECT_TRUE(row.ok()) << row.status();
    return row.ok() ? *row : store::Renewal();
  }
  // The successor of `id` is not of interest: nobody renews it, nobody asks about it.
  void Retire(const std::string& id) {
    const auto retired = f_.renewal_rows().Update(Row(id).renewed_by, [](store::Renewal& row) {
      row.auto_renew_until = absl::InfinitePast();
      row.poll_time = absl::InfiniteFuture();
      return absl::OkStatus();
    });
    EXPECT_TRUE(retired.ok()) << retired.status();
  }
  // Runs keeper and engine as their threads would.
  void Run(absl::Duration time) {
    const absl::Time end = f_.clock().Now() + time;
    while (f_.clock().Now() < end) {
      f_.keeper().RunDue();
      f_.Work(absl::ZeroDuration());
      const absl::Duration next = *f_.renewal_rows().NextDue() - f_.clock().Now();
      f_.clock().Advance(
          std::min(std::clamp(next, absl::Seconds(1), absl::Seconds(30)), end - f_.clock().Now()));
    }
    f_.keeper().RunDue();
    f_.Work(absl::ZeroDuration());
  }
  void Sleep(absl::Duration time) { f_.clock().Advance(time); }
  void Suggest(absl::Time start, absl::Time end, const std::string& why = "") {
    f_.ca().SetRenewalWindow("", {start, end, why});
  }
  int Polls() { return f_.ca().count(Endpoint::kRenewalInfo); }
  int Issued() { return f_.ca().certificates_issued(); }
  std::vector<std::string> Replaced() {
    std::vector<std::string> ids;
    for (const fakes::OrderRecord& order : f_.ca().orders()) ids.push_back(order.replaces);
    return ids;
  }

  service::ServiceFixture f_;
};

TEST_F(KeeperTest, RenewsInTheCasWindowAndTellsTheCaWhatItReplaces) {
  const std::string id = Issue();
  const absl::Time issued = f_.clock().Now();
  Run(absl::Minutes(2));
  const store::Renewal planned = Row(id);
  EXPECT_EQ(planned.plan.basis, Basis::kWindow);
  EXPECT_GT(planned.plan.time, issued + 59 * kDay);
  EXPECT_LE(planned.plan.time, issued + 60 * kDay);
  Sleep(planned.plan.time - f_.clock().Now() - absl::Minutes(1));
  Run(absl::Seconds(50));
  EXPECT_EQ(Issued(), 1);
  Run(absl::Minutes(2));
  EXPECT_EQ(Issued(), 2);
  const store::Renewal over = Row(id);
  EXPECT_TRUE(over.over);
  EXPECT_THAT(Replaced(), ElementsAre("", f_.ca().certificates().at(0).id));
  EXPECT_TRUE(f_.ca().orders().back().exempt);
  // The next one goes on with the same key.
  const store::Renewal next = Row(over.renewed_by);
  EXPECT_TRUE(next.is_renewal);
  EXPECT_EQ(next.auto_renew_until, planned.auto_renew_until);
  EXPECT_EQ(f_.store().GetCertificate(over.renewed_by)->public_key_sha256,
            service::KeyA().public_key().spki_sha256());
  Run(absl::Hours(1));
  EXPECT_EQ(Issued(), 2);
  EXPECT_THAT(f_.ca().violations(), IsEmpty());
}

TEST_F(KeeperTest, LeavesWhatIsTheOwnersToTheOwner) {
  const std::string id = Issue(kWww, /*automatic=*/false);
  Sleep(70 * kDay);
  Run(absl::Minutes(10));
  EXPECT_EQ(Issued(), 1);
  EXPECT_FALSE(Row(id).over);
  EXPECT_LE(Row(id).plan.time, f_.clock().Now());
}

TEST_F(KeeperTest, StopsWhenItsTimeIsOver) {
  const std::string id = Issue();
  ASSERT_TRUE(f_.renewal_rows()
                  .Update(id,
                          [&](store::Renewal& row) {
                            row.auto_renew_until = f_.clock().Now() + 10 * kDay;
                            return absl::OkStatus();
                          })
                  .ok());
  Sleep(70 * kDay);
  Run(absl::Minutes(10));
  EXPECT_EQ(Issued(), 1);
}

// C22.
TEST_F(KeeperTest, AsksAsOftenAsTheCaSays) {
  Issue();
  Run(absl::Minutes(2));
  EXPECT_EQ(Polls(), 1);
  Run(absl::Hours(5));
  EXPECT_EQ(Polls(), 1);
  Run(absl::Hours(2));
  EXPECT_EQ(Polls(), 2);
  f_.ca().Change([](fakes::FakeCaOptions& options) { options.renewal_retry_after_seconds = 1; });
  Run(absl::Hours(7));
  // Never more than once a minute.
  const int before = Polls();
  Run(absl::Minutes(30));
  EXPECT_LE(Polls() - before, 30);
  EXPECT_GT(Polls() - before, 20);
}

TEST_F(KeeperTest, ACaThatAskedForQuietIsNotPolled) {
  Issue();
  ASSERT_TRUE(f_.store().SetHold(store::CaScope("main"), f_.clock().Now() + absl::Hours(8)).ok());
  Run(absl::Hours(7));
  EXPECT_EQ(Polls(), 0);
  Run(absl::Hours(2));
  EXPECT_GT(Polls(), 0);
}

// F-CA-31.
TEST_F(KeeperTest, WhateverIsWrongWithTheAdviceRenewsInTime) {
  const struct {
    std::string what;
    Fault fault;
  } cases[] = {
      {"unknown", Fault::Problem(404, "malformed", "no such certificate")},
      {"broken", Fault::Problem(500, "serverInternal", "oops")},
      {"busy", Fault::Problem(503, "serverInternal", "maintenance", "31536000")},
      {"limited", Fault::Problem(429, "rateLimited", "slow down", "600")},
      {"unreachable", Fault::NotSent()},
      {"silent", Fault::Stall()},
      {"a page", Fault::Reply(200, "text/html", "<html>hello</html>")},
      {"nothing", Fault::Reply(200, "application/json", "{}")},
      {"endless", Fault::Endless()},
      {"half", Fault::Half()},
      {"bad dates", Fault::Reply(200, "application/json",
                                 R"({"suggestedWindow":{"start":"soon","end":"later"}})")},
  };
  int issued = 0;
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    f_.ca().ClearScript(Endpoint::kRenewalInfo);
    f_.ca().ScriptAt(Endpoint::kRenewalInfo, fakes::Calls::All(), c.fault);
    const std::string name = absl::StrCat("n", issued, ".example.com");
    const std::string id = Issue(name);
    const int before = Polls();
    Run(kDay);
    // Polite even so.
    EXPECT_LE(Polls() - before, 9);
    EXPECT_EQ(Row(id).plan.basis, Basis::kLifetime);
    Sleep(Row(id).plan.time - f_.clock().Now());
    Run(absl::Minutes(15));
    ASSERT_TRUE(Row(id).over);
    Retire(id);
    issued = Issued();
  }
}

TEST_F(KeeperTest, ACaWithoutRenewalInfoIsNotAskedForIt) {
  f_.ca().Change([](fakes::FakeCaOptions& options) { options.renewal_info = false; });
  // Until the directory is read again.
  Sleep(absl::Hours(7));
  const std::string id = Issue();
  Run(2 * kDay);
  EXPECT_EQ(Polls(), 0);
  EXPECT_GT(Row(id).poll_time, f_.clock().Now());
  Sleep(Row(id).plan.time - f_.clock().Now());
  Run(absl::Minutes(2));
  EXPECT_EQ(Issued(), 2);
  EXPECT_THAT(Replaced(), ElementsAre("", ""));
}

// F-CA-32, T43: the table of plan_test, as a CA says it.
TEST_F(KeeperTest, AWindowCannotMakeItLate) {
  const absl::Time now = f_.clock().Now();
  const struct {
    std::string what;
    absl::Time start, end;
  } cases[] = {
      {"after the end", now + 100 * kDay, now + 101 * kDay},
      {"far away", now + 300'000 * kDay, now + 300'001 * kDay},
      {"backwards", now + 50 * kDay, now + 49 * kDay},
      {"empty", now + 50 * kDay, now + 50 * kDay},
      {"a century", now, now + 36'500 * kDay},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    Suggest(c.start, c.end);
    const std::string id = Issue(absl::StrCat("n", Issued(), ".example.com"));
    Run(absl::Minutes(2));
    EXPECT_EQ(Row(id).plan.basis, Basis::kIgnored);
    EXPECT_GT(Row(id).plan.time, now + 50 * kDay);
    EXPECT_LE(Row(id).plan.time, now + 61 * kDay);
  }
}

// T42: windows that are always over, and always others, as a hostile CA would have them.
TEST_F(KeeperTest, AUrgentCaGetsOneRenewalADay) {
  f_.ca().Change([](fakes::FakeCaOptions& options) { options.renewal_retry_after_seconds = 60; });
  Issue();
  const int before = Issued();
  for (int hour = 0; hour < 72; ++hour) {
    const absl::Time now = f_.clock().Now();
    Suggest(now - absl::Hours(2), now - absl::Hours(1));
    Run(absl::Hours(1));
  }
  EXPECT_GE(Issued() - before, 1);
  EXPECT_LE(Issued() - before, 4);
}

// F-CA-33: the CA moves every window earlier while renewals wait (as a mass revocation does).
TEST_F(KeeperTest, AFleetMovesWithTheWindow) {
  std::vector<std::string> ids;
  // They and their successors are fewer than the quota of a registered domain.
  for (int i = 0; i < 24; ++i) ids.push_back(Issue(absl::StrCat("n", i, ".example.com")));
  Run(absl::Minutes(10));
  const absl::Time now = f_.clock().Now();
  Suggest(now, now + absl::Hours(24), "https://ca.test/incident");
  int most_in_an_hour = 0;
  for (int hour = 0; hour < 24; ++hour) {
    const int before = Issued();
    Run(absl::Hours(1));
    most_in_an_hour = std::max(most_in_an_hour, Issued() - before);
  }
  for (const std::string& id : ids) {
    EXPECT_TRUE(Row(id).over);
    EXPECT_EQ(Row(id).explanation_url, "https://ca.test/incident");
  }
  EXPECT_LE(most_in_an_hour, 10);
}

// F-CA-34: each refusal of "replaces" costs one request, and there is one certificate.
TEST_F(KeeperTest, ARefusedReplacementIsOrderedOnceWithout) {
  const struct {
    std::string what;
    Fault fault;
  } cases[] = {
      {"replaced already", Fault::Problem(409, "alreadyReplaced", "a pending order does")},
      {"unknown", Fault::Problem(404, "malformed", "no such certificate")},
      {"malformed", Fault::Problem(400, "malformed", "no")},
      {"somebody else's", Fault::Problem(403, "unauthorized", "no")},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.what);
    const std::string id = Issue(absl::StrCat("n", Issued(), ".example.com"));
    Run(absl::Minutes(2));
    f_.ca().Script(Endpoint::kNewOrder, c.fault);
    Sleep(Row(id).plan.time - f_.clock().Now());
    const int issued = Issued();
    const int orders = f_.ca().count(Endpoint::kNewOrder);
    Run(absl::Minutes(2));
    EXPECT_TRUE(Row(id).over);
    EXPECT_EQ(Issued() - issued, 1);
    EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder) - orders, 2);
    EXPECT_EQ(f_.ca().orders().back().replaces, "");
    Retire(id);
  }
}

// C06: the CA took the replacement, its answer was lost; the next is alreadyReplaced.
TEST_F(KeeperTest, ALostAnswerToAReplacementCostsNoSecondCertificate) {
  const std::string id = Issue();
  Run(absl::Minutes(2));
  f_.ca().Script(Endpoint::kNewOrder, Fault::LostReply());
  Sleep(Row(id).plan.time - f_.clock().Now());
  const int requests = f_.ca().count(Endpoint::kNewOrder);
  Run(absl::Minutes(5));
  EXPECT_TRUE(Row(id).over);
  EXPECT_EQ(Issued(), 2);
  EXPECT_LE(f_.ca().count(Endpoint::kNewOrder) - requests, 3);
}

// A limit is no refusal of the replacement: it is waited for.
TEST_F(KeeperTest, ALimitIsWaitedForWithTheReplacement) {
  const std::string id = Issue();
  Run(absl::Minutes(2));
  f_.ca().Script(Endpoint::kNewOrder, Fault::Problem(429, "rateLimited", "slow down", "120"));
  Sleep(Row(id).plan.time - f_.clock().Now());
  Run(absl::Minutes(10));
  EXPECT_EQ(Issued(), 2);
  EXPECT_THAT(Replaced().back(), Not(IsEmpty()));
}

// F-CA-35 and C20: nothing ran while many fell due. The one that ends first comes first, and all
// come within little more than an hour, at an even pace.
TEST_F(KeeperTest, AfterDowntimeTheMostUrgentComesFirstAndAllAreSpread) {
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) {
    ids.push_back(Issue(absl::StrCat("n", i, ".example.com")));
    Sleep(absl::Minutes(10));
  }
  Sleep(65 * kDay);
  const int before = Issued();
  Run(absl::Seconds(30));
  EXPECT_LE(Issued() - before, 3);
  EXPECT_TRUE(Row(ids[0]).over);
  Run(absl::Minutes(5));
  EXPECT_LT(Issued() - before, 20);
  Run(absl::Hours(1));
  EXPECT_EQ(Issued() - before, 40);
  for (const std::string& id : ids) EXPECT_TRUE(Row(id).over);
}

TEST_F(KeeperTest, AFailedTryIsRepeatedAndShown) {
  const std::string id = Issue();
  Run(absl::Minutes(2));
  f_.ca().Script(Endpoint::kNewOrder, Fault::Problem(400, "rejectedIdentifier", "policy forbids"),
                 2);
  Sleep(Row(id).plan.time - f_.clock().Now());
  Run(absl::Seconds(10));
  const store::Renewal failed = Row(id);
  EXPECT_FALSE(failed.over);
  EXPECT_EQ(failed.attempts, 1);
  EXPECT_NE(failed.order_id, "");
  EXPECT_THAT(failed.error_message, HasSubstr("policy forbids"));
  EXPECT_LE(failed.attempt_time, f_.clock().Now() + absl::Seconds(61));
  Run(absl::Minutes(2));
  EXPECT_TRUE(Row(id).over);
  EXPECT_EQ(Issued(), 2);
  EXPECT_EQ(Row(id).error_reason, "");
}

// Whoever lost its grant gets no more certificates by itself.
TEST_F(KeeperTest, TheGrantsAreAskedForEachTime) {
  const std::string id = Issue("www.example.com");
  Run(absl::Minutes(2));
  const class Nobody final : public policy::Policy {
    absl::StatusOr<policy::Decision> Check(const policy::Question&) const override {
      return MakeError(absl::StatusCode::kPermissionDenied, "NAME_NOT_GRANTED", "not any more");
    }
  } nobody;
  crypto::SeededRandom random(3);
  const auto keeper = Keeper::Make({.renewals = f_.renewal_rows(),
                                    .store = f_.store(),
                                    .accounts = f_.accounts(),
                                    .policy = nobody,
                                    .clock = f_.clock(),
                                    .random = random,
                                    .announce = [](const flow::Order&) {}});
  Sleep(Row(id).plan.time - f_.clock().Now());
  const int orders = f_.ca().count(Endpoint::kNewOrder);
  keeper->RunDue();
  f_.Work(absl::Seconds(5));
  EXPECT_EQ(f_.ca().count(Endpoint::kNewOrder), orders);
  EXPECT_EQ(Row(id).error_reason, "NAME_NOT_GRANTED");
  EXPECT_EQ(Row(id).attempts, 1);
  // It came back.
  Run(absl::Minutes(3));
  EXPECT_TRUE(Row(id).over);
}

// A keeper that dies with what it took, and several at once, make one order of a renewal.
TEST_F(KeeperTest, SeveralKeepersMakeOneOrder) {
  const std::string id = Issue();
  Run(absl::Minutes(2));
  Sleep(Row(id).plan.time - f_.clock().Now());
  // One took it and died.
  ASSERT_EQ(f_.renewal_rows()
                .TakeActs(f_.clock().Now(), f_.clock().Now() + KeeperOptions::kClaim, 10)
                ->size(),
            1u);
  crypto::SeededRandom random(3);
  const auto other = Keeper::Make({.renewals = f_.renewal_rows(),
                                   .store = f_.store(),
                                   .accounts = f_.accounts(),
                                   .policy = f_.policy(),
                                   .clock = f_.clock(),
                                   .random = random,
                                   .announce = [](const flow::Order&) {}});
  f_.keeper().RunDue();
  other->RunDue();
  EXPECT_EQ(Row(id).order_id, "");
  Sleep(KeeperOptions::kClaim);
  f_.keeper().RunDue();
  other->RunDue();
  EXPECT_NE(Row(id).order_id, "");
  f_.Work(absl::Seconds(5));
  other->RunDue();
  EXPECT_EQ(Issued(), 2);
}

TEST_F(KeeperTest, ARevokedCertificateIsItsOwnersBusiness) {
  const std::string id = Issue();
  issuer::v1::RevokeCertificateRequest revoke;
  revoke.set_id(id);
  revoke.set_reason(issuer::v1::REVOCATION_REASON_KEY_COMPROMISE);
  ASSERT_TRUE(f_.certificates().Revoke(CallerOf("operator/alice"), revoke).ok());
  Sleep(70 * kDay);
  Run(absl::Minutes(5));
  EXPECT_EQ(Issued(), 1);
  EXPECT_TRUE(Row(id).over);
}

TEST_F(KeeperTest, RunsByItself) {
  const std::string id = Issue();
  Run(absl::Minutes(2));
  Sleep(Row(id).plan.time - f_.clock().Now());
  crypto::SeededRandom random(3);
  const auto keeper = Keeper::Make({.renewals = f_.renewal_rows(),
                                    .store = f_.store(),
                                    .accounts = f_.accounts(),
                                    .policy = f_.policy(),
                                    .clock = f_.clock(),
                                    .random = random,
                                    .announce = [](const flow::Order&) {},
                                    .first = absl::ZeroDuration()});
  keeper->Start();
  while (Row(id).order_id.empty()) absl::SleepFor(absl::Milliseconds(5));
  keeper->Stop();
}

}  // namespace
}  // namespace norroy::renewal
