// Orders and authorizations that go other ways than RFC 8555 7.1.6 hopes.

#include "absl/strings/str_replace.h"
#include "common/challenge/identifier.h"
#include "issuer/flow/ca_faults.h"

namespace norroy::flow {
namespace {

using challenge::ChallengeType;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

challenge::Name NameOf(const std::string& text) { return *challenge::Name::Parse(text); }

void Tamper(FaultyCa& f, Endpoint endpoint, const std::string& from, const std::string& to) {
  f.ca().SetTamper([=](Endpoint at, const http::Request&, http::Response& reply) {
    if (at == endpoint) reply.body = absl::StrReplaceAll(reply.body, {{from, to}});
  });
}

TEST(Row, F_CA_18_AnOrderThatIsInvalidAtOnceIsNotPlayed) {
  FaultyCa f;
  Tamper(f, Endpoint::kNewOrder, R"("status":"pending")",
         R"("status":"invalid","error":{"type":"urn:ietf:params:acme:error:caa",)"
         R"("detail":"CAA forbids it"})");
  const Order failed = f.Issue();
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_THAT(f.Says(failed), HasSubstr("CAA forbids it"));
  EXPECT_EQ(f.ca().count(Endpoint::kNewOrder), 1);
  EXPECT_EQ(f.ca().count(Endpoint::kChallenge), 0);
  EXPECT_THAT(f.solver().presented(), IsEmpty());
}

// A CA may hand out an order that somebody finalized: its certificate is not ours, and asking
// again at once would get the same.
TEST(Row, F_CA_18_AnOrderThatIsFinalizedAlreadyIsNotTaken) {
  FaultyCa f;
  Tamper(f, Endpoint::kNewOrder, R"("status":"pending")",
         R"("status":"valid","certificate":"https://ca.test/certificate/9")");
  const Order order = f.Place();
  f.RunFor(absl::Minutes(10));
  EXPECT_FALSE(IsFinal(f.Get(order.id).state));
  EXPECT_THAT(f.Says(f.Get(order.id)), HasSubstr("not ours"));
  EXPECT_LE(f.ca().count(Endpoint::kNewOrder), 3);
  EXPECT_EQ(f.ca().count(Endpoint::kCertificate), 0);
  f.ca().SetTamper(nullptr);
  ExpectOneCertificate(f, f.Settle(order.id), 3);
}

TEST(Row, F_CA_18_SubproblemsBlameNamesSingly) {
  FaultyCa f;
  Fault refused = Fault::Problem(400, "rejectedIdentifier", "some names are refused");
  refused.response.body = absl::StrReplaceAll(
      refused.response.body,
      {{"\"detail\"", R"("subproblems":[{"type":"urn:ietf:params:acme:error:rejectedIdentifier",)"
                      R"("detail":"policy forbids it","identifier":{"type":"dns",)"
                      R"("value":"bad.example.test"}}],"detail")"}});
  f.ca().Script(Endpoint::kNewOrder, refused);
  const Order failed = f.Issue({kWww, "bad.example.test"});
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_THAT(f.Says(failed), HasSubstr("bad.example.test: policy forbids it"));
  ASSERT_EQ(failed.progress.size(), 1u);
  EXPECT_EQ(failed.progress[0].name.text(), "bad.example.test");
  EXPECT_EQ(failed.progress[0].state, NameState::kInvalid);
  EXPECT_THAT(failed.progress[0].error->message, HasSubstr("policy forbids it"));
  // The other name is not blocked by that.
  EXPECT_EQ(f.Issue().state, State::kDone);
}

TEST(Row, F_CA_18_WhatTheCaSaysOfADeadOrderIsShown) {
  for (const Endpoint after : {Endpoint::kChallenge, Endpoint::kFinalize}) {
    SCOPED_TRACE(static_cast<int>(after));
    fakes::FakeCaOptions options;
    options.finalize_polls = 3;
    options.validation_polls = 3;
    FaultyCa f(options);
    f.ca().SetTamper([&](Endpoint at, const http::Request&, http::Response&) {
      if (at == after) f.ca().InvalidateOrder(f.ca().orders()[0].url, "caa", "CAA changed");
    });
    const Order failed = f.Issue();
    EXPECT_EQ(failed.state, State::kFailed);
    EXPECT_THAT(f.Says(failed), HasSubstr("caa: CAA changed"));
    EXPECT_EQ(f.ca().orders().size(), 1u);
    EXPECT_EQ(f.solver().served_count(), 0);
  }
}

TEST(Row, F_CA_19_ProcessingForEverIsPolledWithPatience) {
  fakes::FakeCaOptions options;
  options.finalize_polls = 62;
  FaultyCa f(options);
  const Order order = f.Place();
  const absl::Time begin = f.clock().Now();
  f.RunFor(absl::Minutes(40));
  const Order waiting = f.Get(order.id);
  EXPECT_EQ(waiting.state, State::kFinalizing);
  ASSERT_TRUE(waiting.error.has_value()) << waiting.waiting_for;
  EXPECT_EQ(waiting.error->reason, "CA_SLOW");
  int polls = 0;
  for (const fakes::RequestRecord& request : f.ca().requests()) {
    const bool poll = request.endpoint == Endpoint::kOrder;
    polls += poll && request.time - begin <= absl::Minutes(30) ? 1 : 0;
  }
  EXPECT_LE(polls, 60);
  EXPECT_GE(polls, 40);
  // The order keeps its CA order, and reads it before anything else.
  const int finalizes = f.ca().count(Endpoint::kFinalize);
  ExpectOneCertificate(f, f.Settle(order.id, absl::Hours(12)));
  EXPECT_EQ(f.ca().count(Endpoint::kFinalize), finalizes);
}

TEST(Row, F_CA_19_RetryAfterIsObeyedWhilePolling) {
  fakes::FakeCaOptions options;
  options.finalize_polls = 20;
  options.validation_polls = 4;
  options.retry_after_seconds = 60;
  FaultyCa f(options);
  // The CA notes every read that comes too early.
  ExpectOneCertificate(f, f.Issue());
}

TEST(Row, F_CA_20_PendingForEverEndsAndIsTakenDown) {
  fakes::FakeCaOptions options;
  options.validation_polls = 1'000'000;
  FaultyCa f(options);
  const absl::Time begin = f.clock().Now();
  const Order failed = f.Issue();
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "TOO_SLOW");
  EXPECT_LE(f.clock().Now() - begin, absl::Minutes(11));
  EXPECT_LE(f.ca().count(Endpoint::kOrder), 60);
  EXPECT_EQ(f.ca().authorizations()[0].status, "deactivated");
  EXPECT_EQ(f.solver().served_count(), 0);
}

TEST(Row, F_CA_21_AuthorizationsThatEndInBetweenAreProvedAnew) {
  for (const std::string status : {"expired", "deactivated", "revoked"}) {
    SCOPED_TRACE(status);
    {
      // Between the proof that is up and the word to the CA.
      FaultyCa f;
      f.solver().SetAutoReady(false);
      const Order order = f.Place();
      f.RunFor(absl::Seconds(2));
      ASSERT_EQ(f.Get(order.id).state, State::kPresenting);
      f.ca().SetAuthorizationStatus(kWww, status);
      f.solver().SetAutoReady(true);
      f.solver().MakeReady(order.id);
      const Order done = f.Settle(order.id);
      EXPECT_EQ(done.state, State::kDone) << f.Says(done);
      EXPECT_EQ(f.ca().orders().size(), 2u);
      EXPECT_EQ(f.ca().certificates_issued(), 1);
    }
    // Between READY and the CSR.
    FaultyCa f;
    const Order order = f.Create({kWww});
    ASSERT_EQ(f.Settle(order.id).state, State::kWaitingForCsr);
    f.ca().SetAuthorizationStatus(kWww, status);
    f.HandIn(order.id, MakeCsr({kWww}, MakeKey()));
    ExpectOneCertificate(f, f.Settle(order.id), 2);
    EXPECT_EQ(f.ca().orders()[0].finalizes, 0);
  }
}

TEST(Row, F_CA_22_MixedAndShuffledAuthorizationsAreToldApart) {
  const std::vector<std::string> names = {"example.test", "*.example.test", kWww, "a.example.test"};
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    fakes::FakeCaOptions options;
    options.seed = seed;
    FaultyCa f(options);
    for (const std::string& name : names) {
      f.solver().SetPlan(NameOf(name),
                         {{NameOf(name).wildcard() ? ChallengeType::kDns01 : ChallengeType::kHttp01,
                           {"web1"},
                           {}}});
    }
    std::vector<std::string> proved;
    f.ca().SetValidator([&](const fakes::Attempt& attempt) {
      proved.push_back(absl::StrCat(attempt.type, " ", attempt.name));
      return f.solver().Served(attempt.token) == attempt.key_authorization
                 ? absl::OkStatus()
                 : absl::NotFoundError("not served");
    });
    // One of the names is valid already, another one each time.
    ASSERT_EQ(f.Issue({names[seed % names.size()]}).state, State::kDone) << seed;
    const Order done = f.Issue(names);
    ASSERT_EQ(done.state, State::kDone) << seed << f.Says(done);
    std::sort(proved.begin(), proved.end());
    EXPECT_THAT(proved, ElementsAre("dns-01 example.test", "http-01 a.example.test",
                                    "http-01 example.test", "http-01 www.example.test"))
        << seed;
    EXPECT_THAT(f.ca().violations(), IsEmpty());
  }
}

TEST(Row, F_CA_23_TypesThatNobodyKnowsEndTheOrderAtOnce) {
  fakes::FakeCaOptions options;
  options.challenge_types = {"tls-sni-01", "email-reply-00"};
  FaultyCa f(options);
  const Order failed = f.Issue();
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "NO_CHALLENGE");
  EXPECT_EQ(f.ca().count(Endpoint::kChallenge), 0);
  EXPECT_THAT(f.solver().presented(), IsEmpty());
  EXPECT_EQ(f.ca().orders().size(), 1u);
}

