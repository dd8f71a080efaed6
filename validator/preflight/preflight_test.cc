#include "validator/preflight/preflight.h"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "absl/strings/match.h"
#include "common/challenge/proof.h"
#include "common/error/error.h"
#include "validator/preflight/look_fixture.h"
#include "validator/preflight/test_server.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;

v1::LookRequest RequestFor(const std::vector<challenge::Proof>& proofs) {
  v1::LookRequest request;
  for (const challenge::Proof& proof : proofs) *request.add_proofs() = challenge::ToProto(proof);
  return request;
}

class PreflightTest : public testing::Test {
 protected:
  PreflightTest() {
    options_.viewpoint = "main";
    options_.resolvers = {dns::TestServer("192.0.2.1:53")};
    options_.allow_networks = {Network::Parse("127.0.0.0/8").value()};
    dns_.Add(dns::SoaRecord("example.com", "ns.example.com"));
    dns_.Add(dns::AddressRecord("www.example.com", "127.0.0.1"));
  }

  void Start() {
    preflight_ =
        std::make_unique<Preflight>(Preflight::Dependencies{dns_, clock_, timers_}, options_);
  }
  std::future<absl::StatusOr<v1::LookResponse>> Ask(const v1::LookRequest& request) {
    auto answer = std::make_shared<std::promise<absl::StatusOr<v1::LookResponse>>>();
    preflight_->Look(request, [answer](auto response) { answer->set_value(std::move(response)); });
    return answer->get_future();
  }
  absl::StatusOr<v1::LookResponse> Look(const v1::LookRequest& request) {
    return Ask(request).get();
  }
  static std::string CodesOf(const types::v1::View& view) {
    std::string codes;
    for (const auto& finding : view.findings()) {
      absl::StrAppend(&codes, codes.empty() ? "" : " ", finding.code());
    }
    return codes;
  }

  dns::FakeClient dns_;
  SimulatedClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  SimulatedTimers timers_{clock_};
  PreflightOptions options_;
  std::unique_ptr<Preflight> preflight_;
};

TEST_F(PreflightTest, ViewsInTheOrderOfTheProofs) {
  const challenge::Proof http = TestProof("www.example.com", ChallengeType::kHttp01);
  const challenge::Proof dns = TestProof("www.example.com", ChallengeType::kDns01);
  const challenge::Proof none = TestProof("none.example.com", ChallengeType::kHttp01);
  const challenge::Proof address = TestProof("192.0.2.9", ChallengeType::kHttp01);
  TestServer server(TestAddress("127.0.0.1"), 0,
                    Always(HttpText("200 OK", http.key_authorization.value())));
  options_.ports.http = server.port();
  Start();
  v1::LookRequest request = RequestFor({none, http, address, dns});
  request.mutable_ca()->add_caa_identities("ca.example");
  const auto response = Look(request);
  ASSERT_TRUE(response.ok()) << response.status();
  ASSERT_EQ(response->views_size(), 4);
  EXPECT_EQ(CodesOf(response->views(0)), "NO_ADDRESS");
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(response->views(0).findings(0).severity(), types::v1::SEVERITY_ERROR);
  EXPECT_EQ(CodesOf(response->views(1)), "ADDRESSES");
  EXPECT_EQ(response->views(1).verdict(), types::v1::VERDICT_PASS);
  EXPECT_EQ(response->views(1).viewpoint(), "main");
  EXPECT_EQ(response->views(1).look_time().seconds(), 1'800'000'000);
  EXPECT_EQ(CodesOf(response->views(2)), "ADDRESS_FORBIDDEN ADDRESSES");
  EXPECT_EQ(response->views(2).verdict(), types::v1::VERDICT_UNKNOWN);
  EXPECT_EQ(CodesOf(response->views(3)), "NO_NAME_SERVER");
}

TEST_F(PreflightTest, CaaComesOnTop) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kHttp01);
  TestServer server(TestAddress("127.0.0.1"), 0,
                    Always(HttpText("200 OK", proof.key_authorization.value())));
  options_.ports.http = server.port();
  dns_.Add(dns::CaaRecord("example.com", "issue", "other.example"));
  Start();
  v1::LookRequest request = RequestFor({proof});
  request.mutable_ca()->add_caa_identities("ca.example");
  const auto response = Look(request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(CodesOf(response->views(0)), "CAA_FORBIDS ADDRESSES");
}

