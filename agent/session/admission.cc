#include "agent/session/admission.h"

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

// A path of CNAMEs must fit.
constexpr size_t kMaxDetail = 1024;

// Verifies each seal, and finds the message's id and generation.
void CheckSeals(const challenge::SealVerifier& seals, absl::Time now, Admission& admission) {
  bool found = false;
  for (JudgedProof& proof : admission.proofs) {
    auto body = seals.Verify(proof.sealed, now);
    if (!body.ok()) {
      const std::string reason = ErrorReason(body.status());
      const bool times = reason == kExpired || reason == kNotYetValid;
      Refuse(proof, times ? reason : kRejectedSeal, body.status().message());
      continue;
    }
    if (!found) {
      admission.id = body->presentation_id;
      admission.generation = body->generation;
      found = true;
    }
    if (body->presentation_id != admission.id || body->generation != admission.generation) {
      Refuse(proof, kRejectedSeal,
             absl::StrCat("sealed for presentation ", body->presentation_id, " generation ",
                          body->generation, ", which is not that of the message's first proof"));
      continue;
    }
    proof.name = body->proof.name.text();
    proof.type = std::string(challenge::ChallengeTypeName(body->proof.type));
    proof.body = *std::move(body);
  }
}

void NameByClaim(Admission& admission) {
  if (!admission.id.empty()) return;
  for (const JudgedProof& proof : admission.proofs) {
    const auto claim = challenge::ReadUnverified(proof.sealed);
    if (!claim.ok()) continue;
    admission.id = claim->presentation_id;
    admission.generation = claim->generation;
    return;
  }
}

void CheckScope(const std::vector<challenge::Pattern>& scope,
                const std::vector<Presenter*>& presenters, JudgedProof& proof) {
  const challenge::Proof& wanted = proof.body->proof;
  if (!challenge::MatchesAny(scope, wanted.name)) {
    Refuse(proof, kOutOfScope,
           absl::StrCat(wanted.name.text(),
                        " is not in this host's scope; whoever administers the "
                        "host can add it to the agent's scope file and restart the agent"));
    return;
  }
  if (!Supports(presenters, wanted)) {
    Refuse(proof, kUnsupportedType,
           absl::StrCat("this agent has nothing configured that answers ",
                        challenge::ChallengeTypeName(wanted.type), " for ", wanted.name.text()));
  }
}

}  // namespace

void Refuse(JudgedProof& proof, absl::string_view reason, absl::string_view detail) {
  proof.body.reset();
  proof.result.set_served(false);
  proof.result.set_reason(std::string(reason));
  proof.result.set_detail(Printable(detail, kMaxDetail));
}

void LogProof(const Admission& admission, const JudgedProof& proof) {
  if (proof.result.served()) {
    log::Info("session", "serving",
              {{"presentation_id", admission.id},
               {"generation", admission.generation},
               {"name", proof.name},
               {"type", proof.type},
               {"place", proof.result.place()}});
    return;
  }
  log::Warning("session", "not serving",
               {{"presentation_id", admission.id},
                {"generation", admission.generation},
                {"name", proof.name},
                {"type", proof.type},
                {"reason", proof.result.reason()},
                {"detail", proof.result.detail()}});
}

Admission Admit(const v1::PutUp& message, const challenge::SealVerifier& seals,
                const std::vector<challenge::Pattern>& scope,
                const std::vector<Presenter*>& presenters, absl::Time now) {
  Admission admission;
  for (const auto& sealed : message.proofs()) {
    admission.proofs.emplace_back().sealed = sealed;
  }
  if (message.proofs_size() > kMaxProofsPerMessage) {
    for (JudgedProof& proof : admission.proofs) {
      Refuse(proof, kRejectedSeal,
             absl::StrCat("the message has over ", kMaxProofsPerMessage, " proofs"));
    }
    return admission;
  }
  CheckSeals(seals, now, admission);
  NameByClaim(admission);
  for (JudgedProof& proof : admission.proofs) {
    if (proof.body.has_value()) CheckScope(scope, presenters, proof);
  }
  return admission;
}

}  // namespace norroy::agent
