#ifndef NORROY_AGENT_STATE_STATE_DIR_H_
#define NORROY_AGENT_STATE_STATE_DIR_H_

// The agent's folder, mode 0700, written by `norroy-agent enroll`:
//
//   agent.state    who this agent is, where its validators are, the core roots' hashes (YAML)
//   core-root.pem  the core root; two while one follows the other, the newer first
//   scope          the names this host will ever speak for; stays root's when root enrolled
//   identity.pem   key and certificate, mode 0600, replaced at renewal
//   journal        what is up (agent/journal)
//   lock           held by the one process that runs on this folder

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/challenge/pattern.h"
#include "common/crypto/certificate.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"

namespace norroy::agent {

// What enrollment made, all of it.
struct Enrollment {
  identity::Identity identity;                  // role agent
  std::vector<std::string> validators;          // "host:port"
  std::vector<crypto::Certificate> core_roots;  // the newest first
  std::vector<challenge::Pattern> scope;
};

class StateDir {
 public:
  // An existing folder that nobody but its owner can enter.
  static absl::StatusOr<StateDir> Open(const std::string& path);
  // The same, made if absent, with the folders above it.
  static absl::StatusOr<StateDir> Create(const std::string& path);
  StateDir(StateDir&& other) noexcept
      : path_(std::move(other.path_)), lock_fd_(std::exchange(other.lock_fd_, -1)) {}
  StateDir& operator=(StateDir&& other) = delete;
  ~StateDir();

  std::string identity_file() const { return path_ + "/identity.pem"; }
  std::string core_root_file() const { return path_ + "/core-root.pem"; }
  std::string scope_file() const { return path_ + "/scope"; }
  std::string state_file() const { return path_ + "/agent.state"; }
  std::string journal_file() const { return path_ + "/journal"; }
  const std::string& path() const { return path_; }

  // Until this object goes. FAILED_PRECONDITION if another process has it.
  absl::Status Lock();

  // There is an identity already.
  bool enrolled() const;
  // Writes everything, the identity last: an enrollment that was cut short shows as one. What root
  // writes is given to the folder's owner, all but the scope.
  absl::Status Save(const Enrollment& enrollment, const identity::IdentityFile& identity) const;
  // Reads it back and checks that its parts fit: modes, the root's hash, the certificate's name.
  // FAILED_PRECONDITION, reason NOT_ENROLLED or BAD_STATE.
  absl::StatusOr<Enrollment> Load() const;
  // Believes these core roots from now on: file and pins. Cut short at any point, it leaves either
  // the old roots or the new ones, and Load takes them.
  absl::Status SaveCoreRoots(const std::vector<crypto::Certificate>& roots) const;

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  absl::Status Write(const std::string& path, absl::string_view bytes, int mode) const;
  absl::Status GiveToOwner(const std::string& path) const;

  std::string path_;
  int lock_fd_ = -1;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_STATE_STATE_DIR_H_
