#include "agent/session/link.h"

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "agent/session/fake_validator.h"
#include "agent/session/session.h"
#include "common/sync/mutex.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

constexpr char kEnrollmentId[] = "0123456789abcdef0123456789abcdef";

// A session that notes what it is handed; answers to "later-..." come when asked for.
class NotingSession final : public Session {
 public:
  v1::AgentHello Hello() override {
    v1::AgentHello hello;
    hello.set_boot_id("boot");
    return hello;
  }
  void PutUp(const v1::PutUp& message, PutUpDone done) override {
    v1::PutUpResult result;
    result.set_presentation_id(absl::StrCat("put-", message.proofs_size()));
    done(result);
  }
  void TakeDown(const v1::TakeDown& message, TakeDownDone done) override {
    v1::TakeDownResult result;
    result.set_presentation_id(message.presentation_id());
    if (message.presentation_id().rfind("later", 0) != 0) {
      done(result);
      return;
    }
    MutexLock lock(&mutex_);
    later_.push_back([result, done = std::move(done)] { done(result); });
    changed_.SignalAll();
  }
  v1::AgentCounters Counters() override {
    MutexLock lock(&mutex_);
    v1::AgentCounters counters;
    if (counted_ > 0) (*counters.mutable_refused())["EXPIRED"] = counted_;
    return counters;
  }
  int presented() override { return 0; }
  bool Stop() override { return true; }

  // Answers what was to be answered later, once there are so many; from as many threads.
  void AnswerNow(size_t count) {
    std::vector<std::function<void()>> later;
    {
      MutexLock lock(&mutex_);
      while (later_.size() < count) {
        if (!changed_.WaitFor(&mutex_, absl::Seconds(10))) break;
      }
      later.swap(later_);
    }
    EXPECT_EQ(later.size(), count);
    std::vector<std::thread> threads;
    for (const auto& answer : later) threads.emplace_back(answer);
    for (std::thread& thread : threads) thread.join();
  }
  void Count(int counted) {
    MutexLock lock(&mutex_);
    counted_ = counted;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::vector<std::function<void()>> later_ ABSL_GUARDED_BY(mutex_);
  int counted_ ABSL_GUARDED_BY(mutex_) = 0;
};

class LinkTest : public testing::Test {
 protected:
  LinkTest() {
    identity_file_ = deployment_.WriteIdentity(types::v1::ROLE_AGENT, "web-1", kEnrollmentId);
  }

  std::unique_ptr<Link> Start(const std::string& target) {
    return std::make_unique<Link>(LinkOptions{
        DialValidator(target, {identity_file_, deployment_.core_root_file()}, deployment_.name()),
        session_, clock_, timers_, random_, counters_every_});
  }
  // The next that is no counters.
  static std::optional<v1::AttachRequest> Answer(FakeStream& stream) {
    auto message = stream.Read();
    while (message.has_value() && message->has_counters()) message = stream.Read();
    return message;
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
    const auto answer = Answer(stream);
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->take_down_result().presentation_id(), "ping");
  }

  rpc::TestDeployment deployment_;
  std::string identity_file_;
  NotingSession session_;
  SystemClock clock_;
  ThreadTimers timers_;
  absl::Duration counters_every_ = kCountersEvery;
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
  EXPECT_EQ(Answer(*stream)->put_up_result().presentation_id(), "put-1");
  EXPECT_EQ(Answer(*stream)->take_down_result().presentation_id(), "order-1");
  link->Stop();
  EXPECT_FALSE(link->attached());
  EXPECT_FALSE(Answer(*stream).has_value());
}

TEST_F(LinkTest, ReadsOnWhileAnswersTakeTheirTime) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  const auto stream = validator.Accept();
  ASSERT_NE(stream, nullptr);
  Welcome(*stream);
  for (int i = 0; i < 20; ++i) stream->Write(TakeDown(absl::StrCat("later-", i)));
  stream->Write(TakeDown("now"));
  EXPECT_EQ(Answer(*stream)->take_down_result().presentation_id(), "now");
  session_.AnswerNow(20);
  std::set<std::string> answers;
  for (int i = 0; i < 20; ++i) {
    const auto answer = Answer(*stream);
    ASSERT_TRUE(answer.has_value());
    answers.insert(answer->take_down_result().presentation_id());
  }
  EXPECT_EQ(answers.size(), 20u);
}

TEST_F(LinkTest, AnAnswerThatComesAfterItsStreamIsDropped) {
  FakeValidator validator(deployment_);
  const auto link = Start(validator.target());
  const auto before = validator.Accept();
  ASSERT_NE(before, nullptr);
  Welcome(*before);
  before->Write(TakeDown("later"));
  before->Write(TakeDown("ping"));
  ASSERT_TRUE(Answer(*before).has_value());
  before->Close();
  const auto after = validator.Accept();
  ASSERT_NE(after, nullptr);
  Welcome(*after);
  session_.AnswerNow(1);
  after->Write(TakeDown("ping"));
  EXPECT_EQ(Answer(*after)->take_down_result().presentation_id(), "ping");
  after->Write(TakeDown("later"));
  after->Write(TakeDown("ping"));
  ASSERT_TRUE(Answer(*after).has_value());
  link->Stop();
  session_.AnswerNow(1);
}

TEST_F(LinkTest, TellsCountersAfterTheHelloAndThenIfTheyChanged) {
  counters_every_ = absl::Milliseconds(50);
  FakeValidator validator(deployment_);
  session_.Count(1);
  const auto link = Start(validator.target());
  const auto stream = validator.Accept();
  ASSERT_NE(stream, nullptr);
  ASSERT_TRUE(stream->Read()->has_hello());
  stream->Write(ValidatorHello());
  auto told = stream->Read();
  ASSERT_TRUE(told.has_value() && told->has_counters());
  EXPECT_EQ(told->counters().refused().at("EXPIRED"), 1);
  // Nothing was counted: no word. Then something was.
  for (int i = 0; i < 3; ++i) {
    stream->Write(TakeDown("ping"));
    EXPECT_TRUE(stream->Read()->has_take_down_result());
  }
  session_.Count(2);
  stream->Write(TakeDown("ping"));
  told = stream->Read();
  while (told.has_value() && !told->has_counters()) told = stream->Read();
  ASSERT_TRUE(told.has_value());
  EXPECT_EQ(told->counters().refused().at("EXPIRED"), 2);
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
  EXPECT_FALSE(Answer(*twice).has_value());
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
