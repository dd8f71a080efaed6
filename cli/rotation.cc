#include "cli/rotation.h"

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/revocation.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/identity/roots.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxStateFile = 16 * 1024;

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Records of edge intermediates.
bool IsEdge(const IdentityRecord& record) {
  return absl::StartsWith(record.principal(), "edge-ca/");
}

// One domain's files and how far it has got.
class Rotation {
 public:
  static absl::StatusOr<Rotation> Open(const std::string& dir, absl::string_view domain,
                                       absl::Time now) {
    Rotation rotation(dir, domain, now);
    NORROY_RETURN_IF_ERROR(rotation.ReadState());
    return rotation;
  }

  RotationStage stage() const { return report_.state().stage(); }
  RotationState& state() { return *report_.mutable_state(); }
  RotationReport& report() { return report_; }
  absl::Time now() const { return now_; }
  bool is_core() const { return domain_ == layout::kCore; }

  std::string Path(absl::string_view name) const {
    return absl::StrCat(dir_, "/", domain_, "/", name);
  }
  absl::Status Write(const std::string& path, absl::string_view bytes) {
    NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path, bytes, 0644));
    report_.add_written(path);
    return absl::OkStatus();
  }
  absl::Status Require(RotationStage stage, absl::string_view what) const;
  absl::Status MakeNext();
  absl::Status GoOver();
  absl::Status MakeAnew();
  absl::Status Believe(const std::vector<crypto::Certificate>& roots,
                       const std::vector<crypto::Certificate>& successors);
  absl::Status Finish(RotationStage stage);
  absl::Status Remove(const std::vector<const char*>& names);
  absl::StatusOr<RotationReport> Report();
  absl::StatusOr<crypto::Certificate> Read(absl::string_view name) const;

 private:
  Rotation(const std::string& dir, absl::string_view domain, absl::Time now)
      : dir_(dir), domain_(domain), now_(now) {
    report_.set_what(domain_);
  }
  absl::Status ReadState();
  absl::StatusOr<std::set<std::string>> Revoked() const;

  std::string dir_;
  std::string domain_;
  absl::Time now_;
  RotationReport report_;
};

absl::Status Rotation::ReadState() {
  if (!IsThere(Path(layout::kRotation))) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::string json,
                          identity::ReadFile(Path(layout::kRotation), kMaxStateFile));
  if (google::protobuf::util::JsonStringToMessage(json, &state()).ok()) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "BAD_STATE",
      absl::StrCat(Path(layout::kRotation), " is not readable; put back a copy of it"));
}

absl::Status Rotation::Require(RotationStage wanted, absl::string_view what) const {
  if (stage() == wanted) return absl::OkStatus();
  const absl::string_view next = stage() == ROTATION_STAGE_PREPARED ? "activate"
                                 : stage() == ROTATION_STAGE_ACTIVE ? "retire"
                                                                    : "prepare";
  return MakeError(absl::StatusCode::kFailedPrecondition, "WRONG_STAGE",
                   absl::StrCat("it is not the turn of \"", what, "\": the next step is \"norroy ",
                                "identity rotate ", domain_, " ", next, "\""));
}

absl::StatusOr<crypto::Certificate> Rotation::Read(absl::string_view name) const {
  NORROY_ASSIGN_OR_RETURN(const std::string pem,
                          identity::ReadFile(Path(name), identity::kMaxRootFile));
  absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParsePem(pem);
  if (!certificate.ok()) return WithContext(certificate.status(), Path(name));
  return certificate;
}

