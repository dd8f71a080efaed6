// The commands that speak to an issuer, against a small issuer over mTLS: what they send, how they
// wait, what they write and what a script sees of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/issue.h"
#include "cli/order.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/mutex.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Order;
using issuer::v1::OrderState;

constexpr char kId[] = "0123456789abcdef0123456789abcdef";

// Signs whatever CSR it is given, as a CA would; its leaf's names do not matter here.
class TinyCa {
 public:
  TinyCa()
      : root_(*identity::MakeRoot("core", "ca", absl::Now(), absl::Hours(10))),
        ca_(*identity::MakeIntermediate(root_, "ci", "ci.ca", absl::Now(), absl::Hours(10))) {}
  std::string Sign(const std::string& csr_der) {
    const auto csr = crypto::Csr::Parse(csr_der);
    EXPECT_TRUE(csr.ok()) << csr.status();
    const auto leaf = identity::IssueLeaf(
        ca_, csr->public_key(),
        {{"ca", types::v1::ROLE_REQUESTER, "leaf", ""}, {}, absl::Now(), absl::Hours(1)});
    EXPECT_TRUE(leaf.ok()) << leaf.status();
    return leaf->ToPem() + ca_.certificate.ToPem();
  }

 private:
  identity::Authority root_;
  identity::Authority ca_;
};

// One order. Each watch stream plays the next act of the script; the last is repeated.
struct Act {
  std::vector<OrderState> states;
  grpc::Status end;
  bool hang = false;  // until the client goes
};

class SmallIssuer final : public issuer::v1::OrderService::Service {
 public:
  grpc::Status CreateOrder(grpc::ServerContext*, const issuer::v1::CreateOrderRequest* request,
                           issuer::v1::CreateOrderResponse* response) override {
    if (!refusal_.ok()) return rpc::ToGrpc(refusal_);
    MutexLock lock(&mutex_);
    created_.push_back(*request);
    if (lost_ > 0) {
      --lost_;
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "the connection went");
    }
    *response->mutable_order() = Now(issuer::v1::ORDER_STATE_PENDING);
    for (const std::string& name : request->names()) {
      response->mutable_order()->add_names()->set_name(
          absl::StartsWith(name, "b\xc3\xbc") ? "xn--bcher-kva.example.com" : name);
    }
    return grpc::Status::OK;
  }
  grpc::Status GetOrder(grpc::ServerContext*, const issuer::v1::GetOrderRequest* request,
                        issuer::v1::GetOrderResponse* response) override {
    if (request->id() != kId)
      return rpc::ToGrpc(MakeError(absl::StatusCode::kNotFound, "NO_ORDER", "no such order"));
    *response->mutable_order() = Now(issuer::v1::ORDER_STATE_PENDING);
    return grpc::Status::OK;
  }
  grpc::Status ListOrders(grpc::ServerContext*, const issuer::v1::ListOrdersRequest* request,
                          issuer::v1::ListOrdersResponse* response) override {
    // Three pages of two.
    const int page = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    for (int i = 0; i < std::min(2, request->page_size()); ++i)
      *response->add_orders() = Now(issuer::v1::ORDER_STATE_READY);
    if (page < 2) response->set_next_page_token(absl::StrCat(page + 1));
    return grpc::Status::OK;
  }
  grpc::Status FinalizeOrder(grpc::ServerContext*, const issuer::v1::FinalizeOrderRequest* request,
                             issuer::v1::FinalizeOrderResponse* response) override {
    MutexLock lock(&mutex_);
    created_.emplace_back().set_csr(request->csr());
    *response->mutable_order() = Now(issuer::v1::ORDER_STATE_PROCESSING);
    return grpc::Status::OK;
  }
  grpc::Status WatchOrder(grpc::ServerContext* context, const issuer::v1::WatchOrderRequest*,
                          grpc::ServerWriter<issuer::v1::WatchOrderResponse>* writer) override {
    const Act act = NextAct();
    for (const OrderState state : act.states) {
      issuer::v1::WatchOrderResponse response;
      *response.mutable_order() = Now(state);
      if (state == issuer::v1::ORDER_STATE_VALID) {
        MutexLock lock(&mutex_);
        response.set_certificate_pem(ca_.Sign(created_.back().csr()));
      }
      writer->Write(response);
    }
    while (act.hang && !context->IsCancelled()) {
      MutexLock lock(&mutex_);
      pause_.WaitFor(&mutex_, absl::Milliseconds(5));
    }
    return act.end;
  }

  void Play(std::vector<Act> script) {
    MutexLock lock(&mutex_);
    script_ = std::move(script);
    next_ = 0;
  }
  // So many answers to CreateOrder never arrive.
  void Lose(int answers) {
    MutexLock lock(&mutex_);
    lost_ = answers;
  }
  void Refuse(absl::Status status) { refusal_ = std::move(status); }
  std::vector<issuer::v1::CreateOrderRequest> created() {
    MutexLock lock(&mutex_);
    return created_;
  }

 private:
  static Order Now(OrderState state) {
    Order order;
    order.set_id(kId);
    order.set_state(state);
    order.set_waiting_for("agent web2");
    if (state == issuer::v1::ORDER_STATE_INVALID) order.mutable_error()->set_message("no luck");
    if (state == issuer::v1::ORDER_STATE_VALID) order.set_certificate_id("c1");
    return order;
  }
  Act NextAct() {
    MutexLock lock(&mutex_);
    const Act act = script_[std::min(next_, script_.size() - 1)];
    ++next_;
    return act;
  }

  absl::Status refusal_;
  TinyCa ca_;
  Mutex mutex_;
  CondVar pause_;
  std::vector<Act> script_ ABSL_GUARDED_BY(mutex_);
  size_t next_ ABSL_GUARDED_BY(mutex_) = 0;
  int lost_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<issuer::v1::CreateOrderRequest> created_ ABSL_GUARDED_BY(mutex_);
};

