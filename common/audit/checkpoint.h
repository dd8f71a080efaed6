#ifndef NORROY_COMMON_AUDIT_CHECKPOINT_H_
#define NORROY_COMMON_AUDIT_CHECKPOINT_H_

// Checkpoints: the heads of all chains of one database, signed by the process that keeps it. Each
// names the one before by its digest, so that they are a chain themselves. Whoever keeps a
// checkpoint elsewhere can later tell whether the log that it was made of is still what it was.
//
// What is signed, ES256 (raw r and s), by the key of the process's identity: "norroy audit
// checkpoint v1\0" and the serialized norroy.audit.v1.CheckpointBody. Pure functions and values.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/audit/entry.h"
#include "common/crypto/certificate.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"

namespace norroy::audit {

inline constexpr size_t kMaxCheckpointBody = 1024 * 1024;
inline constexpr size_t kMaxCheckpointHeads = 1000;
inline constexpr size_t kMaxCheckpointChain = 8;

// As it is kept and handed on.
struct Checkpoint {
  std::string body;                // exactly the bytes that were signed, without their prefix
  std::string signature;           // 64 bytes
  std::vector<std::string> chain;  // DER, the signer's own certificate first

  bool operator==(const Checkpoint&) const = default;
};

// What a checkpoint says.
struct Statement {
  std::string deployment;
  int64_t number = 0;  // from 1, without gaps, in one database
  absl::Time time;
  std::vector<Head> heads;      // by writer
  std::string previous_sha256;  // of the body before; empty for the first
};

absl::StatusOr<Checkpoint> SignCheckpoint(const Statement& statement,
                                          const identity::IdentityFile& signer);
// What it says, whoever signed it. INVALID_ARGUMENT, reason BAD_CHECKPOINT.
absl::StatusOr<Statement> ReadStatement(const Checkpoint& checkpoint);

// Whose checkpoints count.
struct Trust {
  std::vector<crypto::Certificate> core_roots;  // while the root is replaced, the old and the new
  std::string deployment;
};

struct VerifiedCheckpoint {
  Statement statement;
  identity::Identity signer;
};

// The signature, the path from the signer's certificate to a core root as it was at the
// checkpoint's time, its role (issuer or validator), the deployment, and that the chains which it
// vouches for are those of its own role. DATA_LOSS, reason CHECKPOINT_BROKEN.
absl::StatusOr<VerifiedCheckpoint> VerifyCheckpoint(const Checkpoint& checkpoint,
                                                    const Trust& trust);

// Checkpoints of one database, one after the other. Not thread-safe.
class Series {
 public:
  explicit Series(Trust trust) : trust_(std::move(trust)) {}

  // Goes on behind a checkpoint that was added to another series; before the first Add.
  absl::Status ResumeAfter(const Checkpoint& kept);
  // Verifies the next one: its number, that it names the one before, and that no chain has become
  // shorter or another since. DATA_LOSS, reason CHECKPOINT_BROKEN.
  absl::StatusOr<VerifiedCheckpoint> Add(const Checkpoint& checkpoint);

 private:
  absl::Status CheckFollows(const Statement& statement) const;

  const Trust trust_;
  Statement last_;  // number 0: none yet
  std::string last_sha256_;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_CHECKPOINT_H_
