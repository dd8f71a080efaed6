#ifndef NORROY_COMMON_RPC_CALLER_H_
#define NORROY_COMMON_RPC_CALLER_H_

// Who calls, as a handler sees it: an identity that the listener's one root vouches for and whose
// role the rpc's `access` option admits. Nothing of gRPC.

#include <string>

#include "absl/time/time.h"
#include "common/identity/identity.h"

namespace norroy::rpc {

struct Caller {
  identity::Identity identity;
  absl::Time certificate_not_after;
  // SHA-256 of the caller's SubjectPublicKeyInfo, hexadecimal.
  std::string public_key_sha256;
  // From where: "192.0.2.7:51000", "[2001:db8::7]:51000".
  std::string peer;
  // Of this call: 32 lower-case hexadecimal digits, from its `traceparent` (W3C Trace Context) or
  // made up.
  std::string trace_id;
  // Lower-case hexadecimal, as crypto::Certificate gives it: what a revocation list names.
  std::string certificate_serial;
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CALLER_H_