class RemoteTest : public testing::Test {
 protected:
  RemoteTest() {
    options_.dir = absl::StrCat(testing::TempDir(), "/remote-",
                                testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.identity_file = deployment_.WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
    options_.core_root_file = deployment_.core_root_file();
    rpc::ServerOptions server;
    server.listen = {"127.0.0.1:0"};
    server.tls = deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer"));
    server.services = {&issuer_};
    server_ = *rpc::Server::Start(server);
    options_.issuer = absl::StrCat("127.0.0.1:", server_->ports()[0]);
  }
  ~RemoteTest() override {
    std::fclose(data_);
    std::fclose(talk_);
  }
  template <typename Function>
  absl::Status Run(Function function, Format format = Format::kTable) {
    Output output(format, data_, talk_, false, false);
    Context context(options_, output, clock_);
    return function(context);
  }
  std::string Data() {
    std::string text(static_cast<size_t>(std::ftell(data_)), '\0');
    std::rewind(data_);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), data_), text.size());
    return text;
  }
  absl::Status IssueName(const std::string& name, const std::string& timeout = "20s") {
    IssueOptions options;
    options.names = {name};
    options.timeout = timeout;
    return Run([&](Context& context) { return Issue(context, options); });
  }
  // The files that a folder holds now.
  static std::vector<std::string> FilesIn(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  rpc::TestDeployment deployment_;
  SystemClock clock_;
  SmallIssuer issuer_;
  std::unique_ptr<rpc::Server> server_;
  Options options_;
  FILE* const data_ = std::tmpfile();
  FILE* const talk_ = std::tmpfile();
};

const std::vector<std::string> kAllFiles = {"cert.pem", "chain.pem", "fullchain.pem",
                                            "privkey.pem"};

TEST_F(RemoteTest, IssueWritesKeyAndChain) {
  issuer_.Play({{{issuer::v1::ORDER_STATE_PENDING, issuer::v1::ORDER_STATE_PROCESSING,
                  issuer::v1::ORDER_STATE_VALID},
                 grpc::Status::OK}});
  const absl::Status status = IssueName("www.Example.com");
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(FilesIn(options_.dir + "/live/www.example.com"), kAllFiles);
  ASSERT_EQ(issuer_.created().size(), 1u);
  EXPECT_EQ(issuer_.created()[0].names(0), "www.example.com");
  EXPECT_FALSE(issuer_.created()[0].request_id().empty());
  EXPECT_TRUE(absl::StrContains(Data(), "/live/www.example.com/privkey.pem"));
}

TEST_F(RemoteTest, AULabelIsReadByTheIssuer) {
  issuer_.Play({{{issuer::v1::ORDER_STATE_VALID}, grpc::Status::OK}});
  const absl::Status status = IssueName(
      "b\xc3\xbc"
      "cher.example.com");
  ASSERT_TRUE(status.ok()) << status;
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 2u);
  EXPECT_TRUE(created[0].validate_only());
  EXPECT_EQ(created[1].names(0), "xn--bcher-kva.example.com");
  EXPECT_EQ(FilesIn(options_.dir + "/live/xn--bcher-kva.example.com"), kAllFiles);
}