// A next root that is there already was left by a prepare that was cut short.
absl::Status Rotation::MakeNext() {
  NORROY_ASSIGN_OR_RETURN(const identity::Authority old, OpenRoot(dir_, domain_));
  auto next = ReadRootPair(dir_, domain_, layout::kNextKey, layout::kNextCertificate);
  if (!next.ok()) {
    NORROY_ASSIGN_OR_RETURN(const std::string deployment, DeploymentIn(dir_));
    next = identity::MakeRoot(domain_, deployment, now_, absl::Hours(24) * kRootDays);
    if (!next.ok()) return next.status();
    NORROY_RETURN_IF_ERROR(
        WriteRootPair(dir_, domain_, *next, layout::kNextKey, layout::kNextCertificate));
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate cross,
                          identity::MakeCrossCertificate(old, next->certificate, now_));
  NORROY_RETURN_IF_ERROR(
      identity::WriteFileAtomically(Path(layout::kNextCross), cross.ToPem(), 0644));
  // The one that signs comes first: new agents are told of it alone.
  return Believe({old.certificate, next->certificate}, {cross, next->certificate});
}

// Bundles for all who believe, below this directory and to be copied.
absl::Status Rotation::Believe(const std::vector<crypto::Certificate>& roots,
                               const std::vector<crypto::Certificate>& successors) {
  const std::string bundle = identity::RootsToPem(roots);
  NORROY_RETURN_IF_ERROR(Write(Path(layout::kTrusted), bundle));
  std::vector<const char*> places = {layout::kValidatorEdgeRoot};
  if (is_core()) {
    places = {layout::kIssuerCoreRoot, layout::kValidatorCoreRoot, layout::kOperatorCoreRoot};
  }
  for (const char* place : places) {
    const std::string path = absl::StrCat(dir_, "/", place);
    if (IsThere(path)) NORROY_RETURN_IF_ERROR(Write(path, bundle));
  }
  if (!is_core()) return absl::OkStatus();
  const std::string chain = identity::RootsToPem(successors);
  NORROY_RETURN_IF_ERROR(Write(absl::StrCat(dir_, "/", layout::kSuccessors), chain));
  const std::string validator = absl::StrCat(dir_, "/", layout::kValidatorCoreRoot);
  if (!IsThere(validator)) return absl::OkStatus();
  return Write(identity::SuccessorsFileOf(validator), chain);
}

// The next root takes the place of the one that signed so far. Safe to run again: the old root's
// files are complete before the first of its own is replaced.
absl::Status Rotation::GoOver() {
  NORROY_ASSIGN_OR_RETURN(const identity::Authority next,
                          ReadRootPair(dir_, domain_, layout::kNextKey, layout::kNextCertificate));
  if (!IsThere(Path(layout::kOldCertificate))) {
    NORROY_ASSIGN_OR_RETURN(const identity::Authority old, OpenRoot(dir_, domain_));
    NORROY_RETURN_IF_ERROR(
        WriteRootPair(dir_, domain_, old, layout::kOldKey, layout::kOldCertificate));
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate old, Read(layout::kOldCertificate));
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate cross, Read(layout::kNextCross));
  NORROY_RETURN_IF_ERROR(
      WriteRootPair(dir_, domain_, next, layout::kRootKey, layout::kRootCertificate));
  NORROY_RETURN_IF_ERROR(Believe({next.certificate, old}, {cross, next.certificate}));
  if (!is_core()) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(Path(layout::kCross), cross.ToPem(), 0644));
  NORROY_ASSIGN_OR_RETURN(const auto lists, SignRevocationsAgain(dir_, now_));
  for (const std::string& list : lists) report_.add_written(list);
  if (!IsThere(absl::StrCat(dir_, "/", layout::kCiAuthority))) return absl::OkStatus();
  NORROY_RETURN_IF_ERROR(RenewCiAuthority(dir_, now_));
  report_.add_written(absl::StrCat(dir_, "/", layout::kCiAuthority));
  return absl::OkStatus();
}

// Whether the identity that the record tells of is still in its file.
bool IsInItsFile(const IdentityRecord& record) {
  const auto file = identity::ReadIdentityFile(record.file());
  return file.ok() && file->chain.front().serial() == record.serial();
}