struct TokenCase {
  std::string name;
  std::string becomes;
};

TEST(Row, F_CA_24_BadTokensAreRefusedAndAnotherTypeIsTried) {
  const std::vector<TokenCase> cases = {
      {"missing", R"("tok":"x")"},
      {"one character", R"("token":"x")"},
      {"10 KiB", absl::StrCat(R"("token":")", std::string(10 * 1024, 'a'), "\"")},
      {"a path", R"("token":"../../../../../../etc/passwd0")"},
      {"a shell's", R"("token":"$(reboot)aaaaaaaaaaaaaaaaaa")"},
  };
  for (const TokenCase& c : cases) {
    for (const bool another : {false, true}) {
      SCOPED_TRACE(absl::StrCat(c.name, another ? " and dns-01" : ""));
      fakes::FakeCaOptions options;
      options.challenge_types = {"http-01"};
      if (another) options.challenge_types.push_back("dns-01");
      FaultyCa f(options);
      f.solver().SetPlan(NameOf(kWww), {{ChallengeType::kHttp01, {"web1"}, {}},
                                        {ChallengeType::kDns01, {"ns1"}, {}}});
      f.ca().SetTamper([&](Endpoint at, const http::Request&, http::Response& reply) {
        if (at != Endpoint::kAuthorization) return;
        const std::string token =
            absl::StrCat(R"("token":")", f.ca().authorizations()[0].token, "\"");
        const std::string rest = R"(,"type":"http-01")";
        reply.body = absl::StrReplaceAll(reply.body, {{token + rest, c.becomes + rest}});
      });
      const Order end = f.Issue();
      if (another) {
        ExpectOneCertificate(f, end);
        EXPECT_EQ(f.solver().presented()[0].proofs.size(), 1u);
        continue;
      }
      EXPECT_EQ(end.state, State::kFailed);
      EXPECT_EQ(end.error->reason, "NO_CHALLENGE");
      EXPECT_THAT(f.solver().presented(), IsEmpty());
      EXPECT_EQ(f.ca().count(Endpoint::kChallenge), 0);
    }
  }
}

