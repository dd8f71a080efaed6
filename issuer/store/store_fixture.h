#ifndef NORROY_ISSUER_STORE_STORE_FIXTURE_H_
#define NORROY_ISSUER_STORE_STORE_FIXTURE_H_

// What the tests of store_contract_test share: a store on each kind of database, and orders to put
// into it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/sql/database_kinds.h"
#include "gtest/gtest.h"
#include "issuer/store/store.h"

namespace norroy::store {

inline constexpr absl::Duration kLease = absl::Minutes(5);

class StoreContract : public testing::TestWithParam<sql::DatabaseKind> {
 protected:
  void SetUp() override { Reopen(); }
  // As after a restart: of ":memory:" nothing is left.
  void Reopen();

  // Creates it, and fails the test if that fails.
  flow::Order Create(const flow::Order& order);
  Leased Take(const std::string& id, const std::string& owner = "one");
  // Takes the order, and finishes it with this certificate.
  void Finish(const flow::Order& order, const flow::StoredCertificate& certificate);
  // SQL past the store, as somebody with the file could do.
  void Tamper(const std::string& sql);
  int64_t Count(const std::string& sql);

  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
};

std::vector<challenge::Name> Names(const std::vector<std::string>& texts);

// Due at once.
flow::Order NewOrder(const std::string& id, absl::Time now,
                     const std::vector<std::string>& names = {"www.example.com"});

flow::StoredCertificate NewCertificate(const std::string& id, const flow::Order& order,
                                       absl::Time now, const std::string& key = "k1");

// Every field in words, NameProgress::responded excepted.
std::string Describe(const flow::Order& order);
std::string Describe(const flow::StoredCertificate& certificate);

// Runs `work(i)` on that many threads at once and waits for all.
void Race(int threads, const std::function<void(int)>& work);

std::vector<std::string> IdsOf(const std::vector<flow::Order>& orders);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_STORE_FIXTURE_H_
