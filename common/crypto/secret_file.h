#ifndef NORROY_COMMON_CRYPTO_SECRET_FILE_H_
#define NORROY_COMMON_CRYPTO_SECRET_FILE_H_

// Files that only their owner may read: keys, identities, tokens.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/crypto/secret.h"

namespace norroy::crypto {

inline constexpr size_t kMaxSecretFile = 256 * 1024;

// The file must be a regular file of the caller's own user that nobody else can read or write
// (mode & 077 == 0) and of at most kMaxSecretFile bytes. FAILED_PRECONDITION, reason
// UNSAFE_FILE, says which of these it is not and what to do. Symbolic links are followed: what
// counts is the file they lead to.
absl::StatusOr<Secret> ReadSecretFile(const std::string& path);

// A file that systemd put into $CREDENTIALS_DIRECTORY: of root or the caller's own user. Its group
// bits are allowed to say "read", as they show what an access list for the unit's user allows.
absl::StatusOr<Secret> ReadCredentialFile(const std::string& path);

// A new file of mode 0600, it and its folder synced to disk; an existing file is ALREADY_EXISTS.
absl::Status CreateSecretFile(const std::string& path, const Secret& content);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_SECRET_FILE_H_
