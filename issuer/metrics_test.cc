#include "issuer/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/sql/time_column.h"
#include "issuer/store/store.h"

namespace norroy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class IssuerMetricsTest : public ::testing::Test {
 protected:
  flow::Order Ended(flow::State state) {
    flow::Order order;
    order.ca = "le";
    order.state = state;
    order.create_time = clock_.Now();
    order.update_time = clock_.Now() + absl::Seconds(2);
    return order;
  }

  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  metrics::Registry registry_;
  IssuerMetrics metrics_{registry_, clock_};
};

TEST_F(IssuerMetricsTest, CountsOrdersThatEnd) {
  metrics_.Note(Ended(flow::State::kFinalizing));
  EXPECT_THAT(registry_.Text(), Not(HasSubstr("norroy_orders_total{")));
  metrics_.Note(Ended(flow::State::kDone));
  flow::Order failed = Ended(flow::State::kFailed);
  failed.error = flow::OrderError::Of(
      MakeError(absl::StatusCode::kFailedPrecondition, "VALIDATION_FAILED", "404"));
  metrics_.Note(failed);
  EXPECT_THAT(registry_.Text(),
              HasSubstr("norroy_orders_total{ca=\"le\",reason=\"\",result=\"valid\"} 1\n"));
  EXPECT_THAT(
      registry_.Text(),
      HasSubstr(
          "norroy_orders_total{ca=\"le\",reason=\"VALIDATION_FAILED\",result=\"invalid\"} 1\n"));
  EXPECT_THAT(registry_.Text(), HasSubstr("norroy_order_duration_seconds_sum{ca=\"le\"} 2\n"));
}

TEST_F(IssuerMetricsTest, ReadsWhatIsLeftOfLimits) {
  const auto database = sql::OpenSqlite(":memory:");
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(sql::Migrate(**database, store::Store::Migrations()).ok());
  store::Ledger ledger(**database);
  const limits::Published ten = {10, absl::Hours(1)};
  const limits::KnownCas cas = {
      {"le", {"https://le.test/", {.new_orders_per_account = ten, .certificates_per_domain = ten}}},
      {"none", {"https://none.test/", {}}}};
  const auto spend = [&](const char* scope, const char* limit, const char* subject, int count) {
    ASSERT_TRUE(
        (*database)
            ->Write([&](sql::Connection& connection) {
              return connection
                  .Execute(
                      "INSERT INTO ledger_buckets (scope, kind, subject, full_time, "
                      "served_turn) VALUES ($1, $2, $3, $4, 0)",
                      {scope, limit, subject,
                       sql::TimeColumn(clock_.Now() + count * limits::RuleOf(ten).interval)})
                  .status();
            })
            .ok());
  };
  metrics_.Sample(ledger, cas);
  EXPECT_THAT(
      registry_.Text(),
      HasSubstr(
          "norroy_ratelimit_remaining_ratio{ca=\"le\",limit=\"new_orders_per_account\"} 1\n"));
  spend("le", store::kNewOrdersPerAccount, "", 2);
  spend("https://le.test/", store::kCertificatesPerDomain, "a.test", 6);
  spend("https://le.test/", store::kCertificatesPerDomain, "b.test", 4);
  metrics_.Sample(ledger, cas);
  EXPECT_THAT(registry_.Text(), HasSubstr("{ca=\"le\",limit=\"new_orders_per_account\"} 0.75\n"));
  EXPECT_THAT(registry_.Text(), HasSubstr("{ca=\"le\",limit=\"certificates_per_domain\"} 0.25\n"));
  EXPECT_THAT(registry_.Text(), Not(HasSubstr("ca=\"none\"")));
}

TEST_F(IssuerMetricsTest, ReadsWhenCertificatesEnd) {
  const auto database = sql::OpenSqlite(":memory:");
  ASSERT_TRUE(database.ok()) << database.status();
  ASSERT_TRUE(sql::Migrate(**database, store::Store::Migrations()).ok());
  const auto write = [&](const std::vector<std::string>& statements) {
    const absl::Status done = (*database)->Write([&](sql::Connection& connection) {
      for (const std::string& statement : statements) {
        const absl::Status status = connection.Execute(statement, {}).status();
        if (!status.ok()) return status;
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(done.ok()) << done;
  };
  const int64_t renewal = sql::TimeColumn(clock_.Now() + absl::Seconds(60));
  const int64_t not_after = sql::TimeColumn(clock_.Now() + absl::Seconds(90));
  write({"INSERT INTO orders VALUES ('o', 'le', '', '', 1, 0, 0, '', 0, 0, x'')",
         "INSERT INTO certificates VALUES ('c', 'o', 'le', '', '', 'p256', '', '', 0, 0, x'')",
         "INSERT INTO certificate_names VALUES ('www.example.com', 'c')",
         absl::StrCat("INSERT INTO renewals VALUES ('c', 'le', ", renewal, ", ", not_after,
                      ", 0, 0, 0, 0, x'')")});
  store::Inventory inventory(**database);
  metrics_.Sample(inventory);
  const std::string labels = "{ca=\"le\",certificate=\"c\",name=\"www.example.com\"} ";
  const auto line = [&](const char* moment, int seconds) {
    return absl::StrCat("norroy_certificate_", moment, "_timestamp_seconds", labels,
                        1'800'000'000 + seconds, "\n");
  };
  EXPECT_THAT(registry_.Text(), HasSubstr(line("renewal", 60)));
  EXPECT_THAT(registry_.Text(), HasSubstr(line("not_after", 90)));
  // Renewed: it is nobody's worry any more, from the next look on.
  write({"UPDATE renewals SET ended = 1"});
  metrics_.Sample(inventory);
  EXPECT_THAT(registry_.Text(), HasSubstr(line("not_after", 90)));
  clock_.Advance(absl::Seconds(10));
  metrics_.Sample(inventory);
  EXPECT_THAT(registry_.Text(), Not(HasSubstr("certificate=\"c\"")));
}

// Answers after a while of simulated time, or not at all.
class SlowCa final : public http::Client {
 public:
  explicit SlowCa(SimulatedClock& clock) : clock_(clock) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    clock_.Advance(absl::Milliseconds(250));
    if (request.purpose == "newNonce") return absl::UnavailableError("reset");
    return http::Response{.status = 201};
  }

 private:
  SimulatedClock& clock_;
};

TEST_F(IssuerMetricsTest, CountsRequestsToCas) {
  const auto client = metrics_.Count("le", std::make_unique<SlowCa>(clock_));
  EXPECT_TRUE(client->Send({.purpose = "newOrder", .method = "POST"}).ok());
  EXPECT_FALSE(client->Send({.purpose = "newNonce", .method = "HEAD"}).ok());
  EXPECT_THAT(registry_.Text(),
              HasSubstr("norroy_acme_requests_total{action=\"newOrder\",ca=\"le\",method=\"POST\","
                        "status=\"201\"} 1\n"));
  EXPECT_THAT(registry_.Text(),
              HasSubstr("norroy_acme_requests_total{action=\"newNonce\",ca=\"le\",method=\"HEAD\","
                        "status=\"none\"} 1\n"));
  EXPECT_THAT(registry_.Text(), HasSubstr("norroy_acme_request_duration_seconds_sum{"
                                          "action=\"newOrder\",ca=\"le\"} 0.25\n"));
}

}  // namespace
}  // namespace norroy
