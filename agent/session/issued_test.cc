#include "agent/session/issued.h"

#include <functional>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1770000000);
const char kId[] = "0123456789abcdef0123456789abcdef";

class IssuedTest : public testing::Test {
 protected:
  crypto::Certificate Leaf(const identity::Identity& identity, const crypto::PrivateKey& key,
                           absl::Time now = kNow) {
    auto leaf = identity::IssueLeaf(
        edge_, key.public_key(),
        {.identity = identity, .hosts = {}, .now = now, .lifetime = absl::Hours(1)});
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return *leaf;
  }

  const identity::Identity self_ = {"lab", types::v1::ROLE_AGENT, "web-1", kId};
  const crypto::PrivateKey key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  const crypto::PrivateKey other_key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  const identity::Authority root_ =
      *identity::MakeRoot("edge", "lab", kNow - absl::Hours(99), absl::Hours(999));
  const identity::Authority edge_ = *identity::MakeIntermediate(
      root_, "edge", "edge.lab", kNow - absl::Hours(99), absl::Hours(999));
};

TEST_F(IssuedTest, Table) {
  const std::string edge = edge_.certificate.der();
  const std::string good = Leaf(self_, key_).der();
  const auto of = [this](const identity::Identity& identity) { return Leaf(identity, key_).der(); };
  const std::string other_id = std::string(32, 'a');
  const struct {
    const char* what;
    std::vector<std::string> chain;
    bool ok;
  } cases[] = {
      {"as it should be", {good, edge}, true},
      {"without the intermediate", {good}, true},
      {"nothing", {}, false},
      {"too many", {good, edge, edge, edge, edge}, false},
      {"not a certificate", {"nonsense", edge}, false},
      {"the intermediate first", {edge, good}, false},
      {"a chain that does not link", {good, root_.certificate.der()}, false},
      {"another key", {Leaf(self_, other_key_).der(), edge}, false},
      {"another agent", {of({"lab", types::v1::ROLE_AGENT, "web-2", kId}), edge}, false},
      {"another enrollment", {of({"lab", types::v1::ROLE_AGENT, "web-1", other_id}), edge}, false},
      {"another role", {of({"lab", types::v1::ROLE_BOOTSTRAP, "web-1", kId}), edge}, false},
      {"over", {Leaf(self_, key_, kNow - absl::Hours(2)).der(), edge}, false},
  };
  for (const auto& c : cases) {
    const auto issued = CheckIssuedIdentity(c.chain, key_, self_, kNow);
    EXPECT_EQ(issued.ok(), c.ok) << c.what << ": " << issued.status();
    if (!c.ok) {
      EXPECT_EQ(ErrorReason(issued.status()), "BAD_IDENTITY_REPLY") << c.what;
    }
  }
}

}  // namespace
}  // namespace norroy::agent
