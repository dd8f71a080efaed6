#include "tests/harness/requester.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/crypto/certificate.h"
#include "common/crypto/key.h"
#include "common/crypto/secret.h"
#include "common/identity/issuing.h"
#include "tests/harness/process.h"

namespace norroy::harness {

std::string WriteRequester(const std::string& dir, const std::string& deployment,
                           const std::string& name) {
  const absl::Time now = absl::Now();
  const auto root_key =
      crypto::PrivateKey::ParsePem(crypto::Secret(ReadAll(dir + "/core/root.key")));
  const auto root = crypto::Certificate::ParsePem(ReadAll(dir + "/core/root.pem"));
  NORROY_CHECK(root_key.ok() && root.ok());
  const auto ci = identity::MakeIntermediate({*root_key, *root}, "ci", "ci." + deployment, now,
                                             absl::Hours(12));
  const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  NORROY_CHECK(ci.ok() && key.ok());
  const auto leaf = identity::IssueLeaf(
      *ci, key->public_key(),
      {{deployment, types::v1::ROLE_REQUESTER, name, ""}, {}, now, absl::Hours(12)});
  NORROY_CHECK(leaf.ok());
  const std::string path = absl::StrCat(dir, "/", name, ".pem");
  NORROY_CHECK(identity::WriteIdentityFile(path, {*key, {*leaf, ci->certificate}}).ok());
  return path;
}

}  // namespace norroy::harness
