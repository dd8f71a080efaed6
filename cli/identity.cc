#include "cli/identity.h"

#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/authorities.h"
#include "cli/revocation.h"
#include "cli/rotation.h"
#include "cli/text.h"
#include "common/crypto/certificate.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// A third of a year-long identity's life: time for several tries.
constexpr absl::Duration kRenewAhead = absl::Hours(24 * kIdentityDays / 3);
constexpr size_t kMaxHosts = 20;
constexpr size_t kMaxPublicKeyFile = 16 * 1024;

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

std::vector<std::string> Row(const IdentityRecord& record) {
  return {record.principal(), TimeText(record.not_after()), ListText(record.hosts()),
          record.serial(), record.file()};
}
std::vector<std::string> Header() { return {"PRINCIPAL", "NOT AFTER", "HOSTS", "SERIAL", "FILE"}; }

bool IsEdge(const IdentityRecord& record) {
  return absl::StartsWith(record.principal(), "edge-ca/");
}

absl::StatusOr<crypto::PublicKey> ReadPublicKey(const std::string& file) {
  NORROY_ASSIGN_OR_RETURN(const std::string pem, identity::ReadFile(file, kMaxPublicKeyFile));
  NORROY_ASSIGN_OR_RETURN(const std::vector<crypto::PemBlock> blocks, crypto::PemDecode(pem));
  if (blocks.size() != 1 || blocks[0].label != "PUBLIC KEY") {
    return Usage(absl::StrCat(file, ": must hold one PEM block \"PUBLIC KEY\""));
  }
  return crypto::PublicKey::Parse(blocks[0].der);
}

absl::StatusOr<int> Days(int days) {
  if (days == 0) return kIdentityDays;
  if (days < 1 || days > 10 * 366) return Usage("--days: give 1 to 3660");
  return days;
}

std::string Absolute(const std::string& path) {
  std::error_code error;
  const auto absolute = std::filesystem::absolute(path, error);
  return error ? path : absolute.lexically_normal().string();
}

absl::Status CheckIssue(const IdentityIssueOptions& options, types::v1::Role role) {
  NORROY_RETURN_IF_ERROR(identity::CheckResourceName("NAME", options.name));
  const bool server = role == types::v1::ROLE_ISSUER || role == types::v1::ROLE_VALIDATOR;
  if (!server && !options.hosts.empty()) {
    return Usage("--host is for servers (issuer, validator): other identities are for clients");
  }
  if (options.hosts.size() > kMaxHosts) return Usage("--host: at most 20");
  if (!options.public_key_file.empty() && role != types::v1::ROLE_SEAL) {
    return Usage("--public-key is for seals, whose key may lie in a token");
  }
  if (server && options.hosts.empty()) {
    return Usage("--host: give the name or address under which this server is reached");
  }
  return absl::OkStatus();
}

// The files of those whose end is near, where the files are still here.
absl::StatusOr<std::vector<std::string>> FilesToRenew(Context& context, const std::string& dir) {
  NORROY_ASSIGN_OR_RETURN(const auto records, ListIdentities(dir));
  std::vector<std::string> files;
  for (const IdentityRecord& record : records) {
    const auto file = identity::ReadIdentityFile(record.file());
    if (!file.ok() || file->chain.front().serial() != record.serial()) continue;
    if (FromProto(record.not_after()) - context.clock().Now() < kRenewAhead) {
      files.push_back(record.file());
    }
  }
  return files;
}

}  // namespace

absl::Status IdentityIssue(Context& context, const IdentityIssueOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const types::v1::Role role, identity::ParseRole(options.role));
  NORROY_RETURN_IF_ERROR(CheckIssue(options, role));
  NORROY_ASSIGN_OR_RETURN(const int days, Days(options.days));
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const std::string deployment, DeploymentIn(dir));
  const std::string file = Absolute(
      options.out.empty() ? absl::StrCat(options.role, "-", options.name, ".pem") : options.out);
  std::error_code error;
  if (std::filesystem::exists(file, error)) {
    return Usage(absl::StrCat(file,
                              " is there already; choose another --out, or renew it with "
                              "\"norroy identity renew ",
                              file, "\""));
  }
  List list(context.output(), Header());
  const absl::Time now = context.clock().Now();
  const IdentityRequest request{{deployment, role, options.name, ""}, options.hosts, days, file};
  if (!options.public_key_file.empty()) {
    NORROY_ASSIGN_OR_RETURN(const crypto::PublicKey key, ReadPublicKey(options.public_key_file));
    NORROY_ASSIGN_OR_RETURN(const IdentityRecord seal,
                            IssueSealCertificate(dir, request, key, now));
    list.Add(seal, Row(seal));
    list.Finish();
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(const IdentityRecord record, IssueIdentity(dir, request, now));
  list.Add(record, Row(record));
  if (role == types::v1::ROLE_VALIDATOR) {
    NORROY_ASSIGN_OR_RETURN(
        const IdentityRecord edge,
        IssueEdgeAuthority(dir, options.name,
                           absl::StrCat(absl::StripSuffix(file, ".pem"), ".edge-ca.pem"), now));
    list.Add(edge, Row(edge));
  }
  list.Finish();
  return absl::OkStatus();
}

absl::Status IdentityRenew(Context& context, const IdentityRenewOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const int days, Days(options.days));
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  std::vector<std::string> files;
  for (const std::string& file : options.files) files.push_back(Absolute(file));
  if (files.empty()) {
    NORROY_ASSIGN_OR_RETURN(files, FilesToRenew(context, dir));
    if (files.empty()) {
      context.output().Say(
          "Nothing ends within the next " +
          absl::StrCat(kIdentityDays / 3, " days; name a FILE to renew it anyway."));
    }
  }
  List list(context.output(), Header());
  for (const std::string& file : files) {
    NORROY_ASSIGN_OR_RETURN(const IdentityRecord record,
                            RenewIdentity(dir, file, days, context.clock().Now()));
    list.Add(record, Row(record));
  }
  list.Finish();
  return absl::OkStatus();
}

absl::Status IdentityList(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_ASSIGN_OR_RETURN(const auto records, ListIdentities(dir));
  NORROY_ASSIGN_OR_RETURN(const std::set<std::string> revoked, RevokedSerials(dir));
  std::vector<std::string> header = Header();
  header.push_back("STATUS");
  List list(context.output(), std::move(header));
  for (IdentityRecord record : records) {
    NORROY_ASSIGN_OR_RETURN(const crypto::Certificate root,
                            RootCertificate(dir, IsEdge(record) ? "edge" : "core"));
    record.set_status(StatusOf(record, root.fingerprint(), revoked, context.clock().Now()));
    std::vector<std::string> row = Row(record);
    row.push_back(record.status());
    list.Add(record, std::move(row));
  }
  list.Finish();
  return absl::OkStatus();
}

}  // namespace norroy::cli
