#ifndef NORROY_AGENT_SESSION_ADMISSION_H_
#define NORROY_AGENT_SESSION_ADMISSION_H_

// Which proofs of a PutUp may be served at all: those whose seal holds, that bear the message's
// one id and generation, that the local scope covers and a presenter is there for. Looks at no
// state: what was released or is older than what is up is the session's to know.

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "agent/session/board.h"
#include "common/challenge/pattern.h"
#include "common/challenge/seal.h"
#include "norroy/agent/v1/agent_link_service.pb.h"

namespace norroy::agent {

inline constexpr int kMaxProofsPerMessage = 100;

// ProofResult.reason.
inline constexpr char kRejectedSeal[] = "REJECTED_SEAL";
inline constexpr char kOutOfScope[] = "OUT_OF_SCOPE";
inline constexpr char kStaleGeneration[] = "STALE_GENERATION";
inline constexpr char kReleased[] = "RELEASED";
inline constexpr char kExpired[] = "EXPIRED";
inline constexpr char kNotYetValid[] = "NOT_YET_VALID";
inline constexpr char kUnsupportedType[] = "UNSUPPORTED_TYPE";
inline constexpr char kPresenterFailed[] = "PRESENTER_FAILED";
// And of Board: FOREIGN_ZONE.

struct JudgedProof {
  // Set: it may be served. Else `result` says why not.
  std::optional<challenge::SealBody> body;
  types::v1::SealedProof sealed;
  // Once the seal held:
  std::string name;
  std::string type;
  v1::ProofResult result;
};

struct Admission {
  // Of the first proof whose seal holds; if there is none, as the first readable one claims, which
  // serves to answer and for nothing else.
  std::string id;
  int64_t generation = 0;
  std::vector<JudgedProof> proofs;  // in the order of the message
};

Admission Admit(const v1::PutUp& message, const challenge::SealVerifier& seals,
                const std::vector<challenge::Pattern>& scope,
                const std::vector<Presenter*>& presenters, absl::Time now);

// What became of it, for the log.
void LogProof(const Admission& admission, const JudgedProof& proof);

// A refusal; `detail` is made printable and cut.
void Refuse(JudgedProof& proof, absl::string_view reason, absl::string_view detail);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_ADMISSION_H_
