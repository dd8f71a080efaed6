#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"
#include "common/identity/issuing.h"
#include "common/join/join_token.h"
#include "common/join/join_token.pb.h"
#include "gtest/gtest.h"
#include "tests/fuzz/replay.h"

namespace norroy::join {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1770000000);

TEST(JoinTokenFuzz, HoldsOverTokensAndTheirMutations) {
  const std::string id(32, 'a');
  const auto core = *identity::MakeRoot("core", "lab", kNow, absl::Hours(24));
  const auto edge_root = *identity::MakeRoot("edge", "lab", kNow, absl::Hours(24));
  const auto edge =
      *identity::MakeIntermediate(edge_root, "edge", "edge.lab", kNow, absl::Hours(24));
  const auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  const auto leaf =
      *identity::IssueLeaf(edge, key.public_key(),
                           {.identity = {"lab", types::v1::ROLE_BOOTSTRAP, "web-1", id},
                            .hosts = {},
                            .now = kNow,
                            .lifetime = absl::Hours(1)});
  const JoinToken token = {.deployment = "lab",
                           .agent_name = "web-1",
                           .token_id = id,
                           .validators = {"192.0.2.1:7443"},
                           .core_root = core.certificate,
                           .bootstrap = {key, {leaf}},
                           .expire_time = kNow};
  v1::JoinTokenBody body;
  body.set_deployment("lab");
  body.set_core_root(core.certificate.der());
  fuzz::Replay(
      {std::string(SerializeJoinToken(token)->Expose()), "norroy join token v1\n",
       absl::StrCat("norroy join token v1\n",
                    crypto::PemEncode("NORROY JOIN TOKEN", body.SerializeAsString())),
       absl::StrCat("norroy join token v1\n", crypto::PemEncode("NORROY JOIN TOKEN", "junk"))},
      100);
}

}  // namespace
}  // namespace norroy::join
