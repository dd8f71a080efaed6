#ifndef NORROY_TESTS_FAKES_CA_AUTHORITY_H_
#define NORROY_TESTS_FAKES_CA_AUTHORITY_H_

// The fake CA's own keys and certificates: a root, an intermediate, further roots that vouch for
// the same intermediate, and leaves, wrong ones too.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/crypto/key.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::fakes {

struct LeafOrder {
  std::vector<challenge::Name> names;
  std::string spki_der;
  absl::Time now;
  absl::Duration lifetime;
  CertificateFault fault = CertificateFault::kNone;
};

struct IssuedLeaf {
  std::string der;
  // The default chain, then one for each further root; PEM, leaf first, no root.
  std::vector<std::string> chains;
};

// Not thread-safe.
class Authority {
 public:
  explicit Authority(absl::Time now);
  ~Authority();

  std::string root_pem() const;
  IssuedLeaf Issue(const LeafOrder& order, int alternate_chains);

 private:
  struct Keys;
  std::unique_ptr<Keys> keys_;
  int64_t last_serial_ = 1000;
};

}  // namespace norroy::fakes

#endif  // NORROY_TESTS_FAKES_CA_AUTHORITY_H_