// All identities that lead to the old root and lie where they were made.
absl::Status Rotation::MakeAnew() {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, Read(layout::kRootCertificate));
  NORROY_ASSIGN_OR_RETURN(const std::set<std::string> revoked, Revoked());
  NORROY_ASSIGN_OR_RETURN(const auto records, ListIdentities(dir_));
  for (const IdentityRecord& record : records) {
    if (IsEdge(record) == is_core()) continue;
    if (StatusOf(record, root.fingerprint(), revoked, now_) != "old root") continue;
    if (!IsInItsFile(record)) continue;
    NORROY_ASSIGN_OR_RETURN(*report_.add_issued(), RenewIdentity(dir_, record.file(), 0, now_));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::set<std::string>> Rotation::Revoked() const { return RevokedSerials(dir_); }

absl::Status Rotation::Finish(RotationStage stage) {
  state().set_stage(stage);
  auto* const time = stage == ROTATION_STAGE_PREPARED ? state().mutable_prepare_time()
                     : stage == ROTATION_STAGE_ACTIVE ? state().mutable_activate_time()
                                                      : state().mutable_retire_time();
  *time = ToProto(now_);
  return identity::WriteFileAtomically(Path(layout::kRotation), ToJson(state()) + "\n", 0644);
}

absl::Status Rotation::Remove(const std::vector<const char*>& names) {
  for (const char* name : names) {
    const std::string path = Path(name);
    if (unlink(path.c_str()) != 0 && errno != ENOENT)
      return absl::ErrnoToStatus(errno, absl::StrCat("cannot remove ", path));
  }
  return absl::OkStatus();
}

absl::StatusOr<RotationReport> Rotation::Report() {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, Read(layout::kRootCertificate));
  report_.set_root_sha256(root.fingerprint());
  const char* const other =
      stage() == ROTATION_STAGE_ACTIVE ? layout::kOldCertificate : layout::kNextCertificate;
  if (IsThere(Path(other))) {
    NORROY_ASSIGN_OR_RETURN(const crypto::Certificate certificate, Read(other));
    report_.set_other_root_sha256(certificate.fingerprint());
  }
  if (stage() != ROTATION_STAGE_ACTIVE) return report_;
  NORROY_ASSIGN_OR_RETURN(const std::set<std::string> revoked, Revoked());
  NORROY_ASSIGN_OR_RETURN(const auto records, ListIdentities(dir_));
  for (const IdentityRecord& record : records) {
    if (IsEdge(record) == is_core()) continue;
    if (StatusOf(record, root.fingerprint(), revoked, now_) == "old root") {
      *report_.add_behind() = record;
    }
  }
  return report_;
}

absl::Status CheckRetire(Rotation& rotation, const RotationReport& report) {
  const absl::Time after = FromProto(report.state().activate_time()) +
                           (rotation.is_core() ? kCoreRetireAfter : kEdgeRetireAfter);
  if (rotation.now() < after) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "TOO_EARLY",
        absl::StrCat(rotation.is_core() ? "seals" : "agents' identities",
                     " that the old root vouches for may be in use until ",
                     absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", after, absl::UTCTimeZone()),
                     "; wait until then, or give --force if you know that none is"));
  }
  if (report.behind().empty()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const IdentityRecord& record : report.behind()) {
    names.push_back(absl::StrCat(record.principal(), " (", record.serial(), ")"));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "TOO_EARLY",
                   absl::StrCat("these would end with the old root: ", absl::StrJoin(names, ", "),
                                "; make them anew with \"norroy identity issue\" and copy them to "
                                "where they are used, or revoke what is not used any more, or give "
                                "--force"));
}

// The files of all that fit are made anew.
absl::Status RenewWhere(const std::string& dir, absl::string_view prefix, absl::Time now,
                        RotationReport& report) {
  NORROY_ASSIGN_OR_RETURN(const auto records, ListIdentities(dir));
  for (const IdentityRecord& record : records) {
    if (!absl::StartsWith(record.principal(), prefix) || record.superseded()) continue;
    if (!IsInItsFile(record)) continue;
    NORROY_ASSIGN_OR_RETURN(*report.add_issued(), RenewIdentity(dir, record.file(), 0, now));
  }
  return absl::OkStatus();
}

}  // namespace

