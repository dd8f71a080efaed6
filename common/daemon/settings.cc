#include "common/daemon/settings.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/roots.h"
#include "common/identity/verifying.h"
#include "common/status_macros.h"

namespace norroy::daemon {
namespace {

constexpr size_t kMaxAddress = 260;
constexpr size_t kMaxDiagnostics = 4;
constexpr size_t kMaxRootFile = 64 * 1024;

bool IsHostPort(absl::string_view text, int min_port) {
  const size_t colon = text.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos && colon > 0 && text.size() <= kMaxAddress &&
         absl::SimpleAtoi(text.substr(colon + 1), &port) && port >= min_port && port <= 65535 &&
         Printable(text) == text && !absl::StrContains(text, " ");
}

}  // namespace

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

absl::StatusOr<std::vector<std::string>> ReadAddresses(absl::string_view field,
                                                       const std::vector<std::string>& texts,
                                                       size_t max, int min_port) {
  if (texts.empty() || texts.size() > max) {
    return BadConfig(absl::StrCat(field, " must have 1 to ", max, " entries of \"host:port\""));
  }
  for (size_t i = 0; i < texts.size(); ++i) {
    if (IsHostPort(texts[i], min_port)) continue;
    return BadConfig(
        absl::StrCat(field, "[", i, "]: \"", Printable(texts[i]), "\" is not \"host:port\""));
  }
  return texts;
}

absl::StatusOr<std::vector<std::string>> ReadDiagnostics(
    const config::v1::DiagnosticsConfig& config) {
  if (config.listen().empty()) return std::vector<std::string>();
  return ReadAddresses("diagnostics.listen", {config.listen().begin(), config.listen().end()},
                       kMaxDiagnostics, 0);
}

absl::StatusOr<std::string> ReadPath(absl::string_view field, const std::string& config_path,
                                     const std::string& path) {
  if (path.empty()) return BadConfig(absl::StrCat(field, " is missing"));
  return config::ResolvePath(config_path, path);
}

absl::StatusOr<crypto::Certificate> ReadRoot(const std::string& path) {
  NORROY_ASSIGN_OR_RETURN(const std::string pem, identity::ReadFile(path, kMaxRootFile));
  absl::StatusOr<crypto::Certificate> root = crypto::Certificate::ParsePem(pem);
  if (!root.ok()) return WithContext(root.status(), path);
  return root;
}

absl::StatusOr<identity::IdentityFile> ReadIdentityOf(identity::Role role, const std::string& path,
                                                      const std::string& root_file,
                                                      const std::string& deployment,
                                                      absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const auto roots, identity::ReadRoots(root_file));
  NORROY_ASSIGN_OR_RETURN(identity::IdentityFile file, identity::ReadIdentityFile(path));
  const absl::StatusOr<identity::Identity> identity =
      identity::VerifyIdentity(file.chain, roots, deployment, now);
  if (!identity.ok()) return WithContext(identity.status(), path);
  if (identity->role != role) {
    return BadConfig(absl::StrCat(path, " is the identity of ", identity->Principal(),
                                  "; one of role ", identity::RoleName(role), " is needed"));
  }
  return file;
}

absl::StatusOr<std::string> ReadNameOf(identity::Role role, const std::string& path,
                                       const std::string& root_file, const std::string& deployment,
                                       absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile file,
                          ReadIdentityOf(role, path, root_file, deployment, now));
  NORROY_ASSIGN_OR_RETURN(const identity::Identity identity,
                          identity::Identity::OfCertificate(file.chain.front()));
  return identity.name;
}

log::Level LevelOf(const config::v1::LogConfig& config) {
  switch (config.level()) {
    case config::v1::LOG_LEVEL_DEBUG:
      return log::Level::kDebug;
    case config::v1::LOG_LEVEL_WARNING:
      return log::Level::kWarning;
    case config::v1::LOG_LEVEL_ERROR:
      return log::Level::kError;
    default:
      return log::Level::kInfo;
  }
}

log::Format FormatOf(const config::v1::LogConfig& config) {
  return config.format() == config::v1::LOG_FORMAT_JSON ? log::Format::kJson : log::Format::kText;
}

}  // namespace norroy::daemon
