#include "agent/session/core_roots.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "common/crypto/encoding.h"
#include "common/identity/roots.h"
#include "common/log/log.h"

namespace norroy::agent {
namespace {

constexpr char kLog[] = "identity";

std::string Names(const std::vector<crypto::Certificate>& roots) {
  return absl::StrJoin(roots, " ", [](std::string* out, const crypto::Certificate& root) {
    out->append(root.fingerprint());
  });
}

}  // namespace

CoreRoots::CoreRoots(const StateDir& dir, const Enrollment& enrollment,
                     challenge::SealVerifier& seals, Clock& clock)
    : dir_(dir), seals_(seals), clock_(clock), roots_(enrollment.core_roots) {
  seals_.SetRoots(enrollment.core_roots);
  seals_.OnRoot([this](const crypto::Certificate& root) { Sealed(root); });
}

std::vector<crypto::Certificate> CoreRoots::roots() {
  MutexLock lock(&mutex_);
  return roots_;
}

void CoreRoots::Heard(const std::string& validator, const v1::ValidatorHello& hello) {
  const std::vector<std::string> told(hello.core_roots().begin(), hello.core_roots().end());
  MutexLock lock(&mutex_);
  const auto judged = identity::JudgeSuccessors(roots_, told, clock_.Now());
  if (!judged.ok()) {
    log::Warning(kLog, "what a validator says of core roots is not used",
                 {{"validator", validator}, {"error", judged.status().message()}});
    return;
  }
  if (!judged->unproven.empty()) {
    log::Error(
        kLog,
        "a validator names a core root that does not follow from one that this agent has; if "
        "the agent missed a rotation, it must be enrolled again",
        {{"validator", validator}, {"sha256", Names(judged->unproven)}});
  }
  if (judged->roots.size() > roots_.size()) {
    log::Info(kLog, "a new core root follows from one that this agent has",
              {{"validator", validator}, {"sha256", judged->roots.front().fingerprint()}});
    Believe(judged->roots);
  }
  std::optional<std::set<std::string>>& left = left_[validator];
  left.reset();
  if (judged->retires_others) {
    left.emplace();
    for (const std::string& der : told) left->insert(crypto::Hex(crypto::Sha256(der)));
  }
  DropRetired();
}

void CoreRoots::Sealed(const crypto::Certificate& root) {
  MutexLock lock(&mutex_);
  if (sealed_.insert(root.fingerprint()).second) DropRetired();
}

void CoreRoots::DropRetired() {
  std::vector<crypto::Certificate> kept;
  bool issuer_is_over = false;
  for (const crypto::Certificate& root : roots_) {
    const bool left = std::all_of(left_.begin(), left_.end(), [&](const auto& said) {
      return said.second.has_value() && said.second->count(root.fingerprint()) > 0;
    });
    if (!left) continue;
    kept.push_back(root);
    issuer_is_over = issuer_is_over || sealed_.count(root.fingerprint()) > 0;
  }
  if (left_.empty() || !issuer_is_over || kept.size() == roots_.size()) return;
  log::Info(kLog, "retired core roots are not believed any more", {{"left", Names(kept)}});
  Believe(std::move(kept));
}

void CoreRoots::Believe(std::vector<crypto::Certificate> roots) {
  const absl::Status saved = dir_.SaveCoreRoots(roots);
  if (!saved.ok()) {
    log::Error(kLog, "core roots cannot be written; they stay as they were",
               {{"error", saved.message()}});
    return;
  }
  seals_.SetRoots(roots);
  roots_ = std::move(roots);
}

}  // namespace norroy::agent
