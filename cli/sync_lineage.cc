#include "cli/sync_lineage.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/file_io.h"
#include "common/crypto/secret.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr absl::string_view kKinds[] = {"privkey", "cert", "chain", "fullchain"};
constexpr absl::string_view kBundle = "bundle";
constexpr size_t kMaxFile = crypto::kMaxChainBytes + 64 * 1024;
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kKeyMode = 0600;
constexpr mode_t kPublicMode = 0644;
// What a key's file may ever have: whatever else was set on the old one is not passed on.
constexpr mode_t kMostKeyMode = 0660;

absl::Status Broken(const std::string& path, absl::string_view why) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BROKEN_SET",
                   absl::StrCat(path, ": ", why));
}

// Exists, as a link too that leads nowhere.
bool Exists(const std::string& path) {
  struct stat info = {};
  return lstat(path.c_str(), &info) == 0;
}

absl::Status MakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), kFolderMode) == 0) {
    // The umask must not decide, and the name has to be on the disk.
    if (chmod(path.c_str(), kFolderMode) != 0) return crypto::FileError("set the mode of", path);
    return crypto::SyncFolderOf(path);
  }
  struct stat info = {};
  if (errno == EEXIST && stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  return crypto::FileError("make the folder", path);
}

std::string ChainPem(const crypto::CertificateChain& chain) {
  std::string pem;
  for (size_t i = 1; i < chain.certificates().size(); ++i) {
    absl::StrAppend(&pem, chain.certificates()[i].ToPem());
  }
  return pem;
}

absl::StatusOr<std::string> ReadMember(const std::string& path) {
  auto text = identity::ReadFile(path, kMaxFile);
  if (text.status().code() == absl::StatusCode::kNotFound) return Broken(path, "is missing");
  return text;
}

}  // namespace

struct Lineage::Access {
  uid_t owner = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
  mode_t key_mode = kKeyMode;
};

Lineage::Lineage(std::string state_dir, std::string name)
    : name_(std::move(name)),
      archive_(absl::StrCat(state_dir, "/archive/", name_)),
      lives_(absl::StrCat(state_dir, "/live")),
      live_(absl::StrCat(lives_, "/", name_)) {}

std::string Lineage::File(absl::string_view kind) const {
  return absl::StrCat(live_, "/", kind, ".pem");
}

std::string Lineage::Archived(absl::string_view kind, int number) const {
  return absl::StrCat(archive_, "/", kind, number, ".pem");
}

std::string Lineage::SetFolder(int number) const { return absl::StrCat(archive_, "/set", number); }

absl::StatusOr<bool> Lineage::IsThere() const {
  struct stat info = {};
  if (lstat(live_.c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return crypto::FileError("look at", live_);
  }
  if (CurrentNumber() > 0) return true;
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "FOREIGN_FOLDER",
      absl::StrCat(live_, " is no link to ../archive/", name_, "/setN, so it was ",
                   "made by something else: move it away, or give the entry another ", "name"));
}

absl::StatusOr<std::optional<CertificateSet>> Lineage::Read() const {
  NORROY_ASSIGN_OR_RETURN(const bool there, IsThere());
  if (!there) return std::optional<CertificateSet>();
  NORROY_ASSIGN_OR_RETURN(const std::string fullchain, ReadMember(File("fullchain")));
  NORROY_ASSIGN_OR_RETURN(std::string key_text, ReadMember(File("privkey")));
  const auto key = crypto::PrivateKey::ParsePem(crypto::Secret::Take(key_text));
  if (!key.ok()) return Broken(File("privkey"), key.status().message());
  const auto chain = crypto::CertificateChain::ParsePem(fullchain);
  if (!chain.ok()) return Broken(File("fullchain"), chain.status().message());
  if (chain->leaf().spki_der() != key->public_key().spki_der()) {
    return Broken(File("privkey"), "is not the key of fullchain.pem");
  }
  for (const absl::string_view kind : {"cert", "chain"}) {
    NORROY_RETURN_IF_ERROR(ReadMember(File(kind)).status());
  }
  return std::optional<CertificateSet>(CertificateSet{*chain, *key});
}

Lineage::Access Lineage::AccessFor(const WantedCertificate& wanted) const {
  Access access;
  struct stat old = {};
  if (stat(File("privkey").c_str(), &old) == 0) {
    access = {old.st_uid, old.st_gid, (old.st_mode & kMostKeyMode) | S_IRUSR};
  }
  if (wanted.access.owner.has_value()) access.owner = *wanted.access.owner;
  if (wanted.access.group.has_value()) access.group = *wanted.access.group;
  if (wanted.access.mode.has_value()) access.key_mode = *wanted.access.mode;
  return access;
}

bool Lineage::FilesFit(const WantedCertificate& wanted) const {
  struct stat key = {};
  if (stat(File("privkey").c_str(), &key) != 0) return false;
  const FileAccess& access = wanted.access;
  return Exists(File(kBundle)) == wanted.bundle &&
         access.owner.value_or(key.st_uid) == key.st_uid &&
         access.group.value_or(key.st_gid) == key.st_gid &&
         access.mode.value_or(key.st_mode & 07777) == (key.st_mode & 07777) &&
         // Nobody but owner and group may ever read a key.
         (key.st_mode & 07) == 0;
}

std::vector<int> Lineage::Numbers() const {
  std::set<int> numbers;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(archive_, error)) {
    const std::string file = entry.path().filename().string();
    absl::string_view text = file;
    bool ours = absl::ConsumePrefix(&text, "set");
    for (const absl::string_view kind : {"privkey", "cert", "chain", "fullchain", "bundle"}) {
      if (!ours && absl::ConsumePrefix(&text, kind)) ours = absl::ConsumeSuffix(&text, ".pem");
    }
    int number = 0;
    if (ours && absl::SimpleAtoi(text, &number) && number > 0) numbers.insert(number);
  }
  return std::vector<int>(numbers.begin(), numbers.end());
}

