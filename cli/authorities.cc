#include "cli/authorities.h"

#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxPemFile = 64 * 1024;
constexpr char kEdgeAuthorityPrincipal[] = "edge-ca/";

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

IdentityRecord RecordOf(const crypto::Certificate& certificate, absl::string_view principal,
                        absl::string_view uri, const std::vector<std::string>& hosts,
                        const std::string& file) {
  IdentityRecord record;
  record.set_principal(std::string(principal));
  record.set_uri(std::string(uri));
  record.set_serial(certificate.serial());
  *record.mutable_not_after() = ToProto(certificate.not_after());
  for (const std::string& host : hosts) record.add_hosts(host);
  record.set_file(file);
  return record;
}

absl::StatusOr<std::string> ReadText(const std::string& path) {
  return identity::ReadFile(path, kMaxPemFile);
}

// Notes under which root it stands, too.
absl::Status FileNewRecord(const std::string& dir, absl::string_view domain,
                           IdentityRecord& record);

absl::Status FileRecord(const std::string& dir, const IdentityRecord& record) {
  const std::string folder = absl::StrCat(dir, "/", layout::kIssued);
  NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  return identity::WriteFileAtomically(absl::StrCat(folder, "/", record.serial(), ".json"),
                                       ToJson(record) + "\n", 0600);
}

absl::Status FileNewRecord(const std::string& dir, absl::string_view domain,
                           IdentityRecord& record) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, RootCertificate(dir, domain));
  record.set_root_sha256(root.fingerprint());
  return FileRecord(dir, record);
}

// What a chain of the core root ends with, so that those who believe only the old one can follow.
absl::StatusOr<std::vector<crypto::Certificate>> CrossCertificates(const std::string& dir) {
  const std::string path = absl::StrCat(dir, "/", layout::kCore, "/", layout::kCross);
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::vector<crypto::Certificate>();
  NORROY_ASSIGN_OR_RETURN(const std::string pem, ReadText(path));
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate cross, crypto::Certificate::ParsePem(pem));
  return std::vector<crypto::Certificate>{std::move(cross)};
}

absl::StatusOr<identity::IdentityFile> MakeCiAuthority(const std::string& dir,
                                                       absl::string_view deployment,
                                                       absl::Time now) {
  const std::string path = absl::StrCat(dir, "/", layout::kCiAuthority);
  NORROY_ASSIGN_OR_RETURN(const identity::Authority root, OpenRoot(dir, layout::kCore));
  NORROY_ASSIGN_OR_RETURN(const auto cross, CrossCertificates(dir));
  NORROY_ASSIGN_OR_RETURN(const identity::Authority made,
                          identity::MakeIntermediate(root, "ci", absl::StrCat("ci.", deployment),
                                                     now, absl::Hours(24) * kIntermediateDays));
  identity::IdentityFile file{made.key, {made.certificate}};
  file.chain.insert(file.chain.end(), cross.begin(), cross.end());
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(path, file));
  return file;
}

// The CI intermediate, made when the first requester needs it.
absl::StatusOr<identity::IdentityFile> OpenCiAuthority(const std::string& dir,
                                                       absl::string_view deployment,
                                                       absl::Time now) {
  const std::string path = absl::StrCat(dir, "/", layout::kCiAuthority);
  std::error_code error;
  if (std::filesystem::exists(path, error)) return identity::ReadIdentityFile(path);
  return MakeCiAuthority(dir, deployment, now);
}
// Who signs this role, and which certificates come after the leaf.
struct Signer {
  identity::Authority authority;
  std::vector<crypto::Certificate> intermediates;
};

absl::StatusOr<Signer> SignerOf(const std::string& dir, const identity::Identity& identity,
                                absl::Time now) {
  if (identity.role == types::v1::ROLE_AGENT || identity.role == types::v1::ROLE_BOOTSTRAP) {
    return Usage("agents get their identities by enrollment: see \"norroy agent token create\"");
  }
  if (identity.role != types::v1::ROLE_REQUESTER) {
    NORROY_ASSIGN_OR_RETURN(identity::Authority root, OpenRoot(dir, layout::kCore));
    NORROY_ASSIGN_OR_RETURN(std::vector<crypto::Certificate> cross, CrossCertificates(dir));
    return Signer{std::move(root), std::move(cross)};
  }
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile ci,
                          OpenCiAuthority(dir, identity.deployment, now));
  return Signer{{ci.key, ci.chain.front()}, ci.chain};
}

struct Renewal {
  std::string file;
  int days = 0;  // 0: as the one before
};

int DaysOf(const crypto::Certificate& certificate) {
  const absl::Duration life = certificate.not_after() - certificate.not_before();
  return std::max<int>(1, static_cast<int>(life / absl::Hours(24)));
}

