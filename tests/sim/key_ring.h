#ifndef NORROY_TESTS_SIM_KEY_RING_H_
#define NORROY_TESTS_SIM_KEY_RING_H_

// Keys and certificates for any number of simulations: made once, since they cost more than all
// else. Nothing that happens depends on their bytes.

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/challenge/seal.h"
#include "common/check.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "issuer/policy/policy.h"

namespace norroy::sim {

inline constexpr char kDeployment[] = "sim";
inline constexpr char kCaller[] = "operator/sim";

struct KeyRing {
  static constexpr int kCsrKeys = 12;

  static const KeyRing& Get();

  crypto::PrivateKey account_key;
  crypto::PrivateKey seal_key;
  crypto::Certificate core_root;
  crypto::Certificate seal_certificate;
  std::vector<crypto::PrivateKey> csr_keys;
  std::unique_ptr<policy::Policy> policy;  // kCaller may order every name of the simulation
};

// DER.
std::string MakeCsr(const std::vector<std::string>& names, int key);

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_KEY_RING_H_