TEST(Row, F_CA_24_ATokenThatTwoNamesShareIsRefused) {
  FaultyCa f;
  f.ca().SetTamper([&](Endpoint at, const http::Request&, http::Response& reply) {
    if (at != Endpoint::kAuthorization) return;
    const std::vector<fakes::AuthorizationRecord> all = f.ca().authorizations();
    reply.body = absl::StrReplaceAll(reply.body, {{all[1].token, all[0].token}});
  });
  const Order failed = f.Issue({kWww, "b.example.test"});
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "NO_CHALLENGE");
  EXPECT_THAT(f.solver().presented(), IsEmpty());
}

TEST(Row, F_CA_25_OrderNotReadyIsAskedForUntilItIs) {
  for (const int times : {1, 2, 5}) {
    FaultyCa f;
    f.ca().Script(Endpoint::kFinalize, Fault::Problem(403, "orderNotReady", "not yet"), times);
    ExpectOneCertificate(f, f.Issue());
    EXPECT_EQ(f.ca().count(Endpoint::kFinalize), times + 1);
  }
  FaultyCa f;
  f.ca().Script(Endpoint::kFinalize, Fault::Problem(403, "orderNotReady", "never"), 1000);
  const Order failed = f.Issue();
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_THAT(f.Says(failed), HasSubstr("never"));
  EXPECT_LE(f.ca().count(Endpoint::kFinalize), 15);
}