absl::StatusOr<IdentityRecord> MakeAgain(const std::string& dir, const IdentityRecord& record,
                                         const crypto::Certificate& old, const Renewal& renewal,
                                         absl::Time now) {
  absl::string_view edge_name = record.principal();
  if (absl::ConsumePrefix(&edge_name, kEdgeAuthorityPrincipal)) {
    return IssueEdgeAuthority(dir, std::string(edge_name), renewal.file, now);
  }
  NORROY_ASSIGN_OR_RETURN(identity::Identity identity, identity::Identity::OfCertificate(old));
  return IssueIdentity(dir,
                       {std::move(identity),
                        {record.hosts().begin(), record.hosts().end()},
                        renewal.days == 0 ? DaysOf(old) : renewal.days,
                        renewal.file},
                       now);
}

std::optional<IdentityRecord> FindRecord(const std::vector<IdentityRecord>& records,
                                         absl::string_view serial) {
  for (const IdentityRecord& record : records) {
    if (record.serial() == serial) return record;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<identity::IdentityFile> CiAuthority(const std::string& dir, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const std::string deployment, DeploymentIn(dir));
  return OpenCiAuthority(dir, deployment, now);
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  const std::string parent = std::filesystem::path(path).parent_path().string();
  if (!parent.empty() && parent != path) NORROY_RETURN_IF_ERROR(MakeFolder(parent));
  if (mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("cannot make the folder ", path, ": ", std::strerror(errno)));
}

absl::StatusOr<identity::Authority> CreateRoot(const std::string& dir, absl::string_view domain,
                                               absl::string_view deployment, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(identity::Authority root,
                          identity::MakeRoot(domain, deployment, now, absl::Hours(24) * kRootDays));
  NORROY_RETURN_IF_ERROR(
      WriteRootPair(dir, domain, root, layout::kRootKey, layout::kRootCertificate));
  return root;
}

absl::Status WriteRootPair(const std::string& dir, absl::string_view domain,
                           const identity::Authority& root, absl::string_view key_name,
                           absl::string_view certificate_name) {
  const std::string folder = absl::StrCat(dir, "/", domain);
  NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(absl::StrCat(folder, "/", key_name),
                                                       root.key.ToPem().Expose(), 0600));
  return identity::WriteFileAtomically(absl::StrCat(folder, "/", certificate_name),
                                       root.certificate.ToPem(), 0644);
}

absl::StatusOr<identity::Authority> OpenRoot(const std::string& dir, absl::string_view domain) {
  return ReadRootPair(dir, domain, layout::kRootKey, layout::kRootCertificate);
}

absl::StatusOr<identity::Authority> ReadRootPair(const std::string& dir, absl::string_view domain,
                                                 absl::string_view key_name,
                                                 absl::string_view certificate_name) {
  const std::string folder = absl::StrCat(dir, "/", domain);
  const std::string key_path = absl::StrCat(folder, "/", key_name);
  struct stat info = {};
  if (stat(key_path.c_str(), &info) != 0) {
    return Usage(absl::StrCat("the ", domain, " root's key is not at ", key_path,
                              "; bring it back, or run this where it is (--dir)"));
  }
  if ((info.st_mode & 077) != 0) {
    return Usage(absl::StrCat(key_path, " can be read by others; run: chmod 600 ", key_path));
  }
  NORROY_ASSIGN_OR_RETURN(std::string key_pem, ReadText(key_path));
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::ParsePem(crypto::Secret::Take(key_pem)));
  const std::string certificate_path = absl::StrCat(folder, "/", certificate_name);
  NORROY_ASSIGN_OR_RETURN(const std::string pem, ReadText(certificate_path));
  NORROY_ASSIGN_OR_RETURN(crypto::Certificate certificate, crypto::Certificate::ParsePem(pem));
  if (certificate.spki_sha256() != key.public_key().spki_sha256()) {
    return Usage(absl::StrCat(key_path, " is not the key of ", certificate_path));
  }
  return identity::Authority{std::move(key), std::move(certificate)};
}

absl::StatusOr<crypto::Certificate> RootCertificate(const std::string& dir,
                                                    absl::string_view domain) {
  NORROY_ASSIGN_OR_RETURN(const std::string pem,
                          ReadText(absl::StrCat(dir, "/", domain, "/", layout::kRootCertificate)));
  return crypto::Certificate::ParsePem(pem);
}

absl::Status RenewCiAuthority(const std::string& dir, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const std::string deployment, DeploymentIn(dir));
  return MakeCiAuthority(dir, deployment, now).status();
}

absl::StatusOr<IdentityRecord> IssueIdentity(const std::string& dir, const IdentityRequest& request,
                                             absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const Signer signer, SignerOf(dir, request.identity, now));
  NORROY_ASSIGN_OR_RETURN(crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  NORROY_ASSIGN_OR_RETURN(
      const crypto::Certificate leaf,
      identity::IssueLeaf(signer.authority, key.public_key(),
                          {request.identity, request.hosts, now, absl::Hours(24) * request.days}));
  identity::IdentityFile file{std::move(key), {leaf}};
  file.chain.insert(file.chain.end(), signer.intermediates.begin(), signer.intermediates.end());
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(request.file, file));
  IdentityRecord record = RecordOf(leaf, request.identity.Principal(), request.identity.Uri(),
                                   request.hosts, request.file);
  NORROY_RETURN_IF_ERROR(FileNewRecord(dir, layout::kCore, record));
  return record;
}

