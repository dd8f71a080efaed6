#ifndef NORROY_VALIDATOR_PRESENTATION_COORDINATOR_FIXTURE_H_
#define NORROY_VALIDATOR_PRESENTATION_COORDINATOR_FIXTURE_H_

// A coordinator over a real store and registry, on simulated time, with agents that answer as the
// test says.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/error/error.h"
#include "validator/agents/test_fleet.h"
#include "validator/presentation/coordinator.h"
#include "validator/presentation/messages.h"
#include "validator/presentation/wish.h"

namespace norroy::validator {

inline const absl::Time kStart = absl::FromUnixSeconds(1767225600);

// A sealed proof as far as a validator looks at it: the signature is the agents' to verify.
inline types::v1::SealedProof SealedFor(const std::string& id, int64_t generation,
                                        const std::string& name, challenge::ChallengeType type,
                                        absl::Time not_after, const std::string& token = "token") {
  const challenge::Name parsed = *challenge::Name::Parse(name);
  types::v1::SealBody body;
  body.set_deployment("test");
  body.set_kind(types::v1::SEAL_KIND_CHALLENGE);
  body.set_presentation_id(id);
  body.set_generation(generation);
  *body.mutable_proof()->mutable_identifier() = challenge::ToProto(parsed.identifier());
  body.mutable_proof()->set_wildcard(parsed.wildcard());
  body.mutable_proof()->set_type(challenge::ToProto(type));
  body.mutable_proof()->set_token(token);
  body.mutable_proof()->set_key_authorization(absl::StrCat(token, ".", std::string(43, 'k')));
  *body.mutable_not_before() = ToTimestamp(not_after - absl::Minutes(15));
  *body.mutable_not_after() = ToTimestamp(not_after);
  types::v1::SealedProof sealed;
  sealed.set_body(body.SerializeAsString());
  sealed.set_signature(std::string(64, 's'));
  sealed.set_certificate(std::string(500, 'c'));
  return sealed;
}

class CoordinatorTest : public testing::Test {
 protected:
  CoordinatorTest() { Restart(); }

  // Without its agents, as after a restart of the process.
  void Restart() {
    coordinator_.reset();
    auto coordinator =
        Coordinator::Start({fleet_.store(), fleet_.registry(), clock_, timers_, "test"});
    ASSERT_TRUE(coordinator.ok()) << coordinator.status();
    coordinator_ = *std::move(coordinator);
  }

  void Enroll(const std::string& agent, const std::vector<ChallengeGrant>& grants) {
    fleet_.Enroll(agent, grants);
    coordinator_->FleetChanged();
  }
  void EnrollHttp(const std::vector<std::string>& agents) {
    for (const std::string& agent : agents) {
      Enroll(agent, {GrantOf({".example.com"}, {challenge::ChallengeType::kHttp01})});
    }
  }

  std::shared_ptr<FakeLink> Attach(const std::string& agent,
                                   const std::map<std::string, int64_t>& presented = {}) {
    auto link = std::make_shared<FakeLink>();
    attachments_[agent] = fleet_.registry().Attach(agent, link);
    agent::v1::AgentHello hello;
    for (const auto& [id, generation] : presented) {
      agent::v1::Presented* one = hello.add_presented();
      one->set_presentation_id(id);
      one->set_generation(generation);
    }
    coordinator_->AgentAttached(agent, hello);
    return link;
  }
  void Detach(const std::string& agent) {
    ASSERT_TRUE(fleet_.registry().Detach(agent, attachments_[agent]));
    coordinator_->AgentDetached(agent);
  }

  v1::PresentRequest Request(const std::string& id, int64_t generation,
                             const std::vector<std::string>& names,
                             const std::vector<challenge::ChallengeType>& types = {
                                 challenge::ChallengeType::kHttp01}) {
    v1::PresentRequest request;
    request.set_presentation_id(id);
    request.set_generation(generation);
    for (const std::string& name : names) {
      for (const challenge::ChallengeType type : types) {
        *request.add_proofs() =
            SealedFor(id, generation, name, type, clock_.Now() + absl::Minutes(15));
      }
    }
    return request;
  }