TEST_F(PreflightTest, DnssecAndResolvers) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kHttp01);
  dns_.MakeBogus(dns::TestName("example.com"));
  Start();
  auto response = Look(RequestFor({proof}));
  EXPECT_EQ(CodesOf(response->views(0)), "DNSSEC_BOGUS");
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_FAIL);
  dns_.FailAt(options_.resolvers[0], absl::UnavailableError("refused"));
  response = Look(RequestFor({proof}));
  EXPECT_EQ(CodesOf(response->views(0)), "RESOLVER_FAILS");
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_UNKNOWN);
  options_.resolvers.clear();
  Start();
  response = Look(RequestFor({proof}));
  EXPECT_EQ(CodesOf(response->views(0)), "NO_RESOLVER");
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_UNKNOWN);
}

TEST_F(PreflightTest, WhatCannotBeLookedAt) {
  Start();
  struct Case {
    const char* what;
    std::function<void(v1::LookRequest&)> change;
    const char* error;
  };
  const Case cases[] = {
      {"no proofs", [](auto& r) { r.clear_proofs(); }, "0 proofs"},
      {"101 proofs",
       [](auto& r) {
         for (int i = 0; i < 100; ++i) *r.add_proofs() = r.proofs(0);
       },
       "101 proofs"},
      {"bad token", [](auto& r) { r.mutable_proofs(0)->set_token("../x"); }, "proofs[0]"},
      {"17 identities",
       [](auto& r) {
         for (int i = 0; i < 17; ++i) r.mutable_ca()->add_caa_identities("ca.example");
       },
       "caa_identities"},
      {"empty identity", [](auto& r) { r.mutable_ca()->add_caa_identities(""); }, "caa_identities"},
      {"long account", [](auto& r) { r.mutable_ca()->set_account_uri(std::string(2049, 'x')); },
       "account_uri"},
  };
  for (const Case& c : cases) {
    v1::LookRequest request = RequestFor({TestProof("www.example.com", ChallengeType::kHttp01)});
    c.change(request);
    const auto response = Look(request);
    EXPECT_EQ(response.status().code(), absl::StatusCode::kInvalidArgument) << c.what;
    EXPECT_TRUE(absl::StrContains(response.status().message(), c.error)) << response.status();
  }
}

// A server that answers when the test lets it.
class Gate {
 public:
  void Open() { open_.set_value(); }
  TestServer::Handler Then(const std::string& answer) {
    return [this, answer](int, const std::string&) {
      opened_.wait_for(std::chrono::seconds(10));
      return std::make_unique<std::string>(answer);
    };
  }

 private:
  std::promise<void> open_;
  std::shared_future<void> opened_ = open_.get_future().share();
};

TEST_F(PreflightTest, OneLookAtATimePerNameAndType) {
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kHttp01);
  Gate gate;
  TestServer server(TestAddress("127.0.0.1"), 0, gate.Then(HttpText("404 Not Found", "")));
  options_.ports.http = server.port();
  Start();
  std::vector<std::future<absl::StatusOr<v1::LookResponse>>> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(Ask(RequestFor({proof, proof})));
  gate.Open();
  for (auto& answer : answers) {
    const auto response = answer.get();
    ASSERT_EQ(response->views_size(), 2);
    EXPECT_EQ(CodesOf(response->views(0)), "NOT_FOUND ADDRESSES");
  }
  EXPECT_EQ(server.connections(), 1);
}

TEST_F(PreflightTest, AnotherProofAwaitsItsTurn) {
  const challenge::Proof first = TestProof("www.example.com", ChallengeType::kHttp01);
  challenge::Proof second = first;
  second.token = challenge::Token::Parse("another").value();
  second.key_authorization =
      challenge::KeyAuthorization::Make(second.token, std::string(43, 'A')).value();
  Gate gate;
  TestServer server(TestAddress("127.0.0.1"), 0,
                    gate.Then(HttpText("200 OK", second.key_authorization.value())));
  options_.ports.http = server.port();
  Start();
  auto first_answer = Ask(RequestFor({first}));
  auto second_answer = Ask(RequestFor({second}));
  gate.Open();
  EXPECT_EQ(first_answer.get()->views(0).verdict(), types::v1::VERDICT_FAIL);
  EXPECT_EQ(second_answer.get()->views(0).verdict(), types::v1::VERDICT_PASS);
}

TEST_F(PreflightTest, TooManyTurnsAreRefused) {
  Gate gate;
  TestServer server(TestAddress("127.0.0.1"), 0, gate.Then(HttpText("404 Not Found", "")));
  options_.ports.http = server.port();
  Start();
  std::vector<std::future<absl::StatusOr<v1::LookResponse>>> answers;
  for (size_t i = 0; i <= kMaxTurns; ++i) {
    challenge::Proof proof = TestProof("www.example.com", ChallengeType::kHttp01);
    proof.token = challenge::Token::Parse(absl::StrCat("t", i)).value();
    proof.key_authorization =
        challenge::KeyAuthorization::Make(proof.token, std::string(43, 'A')).value();
    answers.push_back(Ask(RequestFor({proof})));
  }
  const types::v1::View refused = answers.back().get()->views(0);
  EXPECT_EQ(CodesOf(refused), "VIEWPOINT_BUSY");
  // Its load says nothing about the proof.
  EXPECT_EQ(refused.verdict(), types::v1::VERDICT_WAIT);
  EXPECT_EQ(refused.again_after_ms(), 2000);
  gate.Open();
  for (size_t i = 0; i < kMaxTurns; ++i) {
    EXPECT_EQ(CodesOf(answers[i].get()->views(0)), "NOT_FOUND ADDRESSES");
  }
}

