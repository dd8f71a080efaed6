#include "cli/revocation.h"

#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "common/crypto/revocation_list.h"
#include "common/error/error.h"
#include "common/identity/revocations.h"
#include "common/identity/roots.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr char kRootFile[] = "core/root.pem";
constexpr char kTrustedFile[] = "core/trusted.pem";

bool IsThere(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The list may be signed by either root while one follows the other.
absl::StatusOr<std::optional<crypto::RevocationList>> ReadList(const std::string& dir) {
  const std::string trusted = absl::StrCat(dir, "/", kTrustedFile);
  return identity::ReadRevocationList(
      absl::StrCat(dir, "/", layout::kRevoked),
      IsThere(trusted) ? trusted : absl::StrCat(dir, "/", kRootFile));
}

absl::StatusOr<std::vector<std::string>> Write(const std::string& dir, const std::string& pem) {
  std::vector<std::string> written = {absl::StrCat(dir, "/", layout::kRevoked)};
  for (const char* root :
       {layout::kIssuerCoreRoot, layout::kValidatorCoreRoot, layout::kOperatorCoreRoot}) {
    const std::string root_file = absl::StrCat(dir, "/", root);
    if (IsThere(root_file)) written.push_back(identity::RevocationFileOf(root_file));
  }
  for (const std::string& path : written) {
    NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path, pem, 0644));
  }
  return written;
}

absl::StatusOr<std::vector<std::string>> SignAndWrite(
    const std::string& dir, const std::optional<crypto::RevocationList>& before,
    const std::vector<std::string>& serials, absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const identity::Authority root, OpenRoot(dir, layout::kCore));
  crypto::RevocationList::Draft draft{.number = 1,
                                      .now = now,
                                      // It counts until the next one: nobody has to sign in time.
                                      .next_update = root.certificate.not_after(),
                                      .revoked = {}};
  if (before.has_value()) {
    draft.number = before->number() + 1;
    draft.revoked = before->revoked();
  }
  for (const std::string& serial : serials) draft.revoked.emplace(serial, now);
  NORROY_ASSIGN_OR_RETURN(const std::string pem,
                          crypto::RevocationList::MakePem(draft, root.key, root.certificate));
  return Write(dir, pem);
}

bool IsSerial(absl::string_view text) {
  if (text.empty() || text.size() > 40) return false;
  for (const char c : text) {
    if (!absl::ascii_isxdigit(c)) return false;
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> SerialOf(absl::string_view file_or_serial) {
  const std::string path(file_or_serial);
  if (IsThere(path)) {
    // Of the certificate alone: the key may be open to others, which is why it is revoked.
    NORROY_ASSIGN_OR_RETURN(const std::string pem,
                            identity::ReadFile(path, identity::kMaxRootFile));
    absl::StatusOr<crypto::Certificate> certificate = crypto::Certificate::ParsePem(pem);
    if (!certificate.ok()) return WithContext(certificate.status(), path);
    return certificate->serial();
  }
  if (!IsSerial(file_or_serial)) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     absl::StrCat("\"", Printable(file_or_serial, 128),
                                  "\" is neither a file nor a serial (see \"norroy identity "
                                  "list\")"));
  }
  std::string serial = absl::AsciiStrToLower(file_or_serial);
  const size_t first = serial.find_first_not_of('0');
  return first == std::string::npos ? "0" : serial.substr(first);
}

absl::StatusOr<std::vector<std::string>> RevokeSerials(const std::string& dir,
                                                       const std::vector<std::string>& serials,
                                                       absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const auto before, ReadList(dir));
  return SignAndWrite(dir, before, serials, now);
}

absl::StatusOr<std::vector<std::string>> SignRevocationsAgain(const std::string& dir,
                                                              absl::Time now) {
  NORROY_ASSIGN_OR_RETURN(const auto before, ReadList(dir));
  if (!before.has_value()) return std::vector<std::string>();
  return SignAndWrite(dir, before, {}, now);
}

absl::StatusOr<std::set<std::string>> RevokedSerials(const std::string& dir) {
  NORROY_ASSIGN_OR_RETURN(const auto list, ReadList(dir));
  std::set<std::string> serials;
  if (!list.has_value()) return serials;
  for (const auto& entry : list->revoked()) serials.insert(entry.first);
  return serials;
}

}  // namespace norroy::cli