std::string StatusOf(const IdentityRecord& record, absl::string_view root_sha256,
                     const std::set<std::string>& revoked, absl::Time now) {
  if (revoked.count(record.serial()) > 0) return "revoked";
  if (FromProto(record.not_after()) <= now) return "expired";
  if (record.superseded()) return "superseded";
  // Made before roots were noted: by the only one that there was.
  return record.root_sha256() == root_sha256 ? "good" : "old root";
}

absl::StatusOr<RotationReport> PrepareRoot(const std::string& dir, absl::string_view domain,
                                           absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(Rotation rotation, Rotation::Open(dir, domain, now));
  NORROY_RETURN_IF_ERROR(rotation.Require(ROTATION_STAGE_UNSPECIFIED, "prepare"));
  NORROY_RETURN_IF_ERROR(rotation.MakeNext());
  NORROY_RETURN_IF_ERROR(rotation.Finish(ROTATION_STAGE_PREPARED));
  return rotation.Report();
}

absl::StatusOr<RotationReport> ActivateRoot(const std::string& dir, absl::string_view domain,
                                            absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(Rotation rotation, Rotation::Open(dir, domain, now));
  NORROY_RETURN_IF_ERROR(rotation.Require(ROTATION_STAGE_PREPARED, "activate"));
  NORROY_RETURN_IF_ERROR(rotation.GoOver());
  NORROY_RETURN_IF_ERROR(rotation.MakeAnew());
  NORROY_RETURN_IF_ERROR(rotation.Finish(ROTATION_STAGE_ACTIVE));
  NORROY_RETURN_IF_ERROR(
      rotation.Remove({layout::kNextKey, layout::kNextCertificate, layout::kNextCross}));
  return rotation.Report();
}

absl::StatusOr<RotationReport> RetireRoot(const std::string& dir, absl::string_view domain,
                                          bool force, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(Rotation rotation, Rotation::Open(dir, domain, now));
  NORROY_RETURN_IF_ERROR(rotation.Require(ROTATION_STAGE_ACTIVE, "retire"));
  NORROY_ASSIGN_OR_RETURN(const RotationReport before, rotation.Report());
  if (!force) NORROY_RETURN_IF_ERROR(CheckRetire(rotation, before));
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, rotation.Read(layout::kRootCertificate));
  NORROY_RETURN_IF_ERROR(rotation.Believe({root}, {root}));
  NORROY_RETURN_IF_ERROR(rotation.Finish(ROTATION_STAGE_UNSPECIFIED));
  NORROY_RETURN_IF_ERROR(
      rotation.Remove({layout::kOldKey, layout::kOldCertificate, layout::kCross}));
  rotation.report().clear_behind();
  rotation.report().clear_other_root_sha256();
  return rotation.Report();
}

absl::StatusOr<RotationReport> RotationOf(const std::string& dir, absl::string_view domain,
                                          absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(Rotation rotation, Rotation::Open(dir, domain, now));
  return rotation.Report();
}

absl::StatusOr<RotationReport> RotateCi(const std::string& dir, absl::Time now) {
  RotationReport report;
  report.set_what("ci");
  NORROY_RETURN_IF_ERROR(RenewCiAuthority(dir, now));
  report.add_written(absl::StrCat(dir, "/", layout::kCiAuthority));
  NORROY_RETURN_IF_ERROR(RenewWhere(dir, "requester/", now, report));
  return report;
}

absl::StatusOr<RotationReport> RotateSeal(const std::string& dir, absl::Time now) {
  RotationReport report;
  report.set_what("seal");
  NORROY_RETURN_IF_ERROR(RenewWhere(dir, "seal/", now, report));
  if (!report.issued().empty()) return report;
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SEAL",
                   "no seal lies where it was made; make one with \"norroy identity issue seal "
                   "NAME\" and copy it over the issuer's seal_file");
}

}  // namespace norroy::cli
