#include "tests/sim/key_ring.h"

#include "common/crypto/csr.h"
#include "common/identity/issuing.h"

namespace norroy::sim {
namespace {

crypto::PrivateKey NewKey() { return Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256)); }

std::unique_ptr<policy::Policy> EveryName() {
  config::v1::IssuerConfig config;
  config.add_cas()->set_name("fake");
  config::v1::GrantConfig& grant = *config.add_grants();
  grant.set_principal(kCaller);
  for (const char* name : {".", "*.example.test", "*.a.example.test"}) grant.add_names(name);
  return Need(policy::MakeConfigPolicy(config));
}

const KeyRing& NewRing() {
  const absl::Time now =
      absl::FromCivil(absl::CivilSecond(2026, 2, 1, 12, 0, 0), absl::UTCTimeZone());
  const identity::Authority root =
      Need(identity::MakeRoot("core", kDeployment, now, absl::Hours(24 * 365)));
  crypto::PrivateKey seal_key = NewKey();
  identity::LeafRequest seal;
  seal.identity.deployment = kDeployment;
  seal.identity.role = types::v1::ROLE_SEAL;
  seal.identity.name = "main";
  seal.now = now;
  seal.lifetime = absl::Hours(24 * 90);
  crypto::Certificate certificate = Need(identity::IssueLeaf(root, seal_key.public_key(), seal));
  std::vector<crypto::PrivateKey> csr_keys;
  for (int i = 0; i < KeyRing::kCsrKeys; ++i) csr_keys.push_back(NewKey());
  return *new KeyRing{NewKey(),
                      std::move(seal_key),
                      root.certificate,
                      std::move(certificate),
                      std::move(csr_keys),
                      EveryName()};
}

}  // namespace

const KeyRing& KeyRing::Get() {
  static const KeyRing& ring = NewRing();
  return ring;
}

std::string MakeCsr(const std::vector<std::string>& names, int key) {
  return Need(crypto::BuildCsr(KeyRing::Get().csr_keys[static_cast<size_t>(key)],
                               Need(challenge::ParseNames(names))));
}

}  // namespace norroy::sim