TEST_F(RemoteTest, AStreamThatBreaksOffIsTakenUpAgain) {
  const grpc::Status gone(grpc::StatusCode::UNAVAILABLE, "connection recycled");
  issuer_.Play({{{issuer::v1::ORDER_STATE_PENDING}, gone},
                {{}, gone},
                {{issuer::v1::ORDER_STATE_PROCESSING}, grpc::Status::OK},
                {{issuer::v1::ORDER_STATE_VALID}, grpc::Status::OK}});
  const absl::Status status = IssueName("www.example.com");
  EXPECT_TRUE(status.ok()) << status;
}

TEST_F(RemoteTest, ATimeOutKeepsTheKeyAndSaysHowToGoOn) {
  issuer_.Play({{{issuer::v1::ORDER_STATE_PENDING}, grpc::Status::OK, true}});
  const absl::Status status = IssueName("www.example.com", "300ms");
  EXPECT_EQ(ExitCodeOf(status), kExitTimedOut) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), kId)) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "agent web2")) << status;
  const auto files = FilesIn(options_.dir + "/live/www.example.com");
  ASSERT_EQ(files.size(), 1u);
  EXPECT_TRUE(absl::StartsWith(files[0], "privkey-"));
}

TEST_F(RemoteTest, AFailedOrderLeavesNoKey) {
  issuer_.Play({{{issuer::v1::ORDER_STATE_INVALID}, grpc::Status::OK}});
  const absl::Status status = IssueName("www.example.com");
  EXPECT_EQ(ExitCodeOf(status), kExitFailed) << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "no luck")) << status;
  EXPECT_TRUE(FilesIn(options_.dir + "/live/www.example.com").empty());
}

TEST_F(RemoteTest, WhatTheIssuerRefusesIsItsOwnExitCode) {
  const struct {
    absl::StatusCode code;
    ExitCode want;
  } cases[] = {
      {absl::StatusCode::kInvalidArgument, kExitUsage},
      {absl::StatusCode::kPermissionDenied, kExitNotAuthorised},
      {absl::StatusCode::kResourceExhausted, kExitRateLimited},
      {absl::StatusCode::kFailedPrecondition, kExitFailed},
      {absl::StatusCode::kUnavailable, kExitUnreachable},
  };
  for (const auto& c : cases) {
    issuer_.Refuse(MakeError(c.code, "BECAUSE", "not this time"));
    const absl::Status status = IssueName("www.example.com");
    EXPECT_EQ(ExitCodeOf(status), c.want) << status;
    EXPECT_EQ(ErrorReason(status), "BECAUSE");
  }
}

TEST_F(RemoteTest, ABadNameIsRefusedBeforeAnyCall) {
  const absl::Status status = IssueName("under_score.example.com");
  EXPECT_EQ(ExitCodeOf(status), kExitUsage) << status;
  EXPECT_TRUE(issuer_.created().empty());
}

TEST_F(RemoteTest, NobodyThereIsUnreachable) {
  server_->Stop(absl::ZeroDuration());
  const absl::Status status = IssueName("www.example.com");
  EXPECT_EQ(ExitCodeOf(status), kExitUnreachable) << status;
}

TEST_F(RemoteTest, TheNextAddressAnswersWhereOneDoesNot) {
  const std::string there = options_.issuer;
  const std::vector<std::string> lists = {"127.0.0.1:1," + there, there + ", 127.0.0.1:1",
                                          "localhost:1,127.0.0.1:1," + there};
  for (const std::string& list : lists) {
    options_.issuer = list;
    issuer_.Play({{{issuer::v1::ORDER_STATE_VALID}, grpc::Status::OK}});
    const absl::Status status = IssueName("www.example.com");
    EXPECT_TRUE(status.ok()) << list << ": " << status;
  }
  options_.issuer = "127.0.0.1:1,127.0.0.1:2";
  EXPECT_EQ(ExitCodeOf(IssueName("www.example.com")), kExitUnreachable);
  for (const char* const bad : {"127.0.0.1:1,", "host", "a:0,b:1", ":1", "a:1,b:http"}) {
    options_.issuer = bad;
    EXPECT_EQ(ExitCodeOf(IssueName("www.example.com")), kExitUsage) << bad;
  }
}

// The order was made, its answer was lost: asked once more, under the same request id.
TEST_F(RemoteTest, ACallWhoseAnswerWasLostIsMadeOnceMore) {
  issuer_.Play({{{issuer::v1::ORDER_STATE_VALID}, grpc::Status::OK}});
  issuer_.Lose(1);
  const absl::Status status = IssueName("www.example.com");
  EXPECT_TRUE(status.ok()) << status;
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 2u);
  EXPECT_EQ(created[0].request_id(), created[1].request_id());
  // Not for ever.
  issuer_.Lose(5);
  EXPECT_EQ(ExitCodeOf(IssueName("www.example.com")), kExitUnreachable);
  EXPECT_EQ(issuer_.created().size(), 4u);
}

