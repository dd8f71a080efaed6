#include "issuer/solver/presentation_convert.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::solver {
namespace {

constexpr int kMaxListed = 1000;  // names, types or agents in one list
constexpr size_t kMaxError = 1024;
constexpr size_t kMaxReason = 64;

absl::Status Protocol(absl::string_view what) {
  return MakeError(absl::StatusCode::kInternal, "VALIDATOR_PROTOCOL",
                   absl::StrCat("the validator's answer ", what));
}

validator::v1::PlannedName ToProto(const challenge::Name& name) {
  validator::v1::PlannedName proto;
  *proto.mutable_identifier() = challenge::ToProto(name.identifier());
  proto.set_wildcard(name.wildcard());
  return proto;
}

absl::StatusOr<challenge::Name> FromProto(const validator::v1::PlannedName& proto) {
  absl::StatusOr<challenge::Identifier> identifier = challenge::FromProto(proto.identifier());
  if (!identifier.ok()) return Protocol("has a bad name");
  return challenge::Name::Of(*std::move(identifier), proto.wildcard());
}

template <typename Strings>
std::vector<std::string> TextsOf(const Strings& strings) {
  std::vector<std::string> texts;
  for (const std::string& text : strings) texts.push_back(Printable(text, kMaxError));
  return texts;
}

absl::StatusOr<TypePlan> FromProto(const validator::v1::TypePlan& proto) {
  const absl::StatusOr<challenge::ChallengeType> type = challenge::FromProto(proto.type());
  if (!type.ok()) return Protocol("has an unknown challenge type");
  if (proto.agents_size() > kMaxListed || proto.missing_size() > kMaxListed) {
    return Protocol("lists too many agents");
  }
  return TypePlan{*type, TextsOf(proto.agents()), TextsOf(proto.missing())};
}

absl::StatusOr<PresentationState> FromProto(validator::v1::PresentationState state) {
  switch (state) {
    case validator::v1::PRESENTATION_STATE_PUTTING_UP:
      return PresentationState::kPuttingUp;
    case validator::v1::PRESENTATION_STATE_READY:
      return PresentationState::kReady;
    case validator::v1::PRESENTATION_STATE_FAILED:
      return PresentationState::kFailed;
    case validator::v1::PRESENTATION_STATE_RELEASED:
      return PresentationState::kReleased;
    default:
      return Protocol("has an unknown state");
  }
}

absl::StatusOr<PresentedName> FromProto(const validator::v1::PresentedName& proto) {
  NORROY_ASSIGN_OR_RETURN(challenge::Name name, FromProto(proto.name()));
  PresentedName presented{std::move(name), std::nullopt, PresentationState::kPuttingUp, {}, {}, ""};
  NORROY_ASSIGN_OR_RETURN(presented.state, FromProto(proto.state()));
  if (proto.type() != types::v1::CHALLENGE_TYPE_UNSPECIFIED) {
    const absl::StatusOr<challenge::ChallengeType> type = challenge::FromProto(proto.type());
    if (!type.ok()) return Protocol("has an unknown challenge type");
    presented.type = *type;
  }
  if (proto.agents_size() > kMaxListed || proto.missing_size() > kMaxListed) {
    return Protocol("lists too many agents");
  }
  presented.agents = TextsOf(proto.agents());
  presented.missing = TextsOf(proto.missing());
  presented.error = Printable(proto.error(), kMaxError);
  presented.error_reason = Printable(proto.error_reason(), kMaxReason);
  return presented;
}

}  // namespace

validator::v1::PlanRequest ToPlanRequest(const std::vector<challenge::Name>& names) {
  validator::v1::PlanRequest request;
  for (const challenge::Name& name : names) *request.add_names() = ToProto(name);
  return request;
}

absl::StatusOr<std::vector<NamePlan>> FromProto(const std::vector<challenge::Name>& names,
                                                const validator::v1::PlanResponse& response) {
  if (response.names_size() != static_cast<int>(names.size())) {
    return Protocol("plans another number of names than were asked");
  }
  std::vector<NamePlan> plans;
  for (int i = 0; i < response.names_size(); ++i) {
    NORROY_ASSIGN_OR_RETURN(const challenge::Name name, FromProto(response.names(i).name()));
    if (name != names[i]) return Protocol("plans names in another order than asked");
    NamePlan plan{name, {}};
    if (response.names(i).types_size() > kMaxListed) return Protocol("lists too many types");
    for (const validator::v1::TypePlan& type : response.names(i).types()) {
      NORROY_ASSIGN_OR_RETURN(TypePlan planned, FromProto(type));
      plan.types.push_back(std::move(planned));
    }
    plans.push_back(std::move(plan));
  }
  return plans;
}

validator::v1::PresentRequest ToPresentRequest(const Presentation& presentation) {
  validator::v1::PresentRequest request;
  request.set_presentation_id(presentation.id);
  request.set_generation(presentation.generation);
  for (const types::v1::SealedProof& proof : presentation.proofs) *request.add_proofs() = proof;
  for (const FailedType& failed : presentation.failed_types) {
    validator::v1::FailedType& proto = *request.add_failed_types();
    *proto.mutable_name() = ToProto(failed.name);
    proto.set_type(challenge::ToProto(failed.type));
  }
  return request;
}

absl::StatusOr<PresentationStatus> FromProto(const validator::v1::PresentResponse& response) {
  PresentationStatus status;
  NORROY_ASSIGN_OR_RETURN(status.state, FromProto(response.state()));
  status.revision = response.revision();
  if (response.names_size() > kMaxListed) return Protocol("lists too many names");
  for (const validator::v1::PresentedName& name : response.names()) {
    NORROY_ASSIGN_OR_RETURN(PresentedName presented, FromProto(name));
    status.names.push_back(std::move(presented));
  }
  return status;
}

validator::v1::ReleaseRequest ToReleaseRequest(const std::string& id, int64_t generation,
                                               absl::Time tombstone_until) {
  validator::v1::ReleaseRequest request;
  request.set_presentation_id(id);
  request.set_generation(generation);
  request.mutable_tombstone_until()->set_seconds(
      absl::ToUnixSeconds(tombstone_until + absl::Milliseconds(999)));
  return request;
}

}  // namespace norroy::solver
