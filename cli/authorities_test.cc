#include "cli/authorities.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/layout.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/identity/verifying.h"

namespace norroy::cli {
namespace {

constexpr absl::string_view kDeployment = "d012345678";

class AuthoritiesTest : public testing::Test {
 protected:
  AuthoritiesTest() {
    dir_ = absl::StrCat(testing::TempDir(), "/",
                        testing::UnitTest::GetInstance()->current_test_info()->name());
    EXPECT_TRUE(CreateRoot(dir_, layout::kCore, kDeployment, now_).ok());
    EXPECT_TRUE(CreateRoot(dir_, layout::kEdge, kDeployment, now_).ok());
  }
  IdentityRequest Request(types::v1::Role role, const std::string& name) {
    const bool server = role == types::v1::ROLE_ISSUER || role == types::v1::ROLE_VALIDATOR;
    return {{std::string(kDeployment), role, name, ""},
            server ? std::vector<std::string>{"127.0.0.1"} : std::vector<std::string>{},
            30,
            absl::StrCat(dir_, "/", name, ".pem")};
  }
  crypto::Certificate CoreRoot() { return OpenRoot(dir_, layout::kCore)->certificate; }

  std::string dir_;
  absl::Time now_ = absl::FromUnixSeconds(1800000000);
};

int ModeOf(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : -1;
}

TEST_F(AuthoritiesTest, EveryRoleLeadsToTheCoreRoot) {
  for (const auto role :
       {types::v1::ROLE_ISSUER, types::v1::ROLE_VALIDATOR, types::v1::ROLE_OPERATOR,
        types::v1::ROLE_AUDITOR, types::v1::ROLE_SEAL, types::v1::ROLE_REQUESTER}) {
    const std::string name(identity::RoleName(role));
    const auto record = IssueIdentity(dir_, Request(role, name), now_);
    ASSERT_TRUE(record.ok()) << name << ": " << record.status();
    EXPECT_EQ(ModeOf(record->file()), 0600);
    const auto file = identity::ReadIdentityFile(record->file());
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->chain.front().serial(), record->serial());
    const auto identity = identity::VerifyIdentity(file->chain, CoreRoot(), kDeployment, now_);
    ASSERT_TRUE(identity.ok()) << name << ": " << identity.status();
    EXPECT_EQ(identity->Principal(), absl::StrCat(name, "/", name));
  }
}

TEST_F(AuthoritiesTest, AgentsAreNotMadeHere) {
  for (const auto role : {types::v1::ROLE_AGENT, types::v1::ROLE_BOOTSTRAP}) {
    IdentityRequest request = Request(role, "web1");
    request.identity.enrollment_id = std::string(32, 'a');
    EXPECT_EQ(IssueIdentity(dir_, request, now_).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(AuthoritiesTest, TheCiIntermediateIsMadeOnce) {
  ASSERT_TRUE(IssueIdentity(dir_, Request(types::v1::ROLE_REQUESTER, "ci1"), now_).ok());
  ASSERT_TRUE(IssueIdentity(dir_, Request(types::v1::ROLE_REQUESTER, "ci2"), now_).ok());
  const auto first = identity::ReadIdentityFile(dir_ + "/ci1.pem");
  const auto second = identity::ReadIdentityFile(dir_ + "/ci2.pem");
  ASSERT_EQ(first->chain.size(), 2u);
  EXPECT_EQ(first->chain[1].fingerprint(), second->chain[1].fingerprint());
}

TEST_F(AuthoritiesTest, RenewalKeepsWhoItIsAndChangesTheKey) {
  const auto old = IssueIdentity(dir_, Request(types::v1::ROLE_ISSUER, "issuer"), now_);
  ASSERT_TRUE(old.ok()) << old.status();
  const absl::Time later = now_ + absl::Hours(24 * 20);
  const auto renewed = RenewIdentity(dir_, old->file(), 60, later);
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(renewed->uri(), old->uri());
  EXPECT_NE(renewed->serial(), old->serial());
  EXPECT_EQ(FromProto(renewed->not_after()), later + absl::Hours(24 * 60));
  ASSERT_EQ(renewed->hosts_size(), 1);
  EXPECT_EQ(renewed->hosts(0), "127.0.0.1");
  EXPECT_EQ(ListIdentities(dir_)->size(), 2u);
}

TEST_F(AuthoritiesTest, AnEdgeIntermediateIsRenewedAsWhatItIs) {
  const std::string path = dir_ + "/edge-ca.pem";
  const auto old = IssueEdgeAuthority(dir_, "validator", path, now_);
  ASSERT_TRUE(old.ok()) << old.status();
  const auto renewed = RenewIdentity(dir_, path, 30, now_ + absl::Hours(24));
  ASSERT_TRUE(renewed.ok()) << renewed.status();
  EXPECT_EQ(renewed->principal(), "edge-ca/validator");
  const auto file = identity::ReadIdentityFile(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->chain.front().is_ca());
  EXPECT_TRUE(file->chain.front().IsSignedBy(OpenRoot(dir_, layout::kEdge)->certificate));
}

TEST_F(AuthoritiesTest, AForeignFileIsNotRenewed) {
  const std::string other = dir_ + "-other";
  ASSERT_TRUE(CreateRoot(other, layout::kCore, kDeployment, now_).ok());
  const auto foreign = IssueIdentity(other, Request(types::v1::ROLE_OPERATOR, "bob"), now_);
  ASSERT_TRUE(foreign.ok()) << foreign.status();
  ASSERT_TRUE(IssueIdentity(dir_, Request(types::v1::ROLE_OPERATOR, "alice"), now_).ok());
  const auto renewed = RenewIdentity(dir_, foreign->file(), 30, now_);
  EXPECT_EQ(renewed.status().code(), absl::StatusCode::kInvalidArgument) << renewed.status();
}

TEST_F(AuthoritiesTest, AKeyThatIsGoneOrOpenIsNamed) {
  const std::string key = absl::StrCat(dir_, "/core/", layout::kRootKey);
  ASSERT_EQ(ModeOf(key), 0600);
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  EXPECT_TRUE(absl::StrContains(OpenRoot(dir_, layout::kCore).status().message(), "chmod 600"));
  ASSERT_EQ(unlink(key.c_str()), 0);
  EXPECT_TRUE(absl::StrContains(OpenRoot(dir_, layout::kCore).status().message(), key));
}

TEST_F(AuthoritiesTest, TheWrongKeyIsNoticed) {
  const std::string key = absl::StrCat(dir_, "/core/", layout::kRootKey);
  ASSERT_EQ(rename((dir_ + "/edge/root.key").c_str(), key.c_str()), 0);
  EXPECT_TRUE(
      absl::StrContains(OpenRoot(dir_, layout::kCore).status().message(), "is not the key"));
}

TEST_F(AuthoritiesTest, ListsSoonestEndFirst) {
  IdentityRequest longer = Request(types::v1::ROLE_OPERATOR, "alice");
  longer.days = 300;
  ASSERT_TRUE(IssueIdentity(dir_, longer, now_).ok());
  ASSERT_TRUE(IssueIdentity(dir_, Request(types::v1::ROLE_OPERATOR, "bob"), now_).ok());
  const auto records = ListIdentities(dir_);
  ASSERT_TRUE(records.ok()) << records.status();
  ASSERT_EQ(records->size(), 2u);
  EXPECT_EQ((*records)[0].principal(), "operator/bob");
  EXPECT_FALSE(ListIdentities(dir_ + "/nowhere").ok());
}

}  // namespace
}  // namespace norroy::cli
