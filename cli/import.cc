#include "cli/import.h"

#include <google/protobuf/util/message_differencer.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/certificate_files.h"
#include "cli/import_result.pb.h"
#include "cli/sync_lock.h"
#include "cli/sync_settings.h"
#include "cli/text.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

namespace cv1 = config::v1;

constexpr size_t kMaxConfig = 1024 * 1024;
constexpr size_t kMaxKeyFile = 64 * 1024;
constexpr mode_t kMostKeyMode = 0660;

FileAccess AccessOf(const std::string& key_file) {
  struct stat info = {};
  if (stat(key_file.c_str(), &info) != 0) return {};
  return {info.st_uid, info.st_gid, (info.st_mode & kMostKeyMode) | S_IRUSR};
}

absl::StatusOr<CertificateSet> ReadSet(const std::string& chain_file,
                                       const std::string& issuer_file,
                                       const std::string& key_file) {
  NORROY_ASSIGN_OR_RETURN(std::string key_text, identity::ReadFile(key_file, kMaxKeyFile));
  const auto key = crypto::PrivateKey::ParsePem(crypto::Secret::Take(key_text));
  if (!key.ok()) return WithContext(key.status(), key_file);
  NORROY_ASSIGN_OR_RETURN(std::string pem, identity::ReadFile(chain_file, crypto::kMaxChainBytes));
  auto chain = crypto::CertificateChain::ParsePem(pem);
  if (!chain.ok() && !issuer_file.empty()) {
    const auto issuer = identity::ReadFile(issuer_file, crypto::kMaxChainBytes);
    if (issuer.ok()) chain = crypto::CertificateChain::ParsePem(absl::StrCat(pem, "\n", *issuer));
  }
  if (!chain.ok()) return WithContext(chain.status(), chain_file);
  if (chain->leaf().spki_der() != key->public_key().spki_der()) {
    return absl::FailedPreconditionError(absl::StrCat(key_file, " is not the key of ", chain_file));
  }
  return CertificateSet{*chain, *key};
}

// The names of the certificate, the lineage's own first.
void FillIn(FoundCertificate& found) {
  const crypto::Certificate& leaf = found.set->chain.leaf();
  std::vector<std::string> domains;
  for (const challenge::Name& name : leaf.names()) domains.push_back(name.text());
  std::stable_partition(domains.begin(), domains.end(), [&found](const std::string& domain) {
    return FolderName(domain) == found.name;
  });
  for (const std::string& domain : domains) found.entry.add_domains(domain);
  if (domains.empty() || FolderName(domains.front()) != found.name) {
    found.entry.set_name(found.name);
  }
  const crypto::KeyType type = found.set->key.public_key().type();
  if (type != crypto::KeyType::kP256) {
    found.entry.set_key_type(std::string(crypto::KeyTypeName(type)));
  }
}

class Importer {
 public:
  Importer(Context& context, const ImportOptions& options) : context_(context), options_(options) {}

  absl::Status Run(std::vector<FoundCertificate> found);

 private:
  absl::Status Load();
  // What became of it; takes the files over.
  ImportedCertificate Take(FoundCertificate& found);
  absl::Status InstallFiles(FoundCertificate& found);
  absl::Status WriteConfig();

  Context& context_;
  const ImportOptions& options_;
  std::string text_;
  cv1::SyncConfig config_;
  std::string state_dir_;
  std::vector<std::string> present_;
  std::vector<cv1::SyncCertificate> entries_;
};

absl::Status Importer::Load() {
  auto text = identity::ReadFile(options_.config, kMaxConfig);
  if (!text.ok()) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                     absl::StrCat(text.status().message(), "; make it first, with issuers, ",
                                  "identity_file, core_root_file and state_dir (docs/sync.md)"));
  }
  text_ = *std::move(text);
  NORROY_RETURN_IF_ERROR(config::ParseYaml(text_, options_.config, config_));
  NORROY_ASSIGN_OR_RETURN(const SyncSettings settings, CheckSyncConfig(config_, options_.config));
  state_dir_ = settings.state_dir;
  for (const WantedCertificate& wanted : settings.certificates) present_.push_back(wanted.name);
  return absl::OkStatus();
}

absl::Status Importer::InstallFiles(FoundCertificate& found) {
  cv1::SyncConfig one;
  one.set_state_dir(state_dir_);
  *one.add_certificates() = found.entry;
  NORROY_ASSIGN_OR_RETURN(SyncSettings settings, CheckSyncConfig(one, options_.config));
  WantedCertificate& wanted = settings.certificates.front();
  Lineage lineage(state_dir_, wanted.name);
  NORROY_ASSIGN_OR_RETURN(const auto installed, lineage.Read());
  if (installed.has_value()) {
    if (installed->chain.leaf().fingerprint() == found.set->chain.leaf().fingerprint()) {
      return absl::OkStatus();  // an import that broke off before the entry was written
    }
    return absl::FailedPreconditionError(
        absl::StrCat(lineage.live(), " has another certificate already"));
  }
  wanted.access = found.access;
  return lineage.Install(*found.set, wanted);
}

