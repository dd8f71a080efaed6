#include "common/identity/identity.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::identity {
namespace {

const std::string kId(32, 'a');

TEST(Identity, ReadsAndWritesEveryRole) {
  struct Case {
    std::string uri;
    Role role;
    absl::string_view principal;
  };
  const Case cases[] = {
      {"spiffe://core.d/issuer/i1", types::v1::ROLE_ISSUER, "issuer/i1"},
      {"spiffe://core.d/validator/v-1", types::v1::ROLE_VALIDATOR, "validator/v-1"},
      {"spiffe://core.d/operator/alice", types::v1::ROLE_OPERATOR, "operator/alice"},
      {"spiffe://core.d/auditor/bob", types::v1::ROLE_AUDITOR, "auditor/bob"},
      {"spiffe://core.d/seal/1", types::v1::ROLE_SEAL, "seal/1"},
      {"spiffe://ci.d/requester/build", types::v1::ROLE_REQUESTER, "requester/build"},
      {"spiffe://edge.d/agent/web-1/" + kId, types::v1::ROLE_AGENT, "agent/web-1"},
      {"spiffe://edge.d/bootstrap/web-1/" + kId, types::v1::ROLE_BOOTSTRAP, "bootstrap/web-1"},
  };
  for (const Case& c : cases) {
    const auto identity = Identity::ParseUri(c.uri);
    ASSERT_TRUE(identity.ok()) << identity.status();
    EXPECT_EQ(identity->role, c.role);
    EXPECT_EQ(identity->deployment, "d");
    EXPECT_EQ(identity->Principal(), c.principal);
    EXPECT_EQ(identity->Uri(), c.uri);
    EXPECT_EQ(ParseRole(RoleName(c.role)).value(), c.role);
  }
  EXPECT_EQ(RoleName(types::v1::ROLE_UNSPECIFIED), "unspecified");
  EXPECT_FALSE(ParseRole("unspecified").ok());
  EXPECT_FALSE(ParseRole("Issuer").ok());
}

TEST(Identity, RefusesEveryOtherForm) {
  struct Case {
    std::string uri;
    absl::string_view error;
  };
  const Case cases[] = {
      {"", "does not begin"},
      {"https://core.d/issuer/x", "does not begin"},
      {"SPIFFE://core.d/issuer/x", "does not begin"},
      {"spiffe://core.d", "expected spiffe://"},
      {"spiffe://core.d/issuer", "expected spiffe://"},
      {"spiffe://core.d/issuer/", "name \"\""},
      {"spiffe://core.d/issuer/x/", "expected /ROLE/NAME"},
      {"spiffe://core.d/issuer/x/y", "expected /ROLE/NAME"},
      {"spiffe://core.d//issuer/x", "unknown role \"\""},
      {"spiffe://core.d/root/x", "unknown role \"root\""},
      {"spiffe://core.d/Issuer/x", "unknown role"},
      {"spiffe://core.d/unspecified/x", "unknown role"},
      {"spiffe://edge.d/issuer/x", "only under core"},
      {"spiffe://ci.d/operator/x", "only under core"},
      {"spiffe://core.d/requester/x", "only under ci"},
      {"spiffe://core.d/agent/x/" + kId, "only under edge"},
      {"spiffe://d/issuer/x", "only under core"},
      {"spiffe://core/issuer/x", "deployment \"\""},
      {"spiffe://core./issuer/x", "deployment \"\""},
      {"spiffe://core.D/issuer/x", "deployment \"D\""},
      {"spiffe://core.a.b/issuer/x", "deployment \"a.b\""},
      {"spiffe://core.-d/issuer/x", "deployment"},
      {"spiffe://core.d:1/issuer/x", "deployment"},
      {"spiffe://u@core.d/issuer/x", "only under core"},
      {"spiffe://core." + std::string(33, 'd') + "/issuer/x", "deployment"},
      {"spiffe://core.d/issuer/X", "name \"X\""},
      {"spiffe://core.d/issuer/-x", "name"},
      {"spiffe://core.d/issuer/a_b", "name"},
      {"spiffe://core.d/issuer/x?y", "name"},
      {"spiffe://core.d/issuer/x#y", "name"},
      {"spiffe://core.d/issuer/%78", "name"},
      {"spiffe://core.d/issuer/..", "name"},
      {"spiffe://core.d/issuer/x\n", "name \"x\\x0a\""},
      {"spiffe://core.d/issuer/" + std::string(64, 'n'), "name"},
      {std::string("spiffe://core.d/issuer/x\0y", 26), "name"},
      {"spiffe://edge.d/agent/x", "expected /ROLE/NAME/ENROLLMENT"},
      {"spiffe://edge.d/agent/x/", "32 lower-case"},
      {"spiffe://edge.d/agent/x/" + std::string(31, 'a'), "32 lower-case"},
      {"spiffe://edge.d/agent/x/" + std::string(33, 'a'), "32 lower-case"},
      {"spiffe://edge.d/agent/x/" + std::string(32, 'A'), "32 lower-case"},
      {"spiffe://edge.d/agent/x/" + std::string(32, 'g'), "32 lower-case"},
      {"spiffe://edge.d/agent/x/" + kId + "/y", "expected /ROLE/NAME/ENROLLMENT"},
      {"spiffe://core.d/issuer/" + std::string(300, 'n'), "too long"},
  };
  for (const Case& c : cases) {
    const auto identity = Identity::ParseUri(c.uri);
    EXPECT_EQ(ErrorReason(identity.status()), "BAD_IDENTITY") << c.uri;
    EXPECT_TRUE(absl::StrContains(identity.status().message(), c.error))
        << c.uri << ": " << identity.status();
  }
}

TEST(Names, KeepTheirCaps) {
  EXPECT_TRUE(CheckDeployment(std::string(31, 'a')).ok());
  EXPECT_TRUE(CheckDeployment(std::string(32, 'a')).ok());
  EXPECT_FALSE(CheckDeployment(std::string(33, 'a')).ok());
  EXPECT_TRUE(CheckResourceName("agent", std::string(62, '0')).ok());
  EXPECT_TRUE(CheckResourceName("agent", std::string(63, '0')).ok());
  const absl::Status status = CheckResourceName("agent", std::string(64, '0'));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StartsWith(status.message(), "agent \"000"));
}

TEST(TrustDomain, IsOneOfThree) {
  for (const absl::string_view text : {"core.d", "ci.d", "edge.my-site"}) {
    const auto domain = TrustDomain::Parse(text);
    ASSERT_TRUE(domain.ok()) << domain.status();
    EXPECT_EQ(domain->Host(), text);
    EXPECT_EQ(domain->Uri(), absl::StrCat("spiffe://", text));
  }
  for (const absl::string_view text : {"", "core", "core.", "cor.d", "edge.d.e", "edge.D", ".d"}) {
    EXPECT_FALSE(TrustDomain::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace norroy::identity
