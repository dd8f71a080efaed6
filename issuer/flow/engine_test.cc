#include "issuer/flow/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/crypto/chain.h"
#include "issuer/flow/flow_fixture.h"

namespace norroy::flow {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string KeyOf(const StoredCertificate& certificate) {
  return crypto::Certificate::ParsePem(certificate.chains_pem.front())->spki_sha256();
}

TEST(Engine, IssuesForACsrThatCameWithTheOrder) {
  FlowFixture f;
  const crypto::PrivateKey key = MakeKey();
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, key));
  const Order done = f.Settle(order.id);
  ASSERT_EQ(done.state, State::kDone) << (done.error ? done.error->message : "");
  const StoredCertificate certificate = f.CertificateOf(order.id);
  EXPECT_EQ(KeyOf(certificate), key.public_key().spki_sha256());
  EXPECT_EQ(certificate.key_type, "p256");
  ASSERT_EQ(f.ca().orders().size(), 1u);
  EXPECT_EQ(f.ca().orders()[0].finalizes, 1);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Engine, WaitsForACsrAndHoldsNothing) {
  FlowFixture f;
  const Order order = f.Create({"a.example.test"});
  EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  EXPECT_EQ(f.Get(order.id).waiting_for, "a CSR");
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_EQ(f.ca().orders()[0].finalizes, 0);
  const crypto::PrivateKey key = MakeKey();
  f.HandIn(order.id, MakeCsr({"a.example.test"}, key));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(KeyOf(f.CertificateOf(order.id)), key.public_key().spki_sha256());
}

// Boulder hands one CA order to both: only the one that finalized it may take its certificate.
TEST(Engine, TwoReadyOrdersForTheSameNamesEndInTwoCertificates) {
  for (const bool reuse : {true, false}) {
    fakes::FakeCaOptions options;
    options.reuse_orders = reuse;
    options.finalize_polls = 2;
    FlowFixture f(options);
    const Order first = f.Create({"a.example.test"});
    ASSERT_EQ(f.Settle(first.id).state, State::kWaitingForCsr);
    const Order second = f.Create({"a.example.test"});
    ASSERT_EQ(f.Settle(second.id).state, State::kWaitingForCsr);
    const crypto::PrivateKey keys[] = {MakeKey(), MakeKey()};
    f.HandIn(first.id, MakeCsr({"a.example.test"}, keys[0]));
    f.HandIn(second.id, MakeCsr({"a.example.test"}, keys[1]));
    ASSERT_EQ(f.Settle(first.id).state, State::kDone);
    const Order done = f.Settle(second.id);
    ASSERT_EQ(done.state, State::kDone) << done.waiting_for;
    EXPECT_EQ(KeyOf(f.CertificateOf(first.id)), keys[0].public_key().spki_sha256());
    EXPECT_EQ(KeyOf(f.CertificateOf(second.id)), keys[1].public_key().spki_sha256());
    EXPECT_EQ(f.ca().certificates_issued(), 2);
    for (const fakes::OrderRecord& placed : f.ca().orders()) EXPECT_LE(placed.finalizes, 1);
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(Engine, HundredNames) {
  FlowFixture f;
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("n", i, ".example.test"));
  const Order order = f.Create(names, MakeCsr(names, MakeKey()));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.CertificateOf(order.id).names.size(), 100u);
  EXPECT_EQ(f.solver().served_count(), 0);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Engine, AsksNothingOfTheCaWhenNobodyMayAnswer) {
  FlowFixture f;
  const int before = f.requests_seen();
  f.solver().SetPlan(*challenge::Name::Parse("www.example.test"), {});
  const Order order = f.Create({"www.example.test"});
  const Order failed = f.Settle(order.id);
  EXPECT_EQ(failed.state, State::kFailed);
  ASSERT_TRUE(failed.error.has_value());
  EXPECT_EQ(failed.error->reason, "NO_RESPONDER");
  EXPECT_THAT(failed.error->message, HasSubstr("norroy agent token create"));
  EXPECT_EQ(f.requests_seen(), before);
}

