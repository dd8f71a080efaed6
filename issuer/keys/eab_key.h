#ifndef NORROY_ISSUER_KEYS_EAB_KEY_H_
#define NORROY_ISSUER_KEYS_EAB_KEY_H_

#include <string>

#include "absl/status/statusor.h"
#include "common/crypto/secret.h"

namespace norroy::keys {

// The HMAC key of an external account binding (RFC 8555 7.3.4) from the file in which the operator
// keeps it: base64url, on one line, "=" at its end allowed; a regular file that nobody but its
// owner can read. Errors say what is wrong with the file, never what is in it.
absl::StatusOr<crypto::Secret> ReadEabKey(const std::string& path);

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_EAB_KEY_H_