absl::StatusOr<IdentityRecord> IssueSealCertificate(const std::string& dir,
                                                    const IdentityRequest& request,
                                                    const crypto::PublicKey& key, absl::Time now) {
  if (request.identity.role != types::v1::ROLE_SEAL) {
    return Usage("--public-key is for seals: all other identities keep their key in their file");
  }
  NORROY_ASSIGN_OR_RETURN(const Signer signer, SignerOf(dir, request.identity, now));
  NORROY_ASSIGN_OR_RETURN(
      const crypto::Certificate leaf,
      identity::IssueLeaf(signer.authority, key,
                          {request.identity, {}, now, absl::Hours(24) * request.days}));
  NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(request.file, leaf.ToPem(), 0644));
  IdentityRecord record =
      RecordOf(leaf, request.identity.Principal(), request.identity.Uri(), {}, request.file);
  NORROY_RETURN_IF_ERROR(FileNewRecord(dir, layout::kCore, record));
  return record;
}

absl::StatusOr<std::string> DeploymentIn(const std::string& dir) {
  const std::string path = absl::StrCat(dir, "/", layout::kCore, "/", layout::kRootCertificate);
  const auto pem = identity::ReadFile(path, kMaxPemFile);
  if (!pem.ok()) {
    return Usage(absl::StrCat("no deployment was made in ", dir, " (", pem.status().message(),
                              "); run \"norroy init\", or give --dir"));
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root, crypto::Certificate::ParsePem(*pem));
  NORROY_ASSIGN_OR_RETURN(identity::TrustDomain trust, identity::TrustDomain::OfAuthority(root));
  return trust.deployment;
}

absl::StatusOr<IdentityRecord> IssueEdgeAuthority(const std::string& dir,
                                                  const std::string& validator,
                                                  const std::string& file, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::Authority root, OpenRoot(dir, layout::kEdge));
  NORROY_ASSIGN_OR_RETURN(const identity::TrustDomain trust,
                          identity::TrustDomain::OfAuthority(root.certificate));
  NORROY_ASSIGN_OR_RETURN(const identity::Authority made,
                          identity::MakeIntermediate(root, validator, trust.Host(), now,
                                                     absl::Hours(24) * kIntermediateDays));
  NORROY_RETURN_IF_ERROR(identity::WriteIdentityFile(file, {made.key, {made.certificate}}));
  IdentityRecord record = RecordOf(
      made.certificate, absl::StrCat(kEdgeAuthorityPrincipal, validator), trust.Uri(), {}, file);
  NORROY_RETURN_IF_ERROR(FileNewRecord(dir, layout::kEdge, record));
  return record;
}

absl::StatusOr<IdentityRecord> RenewIdentity(const std::string& dir, const std::string& file,
                                             int days, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile old, identity::ReadIdentityFile(file));
  NORROY_ASSIGN_OR_RETURN(const std::vector<IdentityRecord> records, ListIdentities(dir));
  std::optional<IdentityRecord> record = FindRecord(records, old.chain.front().serial());
  if (!record.has_value()) {
    return Usage(absl::StrCat(file, " was not made from ", dir,
                              " (see \"norroy identity list\"); give the right --dir, or make a "
                              "new one with \"norroy identity issue\""));
  }
  NORROY_ASSIGN_OR_RETURN(IdentityRecord renewed,
                          MakeAgain(dir, *record, old.chain.front(), {file, days}, now));
  record->set_superseded(true);
  NORROY_RETURN_IF_ERROR(FileRecord(dir, *record));
  return renewed;
}

absl::StatusOr<std::vector<IdentityRecord>> ListIdentities(const std::string& dir) {
  const std::string folder = absl::StrCat(dir, "/", layout::kIssued);
  std::error_code error;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) {
    return Usage(absl::StrCat("no identities were made from ", dir, " (", folder, ": ",
                              error.message(), "); give --dir"));
  }
  std::vector<IdentityRecord> records;
  for (const auto& entry : entries) {
    const std::string path = entry.path().string();
    if (!absl::EndsWith(path, ".json")) continue;
    NORROY_ASSIGN_OR_RETURN(const std::string json, identity::ReadFile(path, kMaxPemFile));
    IdentityRecord record;
    if (!google::protobuf::util::JsonStringToMessage(json, &record).ok()) {
      return Usage(absl::StrCat(path, " is no record of an identity; move it away"));
    }
    records.push_back(std::move(record));
  }
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) {
    return FromProto(a.not_after()) < FromProto(b.not_after());
  });
  return records;
}

}  // namespace norroy::cli
