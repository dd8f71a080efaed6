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

INSTANTIATE_TEST_SUITE_P(On, InventoryTest, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace
}  // namespace norroy::store
