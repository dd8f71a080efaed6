#ifndef NORROY_TESTS_FAKES_CA_AUTHORITY_H_
#define NORROY_TESTS_FAKES_CA_AUTHORITY_H_

// The fake CA's own keys and certificates: a root, an intermediate, further roots that vouch for
// the same intermediate, and leaves, wrong ones too.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"
#include "tests/fakes/ca/fault.h"

namespace norroy::fakes {

struct LeafOrder {
  std::vector<challenge::Name> names;
  std::string spki_der;
  absl::Time now;
  absl::Duration lifetime;
  std::string serial;  // 16 bytes
  CertificateFault fault = CertificateFault::kNone;
};

struct IssuedLeaf {
  std::string der;
  std::string id;  // RFC 9773 4.1
  absl::Time not_before, not_after;
  // The default chain, then one for each further root; PEM, leaf first, no root.
  std::vector<std::string> chains;
};

// Its keys and its own certificates are made once a process and shared by all instances: what they
// are never depends on how they are used. Thread-safe.
class Authority {
 public:
  std::string root_pem() const;
  IssuedLeaf Issue(const LeafOrder& order, int alternate_chains);
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_AUTHORITY_H_