TEST_F(RemoteTest, AServerOfAnotherRoleIsRefused) {
  options_.validator = options_.issuer;
  const absl::Status status = Run([](Context& context) -> absl::Status {
    const auto channel = context.Validator();
    if (!channel.ok()) return channel.status();
    const auto stub = issuer::v1::OrderService::NewStub(*channel);
    return context
        .Call(*stub, &issuer::v1::OrderService::Stub::GetOrder, issuer::v1::GetOrderRequest())
        .status();
  });
  EXPECT_EQ(ExitCodeOf(status), kExitUnreachable) << status;
}

TEST_F(RemoteTest, WhatIsMissingLocallyIsUsage) {
  const Options whole = options_;
  const struct {
    std::function<void(Options&)> change;
    const char* says;
  } cases[] = {
      {[](Options& o) { o.issuer.clear(); }, "NORROY_ISSUER"},
      {[](Options& o) { o.identity_file.clear(); }, "--identity"},
      {[](Options& o) { o.core_root_file.clear(); }, "--core-root"},
  };
  for (const auto& c : cases) {
    options_ = whole;
    c.change(options_);
    const absl::Status status =
        Run([](Context& context) { return OrderShow(context, std::string(kId)); });
    EXPECT_EQ(ExitCodeOf(status), kExitUsage) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.says)) << status;
  }
}

TEST_F(RemoteTest, OrderCreateWaitEndsAtReady) {
  issuer_.Play(
      {{{issuer::v1::ORDER_STATE_PENDING, issuer::v1::ORDER_STATE_READY}, grpc::Status::OK}});
  OrderCreateOptions options;
  options.names = {"a.example.com"};
  options.labels = {"team=web", "x=y=z"};
  options.wait = true;
  const absl::Status status =
      Run([&](Context& context) { return OrderCreate(context, options); }, Format::kJson);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_TRUE(absl::StrContains(Data(), "\"state\":\"ORDER_STATE_READY\""));
  EXPECT_EQ(issuer_.created()[0].labels().at("team"), "web");
  EXPECT_EQ(issuer_.created()[0].labels().at("x"), "y=z");
  EXPECT_TRUE(issuer_.created()[0].csr().empty());
}

TEST_F(RemoteTest, OrderFinalizeWritesTheChainForAKeyFromElsewhere) {
  issuer_.Play(
      {{{issuer::v1::ORDER_STATE_PROCESSING, issuer::v1::ORDER_STATE_VALID}, grpc::Status::OK}});
  const auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  const auto names = *challenge::ParseNames({"a.example.com"});
  OrderFinalizeOptions options;
  options.id = kId;
  options.csr_file = absl::StrCat(testing::TempDir(), "/f.csr");
  options.out = options_.dir + "/out";
  options.timeout = "20s";
  ASSERT_TRUE(
      identity::WriteFileAtomically(options.csr_file, *crypto::BuildCsr(key, names), 0644).ok());
  const absl::Status status =
      Run([&](Context& context) { return OrderFinalize(context, options); });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(FilesIn(options.out),
            (std::vector<std::string>{"cert.pem", "chain.pem", "fullchain.pem"}));
}

TEST_F(RemoteTest, BadLabelsAreRefusedHere) {
  for (const char* label : {"novalue", "=x", ""}) {
    OrderCreateOptions options;
    options.names = {"a.example.com"};
    options.labels = {label};
    EXPECT_EQ(CreateRequest(options, absl::Now()).status().code(),
              absl::StatusCode::kInvalidArgument)
        << label;
  }
  OrderCreateOptions twice;
  twice.labels = {"a=1", "a=2"};
  EXPECT_FALSE(CreateRequest(twice, absl::Now()).ok());
}

TEST_F(RemoteTest, ListsGoThroughAllPagesUpToTheLimit) {
  const struct {
    int limit;
    int want;
  } cases[] = {{1000, 6}, {4, 4}, {3, 3}, {1, 1}};
  for (const auto& c : cases) {
    std::rewind(data_);
    OrderListOptions options;
    options.limit = c.limit;
    const absl::Status status = Run([&](Context& context) { return OrderList(context, options); });
    ASSERT_TRUE(status.ok()) << status;
    const std::string text = Data();
    int lines = -1;  // the header
    for (const char ch : text) lines += ch == '\n';
    EXPECT_EQ(lines, c.want) << "limit " << c.limit;
  }
}

TEST_F(RemoteTest, NotFoundIsNotFound) {
  const absl::Status status = Run([](Context& context) { return OrderShow(context, "nope"); });
  EXPECT_EQ(ExitCodeOf(status), kExitNotFound) << status;
}

}  // namespace
}  // namespace norroy::cli
