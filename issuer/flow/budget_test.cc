// Orders of a CA that publishes limits: it never has to refuse one.

#include "issuer/flow/budget.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "issuer/flow/ca_faults.h"
#include "issuer/store/ledger.h"

namespace norroy::flow {
namespace {

using fakes::Calls;
using fakes::Endpoint;
using fakes::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// Four at once (five are published), and one more each quarter of an hour.
limits::CaLimits FiveAnHour() {
  return {.new_orders_per_account = limits::Published{5, absl::Hours(1)}};
}
limits::CaLimits FiveADomain() {
  return {.certificates_per_domain = limits::Published{5, absl::Hours(1)}};
}

class Budgeted : public FaultyCa {
 public:
  explicit Budgeted(const limits::CaLimits& limits) { SetCaLimits({{"fake", limits}}); }

  // In one domain, or each in its own.
  std::vector<std::string> PlaceMany(int count, bool one_domain = true) {
    std::vector<std::string> ids;
    for (int i = 0; i < count; ++i) {
      const std::string name = one_domain ? absl::StrCat("w", i, ".example.test")
                                          : absl::StrCat("www.example", i, ".test");
      ids.push_back(Place({name}).id);
      clock().Advance(absl::Milliseconds(1));
    }
    return ids;
  }
  int Done(const std::vector<std::string>& ids) {
    int done = 0;
    for (const std::string& id : ids) done += Get(id).state == State::kDone;
    return done;
  }
};

TEST(Budgets, WhatIsNotLeftIsWaitedFor) {
  Budgeted f(FiveAnHour());
  const absl::Time begin = f.clock().Now();
  const std::vector<std::string> ids = f.PlaceMany(7, /*one_domain=*/false);
  // They look again after ten minutes, and see who is before them.
  f.RunFor(absl::Minutes(12));
  EXPECT_EQ(f.Done(ids), 4);
  EXPECT_EQ(f.ca().orders().size(), 4u);
  // One each quarter of an hour.
  std::set<std::string> turns;
  for (const std::string& id : ids) {
    const Order order = f.Get(id);
    if (order.state == State::kDone) continue;
    EXPECT_EQ(order.state, State::kQueued);
    EXPECT_FALSE(order.error.has_value());
    EXPECT_THAT(order.waiting_for, StartsWith("the rate limits of fake; its turn comes at about "));
    turns.insert(order.waiting_for);
  }
  ASSERT_EQ(turns.size(), 3u);
  EXPECT_THAT(*turns.rbegin(), HasSubstr(absl::FormatTime("T%H:%M:", begin + absl::Minutes(45),
                                                          absl::UTCTimeZone())));
  f.RunFor(absl::Minutes(5));
  EXPECT_EQ(f.Done(ids), 5);
  f.RunFor(absl::Minutes(30));
  EXPECT_EQ(f.Done(ids), 7);
  EXPECT_THAT(f.ca().violations(), IsEmpty());
}

TEST(Budgets, ARestartForgetsNeitherTheLineNorWhatIsSpent) {
  Budgeted f(FiveAnHour());
  const std::vector<std::string> ids = f.PlaceMany(6, /*one_domain=*/false);
  f.RunFor(absl::Minutes(1));
  f.Restart();
  const Order newcomer = f.Place({"www.new.test"});
  f.RunFor(absl::Minutes(32));
  EXPECT_EQ(f.Done(ids), 6);
  EXPECT_EQ(f.Get(newcomer.id).state, State::kQueued);
  EXPECT_EQ(f.Settle(newcomer.id).state, State::kDone);
}

TEST(Budgets, DomainsAreCountedApart) {
  Budgeted f(FiveADomain());
  const std::vector<std::string> ids = f.PlaceMany(5);
  f.RunFor(absl::Minutes(5));
  EXPECT_EQ(f.Done(ids), 4);
  EXPECT_EQ(f.Issue({"www.example.net", "www.example.org"}).state, State::kDone);
}

TEST(Budgets, AnOrderWithoutACertificateCostsItsDomainNothing) {
  Budgeted f(FiveADomain());
  for (int i = 0; i < 8; ++i) {
    const Order order = f.Create({absl::StrCat("c", i, ".example.test")});
    ASSERT_EQ(f.Settle(order.id, absl::Minutes(1)).state, State::kWaitingForCsr) << i;
    ASSERT_TRUE(f.store()
                    .ChangeOrder(order.id, true,
                                 [](Order& changed) {
                                   changed.state = State::kGivingUp;
                                   changed.ending = State::kCancelled;
                                   changed.due_time = absl::InfinitePast();
                                   return absl::OkStatus();
                                 },
                                 {.principal = "operator/test", .action = "order.cancel"})
                    .ok());
    ASSERT_EQ(f.Settle(order.id, absl::Minutes(1)).state, State::kCancelled);
  }
}

TEST(Budgets, NamesThatWereIssuedTogetherCostNothingAgainWhereTheCaSaysSo) {
  limits::CaLimits limits = FiveADomain();
  limits.renewals_are_free = true;
  Budgeted f(limits);
  ASSERT_EQ(f.Issue({kWww}).state, State::kDone);
  const std::vector<std::string> ids = f.PlaceMany(4);
  f.RunFor(absl::Minutes(1));
  ASSERT_EQ(f.Done(ids), 3);
  EXPECT_EQ(f.Settle(f.Place({kWww}).id, absl::Minutes(1)).state, State::kDone);
}

TEST(Budgets, WhatIsAboutToExpireUsesWhatIsKeptForIt) {
  Budgeted f(FiveAnHour());
  const Order old = f.Issue({kWww});
  ASSERT_EQ(old.state, State::kDone);
  const StoredCertificate certificate = *f.store().GetCertificate(old.certificate_id);
  f.clock().Advance(certificate.not_after - f.clock().Now() - absl::Hours(1));
  const std::vector<std::string> ids = f.PlaceMany(5, /*one_domain=*/false);
  f.RunFor(absl::Minutes(1));
  ASSERT_EQ(f.Done(ids), 4);
  const std::vector<std::string> names = {kWww, "more.example.test"};
  const std::string csr = MakeCsr(names, MakeKey());
  const Order other = f.Create(names, csr);
  const Order renewal = f.Create(names, csr, /*reuse_never=*/false, old.certificate_id);
  f.RunFor(absl::Minutes(1));
  EXPECT_EQ(f.Get(renewal.id).state, State::kDone);
  EXPECT_EQ(f.Get(other.id).state, State::kQueued);
}

TEST(Budgets, ARenewalThatTheCaDoesNotTakeForOneIsCounted) {
  limits::CaLimits limits = FiveAnHour();
  limits.renewals_are_free = true;
  Budgeted f(limits);
  const Order old = f.Issue({kWww});
  ASSERT_EQ(old.state, State::kDone);
  const std::vector<std::string> names = {kWww, "more.example.test"};
  const auto renew = [&] {
    return f.Settle(
        f.Create(names, MakeCsr(names, MakeKey()), /*reuse_never=*/false, old.certificate_id).id,
        absl::Minutes(1));
  };
  const auto left = [&] {
    store::Ledger ledger(f.database());
    return limits::TokensLeft(limits::RuleOf(*limits.new_orders_per_account),
                              ledger.Get({AccountBucket("fake")}, f.clock().Now())->front().full_at,
                              f.clock().Now());
  };
  ASSERT_EQ(left(), 3);
  f.ca().ScriptAt(Endpoint::kNewOrder, Calls::Nth(1),
                  Fault::Problem(409, "alreadyReplaced", "replaced already"));
  const Order renewed = renew();
  ASSERT_EQ(renewed.state, State::kDone) << f.Says(renewed);
  EXPECT_TRUE(renewed.replaces_refused);
  EXPECT_EQ(left(), 2);
}

TEST(Budgets, WhatBeginsAnewDrawsAnew) {
  Budgeted f(FiveAnHour());
  f.ca().ScriptAt(Endpoint::kChallenge, Calls::Nth(1),
                  Fault::Problem(400, "malformed", "no such challenge"));
  const Order order = f.Issue({kWww});
  ASSERT_EQ(order.state, State::kDone) << f.Says(order);
  EXPECT_EQ(static_cast<size_t>(order.beginnings) + 1, f.ca().orders().size());
}

TEST(Budgets, WhereBothCasAreSpentAnOrderStaysInItsLine) {
  Budgeted f(FiveAnHour());
  f.AddCa();
  f.SetCaLimits({{"fake", FiveAnHour()}, {"other", FiveAnHour()}});
  const std::vector<std::string> ids = f.PlaceMany(10, /*one_domain=*/false);
  f.RunFor(absl::Minutes(1));
  EXPECT_EQ(f.Done(ids), 8);
  f.RunFor(absl::Minutes(40));
  EXPECT_EQ(f.Done(ids), 10);
  for (const std::string& id : ids) EXPECT_LE(f.Get(id).failed_cas.size(), 1u);
}

TEST(Budgets, WhereTheLineIsLongAnOrderGoesToItsNextCa) {
  Budgeted f(FiveAnHour());
  fakes::FakeCa& other = f.AddCa();
  const std::vector<std::string> ids = f.PlaceMany(6, /*one_domain=*/false);
  f.RunFor(absl::Minutes(1));
  EXPECT_EQ(f.Done(ids), 6);
  EXPECT_EQ(f.ca().certificates_issued(), 4);
  EXPECT_EQ(other.certificates_issued(), 2);
  const Order moved = f.Get(ids.back());
  ASSERT_EQ(moved.failed_cas.size(), 1u);
  EXPECT_EQ(moved.failed_cas[0].error.reason, "BUDGET_SPENT");
}

}  // namespace
}  // namespace norroy::flow
