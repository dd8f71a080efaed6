#include "common/rpc/handler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <latch>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::rpc {
namespace {

using issuer::v1::CancelOrderRequest;
using issuer::v1::CancelOrderResponse;
using issuer::v1::CreateOrderRequest;
using issuer::v1::CreateOrderResponse;
using issuer::v1::GetOrderRequest;
using issuer::v1::GetOrderResponse;
using issuer::v1::OrderService;
using issuer::v1::WatchOrderRequest;
using issuer::v1::WatchOrderResponse;
using CancelCompletion = std::shared_ptr<Completion<CancelOrderResponse>>;
using WatchSink = std::shared_ptr<StreamSink<WatchOrderResponse>>;

// Each adaptor once, with what the test puts in.
class TestService final : public OrderService::CallbackService {
 public:
  explicit TestService(const HandlerEnv& env) : env_(env) {}

  std::function<absl::StatusOr<GetOrderResponse>(const Call&, const GetOrderRequest&)> get =
      [](const Call&, const GetOrderRequest&) { return GetOrderResponse(); };
  std::function<void(const Call&, const CancelOrderRequest&, CancelCompletion)> cancel;
  std::function<void(const Call&, const WatchOrderRequest&, WatchSink)> watch;

  grpc::ServerUnaryReactor* GetOrder(grpc::CallbackServerContext* context,
                                     const GetOrderRequest* request,
                                     GetOrderResponse* response) override {
    return Unary(env_, context, request, response, get);
  }
  grpc::ServerUnaryReactor* CancelOrder(grpc::CallbackServerContext* context,
                                        const CancelOrderRequest* request,
                                        CancelOrderResponse* response) override {
    return Deferred(env_, context, request, response, cancel);
  }
  grpc::ServerWriteReactor<WatchOrderResponse>* WatchOrder(
      grpc::CallbackServerContext* context, const WatchOrderRequest* request) override {
    return ServerStream<WatchOrderResponse>(env_, context, request, watch);
  }

