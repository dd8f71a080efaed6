#include "agent/session/enrollment.h"

#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "agent/session/fake_validator.h"
#include "agent/session/renewal.h"
#include "common/error/error.h"
#include "common/rpc/test_deployment.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const char kId[] = "0123456789abcdef0123456789abcdef";

class EnrollmentTest : public testing::Test {
 protected:
  EnrollmentTest() { validator_.Issue(self_, absl::Hours(1)); }

  EnrollmentRequest Request(std::vector<std::string> validators) {
    const std::string file = deployment_.WriteIdentity(types::v1::ROLE_BOOTSTRAP, "web-1", kId);
    return {.token = {.deployment = deployment_.name(),
                      .agent_name = "web-1",
                      .token_id = kId,
                      .validators = std::move(validators),
                      .core_root = deployment_.core_root().certificate,
                      .bootstrap = *identity::ReadIdentityFile(file),
                      .expire_time = absl::Now() + absl::Hours(1)},
            .scope = *challenge::ParsePatterns({"www.example.com"})};
  }

  StateDir NewDir() {
    static int count = 0;
    return *StateDir::Create(absl::StrCat(testing::TempDir(), "/enroll-", getpid(), "-", ++count));
  }

  absl::StatusOr<Enrollment> Run(const EnrollmentRequest& request, StateDir& dir) {
    return Enroll(request, dir, clock_,
                  [this](const std::string& target, const rpc::TlsFiles& files) {
                    return DialValidator(target, files, deployment_.name());
                  });
  }

  rpc::TestDeployment deployment_;
  const identity::Identity self_ = {deployment_.name(), types::v1::ROLE_AGENT, "web-1", kId};
  FakeValidator validator_{deployment_};
  SystemClock clock_;
};

TEST_F(EnrollmentTest, MakesAnAgent) {
  StateDir dir = NewDir();
  // The first address does not answer: the next is asked.
  const auto enrolled = Run(Request({"127.0.0.1:1", validator_.target()}), dir);
  ASSERT_TRUE(enrolled.ok()) << enrolled.status();
  const auto loaded = dir.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->identity, self_);
  EXPECT_EQ(loaded->validators[1], validator_.target());
  EXPECT_EQ(loaded->scope[0].text(), "www.example.com");
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/bootstrap.pem"));
  EXPECT_FALSE(std::filesystem::exists(dir.path() + "/bootstrap-root.pem"));
}

TEST_F(EnrollmentTest, OnceUnlessReplaced) {
  StateDir dir = NewDir();
  EnrollmentRequest request = Request({validator_.target()});
  ASSERT_TRUE(Run(request, dir).ok());
  EXPECT_EQ(ErrorReason(Run(request, dir).status()), "ALREADY_ENROLLED");
  EXPECT_EQ(validator_.calls(), 1) << "the token must not be spent";
  request.replace = true;
  EXPECT_TRUE(Run(request, dir).ok());
}

TEST_F(EnrollmentTest, FailuresLeaveNothing) {
  FakeValidator issuer(deployment_, types::v1::ROLE_ISSUER);
  issuer.Issue(self_, absl::Hours(1));
  EnrollmentRequest expired = Request({validator_.target()});
  expired.token.expire_time = absl::Now() - absl::Seconds(1);
  const struct {
    const char* what;
    EnrollmentRequest request;
  } cases[] = {
      {"an expired token", expired},
      {"nobody there", Request({"127.0.0.1:1"})},
      {"not a validator", Request({issuer.target()})},
  };
  for (const auto& c : cases) {
    StateDir dir = NewDir();
    EXPECT_FALSE(Run(c.request, dir).ok()) << c.what;
    EXPECT_TRUE(std::filesystem::is_empty(dir.path())) << c.what;
  }
  EXPECT_EQ(validator_.calls(), 0);
  EXPECT_EQ(issuer.calls(), 0);

  StateDir dir = NewDir();
  validator_.RefuseWith({grpc::StatusCode::FAILED_PRECONDITION, "the token was used already"});
  const auto used = Run(Request({validator_.target(), validator_.target()}), dir);
  EXPECT_TRUE(absl::StrContains(used.status().message(), "the token was used already"));
  EXPECT_EQ(validator_.calls(), 1) << "an answer is an answer: the next validator is not asked";
  identity::Identity another = self_;
  another.name = "web-2";
  validator_.Issue(another, absl::Hours(1));
  EXPECT_EQ(ErrorReason(Run(Request({validator_.target()}), dir).status()), "BAD_IDENTITY_REPLY");
  EXPECT_FALSE(dir.enrolled());
}

