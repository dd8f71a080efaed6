// Certificates: the end of an order, lists, repeats, readers, revocation.

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

const AuditEntry kAudit = {.principal = "operator/alice", .action = "certificate.change"};

std::vector<std::string> IdsOf(const std::vector<flow::StoredCertificate>& certificates) {
  std::vector<std::string> ids;
  for (const auto& certificate : certificates) ids.push_back(certificate.id);
  return ids;
}

TEST_P(StoreContract, FinishingEndsTheOrder) {
  Create(NewOrder("a", now_));
  Create(NewOrder("b", now_));
  const Leased a = Take("a");
  const Leased b = Take("b");
  ASSERT_TRUE(*store_->TakeFlight(a.order, a.lease));
  ASSERT_TRUE(store_->FinishOrder(a.order, a.lease, NewCertificate("cert", a.order, now_)).ok());
  const auto order = store_->GetOrder("a");
  ASSERT_TRUE(order.ok());
  EXPECT_EQ(order->state, flow::State::kDone);
  EXPECT_EQ(order->certificate_id, "cert");
  EXPECT_TRUE(*store_->TakeFlight(b.order, b.lease));
  EXPECT_EQ(ErrorReason(store_->SaveOrder(a.order, a.lease, false)), "LEASE_LOST");
  EXPECT_EQ(
      ErrorReason(store_->FinishOrder(a.order, a.lease, NewCertificate("again", a.order, now_))),
      "LEASE_LOST");
  EXPECT_TRUE(absl::IsNotFound(store_->GetCertificate("again").status()));
}

TEST_P(StoreContract, ACertificateThatCannotBeStoredEndsNothing) {
  const flow::Order first = NewOrder("a", now_);
  Finish(first, NewCertificate("cert", first, now_));
  Create(NewOrder("b", now_, {"b.example.com"}));
  const Leased b = Take("b");
  EXPECT_FALSE(store_->FinishOrder(b.order, b.lease, NewCertificate("cert", b.order, now_)).ok());
  EXPECT_FALSE(store_->FinishOrder(b.order, b.lease, NewCertificate("other", first, now_)).ok());
  EXPECT_EQ(store_->GetOrder("b")->state, flow::State::kQueued);
  EXPECT_TRUE(store_->FinishOrder(b.order, b.lease, NewCertificate("own", b.order, now_)).ok());
}

TEST_P(StoreContract, ANewCertificateReplacesThoseOfItsSet) {
  struct Case {
    std::string id;
    std::string ca;
    std::vector<std::string> names;
    std::string key_type;
    std::string replaced_by;  // at the end
  };
  const Case cases[] = {
      {"one", "letsencrypt", {"www.example.com"}, "p256", "two"},
      {"rsa", "letsencrypt", {"www.example.com"}, "rsa2048", ""},
      {"more", "letsencrypt", {"www.example.com", "x.example.com"}, "p256", ""},
      {"staging", "staging", {"www.example.com"}, "p256", ""},
      {"two", "letsencrypt", {"www.example.com"}, "p256", "three"},
      {"three", "letsencrypt", {"www.example.com"}, "p256", ""},
  };
  for (const Case& c : cases) {
    flow::Order order = NewOrder(absl::StrCat("order-", c.id), now_, c.names);
    order.ca = c.ca;
    flow::StoredCertificate certificate = NewCertificate(c.id, order, now_);
    certificate.key_type = c.key_type;
    Finish(order, certificate);
    now_ += absl::Hours(1);
  }
  for (const Case& c : cases) {
    EXPECT_EQ(store_->GetCertificate(c.id)->replaced_by, c.replaced_by) << c.id;
  }
}

