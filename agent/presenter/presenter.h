#ifndef NORROY_AGENT_PRESENTER_PRESENTER_H_
#define NORROY_AGENT_PRESENTER_PRESENTER_H_

// What puts one kind of Proof up where the CA will look, and takes it down again. Every
// implementation passes presenter_contract.h.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/challenge/proof.h"

namespace norroy::agent {

// Thread-safe. A Presenter knows no seals, leases or scope: the session asks it only for proofs
// that passed all of these.
class Presenter {
 public:
  virtual ~Presenter() = default;

  virtual challenge::ChallengeType type() const = 0;

  // When it returns OK the proof MUST be served already: the CA may look at once. Returns where,
  // for people ("http://0.0.0.0:80", a directory). The same proof again is OK. Two proofs of one
  // name (other tokens) MUST coexist. An error MUST leave nothing behind and says what failed
  // where (a path, a listener, an errno).
  virtual absl::StatusOr<std::string> PutUp(const challenge::Proof& proof) = 0;

  // When it returns OK the proof is not served any more. One that is not up is OK. MUST remove
  // exactly this proof and nothing that it did not put up.
  virtual absl::Status TakeDown(const challenge::Proof& proof) = 0;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_PRESENTER_H_