int Lineage::CurrentNumber() const {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(live_, error).string();
  absl::string_view text = target;
  int number = 0;
  const bool ours = !error &&
                    absl::ConsumePrefix(&text, absl::StrCat("../archive/", name_, "/set")) &&
                    absl::SimpleAtoi(text, &number) && number > 0;
  return ours ? number : 0;
}

absl::Status Lineage::MakeFolders() const {
  const std::string archives = std::filesystem::path(archive_).parent_path().string();
  for (const std::string& folder : {archives, archive_, lives_}) {
    NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  }
  return absl::OkStatus();
}

namespace {

// A new file with its owner and mode, all of it on the disk.
absl::Status WriteMember(const std::string& path, absl::string_view bytes, uid_t owner, gid_t group,
                         mode_t mode) {
  NORROY_RETURN_IF_ERROR(crypto::WriteNewFile(path, bytes, 0600));
  const crypto::Descriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return crypto::FileError("open", path);
  // The owner first: until then nobody else may read it.
  if (fchown(fd.get(), owner, group) != 0) return crypto::FileError("give away", path);
  if (fchmod(fd.get(), mode) != 0) return crypto::FileError("set the mode of", path);
  return fsync(fd.get()) == 0 ? absl::OkStatus() : crypto::FileError("sync", path);
}

}  // namespace

absl::Status Lineage::WriteFiles(int number, const CertificateSet& set, bool bundle,
                                 const Access& access) const {
  const auto write = [&](absl::string_view kind, absl::string_view bytes, mode_t mode) {
    return WriteMember(Archived(kind, number), bytes, access.owner, access.group, mode);
  };
  const crypto::Secret key = set.key.ToPem();
  const std::string fullchain = set.chain.ToPem();
  NORROY_RETURN_IF_ERROR(write("privkey", key.Expose(), access.key_mode));
  NORROY_RETURN_IF_ERROR(write("cert", set.chain.leaf().ToPem(), kPublicMode));
  NORROY_RETURN_IF_ERROR(write("chain", ChainPem(set.chain), kPublicMode));
  NORROY_RETURN_IF_ERROR(write("fullchain", fullchain, kPublicMode));
  if (!bundle) return absl::OkStatus();
  std::string text = absl::StrCat(fullchain, key.Expose());
  const crypto::Secret both = crypto::Secret::Take(text);
  return write(kBundle, both.Expose(), access.key_mode);
}

absl::Status Lineage::WriteSet(int number, bool bundle) const {
  const std::string folder = SetFolder(number);
  NORROY_RETURN_IF_ERROR(MakeFolder(folder));
  std::vector<absl::string_view> kinds(std::begin(kKinds), std::end(kKinds));
  if (bundle) kinds.push_back(kBundle);
  for (const absl::string_view kind : kinds) {
    const std::string link = absl::StrCat(folder, "/", kind, ".pem");
    const std::string target = absl::StrCat("../", kind, number, ".pem");
    if (symlink(target.c_str(), link.c_str()) != 0) return crypto::FileError("link", link);
  }
  // The links in it, then what lies beside it.
  NORROY_RETURN_IF_ERROR(crypto::SyncFolderOf(absl::StrCat(folder, "/cert.pem")));
  return crypto::SyncFolderOf(folder);
}

absl::Status Lineage::Switch(int number) const {
  const std::string fresh = absl::StrCat(lives_, "/.", name_, ".new");
  // Left by a process that was killed.
  if (unlink(fresh.c_str()) != 0 && errno != ENOENT) return crypto::FileError("remove", fresh);
  const std::string target = absl::StrCat("../archive/", name_, "/set", number);
  if (symlink(target.c_str(), fresh.c_str()) != 0) return crypto::FileError("link", fresh);
  if (rename(fresh.c_str(), live_.c_str()) != 0) return crypto::FileError("rename", fresh);
  return crypto::SyncFolderOf(live_);
}

// Older sets than are kept, and what killed processes left half-written.
void Lineage::Prune() const {
  const int current = CurrentNumber();
  std::vector<int> numbers = Numbers();
  std::reverse(numbers.begin(), numbers.end());
  int kept = 0;
  for (const int number : numbers) {
    const bool whole = number < current && Exists(SetFolder(number) + "/fullchain.pem");
    if (number == current || (whole && ++kept < kKeptSets)) continue;
    std::error_code error;
    std::filesystem::remove_all(SetFolder(number), error);
    for (const absl::string_view kind : kKinds) unlink(Archived(kind, number).c_str());
    unlink(Archived(kBundle, number).c_str());
  }
}

absl::Status Lineage::Install(const CertificateSet& set, const WantedCertificate& wanted) {
  if (set.chain.leaf().spki_der() != set.key.public_key().spki_der()) {
    return Broken(live_, "was to get a certificate that is not its key's");
  }
  NORROY_RETURN_IF_ERROR(IsThere().status());
  NORROY_RETURN_IF_ERROR(MakeFolders());
  const Access access = AccessFor(wanted);
  const std::vector<int> numbers = Numbers();
  const int number = std::max(numbers.empty() ? 0 : numbers.back(), CurrentNumber()) + 1;
  NORROY_RETURN_IF_ERROR(WriteFiles(number, set, wanted.bundle, access));
  NORROY_RETURN_IF_ERROR(WriteSet(number, wanted.bundle));
  NORROY_RETURN_IF_ERROR(Switch(number));
  Prune();
  return absl::OkStatus();
}

}  // namespace norroy::cli
