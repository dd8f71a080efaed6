// Nonces: rejected, forgotten, repeated, malformed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/acme/client_fixture.h"
#include "issuer/acme/problem.h"

namespace norroy::acme {
namespace {

using fakes::Endpoint;
using fakes::Fault;
using ::testing::Each;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ClientNonceTest : public ClientFixture {
 protected:
  void TearDown() override { EXPECT_THAT(ca_.violations(), IsEmpty()); }
  void Reject(int percent) {
    ca_.Change([=](fakes::FakeCaOptions& options) { options.nonce_rejection_percent = percent; });
  }
};

TEST_F(ClientNonceTest, RetriesAtOnceWithTheNonceOfTheRefusal) {
  const auto client = RegisteredClient();
  const int64_t before = client->requests();
  ca_.Script(Endpoint::kNewOrder, Fault::BadNonce());
  ASSERT_TRUE(client->NewOrder(Names({"www.example.com"}), "").ok());
  EXPECT_EQ(client->requests() - before, 2);
  EXPECT_EQ(ca_.count(Endpoint::kNewNonce), 1);
  EXPECT_THAT(sleeps_, IsEmpty());
}

TEST_F(ClientNonceTest, AsksForANonceWhereTheRefusalBroughtNone) {
  const auto client = RegisteredClient();
  ca_.Script(Endpoint::kNewOrder, Fault::BadNonceWithoutNonce());
  ASSERT_TRUE(client->NewOrder(Names({"www.example.com"}), "").ok());
  EXPECT_EQ(ca_.count(Endpoint::kNewNonce), 2);
}

struct RejectionCase {
  int percent;
  int certificates;
  int expected;
};

TEST_F(ClientNonceTest, ObtainsCertificatesThroughRejections) {
  for (const RejectionCase& c :
       {RejectionCase{5, 20, 20}, RejectionCase{20, 20, 20}, RejectionCase{50, 20, 20}}) {
    Reject(0);
    const auto client = RegisteredClient();
    Reject(c.percent);
    int good = 0;
    for (int i = 0; i < c.certificates; ++i) {
      const auto chains = Obtain(*client, {absl::StrCat("p", c.percent, "-", i, ".example.com")});
      EXPECT_TRUE(chains.ok()) << c.percent << " %: " << chains.status();
      good += chains.ok() ? 1 : 0;
    }
    EXPECT_EQ(good, c.expected) << c.percent << " %";
  }
}

// At 90 % a call may use up its tries; asking again gets there, with the same order.
TEST_F(ClientNonceTest, GetsThroughNinetyPercentByAskingAgain) {
  const auto client = RegisteredClient();
  Reject(90);
  const auto names = Names({"www.example.com"});
  int calls = 0;
  absl::StatusOr<Order> order = absl::UnknownError("");
  while (!order.ok() && ++calls < 50) {
    order = client->NewOrder(names, "");
    if (order.ok()) break;
    EXPECT_EQ(order.status().code(), absl::StatusCode::kUnavailable) << order.status();
    EXPECT_EQ(ErrorMetadataOf(order.status())["sent"], "no");
  }
  ASSERT_TRUE(order.ok());
  EXPECT_THAT(ca_.orders(), SizeIs(1));
}

TEST_F(ClientNonceTest, GivesUpAfterItsTries) {
  const auto client = RegisteredClient();
  Reject(100);
  const int64_t before = client->requests();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ErrorReason(order.status()), "CA_UNAVAILABLE");
  ASSERT_TRUE(ProblemOf(order.status()).has_value());
  EXPECT_EQ(ProblemOf(order.status())->acme_type(), "badNonce");
  EXPECT_EQ(client->requests() - before, 32);
  // Three tries at once, then 50 ms doubling to 1 s, between half of it and all.
  ASSERT_THAT(sleeps_, SizeIs(29));
  absl::Duration longest = absl::Milliseconds(50);
  for (const absl::Duration pause : sleeps_) {
    EXPECT_GE(pause, longest / 2);
    EXPECT_LE(pause, longest);
    longest = std::min(longest * 2, absl::Seconds(1));
  }
}

TEST_F(ClientNonceTest, StaysUnderFortyRequestsWhereNoNonceComesAlong) {
  const auto client = RegisteredClient();
  ca_.Script(Endpoint::kNewOrder, Fault::BadNonceWithoutNonce(), 100);
  const int64_t before = client->requests();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.status().code(), absl::StatusCode::kUnavailable) << order.status();
  EXPECT_LE(client->requests() - before, 40);
}

