#include "issuer/service/convert.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "common/error/error.h"

namespace norroy::service {
namespace {

using flow::State;

flow::Order SomeOrder(State state) {
  flow::Order order;
  order.id = std::string(32, 'a');
  order.names = {challenge::Name::Parse("www.example.com").value()};
  order.state = state;
  order.due_time = absl::InfiniteFuture();
  return order;
}

struct StateCase {
  State state;
  bool finalize_requested;
  State ending;
  issuer::v1::OrderState shown;
};

const StateCase kStates[] = {
    {State::kQueued, false, State::kFailed, issuer::v1::ORDER_STATE_PENDING},
    {State::kOrdering, false, State::kFailed, issuer::v1::ORDER_STATE_PENDING},
    {State::kPresenting, false, State::kFailed, issuer::v1::ORDER_STATE_PENDING},
    {State::kValidating, false, State::kFailed, issuer::v1::ORDER_STATE_PENDING},
    {State::kQueued, true, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kOrdering, true, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kPresenting, true, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kValidating, true, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kWaitingForCsr, false, State::kFailed, issuer::v1::ORDER_STATE_READY},
    {State::kFinalizing, true, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kFinalizing, false, State::kFailed, issuer::v1::ORDER_STATE_PROCESSING},
    {State::kGivingUp, true, State::kFailed, issuer::v1::ORDER_STATE_INVALID},
    {State::kGivingUp, false, State::kCancelled, issuer::v1::ORDER_STATE_CANCELLED},
    {State::kDone, true, State::kFailed, issuer::v1::ORDER_STATE_VALID},
    {State::kFailed, true, State::kFailed, issuer::v1::ORDER_STATE_INVALID},
    {State::kCancelled, false, State::kCancelled, issuer::v1::ORDER_STATE_CANCELLED},
};

TEST(StateOf, Table) {
  for (const StateCase& row : kStates) {
    flow::Order order = SomeOrder(row.state);
    order.finalize_requested = row.finalize_requested;
    order.ending = row.ending;
    EXPECT_EQ(StateOf(order), row.shown) << flow::StateName(row.state);
    const std::vector<State> inner = InnerStates(row.shown);
    EXPECT_NE(std::find(inner.begin(), inner.end(), row.state), inner.end());
  }
}

TEST(ToProto, ShowsProgressErrorsAndWaiting) {
  flow::Order order = SomeOrder(State::kPresenting);
  order.due_time = absl::FromUnixSeconds(1000);
  order.waiting_for = "agent web2";
  flow::NameProgress progress{order.names[0], {}, {}, {}, {}, {}, {}, {}, {}};
  progress.state = flow::NameState::kPresenting;
  progress.type = challenge::ChallengeType::kHttp01;
  progress.agents = {"web1"};
  progress.views.emplace_back().set_viewpoint("validator-1");
  progress.views[0].add_findings()->set_code("PORT_CLOSED");
  absl::Status status = MakeError(absl::StatusCode::kUnavailable, "PRESENT_FAILED", "not served",
                                  {{"agent", "web2"}});
  types::v1::Problem problem;
  problem.set_detail("said the CA");
  status.SetPayload(kProblemPayload, absl::Cord(problem.SerializeAsString()));
  progress.error = flow::OrderError::Of(status);
  order.progress = {progress};
  order.error = progress.error;
  const issuer::v1::Order proto = ToProto(order);
  EXPECT_EQ(proto.step(), "PRESENTING");
  EXPECT_EQ(proto.next_attempt_time().seconds(), 1000);
  EXPECT_EQ(proto.waiting_for(), "agent web2");
  ASSERT_EQ(proto.names_size(), 1);
  EXPECT_EQ(proto.names(0).challenge_type(), types::v1::CHALLENGE_TYPE_HTTP_01);
  EXPECT_EQ(proto.names(0).agents(0), "web1");
  ASSERT_EQ(proto.names(0).views_size(), 1);
  EXPECT_EQ(proto.names(0).views(0).viewpoint(), "validator-1");
  EXPECT_EQ(proto.names(0).views(0).findings(0).code(), "PORT_CLOSED");
  EXPECT_EQ(proto.error().info().reason(), "PRESENT_FAILED");
  EXPECT_EQ(proto.error().info().domain(), "norroy");
  EXPECT_EQ(proto.error().info().metadata().at("agent"), "web2");
  EXPECT_EQ(proto.names(0).error().problem().detail(), "said the CA");
}

TEST(Etag, ChangesWithWhatIsShownAndOnlyThen) {
  flow::Order order = SomeOrder(State::kQueued);
  order.labels = {{"b", "2"}, {"a", "1"}, {"c", "3"}};
  const std::string etag = EtagOf(order);
  EXPECT_EQ(ToProto(order).etag(), etag);
  EXPECT_EQ(EtagOf(order), etag);
  order.ca_order_url = "https://ca.test/order/1";
  EXPECT_EQ(EtagOf(order), etag);
  order.update_time += absl::Microseconds(1);
  EXPECT_NE(EtagOf(order), etag);
}

TEST(ToTimestamp, WholeMicrosecondsAlsoBeforeTheEpoch) {
  const struct {
    absl::Time time;
    int64_t seconds;
    int32_t nanos;
  } cases[] = {
      {absl::UnixEpoch(), 0, 0},
      {absl::UnixEpoch() + absl::Nanoseconds(1999), 0, 1000},
      {absl::UnixEpoch() - absl::Microseconds(1), -1, 999'999'000},
      {absl::FromUnixSeconds(1'772'366'400) + absl::Milliseconds(5), 1'772'366'400, 5'000'000}};
  for (const auto& row : cases) {
    const google::protobuf::Timestamp timestamp = ToTimestamp(row.time);
    EXPECT_EQ(timestamp.seconds(), row.seconds);
    EXPECT_EQ(timestamp.nanos(), row.nanos);
  }
}

TEST(ToProto, ListedCertificatesHaveNoChains) {
  flow::StoredCertificate certificate;
  certificate.chains_pem = {"a", "b"};
  certificate.revoke_time = absl::FromUnixSeconds(5);
  certificate.revocation_reason = 1;
  EXPECT_EQ(ToProto(certificate).chains_pem_size(), 2);
  EXPECT_EQ(ToListedProto(certificate).chains_pem_size(), 0);
  EXPECT_EQ(ToProto(certificate).revocation_reason(), issuer::v1::REVOCATION_REASON_KEY_COMPROMISE);
}

}  // namespace
}  // namespace norroy::service