TEST(Row, F_CA_26_ARefusalOfAFinalizeThatWorkedIsSeenThrough) {
  for (const Fault& fault : {Fault::Problem(403, "orderNotReady", "the order is valid"),
                             Fault::Problem(403, "unauthorized", "no"),
                             Fault::Problem(409, "conflict", "finalized already")}) {
    for (const int polls : {0, 3}) {
      fakes::FakeCaOptions options;
      options.finalize_polls = polls;
      FaultyCa f(options);
      f.ca().Script(Endpoint::kFinalize, fault.AfterActing());
      ExpectOneCertificate(f, f.Issue());
    }
  }
}

TEST(Row, F_CA_36_TheSameComesOutWhateverTheCaReuses) {
  for (const bool orders : {false, true}) {
    for (const bool authorizations : {false, true}) {
      SCOPED_TRACE(absl::StrCat(orders, authorizations));
      fakes::FakeCaOptions options;
      options.reuse_orders = orders;
      options.reuse_authorizations = authorizations;
      FaultyCa f(options);
      EXPECT_EQ(f.Issue({kWww, "a.example.test"}).state, State::kDone);
      EXPECT_EQ(f.Issue({kWww, "b.example.test"}).state, State::kDone);
      EXPECT_EQ(f.ca().certificates_issued(), 2);
      EXPECT_EQ(f.ca().authorizations().size(), authorizations ? 3u : 4u);
      EXPECT_EQ(f.solver().served_count(), 0);
      EXPECT_THAT(f.ca().violations(), IsEmpty());
    }
  }
}

TEST(Row, F_CA_40_OneBadNameOfAHundredIsNamed) {
  std::vector<std::string> names;
  for (int i = 0; i < 100; ++i) names.push_back(absl::StrCat("n", i, ".example.test"));
  FaultyCa f;
  f.Configure(FlowFixture::All(Grade::kOff));
  f.ca().SetValidator([](const fakes::Attempt& attempt) {
    return attempt.name == "n37.example.test" ? absl::NotFoundError("404") : absl::OkStatus();
  });
  const Order failed = f.Issue(names);
  EXPECT_EQ(failed.state, State::kFailed);
  EXPECT_EQ(failed.error->reason, "VALIDATION_FAILED");
  EXPECT_THAT(f.Says(failed), HasSubstr("n37.example.test"));
  for (const NameProgress& progress : failed.progress) {
    EXPECT_EQ(progress.error.has_value(), progress.name.text() == "n37.example.test");
  }
  EXPECT_EQ(f.ca().certificates_issued(), 0);
  EXPECT_EQ(f.ca().orders().size(), 1u);
  EXPECT_EQ(f.solver().served_count(), 0);
}

}  // namespace
}  // namespace norroy::flow
