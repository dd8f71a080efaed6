#include "issuer/store/inventory.h"

#include <gtest/gtest.h>

#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(StoreContract);

class InventoryTest : public StoreContract {};

TEST_P(InventoryTest, CountsWhatHasNotEnded) {
  Inventory inventory(*database_);
  EXPECT_TRUE(inventory.Check().ok());
  Create(NewOrder("queued", now_));
  Create(NewOrder("also", now_));
  Create(NewOrder("ended", now_));
  Leased leased = Take("ended");
  leased.order.state = flow::State::kFailed;
  ASSERT_TRUE(store_->SaveOrder(leased.order, leased.lease, true).ok());
  const auto counts = inventory.OpenOrders();
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ(counts->at(flow::State::kQueued), 2);
  EXPECT_EQ(counts->at(flow::State::kFinalizing), 0);
  EXPECT_EQ(counts->count(flow::State::kFailed), 0u);
}

TEST_P(InventoryTest, CertificatesInUseAreThoseThatAreMissedWhenTheyEnd) {
  const flow::Order www = NewOrder("a", now_, {"www.example.com", "api.example.com"});
  flow::StoredCertificate first = NewCertificate("1", www, now_);
  first.not_after = now_ + absl::Hours(48);
  Finish(www, first);
  const flow::Order mail = NewOrder("b", now_, {"mail.example.com"});
  flow::StoredCertificate soon = NewCertificate("2", mail, now_);
  soon.not_after = now_ + absl::Hours(24);
  Finish(mail, soon);
  Inventory inventory(*database_);
  const auto ids = [&](absl::Time ending_after, int limit) {
    std::vector<std::string> found;
    const auto certificates = inventory.Certificates(ending_after, limit);
    EXPECT_TRUE(certificates.ok()) << certificates.status();
    for (const CertificateInUse& certificate : *certificates) found.push_back(certificate.id);
    return found;
  };
  const auto certificates = inventory.Certificates(now_, 10);
  ASSERT_TRUE(certificates.ok()) << certificates.status();
  ASSERT_EQ(certificates->size(), 2u);
  EXPECT_EQ(certificates->at(1).name, "api.example.com");
  EXPECT_EQ(certificates->at(1).ca, www.ca);
  EXPECT_EQ(certificates->at(1).not_after, first.not_after);
  EXPECT_GT(certificates->at(1).renewal_time, now_);
  EXPECT_LT(certificates->at(1).renewal_time, first.not_after);
  EXPECT_EQ(ids(now_, 10), (std::vector<std::string>{"2", "1"}));
  EXPECT_EQ(ids(now_, 1), std::vector<std::string>{"2"});
  EXPECT_EQ(ids(soon.not_after, 10), std::vector<std::string>{"1"});
  // A successor takes the first one's place.
  const flow::Order again = NewOrder("c", now_, {"www.example.com", "api.example.com"});
  Finish(again, NewCertificate("3", again, now_));
  EXPECT_EQ(ids(now_, 10), (std::vector<std::string>{"2", "3"}));
}

INSTANTIATE_TEST_SUITE_P(On, InventoryTest, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::store
