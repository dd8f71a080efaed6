#include "validator/preflight/proof_look.h"

#include <gtest/gtest.h>

#include <functional>

#include "absl/strings/match.h"
#include "validator/preflight/look_fixture.h"
#include "validator/preflight/test_server.h"

namespace norroy::validator::preflight {
namespace {

using challenge::ChallengeType;

class ProofLookTest : public testing::Test, protected LookFixture {};

// What was found stands; what the look's end cut short is about this validator.
TEST_F(ProofLookTest, OnlyWhatHadItsTimeIsAFault) {
  struct Case {
    const char* what;
    bool serves;
    std::function<void(dns::FakeClient&)> change;
    absl::Duration left;
    bool stopped;
    const char* codes;
    Verdict verdict;
  };
  const absl::Status silent = absl::DeadlineExceededError("no answer");
  const dns::Name name = dns::TestName("www.example.com");
  const auto no_caa = [&](auto& dns) { dns.FailFor(name, dns::Type::kCaa, silent); };
  const auto only_a = [&](absl::Status error) {
    return [=](auto& dns) {
      dns.Remove(name, dns::Type::kA);
      dns.Add(dns::TxtRecord("www.example.com", "it exists"));
      dns.FailFor(name, dns::Type::kAaaa, error);
    };
  };
  const absl::Duration all = absl::Seconds(12);
  const absl::Duration little = absl::Seconds(2);
  const Case cases[] = {
      {"right", true, [](auto&) {}, all, false, "ADDRESSES", Verdict::kPass},
      {"CAA silent", true, no_caa, all, false, "CAA_UNREADABLE ADDRESSES", Verdict::kFail},
      {"CAA cut short", true, no_caa, little, false, "LOOK_TIMED_OUT ADDRESSES", Verdict::kUnknown},
      {"closed, and CAA cut short", false, no_caa, little, false,
       "PORT_CLOSED LOOK_TIMED_OUT ADDRESSES", Verdict::kFail},
      {"stopped", true, [](auto&) {}, all, true, "LOOK_TIMED_OUT LOOK_TIMED_OUT",
       Verdict::kUnknown},
      {"stopped, and nothing answers", true,
       [&](auto& dns) { dns.FailAt(dns::TestServer("192.0.2.1:53"), silent); }, all, true,
       "LOOK_TIMED_OUT", Verdict::kUnknown},
      {"no address of one family, the other cut short", true, only_a(silent), little, false,
       "LOOK_TIMED_OUT", Verdict::kUnknown},
      {"no address of one family, the other fails", true, only_a(absl::UnavailableError("refused")),
       all, false, "RESOLVER_FAILS", Verdict::kUnknown},
  };
  const challenge::Proof proof = TestProof("www.example.com", ChallengeType::kHttp01);
  const TestServer server(TestAddress("127.0.0.1"), 0,
                          Always(HttpText("200 OK", proof.key_authorization.value())));
  const ClosedPort closed(TestAddress("127.0.0.1"));
  for (const Case& c : cases) {
    ProofLookTest_OnlyWhatHadItsTimeIsAFault_Test fresh;
    fresh.dns_.Add(dns::AddressRecord("www.example.com", "127.0.0.1"));
    c.change(fresh.dns_);
    fresh.ports_.http = c.serves ? server.port() : closed.port();
    SimulatedClock clock(absl::UnixEpoch());
    const std::atomic<bool> stop = c.stopped;
    const Sight sight =
        LookAtProof(fresh.viewpoint(), proof, {{"ca.example"}, ""}, Deadline(clock, c.left, &stop));
    EXPECT_EQ(CodesOf(sight), c.codes) << c.what << ": " << TextOf(sight);
    EXPECT_EQ(sight.verdict(), c.verdict) << c.what;
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