TEST_P(StoreContract, CertificatesAreListedForTheirReaders) {
  for (int i = 0; i < 6; ++i) {
    flow::Order order = NewOrder(absl::StrCat("o", i), now_ + absl::Seconds(i),
                                 {absl::StrCat("n", i, ".example.com"), "www.example.com"});
    order.creator = i % 2 == 0 ? "alice" : "bob";
    if (i == 1) order.finalizers = {"carol"};
    Finish(order, NewCertificate(absl::StrCat("c", i), order, now_ + absl::Seconds(i)));
  }
  ASSERT_TRUE(store_->AddReader("c5", "carol", kAudit).ok());
  ASSERT_TRUE(store_->AddReader("c5", "carol", kAudit).ok());
  ASSERT_TRUE(store_->AddReader("c5", "bob", kAudit).ok());
  EXPECT_EQ(store_->GetCertificate("c5")->readers, std::vector<std::string>{"carol"});
  EXPECT_TRUE(absl::IsNotFound(store_->AddReader("nobody", "carol", kAudit)));

  struct Case {
    std::string what;
    CertificateFilter filter;
    std::vector<std::string> ids;
  };
  const Case cases[] = {
      {"all", {}, {"c5", "c4", "c3", "c2", "c1", "c0"}},
      {"alice's", {.reader = "alice"}, {"c4", "c2", "c0"}},
      {"carol's", {.reader = "carol"}, {"c5", "c1"}},
      {"one name", {.name = Names({"n3.example.com"})[0]}, {"c3"}},
      {"a name of alice", {.reader = "alice", .name = Names({"n3.example.com"})[0]}, {}},
  };
  for (const Case& c : cases) {
    std::vector<std::string> ids;
    PageKey after;
    while (true) {
      const auto page = store_->ListCertificates(c.filter, after, 2);
      ASSERT_TRUE(page.ok()) << page.status();
      if (page->empty()) break;
      for (const std::string& id : IdsOf(*page)) ids.push_back(id);
      after = {page->back().create_time, page->back().id};
    }
    EXPECT_EQ(ids, c.ids) << c.what;
  }
}

TEST_P(StoreContract, ARepeatIsTheNewestThatCanServe) {
  for (int i = 0; i < 3; ++i) {
    const flow::Order order = NewOrder(absl::StrCat("o", i), now_ + absl::Hours(i));
    Finish(order, NewCertificate(absl::StrCat("c", i), order, now_ + absl::Hours(i),
                                 i == 2 ? "k2" : "k1"));
  }
  const absl::Time now = now_ + absl::Hours(5);
  struct Case {
    std::string what;
    std::function<void(flow::Order&)> change;
    std::string key;
    absl::Time at;
    std::string id;  // empty: none
  };
  const auto as_is = [](flow::Order&) {};
  const absl::Duration two_thirds = absl::Hours(24 * 60);
  const Case cases[] = {
      {"newest of its key", as_is, "k1", now, "c1"},
      {"another key", as_is, "k2", now, "c2"},
      {"an unknown key", as_is, "k3", now, ""},
      {"another CA", [](flow::Order& o) { o.ca = "staging"; }, "k1", now, ""},
      {"another profile", [](flow::Order& o) { o.profile = "shortlived"; }, "k1", now, ""},
      {"other names", [](flow::Order& o) { o.names = Names({"x.example.com"}); }, "k1", now, ""},
      {"just before its renewal", as_is, "k1",
       now_ + absl::Hours(1) + two_thirds - absl::Seconds(1), "c1"},
      {"its renewal time", as_is, "k1", now_ + absl::Hours(1) + two_thirds, ""},
  };
  for (const Case& c : cases) {
    flow::Order order = NewOrder("new", now);
    c.change(order);
    const auto found = store_->FindRepeat(order, c.key, c.at);
    ASSERT_TRUE(found.ok()) << c.what << ": " << found.status();
    EXPECT_EQ(found->has_value() ? (*found)->id : "", c.id) << c.what;
  }
  ASSERT_TRUE(store_->NoteRevoked("c1", 1, now, kAudit).ok());
  EXPECT_EQ((*store_->FindRepeat(NewOrder("new", now), "k1", now))->id, "c0");
}

TEST_P(StoreContract, TheFirstRevocationCounts) {
  const flow::Order order = NewOrder("a", now_);
  Finish(order, NewCertificate("cert", order, now_));
  ASSERT_TRUE(store_->NoteRevoked("cert", 1, now_ + absl::Hours(1), kAudit).ok());
  ASSERT_TRUE(store_->NoteRevoked("cert", 4, now_ + absl::Hours(2), kAudit).ok());
  EXPECT_EQ(store_->GetCertificate("cert")->revoke_time, now_ + absl::Hours(1));
  EXPECT_EQ(store_->GetCertificate("cert")->revocation_reason, 1);
  EXPECT_TRUE(absl::IsNotFound(store_->NoteRevoked("nobody", 1, now_, kAudit)));
}

}  // namespace
}  // namespace norroy::store
