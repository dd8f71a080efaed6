#include "issuer/flow/choice.h"

#include <algorithm>

namespace norroy::flow {
namespace {

using challenge::ChallengeType;

bool HasFailed(const Order& order, const challenge::Name& name, ChallengeType type) {
  const std::vector<FailedType>& failed = order.failed_types;
  return std::find(failed.begin(), failed.end(), FailedType{name, type}) != failed.end();
}

}  // namespace

bool Fits(const challenge::Name& name, ChallengeType type) {
  // RFC 8738 7: dns-01 MUST NOT be used for addresses.
  if (name.identifier().type() == challenge::IdentifierType::kIp) {
    return type != ChallengeType::kDns01;
  }
  return !name.wildcard() || type == ChallengeType::kDns01;
}

const NameProgress::Offer* OfferOf(const NameProgress& progress, ChallengeType type) {
  for (const NameProgress::Offer& offer : progress.offers) {
    if (offer.type == type) return &offer;
  }
  return nullptr;
}

std::vector<ChallengeType> TypesLeft(const Work& work, const NameProgress& progress) {
  std::vector<ChallengeType> left;
  for (const solver::NamePlan& plan : *work.plan) {
    if (plan.name != progress.name) continue;
    for (const solver::TypePlan& planned : plan.types) {
      const bool usable = Fits(progress.name, planned.type) &&
                          OfferOf(progress, planned.type) != nullptr &&
                          !HasFailed(work.order, progress.name, planned.type) &&
                          std::find(left.begin(), left.end(), planned.type) == left.end();
      if (usable) left.push_back(planned.type);
    }
  }
  return left;
}

std::vector<ChallengeType> OtherTypesLeft(const Work& work, const NameProgress& progress) {
  std::vector<ChallengeType> left = TypesLeft(work, progress);
  std::erase_if(left, [&](ChallengeType type) { return type == progress.type; });
  return left;
}

void NoteFailedType(Order& order, NameProgress& progress) {
  if (!progress.type.has_value()) return;
  if (!HasFailed(order, progress.name, *progress.type)) {
    order.failed_types.push_back({progress.name, *progress.type});
  }
  progress.type.reset();
}

void ForgetFailedTypes(Order& order, const challenge::Name& name) {
  std::erase_if(order.failed_types, [&](const FailedType& failed) { return failed.name == name; });
}

}  // namespace norroy::flow