 private:
  const HandlerEnv& env_;
};

class HandlerTest : public testing::Test {
 protected:
  void Start(int threads = 4, int queued = 16) {
    pool_ = std::make_unique<ThreadPool>(threads, queued);
    env_.emplace(HandlerEnv{*pool_, clock_, deployment_.name(), nullptr});
    service_ = std::make_unique<TestService>(*env_);
    ServerOptions options;
    options.listen = {"127.0.0.1:0"};
    options.tls =
        deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer"));
    options.services = {service_.get()};
    auto server = Server::Start(options);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  void TearDown() override {
    if (server_ != nullptr) server_->Stop(absl::ZeroDuration());
  }

  void Limit(const CallerLimitsOptions& options) {
    limits_ = std::make_unique<CallerLimits>(clock_, options);
    env_->limits = limits_.get();
  }

  std::unique_ptr<OrderService::Stub> Stub(types::v1::Role role) {
    const auto credentials =
        ClientCredentials(deployment_.CoreFiles(deployment_.WriteIdentity(role, "somebody")),
                          deployment_.name(), types::v1::ROLE_ISSUER);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return OrderService::NewStub(
        NewChannel(absl::StrCat("127.0.0.1:", server_->ports()[0]), *credentials));
  }

  TestDeployment deployment_;
  SystemClock clock_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<CallerLimits> limits_;
  std::optional<HandlerEnv> env_;
  std::unique_ptr<TestService> service_;
  std::unique_ptr<Server> server_;
};

absl::Status Get(OrderService::Stub& stub, GetOrderResponse* response = nullptr) {
  grpc::ClientContext context;
  GetOrderRequest request;
  request.set_id("1");
  GetOrderResponse ignored;
  return FromGrpc(stub.GetOrder(&context, request, response == nullptr ? &ignored : response));
}

absl::Status Cancel(OrderService::Stub& stub) {
  grpc::ClientContext context;
  CancelOrderResponse response;
  return FromGrpc(stub.CancelOrder(&context, {}, &response));
}

TEST_F(HandlerTest, RolesDecideWhoMayCall) {
  Start();
  service_->get = [](const Call& call, const GetOrderRequest&) {
    GetOrderResponse response;
    response.mutable_order()->set_creator(call.caller.identity.Principal());
    response.mutable_order()->set_public_key_sha256(call.caller.public_key_sha256);
    return response;
  };
  const struct {
    types::v1::Role role;
    const char* reason;  // null: allowed
  } cases[] = {
      {types::v1::ROLE_OPERATOR, nullptr},
      {types::v1::ROLE_AUDITOR, nullptr},
      {types::v1::ROLE_VALIDATOR, "ROLE_NOT_ALLOWED"},
      {types::v1::ROLE_ISSUER, "ROLE_NOT_ALLOWED"},
  };
  for (const auto& c : cases) {
    GetOrderResponse response;
    const auto stub = Stub(c.role);
    const absl::Status status = Get(*stub, &response);
    if (c.reason == nullptr) {
      ASSERT_TRUE(status.ok()) << status;
      EXPECT_EQ(response.order().creator(), absl::StrCat(identity::RoleName(c.role), "/somebody"));
      EXPECT_EQ(response.order().public_key_sha256().size(), 64u);
      continue;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
    EXPECT_EQ(ErrorReason(status), c.reason);
  }
}

TEST_F(HandlerTest, AnRpcThatIsNotImplementedSaysSo) {
  Start();
  grpc::ClientContext context;
  CreateOrderResponse response;
  const auto status = Stub(types::v1::ROLE_OPERATOR)->CreateOrder(&context, {}, &response);
  EXPECT_EQ(status.error_code(), grpc::UNIMPLEMENTED);
}

TEST_F(HandlerTest, AnotherDeploymentIsRefused) {
  Start();
  env_->deployment = "elsewhere";
  const absl::Status status = Get(*Stub(types::v1::ROLE_OPERATOR));
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ErrorReason(status), "WRONG_DEPLOYMENT");
}

TEST_F(HandlerTest, AdmitHasTheLastWord) {
  Start();
  env_->admit = [](const Caller& caller) {
    return MakeError(absl::StatusCode::kPermissionDenied, "BANNED",
                     absl::StrCat(caller.identity.name, " is banned"), {{"name", "x"}});
  };
  const absl::Status status = Get(*Stub(types::v1::ROLE_OPERATOR));
  EXPECT_EQ(status.message(), "somebody is banned");
  EXPECT_EQ(ErrorReason(status), "BANNED");
  EXPECT_EQ(ErrorMetadataOf(status).at("name"), "x");
}

TEST_F(HandlerTest, ACallSaysWhereItComesFromAndItsTrace) {
  Start();
  std::string peer, trace;
  service_->get = [&](const Call& call, const GetOrderRequest&) {
    peer = call.caller.peer;
    trace = call.caller.trace_id;
    return GetOrderResponse();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  const std::string given = "0af7651916cd43dd8448eb211c80319c";
  const struct {
    std::vector<std::string> traceparents;
    bool kept;
  } cases[] = {
      {{"00-" + given + "-b7ad6b7169203331-01"}, true},
      {{}, false},
      {{"00-" + given + "-b7ad6b7169203331"}, false},
      {{"00-" + given + "-b7ad6b7169203331-01", "00-" + given + "-b7ad6b7169203331-01"}, false},
  };
  for (const auto& c : cases) {
    grpc::ClientContext context;
    for (const auto& parent : c.traceparents) context.AddMetadata("traceparent", parent);
    GetOrderResponse response;
    ASSERT_TRUE(stub->GetOrder(&context, {}, &response).ok());
    EXPECT_EQ(peer.rfind("127.0.0.1:", 0), 0u) << peer;
    EXPECT_EQ(trace.size(), 32u);
    EXPECT_EQ(trace == given, c.kept);
    const auto told = context.GetServerTrailingMetadata().find("norroy-trace-id");
    ASSERT_NE(told, context.GetServerTrailingMetadata().end());
    EXPECT_EQ(std::string(told->second.data(), told->second.size()), trace);
  }
}

TEST_F(HandlerTest, WhoIsRefusedIsTold) {
  Start();
  std::vector<Refusal> refusals;
  env_->refused = [&](const Refusal& refusal) { refusals.push_back(refusal); };
  ASSERT_TRUE(Get(*Stub(types::v1::ROLE_OPERATOR)).ok());
  EXPECT_TRUE(refusals.empty());
  ASSERT_FALSE(Get(*Stub(types::v1::ROLE_VALIDATOR)).ok());
  ASSERT_EQ(refusals.size(), 1u);
  EXPECT_EQ(refusals[0].principal, "validator/somebody");
  EXPECT_EQ(refusals[0].method, "norroy.issuer.v1.OrderService.GetOrder");
  EXPECT_EQ(refusals[0].peer.rfind("127.0.0.1:", 0), 0u);
  EXPECT_EQ(refusals[0].trace_id.size(), 32u);
  EXPECT_EQ(ErrorReason(refusals[0].why), "ROLE_NOT_ALLOWED");
  // Not a matter of who called.
  service_->get = [](const Call&, const GetOrderRequest&) -> absl::StatusOr<GetOrderResponse> {
    return MakeError(absl::StatusCode::kPermissionDenied, "NOT_YOURS", "no");
  };
  ASSERT_FALSE(Get(*Stub(types::v1::ROLE_OPERATOR)).ok());
  EXPECT_EQ(refusals.size(), 1u);
  // Another deployment's principal is nobody's here.
  env_->deployment = "elsewhere";
  ASSERT_FALSE(Get(*Stub(types::v1::ROLE_OPERATOR)).ok());
  ASSERT_EQ(refusals.size(), 2u);
  EXPECT_EQ(refusals[1].principal, "");
}

TEST_F(HandlerTest, AFloodIsBusyBeforeItIsJudged) {
  Start();
  Limit({.each = {.calls_per_second = 1, .burst = 2}});
  int told = 0;
  env_->refused = [&](const Refusal&) { ++told; };
  const auto stub = Stub(types::v1::ROLE_VALIDATOR);
  absl::Status last;
  for (int i = 0; i < 20; ++i) last = Get(*stub);
  EXPECT_EQ(ErrorReason(last), "CALLER_BUSY") << last;
  EXPECT_EQ(ErrorMetadataOf(last).count("retry_after_ms"), 1u);
  EXPECT_LT(told, 10);
  EXPECT_TRUE(Get(*Stub(types::v1::ROLE_OPERATOR)).ok());
}

TEST_F(HandlerTest, CallsUnderWayKeepTheirPlaceUntilTheyEnd) {
  Start();
  Limit({.each = {.calls_at_once = 2}});
  std::promise<CancelCompletion> deferred;
  service_->cancel = [&](const Call&, const CancelOrderRequest&, CancelCompletion completion) {
    deferred.set_value(std::move(completion));
  };
  std::promise<WatchSink> watching;
  service_->watch = [&](const Call&, const WatchOrderRequest&, WatchSink sink) {
    sink->Send(WatchOrderResponse());
    watching.set_value(std::move(sink));
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  std::thread cancelling([&] { EXPECT_TRUE(Cancel(*stub).ok()); });
  CancelCompletion completion = deferred.get_future().get();
  grpc::ClientContext context;
  const auto reader = stub->WatchOrder(&context, {});
  WatchOrderResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_EQ(ErrorReason(Get(*stub)), "CALLER_BUSY");
  completion->Finish(CancelOrderResponse());
  cancelling.join();
  // The client may have its answer a moment before the server is done with the call.
  absl::Status now;
  do {
    now = Get(*stub);
  } while (ErrorReason(now) == "CALLER_BUSY");
  EXPECT_TRUE(now.ok()) << now;
  context.TryCancel();
  EXPECT_FALSE(reader->Read(&message));
  (void)reader->Finish();
}

TEST_F(HandlerTest, OneCallerLeavesThreadsToAnother) {
  Start(/*threads=*/2, /*queued=*/16);
  Limit({.threads = 2, .max_waiting = 16});
  std::latch running(1), release(1);
  service_->get = [&](const Call& call, const GetOrderRequest&) {
    if (call.caller.identity.role == types::v1::ROLE_AUDITOR) return GetOrderResponse();
    if (!running.try_wait()) running.count_down();
    release.wait();
    return GetOrderResponse();
  };
  const auto greedy = Stub(types::v1::ROLE_OPERATOR);
  std::vector<std::thread> calls;
  for (int i = 0; i < 4; ++i) {
    calls.emplace_back([&] { EXPECT_TRUE(Get(*greedy).ok()); });
  }
  running.wait();
  EXPECT_TRUE(Get(*Stub(types::v1::ROLE_AUDITOR)).ok());
  release.count_down();
  for (std::thread& call : calls) call.join();
}

TEST_F(HandlerTest, AHandlerThatThrowsEndsItsCallAlone) {
  Start(/*threads=*/1, /*queued=*/4);
  Limit({.each = {.calls_at_once = 1}, .threads = 1, .max_waiting = 4});
  service_->get = [](const Call&,
                     const GetOrderRequest& request) -> absl::StatusOr<GetOrderResponse> {
    if (request.id() == "1") throw std::bad_alloc();
    return GetOrderResponse();
  };
  service_->cancel = [](const Call&, const CancelOrderRequest&, CancelCompletion) {
    throw std::runtime_error("secret text of a defect");
  };
  service_->watch = [](const Call&, const WatchOrderRequest&, WatchSink) { throw 7; };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  const auto watch = [&] {
    grpc::ClientContext context;
    const auto reader = stub->WatchOrder(&context, {});
    WatchOrderResponse message;
    EXPECT_FALSE(reader->Read(&message));
    return FromGrpc(reader->Finish());
  };
  const std::function<absl::Status()> calls[] = {[&] { return Get(*stub); },
                                                 [&] { return Cancel(*stub); }, watch};
  // More often than there are threads, places and places in the queue.
  for (int i = 0; i < 12; ++i) {
    absl::Status status;
    do {
      status = calls[i % 3]();
    } while (ErrorReason(status) == "CALLER_BUSY");
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << status;
    EXPECT_EQ(ErrorReason(status), "BUG");
    EXPECT_EQ(status.message().find("secret"), absl::string_view::npos) << status;
  }
}

TEST_F(HandlerTest, TooLittleTimeIsNotBegunWith) {
  Start();
  std::atomic<int> ran = 0;
  service_->get = [&](const Call&, const GetOrderRequest&) {
    ++ran;
    return GetOrderResponse();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  ASSERT_TRUE(Get(*stub).ok());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(90));
  GetOrderResponse response;
  EXPECT_EQ(stub->GetOrder(&context, {}, &response).error_code(), grpc::DEADLINE_EXCEEDED);
  EXPECT_EQ(ran, 1);
}

TEST_F(HandlerTest, TheDeadlineIsToldByTheEnvsClock) {
  Start();
  absl::Duration left;
  service_->get = [&](const Call& call, const GetOrderRequest&) {
    left = call.deadline - clock_.Now();
    return GetOrderResponse();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  ASSERT_TRUE(Get(*stub).ok());
  EXPECT_EQ(left, absl::InfiniteDuration());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  GetOrderResponse response;
  ASSERT_TRUE(stub->GetOrder(&context, {}, &response).ok());
  EXPECT_GT(left, absl::Seconds(15));
  // On the wire a timeout has few digits.
  EXPECT_LT(left, absl::Seconds(32));
}

TEST_F(HandlerTest, AFullPoolIsBusy) {
  Start(/*threads=*/1, /*queued=*/1);
  constexpr int kRefused = 4;
  std::latch running(1), release(1), refused(kRefused);
  service_->get = [&](const Call&, const GetOrderRequest& request) {
    if (request.id() == "first") running.count_down();
    release.wait();
    return GetOrderResponse();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  std::thread first([&] {
    grpc::ClientContext context;
    GetOrderRequest request;
    request.set_id("first");
    GetOrderResponse response;
    EXPECT_TRUE(stub->GetOrder(&context, request, &response).ok());
  });
  running.wait();
  std::atomic<int> ok = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < kRefused + 1; ++i) {
    others.emplace_back([&] {
      const absl::Status status = Get(*stub);
      if (status.ok()) {
        ++ok;
        return;
      }
      EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
      EXPECT_EQ(ErrorReason(status), "BUSY");
      refused.count_down();
    });
  }
  refused.wait();
  release.count_down();
  first.join();
  for (auto& other : others) other.join();
  EXPECT_EQ(ok, 1);
}

TEST_F(HandlerTest, AHandlerSeesThatTheClientIsGone) {
  Start();
  std::latch running(1), seen(1);
  service_->get = [&](const Call& call, const GetOrderRequest&) {
    running.count_down();
    while (!call.cancelled()) std::this_thread::yield();
    seen.count_down();
    return GetOrderResponse();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  grpc::ClientContext context;
  std::thread canceller([&] {
    running.wait();
    context.TryCancel();
  });
  GetOrderResponse response;
  EXPECT_EQ(stub->GetOrder(&context, {}, &response).error_code(), grpc::CANCELLED);
  seen.wait();
  canceller.join();
}

TEST_F(HandlerTest, ADeferredCallIsAnsweredFromAnywhere) {
  Start();
  std::thread answering;
  service_->cancel = [&](const Call&, const CancelOrderRequest&, CancelCompletion completion) {
    answering = std::thread([completion] {
      CancelOrderResponse response;
      response.mutable_order()->set_id("7");
      completion->Finish(response);
      completion->Finish(absl::InternalError("a second answer is ignored"));
    });
  };
  grpc::ClientContext context;
  CancelOrderResponse response;
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  ASSERT_TRUE(stub->CancelOrder(&context, {}, &response).ok());
  EXPECT_EQ(response.order().id(), "7");
  answering.join();
}

TEST_F(HandlerTest, TheRequestOutlivesAnAnswerFromWithin) {
  Start();
  std::latch answered(1);
  std::string id;
  service_->cancel = [&](const Call&, const CancelOrderRequest& request,
                         CancelCompletion completion) {
    completion->Finish(absl::NotFoundError("no"));
    completion.reset();
    id = request.id();
    answered.count_down();
  };
  grpc::ClientContext context;
  CancelOrderRequest request;
  request.set_id(std::string(10000, 'x'));
  CancelOrderResponse response;
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  EXPECT_EQ(stub->CancelOrder(&context, request, &response).error_code(), grpc::NOT_FOUND);
  answered.wait();
  EXPECT_EQ(id, request.id());
}

TEST_F(HandlerTest, ADroppedDeferredCallIsAborted) {
  Start();
  service_->cancel = [](const Call&, const CancelOrderRequest&, CancelCompletion) {};
  const absl::Status status = Cancel(*Stub(types::v1::ROLE_OPERATOR));
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_EQ(ErrorReason(status), "DROPPED");
}

TEST_F(HandlerTest, ADeferredCallWhoseClientIsGoneEndsByItself) {
  Start();
  std::promise<CancelCompletion> taken;
  std::latch cancelled(1);
  service_->cancel = [&](const Call&, const CancelOrderRequest&, CancelCompletion completion) {
    completion->OnCancel([&, completion] { cancelled.count_down(); });
    taken.set_value(completion);
  };
  grpc::ClientContext context;
  CancelCompletion held;
  std::thread canceller([&] {
    held = taken.get_future().get();
    context.TryCancel();
  });
  CancelOrderResponse response;
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  EXPECT_EQ(stub->CancelOrder(&context, {}, &response).error_code(), grpc::CANCELLED);
  canceller.join();
  cancelled.wait();
  server_->Stop(absl::InfiniteDuration());
  // Long over: nothing is touched.
  held->Finish(CancelOrderResponse());
  std::latch at_once(1);
  held->OnCancel([&] { at_once.count_down(); });
  at_once.wait();
}

TEST_F(HandlerTest, AStreamKeepsOnlyTheNewestMessage) {
  Start();
  constexpr int kMessages = 64;
  std::latch sent(1);
  service_->watch = [&](const Call&, const WatchOrderRequest&, WatchSink sink) {
    for (int i = 1; i <= kMessages; ++i) {
      WatchOrderResponse message;
      message.mutable_order()->set_id(absl::StrCat(i));
      message.set_certificate_pem(std::string(200000, 'x'));
      EXPECT_TRUE(sink->Send(std::move(message)));
    }
    sink->Finish(absl::OkStatus());
    EXPECT_FALSE(sink->Send(WatchOrderResponse()));
    sent.count_down();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  grpc::ClientContext context;
  const auto reader = stub->WatchOrder(&context, {});
  sent.wait();
  WatchOrderResponse message;
  int last = 0, count = 0;
  while (reader->Read(&message)) {
    const int id = std::stoi(message.order().id());
    EXPECT_GT(id, last);
    last = id;
    ++count;
  }
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(last, kMessages);
  EXPECT_LT(count, kMessages);
}

TEST_F(HandlerTest, AStreamEndsInEveryWay) {
  Start();
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  const struct {
    const char* how;
    grpc::StatusCode code;
  } cases[] = {{"drop", grpc::ABORTED}, {"finish", grpc::NOT_FOUND}, {"cancel", grpc::CANCELLED}};
  for (const auto& c : cases) {
    std::latch done(1);
    std::promise<WatchSink> taken;
    service_->watch = [&](const Call&, const WatchOrderRequest&, WatchSink sink) {
      sink->OnDone([&] { done.count_down(); });
      sink->Send(WatchOrderResponse());
      taken.set_value(std::move(sink));
    };
    grpc::ClientContext context;
    const auto reader = stub->WatchOrder(&context, {});
    WatchSink sink = taken.get_future().get();
    WatchOrderResponse message;
    EXPECT_TRUE(reader->Read(&message)) << c.how;
    if (std::string(c.how) == "drop") sink.reset();
    if (std::string(c.how) == "finish") sink->Finish(absl::NotFoundError("gone"));
    if (std::string(c.how) == "cancel") context.TryCancel();
    EXPECT_FALSE(reader->Read(&message)) << c.how;
    EXPECT_EQ(reader->Finish().error_code(), c.code) << c.how;
    done.wait();
    if (sink != nullptr) {
      EXPECT_FALSE(sink->Send(WatchOrderResponse()));
      std::latch at_once(1);
      sink->OnDone([&] { at_once.count_down(); });
      at_once.wait();
    }
  }
}

TEST_F(HandlerTest, StoppingEndsWhatIsStuck) {
  Start();
  std::latch running(3);
  service_->get = [&](const Call& call, const GetOrderRequest&) {
    running.count_down();
    while (!call.cancelled()) std::this_thread::yield();
    return GetOrderResponse();
  };
  CancelCompletion held;
  service_->cancel = [&](const Call&, const CancelOrderRequest&, CancelCompletion completion) {
    held = std::move(completion);
    running.count_down();
  };
  WatchSink sink;
  service_->watch = [&](const Call&, const WatchOrderRequest&, WatchSink watching) {
    sink = std::move(watching);
    running.count_down();
  };
  const auto stub = Stub(types::v1::ROLE_OPERATOR);
  std::thread unary([&] { EXPECT_FALSE(Get(*stub).ok()); });
  std::thread deferred([&] { EXPECT_FALSE(Cancel(*stub).ok()); });
  std::thread stream([&] {
    grpc::ClientContext context;
    const auto reader = stub->WatchOrder(&context, {});
    WatchOrderResponse message;
    EXPECT_FALSE(reader->Read(&message));
    EXPECT_FALSE(reader->Finish().ok());
  });
  running.wait();
  server_->Stop(absl::Milliseconds(20));
  unary.join();
  deferred.join();
  stream.join();
}

}  // namespace
}  // namespace norroy::rpc
