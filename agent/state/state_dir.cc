#include "agent/state/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "agent/scope/scope.h"
#include "agent/state/agent_state.pb.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/roots.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxStateFile = 16 * 1024;

absl::Status Failed(const std::string& path, absl::string_view verb) {
  const int error = errno;
  return absl::FailedPreconditionError(
      absl::StrCat(path, ": cannot ", verb, ": ", std::strerror(error)));
}

absl::Status BadState(const std::string& path, absl::string_view what) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_STATE",
                   absl::StrCat(path, ": ", what, "; enroll again with --replace"));
}

absl::Status CheckPrivate(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return Failed(path, "open the state folder");
  if (!S_ISDIR(info.st_mode)) return absl::FailedPreconditionError(path + ": not a directory");
  if ((info.st_mode & 077) != 0) {
    return absl::FailedPreconditionError(
        absl::StrFormat("%s: mode %04o lets others in, and it holds a private key; chmod 0700 it",
                        path, info.st_mode & 07777));
  }
  if (geteuid() != 0 && info.st_uid != geteuid()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": belongs to user ", info.st_uid, "; we are user ", geteuid()));
  }
  return absl::OkStatus();
}

absl::StatusOr<state::AgentState> ReadState(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string text, identity::ReadFile(path, kMaxStateFile));
  state::AgentState state;
  NORROY_RETURN_IF_ERROR(config::ParseYaml(text, path, state));
  return state;
}

std::set<std::string> PinsOf(const state::AgentState& state) {
  std::set<std::string> pins(state.older_core_roots_sha256().begin(),
                             state.older_core_roots_sha256().end());
  pins.insert(state.core_root_sha256());
  return pins;
}

// `pins` are those that count besides.
void Pin(const std::vector<crypto::Certificate>& roots, const std::set<std::string>& pins,
         state::AgentState& state) {
  state.set_core_root_sha256(roots.front().fingerprint());
  std::set<std::string> older = pins;
  for (const crypto::Certificate& root : roots) older.insert(root.fingerprint());
  older.erase(roots.front().fingerprint());
  state.clear_older_core_roots_sha256();
  for (const std::string& pin : older) state.add_older_core_roots_sha256(pin);
}

absl::StatusOr<std::vector<crypto::Certificate>> ReadPinnedRoots(
    const std::string& path, const std::set<std::string>& pins) {
  auto roots = identity::ReadRoots(path);
  if (!roots.ok()) return BadState(path, roots.status().message());
  for (const crypto::Certificate& root : *roots) {
    if (pins.count(root.fingerprint()) > 0) continue;
    return BadState(path, absl::StrCat("is not the root that this agent enrolled under, nor one "
                                       "that follows it: SHA-256 ",
                                       root.fingerprint(), ", not ", absl::StrJoin(pins, " or ")));
  }
  return roots;
}

}  // namespace

StateDir::~StateDir() {
  if (lock_fd_ >= 0) close(lock_fd_);
}

absl::StatusOr<StateDir> StateDir::Open(const std::string& path) {
  NORROY_RETURN_IF_ERROR(CheckPrivate(path));
  return StateDir(path);
}

absl::StatusOr<StateDir> StateDir::Create(const std::string& path) {
  std::error_code ignored;  // mkdir says what is missing
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return Failed(path, "make the state folder");
  }
  return Open(path);
}

absl::Status StateDir::Lock() {
  const std::string path = path_ + "/lock";
  lock_fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_fd_ < 0) return Failed(path, "open");
  NORROY_RETURN_IF_ERROR(GiveToOwner(path));
  if (flock(lock_fd_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  if (errno != EWOULDBLOCK) return Failed(path, "lock");
  return absl::FailedPreconditionError(
      absl::StrCat(path_, ": another norroy-agent runs on this folder"));
}

bool StateDir::enrolled() const { return access(identity_file().c_str(), F_OK) == 0; }

absl::Status StateDir::GiveToOwner(const std::string& path) const {
  struct stat info;
  if (geteuid() != 0 || stat(path_.c_str(), &info) != 0 || info.st_uid == 0) {
    return absl::OkStatus();
  }
  if (lchown(path.c_str(), info.st_uid, info.st_gid) != 0) return Failed(path, "give away");
  return absl::OkStatus();
}

absl::Status StateDir::Write(const std::string& path, absl::string_view bytes, int mode) const {
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path, bytes, mode));
  return GiveToOwner(path);
}

absl::Status StateDir::Save(const Enrollment& enrollment,
                            const identity::IdentityFile& identity) const {
  state::AgentState state;
  state.set_deployment(enrollment.identity.deployment);
  state.set_agent_name(enrollment.identity.name);
  state.set_enrollment_id(enrollment.identity.enrollment_id);
  for (const std::string& address : enrollment.validators) state.add_validators(address);
  Pin(enrollment.core_roots, {}, state);
  NORROY_RETURN_IF_ERROR(
      identity::WriteFileAtomically(scope_file(), FormatScope(enrollment.scope), 0644));
  NORROY_RETURN_IF_ERROR(
      Write(core_root_file(), identity::RootsToPem(enrollment.core_roots), 0644));
  NORROY_RETURN_IF_ERROR(Write(state_file(), config::ToYaml(state), 0644));
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(identity_file(), identity));
  return GiveToOwner(identity_file());
}

absl::StatusOr<Enrollment> StateDir::Load() const {
  if (!enrolled()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_ENROLLED",
                     absl::StrCat(path_,
                                  ": this agent is not enrolled; run `norroy-agent enroll "
                                  "--token-file FILE --allow PATTERN` first"));
  }
  NORROY_ASSIGN_OR_RETURN(const state::AgentState state, ReadState(state_file()));
  NORROY_ASSIGN_OR_RETURN(std::vector<crypto::Certificate> core_roots,
                          ReadPinnedRoots(core_root_file(), PinsOf(state)));
  NORROY_ASSIGN_OR_RETURN(std::vector<challenge::Pattern> scope, ReadScope(scope_file()));
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file,
                          identity::ReadIdentityFile(identity_file()));
  NORROY_ASSIGN_OR_RETURN(identity::Identity identity,
                          identity::Identity::OfCertificate(file.chain.front()));
  const identity::Identity expected = {state.deployment(), types::v1::ROLE_AGENT,
                                       state.agent_name(), state.enrollment_id()};
  if (identity != expected) {
    return BadState(identity_file(), absl::StrCat("is for ", identity.Uri(), ", and ", state_file(),
                                                  " says ", expected.Uri()));
  }
  return Enrollment{.identity = std::move(identity),
                    .validators = {state.validators().begin(), state.validators().end()},
                    .core_roots = std::move(core_roots),
                    .scope = std::move(scope)};
}

absl::Status StateDir::SaveCoreRoots(const std::vector<crypto::Certificate>& roots) const {
  NORROY_ASSIGN_OR_RETURN(state::AgentState state, ReadState(state_file()));
  // While the file is replaced, the pins are those of both.
  Pin(roots, PinsOf(state), state);
  NORROY_RETURN_IF_ERROR(Write(state_file(), config::ToYaml(state), 0644));
  NORROY_RETURN_IF_ERROR(Write(core_root_file(), identity::RootsToPem(roots), 0644));
  Pin(roots, {}, state);
  return Write(state_file(), config::ToYaml(state), 0644);
}

}  // namespace norroy::agent
