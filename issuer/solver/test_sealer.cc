#include "issuer/solver/test_sealer.h"

#include "common/identity/issuing.h"

namespace norroy::solver {
namespace {

Sealer* NewSealer() {
  const absl::Time now = absl::FromUnixSeconds(1'772'366'400);
  const identity::Authority root =
      identity::MakeRoot("core", "test", now, absl::Hours(24 * 365)).value();
  crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  identity::LeafRequest request;
  request.identity.deployment = "test";
  request.identity.role = types::v1::ROLE_SEAL;
  request.identity.name = "main";
  request.now = now;
  request.lifetime = absl::Hours(24 * 90);
  crypto::Certificate certificate = identity::IssueLeaf(root, key.public_key(), request).value();
  return new Sealer("test", crypto::NewKeySigner(std::move(key)), std::move(certificate));
}

}  // namespace

const Sealer& TestSealer() {
  static const Sealer* const sealer = NewSealer();
  return *sealer;
}

}  // namespace norroy::solver