class RenewalTest : public EnrollmentTest {
 protected:
  RenewalOptions Options(
      const std::string& target, std::function<void()> on_renewed = [] {}) {
    const rpc::TlsFiles files = {file_, deployment_.core_root_file()};
    return {.identity_file = file_,
            .identity = self_,
            .validators = {DialValidator("127.0.0.1:1", files, deployment_.name()),
                           DialValidator(target, files, deployment_.name())},
            .clock = clock_,
            .random = random_,
            .on_renewed = std::move(on_renewed)};
  }

  const std::string file_ = deployment_.WriteIdentity(types::v1::ROLE_AGENT, "web-1", kId);
  crypto::SeededRandom random_{1};
};

TEST_F(RenewalTest, ReplacesTheFileWithANewKeyOfTheSameName) {
  const auto before = *identity::ReadIdentityFile(file_);
  CallSlot slot;
  ASSERT_TRUE(RenewOnce(Options(validator_.target()), slot).ok());
  const auto after = *identity::ReadIdentityFile(file_);
  EXPECT_FALSE(after.key.public_key() == before.key.public_key());
  EXPECT_EQ(*identity::Identity::OfCertificate(after.chain[0]), self_);
  // And the new one opens the door.
  EXPECT_TRUE(RenewOnce(Options(validator_.target()), slot).ok());
  slot.Close();
  EXPECT_FALSE(RenewOnce(Options(validator_.target()), slot).ok());
}

TEST_F(RenewalTest, AFailureKeepsTheOldOne) {
  const auto before = *identity::ReadIdentityFile(file_);
  CallSlot slot;
  validator_.RefuseWith({grpc::StatusCode::PERMISSION_DENIED, "removed"});
  EXPECT_FALSE(RenewOnce(Options(validator_.target()), slot).ok());
  identity::Identity another = self_;
  another.enrollment_id = std::string(32, 'b');
  validator_.Issue(another, absl::Hours(1));
  EXPECT_EQ(ErrorReason(RenewOnce(Options(validator_.target()), slot)), "BAD_IDENTITY_REPLY");
  const auto after = *identity::ReadIdentityFile(file_);
  EXPECT_EQ(after.chain[0].fingerprint(), before.chain[0].fingerprint());
}

TEST_F(RenewalTest, RunsAtHalfLife) {
  const auto certificate = identity::ReadIdentityFile(file_)->chain[0];
  EXPECT_EQ(RenewalTime(certificate) - certificate.not_before(),
            certificate.not_after() - RenewalTime(certificate));
  // Not due yet: nothing happens, and it stops at once.
  { Renewal idle(Options(validator_.target())); }
  EXPECT_EQ(validator_.calls(), 0);
  // Backdated by an hour, and half an hour left: half of its life is over.
  const auto edge = deployment_.edge();
  auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  auto leaf = *identity::IssueLeaf(
      edge, key.public_key(),
      {.identity = self_, .hosts = {}, .now = absl::Now(), .lifetime = absl::Minutes(30)});
  ASSERT_TRUE(identity::WriteIdentityFile(file_, {key, {leaf, edge.certificate}}).ok());
  validator_.Issue(self_, absl::Hours(10));
  Mutex mutex;
  CondVar changed;
  bool renewed = false;
  Renewal renewal(Options(validator_.target(), [&] {
    MutexLock lock(&mutex);
    renewed = true;
    changed.SignalAll();
  }));
  MutexLock lock(&mutex);
  while (!renewed && changed.WaitFor(&mutex, absl::Seconds(10))) {
  }
  EXPECT_TRUE(renewed);
  EXPECT_GT(identity::ReadIdentityFile(file_)->chain[0].not_after(), absl::Now() + absl::Hours(8));
}

TEST(RenewalRetry, StaysWithinItsBounds) {
  crypto::SeededRandom random(3);
  const struct {
    absl::Duration left;
    absl::Duration least;
    absl::Duration most;
  } cases[] = {
      {absl::Hours(100), absl::Minutes(30), absl::Hours(1)},
      {absl::Hours(5), absl::Minutes(15), absl::Minutes(30)},
      {absl::Seconds(5), absl::Seconds(30), absl::Minutes(1)},
      {-absl::Hours(5), absl::Seconds(30), absl::Minutes(1)},
  };
  for (const auto& c : cases) {
    for (int i = 0; i < 100; ++i) {
      const absl::Duration wait = RenewalRetry(c.left, random);
      EXPECT_GE(wait, c.least);
      EXPECT_LE(wait, c.most);
    }
  }
}

}  // namespace
}  // namespace norroy::agent
