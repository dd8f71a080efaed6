#include "cli/order_text.h"

#include <gtest/gtest.h>

#include "common/error/error.h"

namespace norroy::cli {
namespace {

using issuer::v1::Order;

Order Failed(const std::string& reason, const std::string& problem_type) {
  Order order;
  order.set_id("0123456789abcdef0123456789abcdef");
  order.set_state(issuer::v1::ORDER_STATE_INVALID);
  order.mutable_error()->set_message("the CA refused");
  order.mutable_error()->mutable_info()->set_reason(reason);
  if (!problem_type.empty()) order.mutable_error()->mutable_problem()->set_type(problem_type);
  return order;
}

TEST(OrderOutcome, Table) {
  Order valid, ready, cancelled;
  valid.set_state(issuer::v1::ORDER_STATE_VALID);
  ready.set_state(issuer::v1::ORDER_STATE_READY);
  cancelled.set_state(issuer::v1::ORDER_STATE_CANCELLED);
  const struct {
    Order order;
    absl::StatusCode want;
  } cases[] = {
      {valid, absl::StatusCode::kOk},
      {ready, absl::StatusCode::kOk},
      {cancelled, absl::StatusCode::kCancelled},
      {Failed("VALIDATION_FAILED", ""), absl::StatusCode::kFailedPrecondition},
      {Failed("EXPIRED", "urn:ietf:params:acme:error:dns"), absl::StatusCode::kFailedPrecondition},
      {Failed("CA_REFUSED", "urn:ietf:params:acme:error:rateLimited"),
       absl::StatusCode::kResourceExhausted},
      {Failed("RATE_LIMITED", ""), absl::StatusCode::kResourceExhausted},
      {Failed("CA_PAUSED", "urn:ietf:params:acme:error:rateLimited"),
       absl::StatusCode::kFailedPrecondition},
  };
  for (const auto& c : cases) {
    const absl::Status status = OrderOutcome(c.order);
    EXPECT_EQ(status.code(), c.want) << status;
    EXPECT_EQ(ErrorReason(status).empty(), c.want == absl::StatusCode::kOk);
  }
}

TEST(OrderOutcome, CarriesTheProblemAndTheNames) {
  Order order = Failed("VALIDATION_FAILED", "urn:ietf:params:acme:error:connection");
  auto* name = order.add_names();
  name->set_name("www.example.com");
  name->mutable_error()->set_message("agent web1 does not serve port 80");
  const absl::Status status = OrderOutcome(order);
  EXPECT_EQ(status.message(),
            "order 0123456789abcdef0123456789abcdef failed: the CA refused\n"
            "  www.example.com: agent web1 does not serve port 80");
  EXPECT_TRUE(status.GetPayload(kProblemPayload).has_value());
}

TEST(OrderProgress, SaysWhatItWaitsForAndTheLastError) {
  Order order;
  order.set_id("0123456789abcdef0123456789abcdef");
  order.set_state(issuer::v1::ORDER_STATE_PENDING);
  EXPECT_EQ(OrderProgress(order), "order 01234567: pending");
  order.set_waiting_for("agent web2");
  order.mutable_error()->set_message("no answer");
  order.mutable_error()->mutable_info()->set_reason("AGENT_MISSING");
  EXPECT_EQ(OrderProgress(order),
            "order 01234567: pending, waits for agent web2; last error: no answer "
            "(AGENT_MISSING)");
}

TEST(OrderFields, NamesShowHowTheyAreProved) {
  Order order;
  auto* name = order.add_names();
  name->set_name("a.example.com");
  name->set_state(issuer::v1::NAME_STATE_PRESENTING);
  name->set_challenge_type(types::v1::CHALLENGE_TYPE_HTTP_01);
  name->add_agents("web1");
  name->add_agents("web2");
  order.add_names()->set_name("b.example.com");
  order.mutable_names(1)->set_state(issuer::v1::NAME_STATE_VALID);
  order.mutable_names(1)->set_reused(true);
  std::vector<std::string> names;
  for (const auto& [field, value] : OrderFields(order)) {
    if (field == "name") names.push_back(value);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a.example.com: presenting, http-01 by web1, web2",
                                             "b.example.com: valid, reused"}));
}

}  // namespace
}  // namespace norroy::cli