TEST(Engine, WaitsForAnAgentByName) {
  FlowFixture f;
  const challenge::Name name = *challenge::Name::Parse("www.example.test");
  f.solver().SetPlan(name, {{challenge::ChallengeType::kHttp01, {"web1"}, {"web2"}}});
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  f.RunFor(absl::Minutes(2));
  const Order waiting = f.Get(order.id);
  EXPECT_EQ(waiting.state, State::kQueued);
  EXPECT_EQ(waiting.waiting_for, "agent web2");
  EXPECT_EQ(waiting.error->reason, "AGENT_NOT_ATTACHED");
  EXPECT_EQ(f.ca().orders().size(), 0u);
  f.solver().SetPlan(name, {{challenge::ChallengeType::kHttp01, {"web1", "web2"}, {}}});
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

TEST(Engine, TellsTheCaOnlyBehindTheBarrier) {
  FlowFixture f;
  f.solver().SetAutoReady(false);
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  f.RunFor(absl::Seconds(30));
  EXPECT_EQ(f.Get(order.id).state, State::kPresenting);
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
  f.solver().MakeReady(order.id);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

TEST(Engine, AFailedPresentationCostsNoFailureAtTheCa) {
  FlowFixture f;
  const challenge::Name name = *challenge::Name::Parse("www.example.test");
  f.solver().FailType(name, challenge::ChallengeType::kHttp01, "agent web1: disk is read-only");
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  f.RunFor(absl::Minutes(1));
  const Order waiting = f.Get(order.id);
  EXPECT_FALSE(IsFinal(waiting.state));
  ASSERT_TRUE(waiting.error.has_value());
  EXPECT_THAT(waiting.error->message, HasSubstr("disk is read-only"));
  // Tried again after 1, 2, 4, ... seconds, each time by one look at the authorization.
  EXPECT_GT(waiting.attempt, 3);
  EXPECT_LE(f.ca().count(fakes::Endpoint::kAuthorization), 8);
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kChallenge), 0);
  EXPECT_EQ(f.ca().orders().size(), 1u);
}

TEST(Engine, AFailedValidationEndsTheOrderAndCounts) {
  FlowFixture f;
  f.Configure(FlowFixture::All(Grade::kOff));
  f.ca().SetValidator([](const fakes::Attempt& attempt) {
    return attempt.name == "bad.example.test" ? absl::NotFoundError("got 403") : absl::OkStatus();
  });
  for (int round = 0; round < 3; ++round) {
    const Order order = f.Create({"bad.example.test", absl::StrCat("g", round, ".example.test")});
    const Order failed = f.Settle(order.id);
    ASSERT_EQ(failed.state, State::kFailed) << failed.waiting_for;
    EXPECT_EQ(failed.error->reason, "VALIDATION_FAILED");
    EXPECT_THAT(failed.error->message, HasSubstr("bad.example.test"));
    EXPECT_THAT(failed.error->message, HasSubstr("got 403"));
    EXPECT_FALSE(failed.error->problem.empty());
    EXPECT_EQ(f.solver().served_count(), 0);
  }
  // Three failures of a name in an hour are enough.
  const Order fourth = f.Create({"bad.example.test"});
  f.RunFor(absl::Minutes(5));
  EXPECT_EQ(f.Get(fourth.id).state, State::kQueued);
  EXPECT_THAT(f.Get(fourth.id).waiting_for, HasSubstr("limit"));
  EXPECT_EQ(f.ca().orders().size(), 3u);
  // Pending authorizations were deactivated before the proofs went (RFC 8555 7.5.2).
  for (const fakes::AuthorizationRecord& authorization : f.ca().authorizations()) {
    EXPECT_NE(authorization.status, "pending") << authorization.name;
  }
}

TEST(Engine, CancelTakesEverythingBack) {
  FlowFixture f;
  f.solver().SetAutoReady(false);
  const Order order = f.Create({"www.example.test"});
  f.RunFor(absl::Seconds(5));
  ASSERT_EQ(f.Get(order.id).state, State::kPresenting);
  f.Cancel(order.id);
  EXPECT_EQ(f.Settle(order.id).state, State::kCancelled);
  EXPECT_EQ(f.solver().released().size(), 1u);
  EXPECT_EQ(f.ca().authorizations()[0].status, "deactivated");
  // The flight is free again.
  f.solver().SetAutoReady(true);
  const Order next = f.Create({"www.example.test"});
  EXPECT_EQ(f.Settle(next.id, absl::Minutes(1)).state, State::kWaitingForCsr);
}

