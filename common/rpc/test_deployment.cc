#include "common/rpc/test_deployment.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"

namespace norroy::rpc {
namespace {

constexpr absl::Duration kLifetime = absl::Hours(24);

template <typename T>
T Must(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  NORROY_CHECK(result.ok());
  return *std::move(result);
}

std::string NewDirectory() {
  std::string path = absl::StrCat(testing::TempDir(), "/deployment-XXXXXX");
  NORROY_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

std::string WriteRoot(const std::string& path, const identity::Authority& root) {
  const absl::Status written = identity::WriteFileAtomically(path, root.certificate.ToPem(), 0644);
  NORROY_CHECK(written.ok());
  return path;
}

}  // namespace

TestDeployment::TestDeployment(const std::string& name)
    : name_(name),
      directory_(NewDirectory()),
      core_root_(Must(identity::MakeRoot("core", name, absl::Now(), kLifetime))),
      edge_root_(Must(identity::MakeRoot("edge", name, absl::Now(), kLifetime))),
      edge_(Must(identity::MakeIntermediate(edge_root_, "edge", absl::StrCat("edge.", name),
                                            absl::Now(), kLifetime))),
      core_root_file_(WriteRoot(directory_ + "/core-root.pem", core_root_)),
      edge_root_file_(WriteRoot(directory_ + "/edge-root.pem", edge_root_)) {}

std::string TestDeployment::WriteIdentity(identity::Role role, const std::string& identity_name,
                                          const std::string& enrollment_id) {
  const bool edge = role == types::v1::ROLE_AGENT || role == types::v1::ROLE_BOOTSTRAP;
  const bool server = role == types::v1::ROLE_ISSUER || role == types::v1::ROLE_VALIDATOR;
  identity::LeafRequest request = {
      identity::Identity{name_, role, identity_name, enrollment_id},
      server ? std::vector<std::string>{"127.0.0.1"} : std::vector<std::string>{},
      absl::Now(),
      kLifetime,
  };
  crypto::PrivateKey key = Must(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  std::vector<crypto::Certificate> chain = {
      Must(identity::IssueLeaf(edge ? edge_ : core_root_, key.public_key(), request))};
  if (edge) chain.push_back(edge_.certificate);
  const std::string path =
      absl::StrCat(directory_, "/", identity::RoleName(role), "-", identity_name, ".pem");
  const absl::Status written =
      identity::WriteIdentityFile(path, {std::move(key), std::move(chain)});
  EXPECT_TRUE(written.ok()) << written;
  return path;
}

TlsFiles TestDeployment::CoreFiles(const std::string& identity_file) const {
  return {identity_file, core_root_file_};
}

TlsFiles TestDeployment::EdgeFiles(const std::string& identity_file) const {
  return {identity_file, edge_root_file_};
}

}  // namespace norroy::rpc
