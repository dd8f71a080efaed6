#include "tests/harness/loopback_tls.h"

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/identity/issuing.h"

namespace norroy::harness {

LoopbackTls MakeLoopbackTls(const std::string& name) {
  const absl::Time now = absl::Now();
  const auto root = identity::MakeRoot("core", name, now, absl::Hours(24));
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  NORROY_CHECK(root.ok() && key.ok());
  identity::LeafRequest leaf;
  leaf.identity.deployment = name;
  leaf.identity.role = types::v1::ROLE_ISSUER;
  leaf.identity.name = name;
  leaf.hosts = {"127.0.0.1", "localhost"};
  leaf.now = now;
  leaf.lifetime = absl::Hours(23);
  const auto certificate = identity::IssueLeaf(*root, key->public_key(), leaf);
  NORROY_CHECK(certificate.ok());
  return {root->certificate, *certificate, *key};
}

}  // namespace norroy::harness
