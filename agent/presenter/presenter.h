#ifndef NORROY_AGENT_PRESENTER_PRESENTER_H_
#define NORROY_AGENT_PRESENTER_PRESENTER_H_

// What puts one kind of Proof up where the CA will look, and takes it down again. Every
// implementation passes presenter_contract.h.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/proof.h"

namespace norroy::agent {

// A call of a presenter that may wait (below) ends within this.
inline constexpr absl::Duration kPresenterDeadline = absl::Seconds(60);

// Thread-safe. A Presenter knows no seals, leases or scope: the session asks it only for proofs
// that passed all of these.
class Presenter {
 public:
  virtual ~Presenter() = default;

  // What people and the journal call it: "http_listener", "rfc2136 acme.example.net". The same
  // after a restart with the same configuration, and no other presenter's.
  virtual const std::string& name() const = 0;
  virtual challenge::ChallengeType type() const = 0;
  // DNS zones that it writes to; empty for what is not DNS.
  virtual std::vector<std::string> zones() const { return {}; }
  // Whether its calls may wait for others (a server, a program). If not, they return at once. What
  // such a presenter put up stays up when the agent stops, unless it ends with the process.
  virtual bool may_wait() const { return false; }

  // Where this proof belongs, decided before anything is done: for DNS the owner name that the
  // CNAMEs of _acme-challenge.<name> lead to. It is kept in the journal and given back to PutUp and
  // TakeDown, also after a restart, so that what was put up is found again whatever DNS says then.
  // Empty where the proof itself says all. NOT_FOUND: not in this presenter's zones; another one's
  // perhaps.
  virtual absl::StatusOr<std::string> Locate(const challenge::Proof& proof) = 0;

  // When it returns OK the proof MUST be served already: the CA may look at once. Returns where,
  // for people ("http://0.0.0.0:80", a directory, an owner name and server). The same proof again
  // is OK. Two proofs of one name (other tokens) MUST coexist. An error MUST leave nothing behind
  // and says what failed where (a path, a listener, a server, an errno).
  virtual absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                            const std::string& location) = 0;

  // When it returns OK the proof is not served any more. One that is not up is OK. MUST remove
  // exactly this proof and nothing that it did not put up.
  virtual absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) = 0;

  // How often somebody was given a proof, and how often somebody asked for what is not up, since
  // the start. Zero where others do the answering.
  struct Answers {
    int64_t served = 0;
    int64_t unknown = 0;
  };
  virtual Answers answers() { return {}; }
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_PRESENTER_H_