TEST_F(PreflightTest, ACallEndsInTimeWithWhatItHas) {
  dns_.Add(dns::AddressRecord("none.example.com", "10.0.0.1"));
  Gate gate;
  TestServer server(TestAddress("127.0.0.1"), 0, gate.Then(HttpText("404 Not Found", "")));
  options_.ports.http = server.port();
  Start();
  challenge::Proof next = TestProof("www.example.com", ChallengeType::kHttp01);
  next.token = challenge::Token::Parse("another").value();
  next.key_authorization =
      challenge::KeyAuthorization::Make(next.token, std::string(43, 'A')).value();
  auto answer = Ask(RequestFor({TestProof("www.example.com", ChallengeType::kHttp01), next,
                                TestProof("none.example.com", ChallengeType::kHttp01)}));
  while (server.connections() == 0) std::this_thread::yield();
  // The other name's view is there; each has its own flight.
  EXPECT_TRUE(Look(RequestFor({TestProof("none.example.com", ChallengeType::kHttp01)})).ok());
  timers_.Advance(kCallTimeout);
  const auto response = answer.get();
  EXPECT_EQ(CodesOf(response->views(0)), "LOOK_TIMED_OUT");
  EXPECT_EQ(response->views(0).verdict(), types::v1::VERDICT_UNKNOWN);
  // It was never begun.
  EXPECT_EQ(CodesOf(response->views(1)), "VIEWPOINT_BUSY");
  EXPECT_EQ(response->views(1).verdict(), types::v1::VERDICT_WAIT);
  EXPECT_EQ(response->views(1).again_after_ms(), 2000);
  EXPECT_EQ(CodesOf(response->views(2)), "ADDRESS_FORBIDDEN ADDRESSES");
  gate.Open();
}

TEST_F(PreflightTest, StoppingAnswersEverybody) {
  TestServer server(TestAddress("127.0.0.1"), 0, Silent());
  options_.ports.http = server.port();
  Start();
  auto answer = Ask(RequestFor({TestProof("www.example.com", ChallengeType::kHttp01)}));
  while (server.connections() == 0) std::this_thread::yield();
  challenge::Proof next = TestProof("www.example.com", ChallengeType::kHttp01);
  next.token = challenge::Token::Parse("another").value();
  next.key_authorization =
      challenge::KeyAuthorization::Make(next.token, std::string(43, 'A')).value();
  auto never_begun = Ask(RequestFor({next}));
  preflight_.reset();
  const types::v1::View view = answer.get()->views(0);
  EXPECT_EQ(CodesOf(view), "LOOK_TIMED_OUT ADDRESSES") << view.DebugString();
  EXPECT_EQ(view.verdict(), types::v1::VERDICT_UNKNOWN);
  const types::v1::View other = never_begun.get()->views(0);
  EXPECT_NE(other.verdict(), types::v1::VERDICT_FAIL) << other.DebugString();
}

TEST_F(PreflightTest, PersistRecords) {
  Start();
  struct Case {
    const char* name;
    const char* value;
    const char* codes;  // or the error's reason
    bool ok;
  };
  const char* text = "ca.example; accounturi=https://ca.example/1";
  const Case cases[] = {
      {"example.com", text, "PERSIST_MISSING", true}, {"*.example.com", text, "BAD_LOOK", false},
      {"192.0.2.1", text, "BAD_LOOK", false},         {"not a name", text, "BAD_NAME", false},
      {"example.com", "nonsense", "BAD_LOOK", false},
  };
  for (const Case& c : cases) {
    v1::LookPersistRequest request;
    request.set_name(c.name);
    request.set_value(c.value);
    std::promise<absl::StatusOr<v1::LookPersistResponse>> answer;
    preflight_->LookPersist(request, [&](auto response) { answer.set_value(std::move(response)); });
    const auto response = answer.get_future().get();
    ASSERT_EQ(response.ok(), c.ok) << c.name;
    EXPECT_EQ(c.ok ? CodesOf(response->view()) : ErrorReason(response.status()), c.codes) << c.name;
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
