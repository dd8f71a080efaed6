#include "common/crypto/passphrase.h"

#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/check.h"
#include "common/crypto/secret_file.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::crypto {
namespace {

constexpr size_t kMaxCredentialName = 255;

absl::StatusOr<Secret> OneLine(const Secret& content, absl::string_view where) {
  absl::string_view text = content.Expose();
  if (absl::ConsumeSuffix(&text, "\n")) absl::ConsumeSuffix(&text, "\r");
  absl::string_view problem;
  if (text.empty()) problem = "is empty; it must hold a passphrase or PIN, on one line";
  if (text.size() > kMaxPassphrase) problem = "is longer than 1024 bytes";
  if (text.find_first_of(absl::string_view("\r\n\0", 3)) != absl::string_view::npos) {
    problem = "has more than one line";
  }
  if (problem.empty()) return Secret(text);
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_PASSPHRASE",
                   absl::StrCat(where, " ", problem));
}

absl::StatusOr<Secret> ReadCredential(const std::string& name) {
  NORROY_RETURN_IF_ERROR(CheckCredentialName(name));
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr || directory[0] != '/') {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_CREDENTIAL",
                     absl::StrCat("credential ", name,
                                  ": CREDENTIALS_DIRECTORY is not set, so systemd brought none; "
                                  "put LoadCredential=",
                                  name, ":FILE into the unit"));
  }
  const std::string path = absl::StrCat(directory, "/", name);
  absl::StatusOr<Secret> content = ReadCredentialFile(path);
  if (absl::IsNotFound(content.status())) {
    return MakeError(absl::StatusCode::kNotFound, "NO_CREDENTIAL",
                     absl::StrCat("credential ", name, ": there is no ", path,
                                  "; put LoadCredential=", name, ":FILE into the unit"));
  }
  if (!content.ok()) return WithContext(content.status(), absl::StrCat("credential ", name));
  return OneLine(*content, absl::StrCat("credential ", name));
}

}  // namespace

absl::Status CheckCredentialName(absl::string_view name) {
  bool good = !name.empty() && name.size() <= kMaxCredentialName && name != "." && name != "..";
  for (const char c : name) {
    good = good && (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.');
  }
  if (good) return absl::OkStatus();
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CREDENTIAL",
                   absl::StrCat("credential \"", Printable(name, 64),
                                "\": a name of letters, digits, \"-\", \"_\" and \".\" is needed"));
}

absl::StatusOr<Secret> ReadPassphrase(const PassphraseSource& source) {
  NORROY_CHECK(source.file.empty() != source.credential.empty());
  if (!source.credential.empty()) return ReadCredential(source.credential);
  NORROY_ASSIGN_OR_RETURN(const Secret content, ReadSecretFile(source.file));
  return OneLine(content, source.file);
}

}  // namespace norroy::crypto
