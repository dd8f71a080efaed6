#include "agent/session/link.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "agent/session/fake_validator.h"
#include "agent/session/session.h"
#include "common/sync/mutex.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr char kEnrollmentId[] = "0123456789abcdef0123456789abcdef";

// A session that notes what it is handed.
class NotingSession final : public Session {
 public:
  v1::AgentHello Hello() override {
    v1::AgentHello hello;
    hello.set_boot_id("boot");
    return hello;
  }
  v1::PutUpResult PutUp(const v1::PutUp& message) override {
    v1::PutUpResult result;
    result.set_presentation_id(absl::StrCat("put-", message.proofs_size()));
    return result;
  }
  v1::TakeDownResult TakeDown(const v1::TakeDown& message) override {
    v1::TakeDownResult result;
    result.set_presentation_id(message.presentation_id());
    return result;
  }
  int presented() override { return 0; }
  void Stop() override {}
};

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    identity_file_ = deployment_.WriteIdentity(types::v1::ROLE_AGENT, "web-1", kEnrollmentId);
  }

  std::unique_ptr<Link> Start(const std::string& target) {
    return std::make_unique<Link>(LinkOptions{
        DialValidator(target, {identity_file_, deployment_.core_root_file()}, deployment_.name()),
        session_, clock_, timers_, random_});
  }

  static v1::AttachResponse ValidatorHello(int protocol = 1) {
    v1::AttachResponse message;
    message.mutable_hello()->set_version("1");
    message.mutable_hello()->set_protocol(protocol);
    return message;
  }
  static v1::AttachResponse TakeDown(const std::string& id) {
    v1::AttachResponse message;
    message.mutable_take_down()->set_presentation_id(id);
    return message;
  }
  // The agent answers only after the hello, so this shows that it is attached.
  static void Welcome(FakeStream& stream) {
    const auto hello = stream.Read();
    ASSERT_TRUE(hello.has_value());
    EXPECT_EQ(hello->hello().boot_id(), "boot");
    stream.Write(ValidatorHello());
    stream.Write(TakeDown("ping"));
    const auto answer = stream.Read();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->take_down_result().presentation_id(), "ping");
  }

  rpc::TestDeployment deployment_;
  std::string identity_file_;
  NotingSession session_;
  SystemClock clock_;
  ThreadTimers timers_;
  crypto::SeededRandom random_{1};
};

TEST_F(LinkTest, SaysHelloAndAnswersInOrder) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  const auto stream = validator.Accept();
  ASSERT_NE(stream, nullptr);
  Welcome(*stream);
  EXPECT_TRUE(link->attached());
  v1::AttachResponse put_up;
  put_up.mutable_put_up()->add_proofs();
  stream->Write(put_up);
  stream->Write(v1::AttachResponse());  // of a newer validator: no answer, no end
  stream->Write(TakeDown("order-1"));
  EXPECT_EQ(stream->Read()->put_up_result().presentation_id(), "put-1");
  EXPECT_EQ(stream->Read()->take_down_result().presentation_id(), "order-1");
  link->Stop();
  EXPECT_FALSE(link->attached());
  EXPECT_FALSE(stream->Read().has_value());
}

TEST_F(LinkTest, AttachesAgainWhenTheStreamEnds) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  for (int i = 0; i < 3; ++i) {
    const auto stream = validator.Accept();
    ASSERT_NE(stream, nullptr) << i;
    Welcome(*stream);
    stream->Close();
  }
}

TEST_F(LinkTest, OutlivesAValidatorThatIsNotThere) {
  int port = 0;
  {
    FakeValidator gone(deployment_);
    port = gone.port();
  }
  const auto link = Start(absl::StrCat("127.0.0.1:", port));
  FakeValidator back(deployment_, types::v1::ROLE_VALIDATOR, port);
  ASSERT_EQ(back.port(), port);
  const auto stream = back.Accept();
  ASSERT_NE(stream, nullptr);
  Welcome(*stream);
}

TEST_F(LinkTest, ANewIdentityIsUsedFromTheRedialOn) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  const auto before = validator.Accept();
  ASSERT_NE(before, nullptr);
  Welcome(*before);
  deployment_.WriteIdentity(types::v1::ROLE_AGENT, "web-1", kEnrollmentId);
  link->Redial();
  const auto after = validator.Accept();
  ASSERT_NE(after, nullptr);
  Welcome(*after);
  EXPECT_NE(after->certificate_fingerprint(), before->certificate_fingerprint());
}

TEST_F(LinkTest, ProtocolErrorsEndTheStreamAndAreTriedAgain) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  v1::AttachResponse first_not_hello = TakeDown("x");
  for (const auto& first : {first_not_hello, ValidatorHello(2), v1::AttachResponse()}) {
    const auto stream = validator.Accept();
    ASSERT_NE(stream, nullptr);
    ASSERT_TRUE(stream->Read()->has_hello());
    stream->Write(first);
    EXPECT_FALSE(stream->Read().has_value());
    EXPECT_FALSE(link->attached());
  }
  const auto twice = validator.Accept();
  ASSERT_NE(twice, nullptr);
  Welcome(*twice);
  twice->Write(ValidatorHello());
  EXPECT_FALSE(twice->Read().has_value());
}

// Whoever is no validator of this deployment under the core root gets no word.
TEST_F(LinkTest, DoesNotTalkToWhoIsNoValidator) {
  FakeValidator issuer(deployment_, types::v1::ROLE_ISSUER);
  rpc::TestDeployment other_deployment;
  FakeValidator stranger(other_deployment);
  for (const FakeValidator* server : {&issuer, &stranger}) {
    const auto channel =
        DialValidator(server->target(), {identity_file_, deployment_.core_root_file()},
                      deployment_.name())
            .dial();
    ASSERT_TRUE(channel.ok()) << channel.status();
    grpc::ClientContext context;
    auto stub = v1::AgentLinkService::NewStub(*channel);
    auto stream = stub->Attach(&context);
    v1::AttachRequest hello;
    hello.mutable_hello();
    stream->Write(hello);
    v1::AttachResponse answer;
    EXPECT_FALSE(stream->Read(&answer));
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
}

TEST_F(LinkTest, StopsWhileItWaits) {
  const auto link = Start("127.0.0.1:1");
  link->Stop();
  const auto never_started = Start("127.0.0.1:1");
}

}  // namespace
}  // namespace norroy::agent
