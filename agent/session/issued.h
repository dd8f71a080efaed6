#ifndef NORROY_AGENT_SESSION_ISSUED_H_
#define NORROY_AGENT_SESSION_ISSUED_H_

// What a validator answers to Enroll and RenewIdentity, looked at before it replaces anything. The
// agent holds no edge root (no reply carries a trust anchor), and needs none: the certificate must
// be for its own key and name, whoever signed it, or its next connection would be refused.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/crypto/key.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"

namespace norroy::agent {

// `chain`: DER, own certificate first, as the reply has it. FAILED_PRECONDITION, reason
// BAD_IDENTITY_REPLY.
absl::StatusOr<identity::IdentityFile> CheckIssuedIdentity(const std::vector<std::string>& chain,
                                                           const crypto::PrivateKey& key,
                                                           const identity::Identity& expected,
                                                           absl::Time now);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_ISSUED_H_
