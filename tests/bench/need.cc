#include "tests/bench/need.h"

#include "common/challenge/identifier.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"

namespace norroy::bench {

std::string CsrFor(const std::vector<std::string>& names) {
  const crypto::PrivateKey key = Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  return Need(crypto::BuildCsr(key, Need(challenge::ParseNames(names))));
}

}  // namespace norroy::bench