ImportedCertificate Importer::Take(FoundCertificate& found) {
  ImportedCertificate result;
  result.set_name(found.name);
  result.set_outcome(IMPORT_OUTCOME_SKIPPED);
  absl::Status status = found.set.status();
  if (status.ok()) FillIn(found);
  *result.mutable_domains() = found.entry.domains();
  if (std::find(present_.begin(), present_.end(), found.name) != present_.end()) {
    result.set_outcome(IMPORT_OUTCOME_PRESENT);
    result.add_remarks(absl::StrCat(options_.config, " has an entry of this name: left alone"));
    return result;
  }
  if (status.ok()) status = InstallFiles(found);
  if (!status.ok()) {
    result.add_remarks(absl::StrCat("not taken over: ", status.message()));
    return result;
  }
  if (found.set->chain.leaf().not_after() <= context_.clock().Now()) {
    result.add_remarks("it has ended: norroy sync renews it at once");
  }
  for (const std::string& remark : found.remarks) result.add_remarks(remark);
  result.set_outcome(IMPORT_OUTCOME_IMPORTED);
  entries_.push_back(found.entry);
  present_.push_back(found.name);
  return result;
}

absl::Status Importer::WriteConfig() {
  if (entries_.empty()) return absl::OkStatus();
  const auto appended = AppendEntries(text_, config_, entries_);
  if (!appended.ok()) {
    cv1::SyncConfig only;
    for (const cv1::SyncCertificate& entry : entries_) *only.add_certificates() = entry;
    context_.output().Say(
        absl::StrCat("To be put into ", options_.config, " by hand:\n", config::ToYaml(only)));
    return appended.status();
  }
  struct stat info = {};
  const mode_t mode = stat(options_.config.c_str(), &info) == 0 ? info.st_mode & 0777 : 0600;
  return identity::WriteFileAtomically(options_.config, *appended, static_cast<int>(mode));
}

absl::Status Importer::Run(std::vector<FoundCertificate> found) {
  NORROY_RETURN_IF_ERROR(Load());
  if (found.empty()) {
    return absl::NotFoundError(absl::StrCat("no certificates in ", options_.folder));
  }
  if (mkdir(state_dir_.c_str(), 0755) == 0) chmod(state_dir_.c_str(), 0755);
  NORROY_ASSIGN_OR_RETURN(const SyncLock lock, SyncLock::Take(state_dir_ + "/.lock"));
  List list(context_.output(), {"CERTIFICATE", "DOMAINS", "OUTCOME", "REMARKS"});
  bool skipped = false;
  for (FoundCertificate& one : found) {
    const ImportedCertificate result = Take(one);
    skipped = skipped || result.outcome() == IMPORT_OUTCOME_SKIPPED;
    list.Add(result, {result.name(), ListText(result.domains()), EnumText(result.outcome()),
                      absl::StrJoin(result.remarks(), "; ")});
  }
  list.Finish();
  NORROY_RETURN_IF_ERROR(WriteConfig());
  if (!entries_.empty()) {
    context_.output().Say(absl::StrCat(
        "Servers still read ", options_.folder, ": point them to ", state_dir_,
        "/live, then stop the other client from renewing. Nothing of its own was changed."));
  }
  if (!skipped) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnknown, "IMPORT_INCOMPLETE",
                   "some certificates were not taken over; see the remarks");
}

bool ReadsAs(const std::string& text, const cv1::SyncConfig& wanted) {
  cv1::SyncConfig read;
  return config::ParseYaml(text, "sync.yaml", read).ok() &&
         google::protobuf::util::MessageDifferencer::Equals(read, wanted);
}

}  // namespace

void ReadFound(const std::string& chain_file, const std::string& issuer_file,
               const std::string& key_file, FoundCertificate& found) {
  found.set = ReadSet(chain_file, issuer_file, key_file);
  found.access = AccessOf(key_file);
}

absl::StatusOr<std::string> AppendEntries(const std::string& text, const cv1::SyncConfig& before,
                                          const std::vector<cv1::SyncCertificate>& entries) {
  cv1::SyncConfig after = before;
  cv1::SyncConfig only;
  for (const cv1::SyncCertificate& entry : entries) {
    *after.add_certificates() = entry;
    *only.add_certificates() = entry;
  }
  const std::string added = config::ToYaml(only);
  std::string start = text;
  if (!start.empty() && start.back() != '\n') start.push_back('\n');
  // What people wrote stays, comments too; whatever is tried is right if it reads right.
  if (ReadsAs(start + added, after)) return start + added;
  std::vector<std::string> lines = absl::StrSplit(added, '\n', absl::SkipEmpty());
  lines.erase(lines.begin());  // "certificates:"
  const size_t indent = lines.empty() ? 0 : lines[0].find('-');
  for (const size_t spaces : {2, 0, 4}) {
    std::string candidate = start;
    for (const std::string& line : lines) {
      absl::StrAppend(&candidate, std::string(spaces, ' '),
                      line.substr(std::min(indent, line.size())), "\n");
    }
    if (ReadsAs(candidate, after)) return candidate;
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "CANNOT_APPEND",
                   "entries cannot be put at the end of the file: certificates is not its last "
                   "key; move it there, or put them in by hand");
}

absl::Status Import(Context& context, const ImportOptions& options,
                    std::vector<FoundCertificate> found) {
  return Importer(context, options).Run(std::move(found));
}

}  // namespace norroy::cli
