#ifndef NORROY_COMMON_JOIN_JOIN_TOKEN_H_
#define NORROY_COMMON_JOIN_JOIN_TOKEN_H_

// What a host needs to become an agent, in one file: where the validators are, the core root that
// it will believe from then on, and a bootstrap identity that is good for one enrollment. Written
// by `norroy agent token create` from the operator's own directory, read by `norroy-agent enroll`.
//
//   norroy join token v1
//   deployment: example
//   agent: web-1
//   validators: 192.0.2.10:7443
//   core root sha256: 5f1c...
//   expires: 2026-03-01T12:00:00Z
//   -----BEGIN NORROY JOIN TOKEN-----
//   ...
//   -----END NORROY JOIN TOKEN-----
//
// The lines above the block are for people; they must say exactly what the block says. The file
// holds a private key: mode 0600.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/crypto/certificate.h"
#include "common/crypto/secret.h"
#include "common/identity/issuing.h"

namespace norroy::join {

inline constexpr size_t kMaxJoinTokenFile = 16 * 1024;
inline constexpr int kMaxValidators = 3;

// A value. Initialise all fields; what is wrong is found by Serialize and Parse.
struct JoinToken {
  std::string deployment;
  std::string agent_name;
  std::string token_id;                 // 32 hexadecimal digits
  std::vector<std::string> validators;  // 1 to 3, "host:port"
  crypto::Certificate core_root;
  identity::IdentityFile bootstrap;  // role bootstrap, name agent_name, enrollment token_id
  absl::Time expire_time;            // whole seconds

  // What people compare: lower-case hexadecimal SHA-256 of the root's DER.
  const std::string& core_root_sha256() const { return core_root.fingerprint(); }
};

// Both refuse with INVALID_ARGUMENT, reason BAD_JOIN_TOKEN: a field out of its form, a root that
// is no CA, a bootstrap certificate that is not of this key, deployment, agent and token, or does
// not say role bootstrap; Parse also lines above the block that say something else than the block.
// The expiry is not compared with any clock here.
absl::StatusOr<crypto::Secret> SerializeJoinToken(const JoinToken& token);
absl::StatusOr<JoinToken> ParseJoinToken(absl::string_view text);

// Mode 0600, atomically.
absl::Status WriteJoinToken(const std::string& path, const JoinToken& token);
// The file must be a regular file that nobody but its owner can read or write.
absl::StatusOr<JoinToken> ReadJoinToken(const std::string& path);

// "host:port" or "[2001:db8::1]:port": what an agent may dial.
absl::Status CheckValidatorAddress(absl::string_view address);

}  // namespace norroy::join

#endif  // NORROY_COMMON_JOIN_JOIN_TOKEN_H_