  // Must answer at once.
  absl::StatusOr<v1::PresentResponse> Present(const v1::PresentRequest& request) {
    absl::StatusOr<v1::PresentResponse> answer = absl::UnknownError("no answer");
    coordinator_->Present(request, [&](auto result) { answer = std::move(result); });
    return answer;
  }
  void Ask(const v1::PresentRequest& request) {
    const auto answer = Present(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
  }
  // An answer that may come later.
  using Held = std::shared_ptr<std::optional<absl::StatusOr<v1::PresentResponse>>>;
  Held PresentAndWait(v1::PresentRequest request, int64_t known_revision) {
    request.set_wait(true);
    request.set_known_revision(known_revision);
    auto held = std::make_shared<std::optional<absl::StatusOr<v1::PresentResponse>>>();
    coordinator_->Present(request, [held](auto result) { *held = std::move(result); });
    return held;
  }

  absl::Status Release(const std::string& id, int64_t generation,
                       absl::Duration tombstone = absl::Minutes(30)) {
    v1::ReleaseRequest request;
    request.set_presentation_id(id);
    request.set_generation(generation);
    *request.mutable_tombstone_until() = ToTimestamp(clock_.Now() + tombstone);
    return coordinator_->Release(request);
  }

  // Answers what the link was sent; `refusal` is the reason not to serve.
  void Answer(const std::string& agent, FakeLink& link, const std::string& refusal = "") {
    for (const auto& message : link.TakeSent()) Answer(agent, message, refusal);
  }
  void Answer(const std::string& agent, const agent::v1::AttachResponse& message,
              const std::string& refusal = "") {
    if (message.has_take_down()) {
      agent::v1::TakeDownResult result;
      result.set_presentation_id(message.take_down().presentation_id());
      result.set_generation(message.take_down().generation());
      coordinator_->OnTakeDownResult(agent, result);
      return;
    }
    agent::v1::PutUpResult result;
    for (const auto& sealed : message.put_up().proofs()) {
      types::v1::SealBody body;
      ASSERT_TRUE(body.ParseFromString(sealed.body()));
      result.set_presentation_id(body.presentation_id());
      result.set_generation(body.generation());
      agent::v1::ProofResult* one = result.add_results();
      one->set_served(refusal.empty());
      one->set_reason(refusal);
    }
    coordinator_->OnPutUpResult(agent, result);
  }

  // "READY www.example.com http-01 READY [web1] missing [] error" in brief, by name.
  static std::string Describe(const absl::StatusOr<v1::PresentResponse>& answer) {
    if (!answer.ok()) return ErrorReason(answer.status());
    std::string text = StateName(answer->state());
    for (const v1::PresentedName& name : answer->names()) {
      absl::StrAppend(&text, "; ", NameOf(name.name())->text(), " ", TypeName(name.type()), " ",
                      StateName(name.state()), " by [", absl::StrJoin(name.agents(), ","),
                      "] missing [", absl::StrJoin(name.missing(), ","), "]");
    }
    return text;
  }
  static std::string StateName(v1::PresentationState state) {
    return v1::PresentationState_Name(state).substr(sizeof("PRESENTATION_STATE_") - 1);
  }
  static std::string TypeName(types::v1::ChallengeType type) {
    const auto parsed = challenge::FromProto(type);
    return parsed.ok() ? std::string(challenge::ChallengeTypeName(*parsed)) : "-";
  }
  // "put o1/1 a.example.com:http-01" or "down o1/1", by message.
  static std::string Describe(const std::vector<agent::v1::AttachResponse>& messages) {
    return absl::StrJoin(messages, "; ", [](std::string* out, const auto& message) {
      if (message.has_take_down()) {
        absl::StrAppend(out, "down ", message.take_down().presentation_id(), "/",
                        message.take_down().generation());
        return;
      }
      absl::StrAppend(out, "put");
      for (const auto& sealed : message.put_up().proofs()) {
        types::v1::SealBody body;
        body.ParseFromString(sealed.body());
        absl::StrAppend(out, " ", body.presentation_id(), "/", body.generation(), ":",
                        body.proof().identifier().value(), ":", TypeName(body.proof().type()));
      }
    });
  }

  SimulatedClock clock_{kStart};
  SimulatedTimers timers_{clock_};
  TestFleet fleet_{kStart};
  std::map<std::string, int64_t> attachments_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_COORDINATOR_FIXTURE_H_
