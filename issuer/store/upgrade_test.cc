// A database of an earlier version, as it was left behind with orders under way, is brought up to
// this version and worked on.

#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

constexpr char kWithCsr[] = "61e54257cefbd2fc84b47d3fc3c6ca6a";
constexpr char kWithout[] = "c02fb72aea94a039245bd83bca46ee15";

class Upgrade : public StoreContract {
 protected:
  // Into a database of its own.
  void Load(const std::string& file) {
    store_.reset();
    database_.reset();
    auto opened = GetParam().open(absl::StrCat("upgrade-", GetParam().name));
    ASSERT_TRUE(opened.ok()) << opened.status();
    database_ = *std::move(opened);
    std::ifstream stream(file);
    std::stringstream text;
    text << stream.rdbuf();
    ASSERT_FALSE(text.str().empty()) << file;
    for (const absl::string_view statement : absl::StrSplit(text.str(), ";\n", absl::SkipEmpty())) {
      std::string sql;
      for (const absl::string_view line : absl::StrSplit(statement, '\n')) {
        if (!absl::StartsWith(line, "-- ")) absl::StrAppend(&sql, line, "\n");
      }
      Tamper(sql);
    }
  }
  // As flow does, in short.
  void FinishTaken(const Leased& leased) {
    flow::Order order = leased.order;
    order.certificate_id = absl::StrCat("cert-", order.id);
    const absl::Status finished =
        store_->FinishOrder(order, leased.lease, NewCertificate(order.certificate_id, order, now_));
    EXPECT_TRUE(finished.ok()) << finished;
    EXPECT_TRUE(store_->GetCertificate(order.certificate_id).ok());
    EXPECT_EQ(store_->GetOrder(order.id)->state, flow::State::kDone);
  }
};

INSTANTIATE_TEST_SUITE_P(On, Upgrade, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

TEST_P(Upgrade, OrdersOfVersionFiveAreFinished) {
  Load("issuer/store/testdata/schema_5.sql");
  const absl::Status migrated = sql::Migrate(*database_, Store::Migrations());
  ASSERT_TRUE(migrated.ok()) << migrated;
  store_ = Store::Make(*database_, "issuer/issuer");
  const auto chains = store_->VerifyAudit();
  ASSERT_TRUE(chains.ok()) << chains.status();
  EXPECT_EQ(chains->at(0).seq, 6);
  EXPECT_EQ(store_->GetAccount("ca")->status, "valid");
  EXPECT_FALSE(store_->GetOrder(kWithCsr)->csr.empty());
  EXPECT_TRUE(store_->GetOrder(kWithout)->csr.empty());

  now_ = store_->GetOrder(kWithout)->create_time + absl::Hours(1);
  for (const char* id : {kWithCsr, kWithout}) {
    const auto leased = store_->TakeDue("issuer/issuer", now_, kLease);
    ASSERT_TRUE(leased.ok() && leased->has_value()) << leased.status();
    EXPECT_EQ((*leased)->order.id, id);
    EXPECT_EQ((*leased)->order.state, flow::State::kQueued);
    FinishTaken(**leased);
  }
  EXPECT_FALSE((*store_->TakeDue("issuer/issuer", now_, kLease)).has_value());
  EXPECT_TRUE(store_->VerifyAudit().ok());
}

}  // namespace
}  // namespace norroy::store