TEST(Engine, ACancelBetweenTwoRequestsToTheCaIsSeenBeforeTheSecond) {
  FlowFixture f;
  const Order order = f.Create({"a.example.test", "b.example.test"});
  int told = 0;
  f.ca().SetObserver([&](const fakes::RequestRecord& request) {
    if (request.endpoint == fakes::Endpoint::kChallenge && ++told == 1) f.Cancel(order.id);
  });
  EXPECT_EQ(f.Settle(order.id).state, State::kCancelled);
  EXPECT_EQ(told, 1);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Engine, ANewProcessReleasesOnceMoreWhatTheLastOneDid) {
  FlowFixture f;
  const Order order = f.Create({"www.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  const size_t before = f.solver().released().size();
  f.Kill();
  f.Restart();
  f.engine().Start();
  f.engine().Stop();
  ASSERT_EQ(f.solver().released().size(), before + 1);
  EXPECT_EQ(f.solver().released().back().first, order.id);
}

// What was to wait for a second does not wait for an hour, or a day, because the clock was wrong.
TEST(Engine, AClockThatWasAheadDelaysNothing) {
  const std::vector<fakes::Fault> faults = {fakes::Fault::Problem(500, "serverInternal", "once"),
                                            fakes::Fault::NotSent()};
  for (const absl::Duration ahead : {absl::Hours(1), absl::Hours(24)}) {
    for (const fakes::Fault& fault : faults) {
      FlowFixture f;
      f.engine().RunDue();
      f.ca().Script(fakes::Endpoint::kNewOrder, fault);
      f.clock().JumpWall(ahead);
      const Order order = f.Create({"www.example.test"});
      f.engine().RunDue();
      EXPECT_EQ(f.Get(order.id).attempt, 1);
      f.clock().JumpWall(-ahead);
      EXPECT_EQ(f.Settle(order.id, absl::Minutes(2)).state, State::kWaitingForCsr)
          << f.Get(order.id).waiting_for;
    }
  }
}

// Nor does it end what the CA is looking at.
TEST(Engine, AClockThatJumpsEndsNoValidation) {
  for (const bool restarted : {false, true}) {
    fakes::FakeCaOptions options;
    options.validation_polls = 3;
    options.retry_after_seconds = 10;
    FlowFixture f(options);
    const Order order = f.Create({"www.example.test"});
    f.RunFor(absl::Seconds(2));
    ASSERT_EQ(f.Get(order.id).state, State::kValidating);
    f.clock().JumpWall(absl::Hours(1));
    if (restarted) {
      f.Kill();
      f.Restart();
      ASSERT_TRUE(f.store().BreakLeases("test").ok());
    }
    EXPECT_EQ(f.Settle(order.id).state, State::kWaitingForCsr) << restarted;
  }
}

TEST(Engine, ObeysRetryAfterOfTheWholeCa) {
  FlowFixture f;
  f.ca().Script(fakes::Endpoint::kNewOrder,
                fakes::Fault::Problem(503, "serverInternal", "maintenance", "600"));
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  f.engine().RunDue();
  const int before = f.requests_seen();
  const Order other = f.Create({"other.example.test"}, MakeCsr({"other.example.test"}, MakeKey()));
  f.RunFor(absl::Seconds(590));
  EXPECT_EQ(f.requests_seen(), before);
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.Settle(other.id).state, State::kDone);
}

// However long that takes, it says for what it waits, and goes on at once when it may.
TEST(Engine, WaitsForAnotherOrderOfTheSameNames) {
  FlowFixture f;
  f.solver().SetAutoReady(false);
  const Order first = f.Create({"www.example.test"});
  f.RunFor(absl::Seconds(2));
  const Order second = f.Create({"www.example.test"});
  for (int minute = 0; minute < 10; ++minute) {
    f.RunFor(absl::Minutes(1));
    EXPECT_EQ(f.Get(second.id).state, State::kQueued);
    EXPECT_EQ(f.Get(second.id).waiting_for, "another order for the same names");
  }
  f.solver().SetAutoReady(true);
  f.solver().MakeReady(first.id);
  f.RunFor(absl::Seconds(5));
  EXPECT_EQ(f.Get(first.id).state, State::kWaitingForCsr);
  EXPECT_EQ(f.Get(second.id).state, State::kWaitingForCsr);
}

// Neither a caller who is impatient nor a restart makes the CA's order be read too early.
TEST(Engine, ObeysRetryAfterOfAnOrderWhoeverWakesIt) {
  for (const bool finalizing : {false, true}) {
    fakes::FakeCaOptions options;
    (finalizing ? options.finalize_polls : options.validation_polls) = 3;
    options.retry_after_seconds = 10;
    FlowFixture f(options);
    const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
    for (int i = 0; i < 8; ++i) {
      f.RunFor(absl::Seconds(2));
      f.engine().Wake(order.id);
      f.engine().RunDue();
    }
    ASSERT_FALSE(IsFinal(f.Get(order.id).state));
    for (int i = 0; i < 3; ++i) {
      f.Kill();
      f.Restart();
      ASSERT_TRUE(f.store().BreakLeases("test").ok());
      f.RunFor(absl::Seconds(2));
    }
    EXPECT_EQ(f.Settle(order.id).state, State::kDone);
    EXPECT_THAT(f.ca().violations(), IsEmpty()) << finalizing;
  }
}

TEST(Engine, ObeysRetryAfterOfARateLimitForTheseNamesOnly) {
  FlowFixture f;
  f.ca().Script(fakes::Endpoint::kNewOrder,
                fakes::Fault::Problem(429, "rateLimited", "too many", "7200"));
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  f.engine().RunDue();
  const Order other = f.Create({"other.example.test"}, MakeCsr({"other.example.test"}, MakeKey()));
  EXPECT_EQ(f.Settle(other.id).state, State::kDone);
  f.RunFor(absl::Seconds(7000));
  EXPECT_EQ(f.Get(order.id).error->reason, "CA_RATE_LIMITED");
  EXPECT_EQ(f.ca().count(fakes::Endpoint::kNewOrder), 2);
  EXPECT_EQ(f.Settle(order.id, absl::Hours(1)).state, State::kDone);
}

TEST(Engine, RefusesACertificateThatWasNotAskedFor) {
  for (const fakes::CertificateFault fault :
       {fakes::CertificateFault::kWrongKey, fakes::CertificateFault::kExtraName,
        fakes::CertificateFault::kOtherName, fakes::CertificateFault::kExpired,
        fakes::CertificateFault::kIsCa, fakes::CertificateFault::kBrokenLink}) {
    FlowFixture f;
    f.ca().SetCertificateFault(fault);
    const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
    const Order failed = f.Settle(order.id);
    EXPECT_EQ(failed.state, State::kFailed) << static_cast<int>(fault);
    EXPECT_EQ(failed.error->reason, "BAD_CERTIFICATE") << failed.error->message;
    EXPECT_EQ(f.ca().orders().size(), 1u);
  }
}

TEST(Engine, LostRepliesCostTimeOnly) {
  using fakes::Endpoint;
  for (const Endpoint endpoint :
       {Endpoint::kNewOrder, Endpoint::kAuthorization, Endpoint::kChallenge, Endpoint::kOrder,
        Endpoint::kFinalize, Endpoint::kCertificate}) {
    for (const fakes::Fault& fault : {fakes::Fault::LostReply(), fakes::Fault::LostRequest()}) {
      FlowFixture f;
      f.ca().Script(endpoint, fault);
      const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
      const Order done = f.Settle(order.id);
      EXPECT_EQ(done.state, State::kDone)
          << static_cast<int>(endpoint) << " " << (done.error ? done.error->message : "");
      EXPECT_EQ(f.ca().certificates_issued(), 1);
      EXPECT_EQ(f.solver().served_count(), 0);
      EXPECT_THAT(f.ca().violations(), IsEmpty());
    }
  }
}

TEST(Engine, ABadCsrVerdictOfTheCaLeavesASplitOrderReady) {
  FlowFixture f;
  const Order order = f.Create({"www.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.ca().Script(fakes::Endpoint::kFinalize,
                fakes::Fault::Problem(400, "badCSR", "we do not like this key"));
  f.HandIn(order.id, MakeCsr({"www.example.test"}, MakeKey()));
  const Order ready = f.Settle(order.id);
  EXPECT_EQ(ready.state, State::kWaitingForCsr);
  EXPECT_THAT(ready.error->message, HasSubstr("we do not like this key"));
  // READY again it holds nothing: another order for the same names gets its turn.
  const Order other = f.Create({"www.example.test"});
  EXPECT_EQ(f.Settle(other.id, absl::Minutes(1)).state, State::kWaitingForCsr);
  f.HandIn(order.id, MakeCsr({"www.example.test"}, MakeKey()));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
}

TEST(Engine, AReadyOrderExpires) {
  FlowFixture f;
  const Order order = f.Create({"www.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.clock().Advance(absl::Hours(24 * 7 + 1));
  const Order expired = f.Settle(order.id, absl::Minutes(1));
  EXPECT_EQ(expired.state, State::kFailed);
  EXPECT_EQ(expired.error->reason, "EXPIRED");
}

TEST(Engine, AStaleCaOrderIsReplacedUnderTheSameId) {
  FlowFixture f;
  const Order order = f.Create({"www.example.test"});
  ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
  f.ca().InvalidateOrder(f.ca().orders()[0].url, "unauthorized", "an authorization was revoked");
  f.ca().SetAuthorizationStatus("www.example.test", "expired");
  f.HandIn(order.id, MakeCsr({"www.example.test"}, MakeKey()));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  EXPECT_EQ(f.ca().orders().size(), 2u);
  EXPECT_EQ(f.ca().orders()[0].finalizes, 0);
}

TEST(Engine, RenewsALeaseByANewGenerationWhileTheCaLooks) {
  fakes::FakeCaOptions options;
  options.validation_polls = 48;
  FlowFixture f(options);
  f.clock().Advance(absl::Seconds(1));
  const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
  EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  // 15 min of lease, renewed at half.
  EXPECT_EQ(f.solver().presented().size(), 2u);
  EXPECT_EQ(f.solver().served_count(), 0);
}

TEST(Engine, NeverFinalizesMoreThanThreeCertificatesOfASetAWeek) {
  FlowFixture f;
  for (int i = 0; i < 4; ++i) {
    const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
    const Order end = f.Settle(order.id, absl::Hours(4));
    EXPECT_EQ(end.state, i < 3 ? State::kDone : State::kQueued) << i;
  }
  EXPECT_EQ(f.ca().certificates_issued(), 3);
}

// kill -9 around every request of an issuance: what was stored is resumed, nothing is done twice.
TEST(Engine, SurvivesAKillAtEveryRequest) {
  for (const bool after : {false, true}) {
    for (int n = 1;; ++n) {
      FlowFixture f;
      const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, MakeKey()));
      f.KillAtRequest(n, after);
      f.Settle(order.id);
      if (!f.killed()) {
        EXPECT_GT(n, 6);
        break;
      }
      f.Restart();
      const Order done = f.Settle(order.id);
      ASSERT_EQ(done.state, State::kDone)
          << "request " << n << (after ? " after" : " before") << ": "
          << (done.error ? done.error->message : done.waiting_for);
      EXPECT_EQ(f.ca().certificates_issued(), 1) << n;
      EXPECT_LE(f.ca().orders().size(), 2u) << n;
      EXPECT_EQ(f.solver().served_count(), 0) << n;
      EXPECT_THAT(f.ca().violations(), IsEmpty()) << n;
    }
  }
}

// The database is busy or full for one write: whatever was to be stored is stored later, and
// nothing is said that is not so. (The last write once said VALID of an order whose certificate was
// lost.)
TEST(Engine, SurvivesAFailureOfEveryWrite) {
  for (int n = 1;; ++n) {
    FlowFixture f;
    const crypto::PrivateKey key = MakeKey();
    const Order order = f.Create({"www.example.test"}, MakeCsr({"www.example.test"}, key));
    f.FailWrite(n);
    const Order done = f.Settle(order.id);
    ASSERT_EQ(done.state, State::kDone)
        << "write " << n << ": " << (done.error ? done.error->message : done.waiting_for);
    EXPECT_EQ(KeyOf(f.CertificateOf(order.id)), key.public_key().spki_sha256()) << n;
    EXPECT_EQ(f.ca().certificates_issued(), 1) << n;
    EXPECT_EQ(f.solver().served_count(), 0) << n;
    EXPECT_THAT(f.ca().violations(), IsEmpty()) << n;
    if (!f.write_failed()) {
      EXPECT_GT(n, 5);
      break;
    }
  }
}

TEST(Engine, IssuesUnderHeavyNonceRejection) {
  fakes::FakeCaOptions options;
  options.nonce_rejection_percent = 50;
  FlowFixture f(options);
  for (int i = 0; i < 20; ++i) {
    const std::string name = absl::StrCat("n", i, ".example.test");
    const Order order = f.Create({name}, MakeCsr({name}, MakeKey()));
    EXPECT_EQ(f.Settle(order.id).state, State::kDone);
  }
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

}  // namespace
}  // namespace norroy::flow
