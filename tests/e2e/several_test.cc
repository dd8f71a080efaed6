// Two issuers and two validators on one PostgreSQL: whatever is killed, every order ends once.
//
// NORROY_SECONDS: for how long Line.IssuesWhateverIsKilled goes on (20; 300 is a long run).

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/crypto/csr.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/rpc/credentials.h"
#include "common/sync/mutex.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "tests/harness/ca_server.h"
#include "tests/harness/pair.h"

namespace norroy::harness {
namespace {

using issuer::v1::OrderService;

constexpr int kOrdersPerSecond = 10;
constexpr absl::Duration kBetweenKills = absl::Seconds(5);
constexpr absl::Duration kDown = absl::Seconds(1);
// Until then whoever was killed last has come back, or others have taken over.
constexpr absl::Duration kLast = absl::Seconds(120);

absl::Duration RunTime() {
  int seconds = 20;
  const char* const text = std::getenv("NORROY_SECONDS");
  if (text != nullptr) (void)absl::SimpleAtoi(text, &seconds);
  return absl::Seconds(seconds);
}

// Somebody who orders at whichever issuer answers.
class Caller {
 public:
  explicit Caller(Pair& pair) {
    const std::string dir = pair.first().dir();
    const auto credentials =
        rpc::ClientCredentials({dir + "/operator/identity.pem", dir + "/operator/core-root.pem"},
                               pair.first().name(), types::v1::ROLE_ISSUER);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    for (const int which : {0, 1}) {
      stubs_.push_back(
          OrderService::NewStub(rpc::NewChannel(pair.issuer_address(which), *credentials)));
    }
  }

  // The id of the order, asked for under one request_id until some issuer has taken it; "" if none
  // did for 30 s.
  std::string Create(const std::string& name, int first) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    request.set_csr(*crypto::BuildCsr(key_, {*challenge::Name::Parse(name)}));
    request.set_request_id(crypto::SystemRandom().Id());
    const absl::Time end = absl::Now() + absl::Seconds(30);
    for (int which = first; absl::Now() < end; which = 1 - which) {
      grpc::ClientContext context;
      rpc::SetTimeout(context, absl::Seconds(10));
      issuer::v1::CreateOrderResponse response;
      const grpc::Status status =
          stubs_[static_cast<size_t>(which)]->CreateOrder(&context, request, &response);
      if (status.ok()) return response.order().id();
      MutexLock lock(&mutex_);
      ++failures_[status.error_message().substr(0, 80)];
      absl::SleepFor(absl::Milliseconds(50));
    }
    return "";
  }

  issuer::v1::Order Get(const std::string& id) {
    issuer::v1::GetOrderRequest request;
    request.set_id(id);
    for (int attempt = 0; attempt < 20; ++attempt) {
      grpc::ClientContext context;
      rpc::SetTimeout(context, absl::Seconds(10));
      issuer::v1::GetOrderResponse response;
      if (stubs_[static_cast<size_t>(attempt % 2)]->GetOrder(&context, request, &response).ok()) {
        return response.order();
      }
      absl::SleepFor(absl::Milliseconds(100));
    }
    return {};
  }

  // When the watch ended by itself, in its last state.
  issuer::v1::Order Watch(int which, const std::string& id) {
    issuer::v1::WatchOrderRequest request;
    request.set_id(id);
    grpc::ClientContext context;
    rpc::SetTimeout(context, absl::Seconds(60));
    const auto reader = stubs_[static_cast<size_t>(which)]->WatchOrder(&context, request);
    issuer::v1::WatchOrderResponse response;
    issuer::v1::Order last;
    while (reader->Read(&response)) last = response.order();
    (void)reader->Finish();
    return last;
  }

  std::string Failures() {
    MutexLock lock(&mutex_);
    return absl::StrJoin(failures_, "; ", absl::PairFormatter(": "));
  }

 private:
  const crypto::PrivateKey key_ = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  std::vector<std::unique_ptr<OrderService::Stub>> stubs_;
  Mutex mutex_;
  std::map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);
};

bool IsFinal(issuer::v1::OrderState state) {
  return state == issuer::v1::ORDER_STATE_VALID || state == issuer::v1::ORDER_STATE_INVALID ||
         state == issuer::v1::ORDER_STATE_CANCELLED;
}

class Line : public ::testing::Test {
 protected:
  Line() {
    dir_ = TempDir("several");
    http_port_ = FreePort();
    postgres_ = Postgres::Start();
    ca_ = CaServer::Start(dir_, {.http_port = http_port_,
                                 .reuse_authorizations = false,
                                 .finalize_polls = 1,
                                 .validation_polls = 1});
    // Quotas of a test CA.
    pair_ = Pair::Start(dir_, ca_->place(), *postgres_, {"--test-ca"});
    pair_->first().AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
    EXPECT_TRUE(Eventually([&] { return pair_->IsAttached("web1"); })) << pair_->Logs();
    caller_.emplace(*pair_);
  }

  // By the CA's record: so many certificates, each order finalized once, and each name once.
  void ExpectIssued(int certificates) {
    const CaRecord record = ca_->Record();
    EXPECT_EQ(record.certificates, certificates);
    EXPECT_THAT(record.violations, ::testing::IsEmpty());
    std::map<std::string, int> by_name;
    for (const CaOrder& order : record.orders) {
      EXPECT_LE(order.finalizes, 1) << order.url;
      if (order.finalizes > 0) ++by_name[absl::StrJoin(order.names, ",")];
    }
    for (const auto& [name, times] : by_name) EXPECT_EQ(times, 1) << name;
  }