TEST_F(ClientNonceTest, StopsWhenTheCallsTimeIsUp) {
  const auto client = RegisteredClient();
  Reject(100);
  ca_.SetTamper([this](Endpoint, const http::Request&, http::Response&) {
    clock_.Advance(absl::Seconds(25));
  });
  const int64_t before = client->requests();
  const auto order = client->NewOrder(Names({"www.example.com"}), "");
  ASSERT_FALSE(order.ok());
  EXPECT_EQ(order.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(client->requests() - before, 3);
}

TEST_F(ClientNonceTest, TriesGetWhereHeadBringsNoNonce) {
  Fault mute = Fault::Reply(200, "text/plain", "");
  mute.omit_nonce = true;
  ca_.Script(Endpoint::kNewNonce, mute);
  const auto client = RegisteredClient();
  EXPECT_EQ(ca_.count(Endpoint::kNewNonce), 2);
  EXPECT_EQ(ca_.requests().at(1).method, "HEAD");
  EXPECT_EQ(ca_.requests().at(2).method, "GET");
}

TEST_F(ClientNonceTest, SaysSoWhereNewNonceBringsNone) {
  Fault mute = Fault::Reply(200, "text/plain", "");
  mute.omit_nonce = true;
  ca_.Script(Endpoint::kNewNonce, mute, 10);
  const auto client = NewClient();
  const auto account = client->CreateAccount(NewAccount{});
  ASSERT_FALSE(account.ok());
  EXPECT_EQ(ErrorReason(account.status()), "CA_PROTOCOL");
  EXPECT_EQ(ca_.count(Endpoint::kNewNonce), 2);
}

TEST_F(ClientNonceTest, IgnoresMalformedAndRepeatedNonces) {
  const auto client = RegisteredClient();
  ca_.SetTamper([](Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint == Endpoint::kDirectory || endpoint == Endpoint::kNewNonce) return;
    for (const std::string& bad : {std::string(), std::string("a b"), std::string(4096, 'a')}) {
      reply.headers.emplace(reply.headers.begin(), "replay-nonce", bad);
    }
  });
  ASSERT_TRUE(Obtain(*client, {"www.example.com"}).ok());
  EXPECT_EQ(ca_.count(Endpoint::kNewNonce), 1);
  ca_.SetTamper([](Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint == Endpoint::kNewNonce) return;
    reply.headers.emplace_back("Replay-Nonce", reply.Header("Replay-Nonce"));
  });
  const auto chains = Obtain(*client, {"twice.example.com"});
  EXPECT_TRUE(chains.ok()) << chains.status();
  // Nothing but repeats: the CA is asked for each.
  ca_.SetTamper([](Endpoint endpoint, const http::Request&, http::Response& reply) {
    if (endpoint == Endpoint::kNewNonce) return;
    for (auto& [name, value] : reply.headers) {
      if (name == "Replay-Nonce") value = "always-the-same";
    }
  });
  const int asked = ca_.count(Endpoint::kNewNonce);
  for (int i = 0; i < 5; ++i) {
    // One of them goes out, once, and is refused.
    EXPECT_TRUE(client->NewOrder(Names({"www.example.com"}), "").ok());
  }
  EXPECT_GE(ca_.count(Endpoint::kNewNonce) - asked, 4);
}

TEST_F(ClientNonceTest, UsesAFreshNonceAfterEveryTransportError) {
  const auto client = RegisteredClient();
  for (const Fault& fault : {Fault::NotSent(), Fault::LostRequest(), Fault::LostReply()}) {
    ca_.Script(Endpoint::kNewOrder, fault);
    const auto lost = client->NewOrder(Names({"www.example.com"}), "");
    ASSERT_FALSE(lost.ok());
    EXPECT_EQ(ErrorMetadataOf(lost.status())["sent"],
              fault.kind == Fault::Kind::kNotSent ? "no" : "maybe");
    EXPECT_TRUE(client->NewOrder(Names({"www.example.com"}), "").ok());
  }
  // Nothing is repeated by the client itself.
  EXPECT_EQ(ca_.count(Endpoint::kNewOrder), 6);
  EXPECT_EQ(ca_.orders().at(0).handed_out, 4);
}

TEST_F(ClientNonceTest, ServesManyThreads) {
  const auto client = RegisteredClient();
  Reject(20);
  std::vector<std::thread> threads;
  std::atomic<int> good = 0;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const auto names = challenge::ParseNames({absl::StrCat("t", t, "-", i, ".example.com")});
        good += client->NewOrder(*names, "").ok() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 100);
}

}  // namespace
}  // namespace norroy::acme
