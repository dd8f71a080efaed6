#ifndef NORROY_CLI_IMPORT_RENEWAL_H_
#define NORROY_CLI_IMPORT_RENEWAL_H_

// certbot's renewal/NAME.conf: "key = value" lines, first the files, then a section
// [renewalparams] with the options by which the certificate was made, and below it, in double
// brackets, maps such as [[webroot_map]].

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::cli {

inline constexpr size_t kMaxRenewalFile = 256 * 1024;

struct RenewalFile {
  std::map<std::string, std::string> files;    // "fullchain", "privkey", "version"
  std::map<std::string, std::string> options;  // of [renewalparams]: "authenticator"
};

// INVALID_ARGUMENT, reason BAD_RENEWAL_FILE, names the line. Quotes around a value are taken off; a
// key that comes twice is refused; sections that are not known are passed over.
absl::StatusOr<RenewalFile> ParseRenewalFile(absl::string_view text);

// A hook's shell line as arguments, if it is so plain that no shell is needed: words without
// quotes, variables and the like, the first a program of PATH or an absolute path. Empty: it is
// not.
std::vector<std::string> PlainCommand(absl::string_view line);

}  // namespace norroy::cli

#endif  // NORROY_CLI_IMPORT_RENEWAL_H_