  // Waits for all; how many are VALID. The others' reasons go to `others`.
  int Settle(const std::vector<std::string>& ids, absl::Duration limit,
             std::map<std::string, int>& others) {
    const absl::Time end = absl::Now() + limit;
    int valid = 0;
    for (const std::string& id : ids) {
      issuer::v1::Order order = caller_->Get(id);
      while (!IsFinal(order.state()) && absl::Now() < end) {
        absl::SleepFor(absl::Milliseconds(200));
        order = caller_->Get(id);
      }
      if (order.state() == issuer::v1::ORDER_STATE_VALID) {
        ++valid;
      } else {
        ++others[absl::StrCat(issuer::v1::OrderState_Name(order.state()), " ",
                              order.error().info().reason(), " ", order.waiting_for())];
      }
    }
    return valid;
  }

  std::string dir_;
  int http_port_ = 0;
  std::unique_ptr<Postgres> postgres_;
  std::unique_ptr<CaServer> ca_;
  std::unique_ptr<Pair> pair_;
  std::optional<Caller> caller_;
};

TEST_F(Line, IssuesWhateverIsKilled) {
  std::atomic<bool> over = false;
  Mutex mutex;
  std::vector<std::string> ids;
  std::atomic<int> offered = 0;
  std::vector<std::thread> callers;
  const absl::Time begin = absl::Now();
  // Each has its share of the rate; one that is held up does not hold the others up.
  constexpr int kCallers = 2 * kOrdersPerSecond;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      for (int n = 0; !over; ++n) {
        absl::SleepFor(begin + absl::Milliseconds(1000 * (kCallers * n + i) / kOrdersPerSecond) -
                       absl::Now());
        if (over) return;
        ++offered;
        const std::string id =
            caller_->Create(absl::StrCat("n", n, "-", i, ".example.test"), i % 2);
        MutexLock lock(&mutex);
        ids.push_back(id);
      }
    });
  }
  const absl::Time end = begin + RunTime();
  for (int kill = 0; absl::Now() + kBetweenKills < end; ++kill) {
    absl::SleepFor(kBetweenKills - kDown);
    const int which = (kill / 2) % 2;
    Pair::Kill(kill % 2 == 0 ? pair_->issuer(which) : pair_->validator(which));
    absl::SleepFor(kDown);
    if (kill % 2 == 0) pair_->StartIssuer(which);
    if (kill % 2 == 1) pair_->StartValidator(which);
  }
  over = true;
  for (std::thread& caller : callers) caller.join();

  std::map<std::string, int> others;
  const int valid = Settle(ids, kLast, others);
  std::printf("%d orders offered, %zu taken, %d valid; else: %s; calls that failed: %s\n",
              offered.load(), ids.size(), valid,
              absl::StrJoin(others, "; ", absl::PairFormatter(": ")).c_str(),
              caller_->Failures().c_str());
  EXPECT_GE(valid, offered * 99 / 100) << pair_->Logs();
  ExpectIssued(valid);
  EXPECT_TRUE(Eventually([&] { return pair_->first().Presented("web1") == 0; }));
}

// SIGSTOP past its tenure, the other finishes, SIGCONT: no second order, no second certificate.
TEST_F(Line, AStoppedIssuersOrdersAreFinishedByTheOther) {
  std::vector<std::string> ids;
  for (int i = 0; i < 10; ++i) {
    ids.push_back(caller_->Create(absl::StrCat("s", i, ".example.test"), 0));
    if (i == 4) pair_->validator(0).Signal(SIGSTOP);
  }
  pair_->issuer(0).Signal(SIGSTOP);
  const absl::Time stopped = absl::Now();
  pair_->validator(0).Signal(SIGCONT);
  std::map<std::string, int> others;
  EXPECT_EQ(Settle(ids, absl::Seconds(90), others), 10)
      << absl::StrJoin(others, "; ", absl::PairFormatter(": ")) << pair_->Logs();
  std::printf("taken over and done after %s\n",
              absl::FormatDuration(absl::Now() - stopped).c_str());
  ExpectIssued(10);
  pair_->issuer(0).Signal(SIGCONT);
  EXPECT_TRUE(Eventually([&] { return pair_->IssuerServes(0); }));
  std::vector<std::string> more = {caller_->Create("more.example.test", 0)};
  EXPECT_EQ(Settle(more, absl::Seconds(60), others), 1);
  ExpectIssued(11);
}

TEST_F(Line, WhatIsChangedAtOneHoldsAtTheOther) {
  // Watched at one, worked on at the other.
  const std::string id = caller_->Create("w.example.test", 0);
  EXPECT_EQ(caller_->Watch(1, id).state(), issuer::v1::ORDER_STATE_VALID) << pair_->Logs();
  // Banned at one, out at both.
  Deployment& norroy = pair_->first();
  norroy.CliOk(
      {"--validator", pair_->validator_address(0), "agent", "ban", "web1", "--reason", "stolen"});
  const absl::Time banned = absl::Now();
  const auto attached = [&](int which) {
    return Deployment::Field(norroy
                                 .Cli({"--validator", pair_->validator_address(which), "agent",
                                       "show", "web1", "-o", "json"})
                                 .out,
                             "attached");
  };
  EXPECT_TRUE(Eventually([&] { return attached(0) != "true" && attached(1) != "true"; }));
  EXPECT_LT(absl::Now() - banned, absl::Seconds(5));
  norroy.CliOk({"--validator", pair_->validator_address(1), "agent", "unban", "web1"});
  EXPECT_TRUE(Eventually([&] { return pair_->IsAttached("web1"); }, absl::Seconds(90)));
  // The CLI goes on with the issuer that is left.
  Pair::Kill(pair_->issuer(0));
  Pair::Kill(pair_->validator(0));
  EXPECT_EQ(norroy.Cli({"issue", "left.example.test"}).code, 0) << pair_->Logs();
}

}  // namespace
}  // namespace norroy::harness
