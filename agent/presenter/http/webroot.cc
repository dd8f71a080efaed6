#include "agent/presenter/http/webroot.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/presenter/http/beneath.h"
#include "common/crypto/encoding.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr char kWellKnown[] = ".well-known";
constexpr char kChallenges[] = "acme-challenge";
// A token of 256 characters, a dot, a thumbprint of 43.
constexpr size_t kMaxAnswer = 300;

// The same for the same token, so that what a killed process left is found again.
std::string TemporaryName(const challenge::Token& token) {
  return absl::StrCat(".norroy-", crypto::Hex(crypto::Sha256(token.value())).substr(0, 32));
}

absl::StatusOr<Directory> MakeChallengeDirectory(const std::string& root) {
  NORROY_ASSIGN_OR_RETURN(const Directory top, Directory::Open(root));
  NORROY_ASSIGN_OR_RETURN(const Directory well_known, top.EnterOrMake(kWellKnown));
  return well_known.EnterOrMake(kChallenges);
}

absl::StatusOr<Directory> OpenChallengeDirectory(const std::string& root) {
  NORROY_ASSIGN_OR_RETURN(const Directory top, Directory::Open(root));
  NORROY_ASSIGN_OR_RETURN(const Directory well_known, top.Enter(kWellKnown));
  return well_known.Enter(kChallenges);
}

absl::Status WriteAnswer(const std::string& root, const challenge::Proof& proof) {
  NORROY_ASSIGN_OR_RETURN(const Directory directory, MakeChallengeDirectory(root));
  const std::string& name = proof.token.value();
  const auto present = directory.Read(name, kMaxAnswer);
  if (present.ok() && *present == proof.key_authorization.value()) return absl::OkStatus();
  if (present.ok()) {
    return absl::AlreadyExistsError(
        absl::StrCat(directory.path(), "/", name, " is there already, with other content"));
  }
  if (!absl::IsNotFound(present.status())) return present.status();
  return directory.Create(name, proof.key_authorization.value(), TemporaryName(proof.token));
}

absl::Status RemoveAnswer(const std::string& root, const challenge::Proof& proof) {
  const auto directory = OpenChallengeDirectory(root);
  if (absl::IsNotFound(directory.status())) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(directory.status());
  NORROY_RETURN_IF_ERROR(directory->Remove(TemporaryName(proof.token)));
  const auto present = directory->Read(proof.token.value(), kMaxAnswer);
  // Gone, or something that we did not write took the name: either way ours is not there.
  if (absl::IsNotFound(present.status()) || absl::IsAlreadyExists(present.status())) {
    return absl::OkStatus();
  }
  NORROY_RETURN_IF_ERROR(present.status());
  if (*present != proof.key_authorization.value()) return absl::OkStatus();
  return directory->Remove(proof.token.value());
}

}  // namespace

Webroot::Webroot(std::string directory)
    : directory_(std::move(directory)),
      place_(absl::StrCat(directory_, "/", kWellKnown, "/", kChallenges)) {}

absl::StatusOr<std::unique_ptr<Webroot>> Webroot::Open(const std::string& directory) {
  NORROY_RETURN_IF_ERROR(Directory::Open(directory).status());
  return std::unique_ptr<Webroot>(new Webroot(directory));
}

absl::StatusOr<std::string> Webroot::PutUp(const challenge::Proof& proof, const std::string&) {
  MutexLock lock(&mutex_);
  NORROY_RETURN_IF_ERROR(WriteAnswer(directory_, proof));
  users_[proof.token.value()].insert(proof.name);
  return place_;
}

absl::Status Webroot::TakeDown(const challenge::Proof& proof, const std::string&) {
  MutexLock lock(&mutex_);
  const auto users = users_.find(proof.token.value());
  if (users != users_.end()) {
    users->second.erase(proof.name);
    if (!users->second.empty()) return absl::OkStatus();
  }
  const absl::Status removed = RemoveAnswer(directory_, proof);
  if (removed.ok()) users_.erase(proof.token.value());
  return removed;
}

}  // namespace norroy::agent
