#ifndef NORROY_AGENT_SESSION_CORE_ROOTS_H_
#define NORROY_AGENT_SESSION_CORE_ROOTS_H_

// Which core roots this agent believes while it runs: those that it pinned, and those that follow
// from them. A validator carries the news and decides nothing:
//
//   - A new root is taken if a certificate for its name and key is signed by a root that the agent
//     has already. It is pinned at once, and file, connections and seals go by it from then on.
//   - An older root is dropped when two things came together: every validator that spoke since the
//     start names, as the first of its core roots, one that the agent has (the operator has retired
//     the others), and a seal under a root of that list was verified (the issuer has gone over to
//     it, which no validator can pretend).

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/state/state_dir.h"
#include "common/challenge/seal.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/sync/mutex.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

// Thread-safe.
class CoreRoots {
 public:
  // Begins with the roots of `enrollment`; asks `seals` to tell which root each seal was under. All
  // of these, and `seals`' users, end before this does or are not called any more.
  CoreRoots(const StateDir& dir, const Enrollment& enrollment, challenge::SealVerifier& seals,
            Clock& clock);
  CoreRoots(const CoreRoots&) = delete;
  CoreRoots& operator=(const CoreRoots&) = delete;

  // A validator said hello.
  void Heard(const std::string& validator, const v1::ValidatorHello& hello);
  std::vector<crypto::Certificate> roots();

 private:
  void Sealed(const crypto::Certificate& root);
  void DropRetired() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Believe(std::vector<crypto::Certificate> roots) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const StateDir& dir_;
  challenge::SealVerifier& seals_;
  Clock& clock_;
  Mutex mutex_;
  std::vector<crypto::Certificate> roots_ ABSL_GUARDED_BY(mutex_);
  // Fingerprints of roots under which a seal was verified.
  std::set<std::string> sealed_ ABSL_GUARDED_BY(mutex_);
  // What each validator leaves in force; nothing: it retires none.
  std::map<std::string, std::optional<std::set<std::string>>> left_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_CORE_ROOTS_H_
