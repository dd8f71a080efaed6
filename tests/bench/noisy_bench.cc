// What one client that sends as fast as it can takes from another: the same orders of client B
// alone, and while client A calls every rpc that a requester reaches from several connections.
// Whole deployment: issuer, validator, agent, Pebble without sleeps. A runs at the lowest priority,
// for it would have a machine of its own.
//
//   tests/bench/run_noisy [ORDERS]

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/doctor_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "norroy/issuer/v1/server_info_service.grpc.pb.h"
#include "tests/bench/need.h"
#include "tests/harness/deployment.h"
#include "tests/harness/requester.h"

namespace norroy::bench {
namespace {

using harness::Deployment;
using harness::Pebble;

constexpr int kConnections = 8;
constexpr int kCallsAtOnce = 8;  // on each
constexpr absl::Duration kOrderDeadline = absl::Seconds(30);

std::shared_ptr<grpc::Channel> Dial(const std::string& address, const std::string& deployment,
                                    const std::string& identity, const std::string& root) {
  return rpc::NewChannel(
      address, Need(rpc::ClientCredentials({identity, root}, deployment, types::v1::ROLE_ISSUER)));
}

// --- A ---------------------------------------------------------------------------------------

class Flood {
 public:
  explicit Flood(const std::shared_ptr<grpc::Channel>& channel)
      : orders_(issuer::v1::OrderService::NewStub(channel)),
        certificates_(issuer::v1::CertificateService::NewStub(channel)),
        doctor_(issuer::v1::DoctorService::NewStub(channel)),
        info_(issuer::v1::ServerInfoService::NewStub(channel)) {}

  // Every rpc once; how often the answer was CALLER_BUSY.
  void Round(int number) {
    issuer::v1::CreateOrderRequest create;
    create.add_names(absl::StrCat("a", number, "-", ++serial_, ".example.test"));
    issuer::v1::CreateOrderResponse created;
    Call(*orders_, &issuer::v1::OrderService::Stub::CreateOrder, create, &created);
    if (!created.order().id().empty()) id_ = created.order().id();
    Each<issuer::v1::GetOrderRequest, issuer::v1::GetOrderResponse>(
        *orders_, &issuer::v1::OrderService::Stub::GetOrder);
    Any<issuer::v1::ListOrdersRequest, issuer::v1::ListOrdersResponse>(
        *orders_, &issuer::v1::OrderService::Stub::ListOrders);
    Each<issuer::v1::FinalizeOrderRequest, issuer::v1::FinalizeOrderResponse>(
        *orders_, &issuer::v1::OrderService::Stub::FinalizeOrder);
    Each<issuer::v1::RetryOrderRequest, issuer::v1::RetryOrderResponse>(
        *orders_, &issuer::v1::OrderService::Stub::RetryOrder);
    Each<issuer::v1::CancelOrderRequest, issuer::v1::CancelOrderResponse>(
        *orders_, &issuer::v1::OrderService::Stub::CancelOrder);
    Watch();
    Any<issuer::v1::ListCertificatesRequest, issuer::v1::ListCertificatesResponse>(
        *certificates_, &issuer::v1::CertificateService::Stub::ListCertificates);
    Each<issuer::v1::GetCertificateRequest, issuer::v1::GetCertificateResponse>(
        *certificates_, &issuer::v1::CertificateService::Stub::GetCertificate);
    Each<issuer::v1::RevokeCertificateRequest, issuer::v1::RevokeCertificateResponse>(
        *certificates_, &issuer::v1::CertificateService::Stub::RevokeCertificate);
    issuer::v1::RehearseRequest rehearse;
    rehearse.add_names("rehearsal.example.test");
    issuer::v1::RehearseResponse rehearsed;
    Call(*doctor_, &issuer::v1::DoctorService::Stub::Rehearse, rehearse, &rehearsed);
    Any<issuer::v1::DescribePersistRecordRequest, issuer::v1::DescribePersistRecordResponse>(
        *doctor_, &issuer::v1::DoctorService::Stub::DescribePersistRecord);
    Any<issuer::v1::GetServerInfoRequest, issuer::v1::GetServerInfoResponse>(
        *info_, &issuer::v1::ServerInfoService::Stub::GetServerInfo);
  }

  static void Print() {
    std::printf("%lld calls, %lld of them CALLER_BUSY, %lld OK\n", static_cast<long long>(calls_),
                static_cast<long long>(busy_), static_cast<long long>(ok_));
  }

 private:
  template <typename Stub, typename Method, typename Request, typename Response>
  void Call(Stub& stub, Method method, const Request& request, Response* response) {
    grpc::ClientContext context;
    rpc::SetTimeout(context, absl::Seconds(10));
    Count((stub.*method)(&context, request, response));
  }
  template <typename Request, typename Response, typename Stub, typename Method>
  void Each(Stub& stub, Method method) {
    Request request;
    request.set_id(id_);
    Response response;
    Call(stub, method, request, &response);
  }
  template <typename Request, typename Response, typename Stub, typename Method>
  void Any(Stub& stub, Method method) {
    Response response;
    Call(stub, method, Request(), &response);
  }
  void Watch() {
    grpc::ClientContext context;
    rpc::SetTimeout(context, absl::Seconds(10));
    issuer::v1::WatchOrderRequest request;
    request.set_id(id_);
    const auto reader = orders_->WatchOrder(&context, request);
    issuer::v1::WatchOrderResponse news;
    if (reader->Read(&news)) context.TryCancel();
    Count(reader->Finish());
  }
  static void Count(const grpc::Status& status) {
    ++calls_;
    ok_ += status.ok();
    busy_ += ErrorReason(rpc::FromGrpc(status)) == "CALLER_BUSY";
  }

  static inline std::atomic<int64_t> calls_ = 0, busy_ = 0, ok_ = 0;
  const std::unique_ptr<issuer::v1::OrderService::Stub> orders_;
  const std::unique_ptr<issuer::v1::CertificateService::Stub> certificates_;
  const std::unique_ptr<issuer::v1::DoctorService::Stub> doctor_;
  const std::unique_ptr<issuer::v1::ServerInfoService::Stub> info_;
  std::string id_ = "00000000000000000000000000000000";
  int serial_ = 0;
};

// Until the file `stop` is there.
int RunFlood(const std::string& address, const std::string& deployment, const std::string& identity,
             const std::string& root, const std::string& stop) {
  setpriority(PRIO_PROCESS, 0, 19);
  std::atomic<bool> stopping = false;
  std::vector<std::thread> threads;
  for (int c = 0; c < kConnections; ++c) {
    // Credentials of its own: a connection of its own.
    const auto channel = Dial(address, deployment, identity, root);
    for (int i = 0; i < kCallsAtOnce; ++i) {
      threads.emplace_back([&stopping, channel, number = c * kCallsAtOnce + i] {
        Flood flood(channel);
        while (!stopping) flood.Round(number);
      });
    }
  }
  harness::Eventually([&] { return !harness::ReadAll(stop).empty(); }, absl::Minutes(30));
  stopping = true;
  for (std::thread& thread : threads) thread.join();
  Flood::Print();
  return 0;
}

// --- B ---------------------------------------------------------------------------------------

struct Run {
  int done = 0;
  std::vector<absl::Duration> times;
};

// From CreateOrder to the certificate in hand; a call that is told to come back does so.
bool Issue(issuer::v1::OrderService::Stub& stub, const std::string& name) {
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoSeconds(kOrderDeadline);
  issuer::v1::CreateOrderRequest request;
  request.add_names(name);
  request.set_csr(CsrFor({name}));
  issuer::v1::CreateOrderResponse created;
  grpc::ClientContext create;
  create.set_deadline(deadline);
  const grpc::Status status = stub.CreateOrder(&create, request, &created);
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), status.error_message().c_str());
    return false;
  }
  issuer::v1::WatchOrderRequest watch;
  watch.set_id(created.order().id());
  grpc::ClientContext watching;
  watching.set_deadline(deadline);
  const auto reader = stub.WatchOrder(&watching, watch);
  issuer::v1::WatchOrderResponse news;
  while (reader->Read(&news)) {
    if (!news.certificate_pem().empty()) break;
  }
  watching.TryCancel();
  const grpc::Status end = reader->Finish();
  if (news.certificate_pem().empty()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), end.error_message().c_str());
  }
  return !news.certificate_pem().empty();
}

Run Place(issuer::v1::OrderService::Stub& stub, const std::string& prefix, int orders) {
  Run run;
  for (int i = 0; i < orders; ++i) {
    const absl::Time begin = absl::Now();
    run.done += Issue(stub, absl::StrCat(prefix, i, ".example.test"));
    run.times.push_back(absl::Now() - begin);
  }
  std::sort(run.times.begin(), run.times.end());
  return run;
}

double Ms(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

void Print(const char* what, const Run& run) {
  std::printf("%-28s %d of %zu done   p50 %7.2f ms   p90 %7.2f ms   max %7.2f ms\n", what, run.done,
              run.times.size(), Ms(run.times[run.times.size() / 2]),
              Ms(run.times[run.times.size() * 9 / 10]), Ms(run.times.back()));
}

const char* Met(bool met) { return met ? "met" : "missed"; }

// --- both ------------------------------------------------------------------------------------

void GrantRequesters(Deployment& norroy) {
  const std::string yaml = norroy.dir() + "/issuer/issuer.yaml";
  std::string grants = "grants:\n";
  absl::StrAppend(&grants, "  - principal: requester/noisy\n    names:\n      - .example.test\n");
  // A's quota is the default; B's is enough for what it orders here.
  absl::StrAppend(
      &grants, "  - principal: requester/quiet\n    names:\n      - .example.test\n",
      "    quota:\n      orders_per_day: 10000\n      orders_per_domain_per_day: 10000\n");
  harness::WriteAll(yaml, absl::StrReplaceAll(harness::ReadAll(yaml), {{"grants:\n", grants}}),
                    0600);
  norroy.issuer().Signal(SIGTERM);
  norroy.issuer().Wait(absl::Seconds(20));
  norroy.StartIssuer();
  NORROY_CHECK(harness::Eventually([&] { return norroy.Cli({"order", "list"}).code == 0; }));
}

int Main(const std::string& self, int orders) {
  const std::string dir = harness::TempDir("noisy");
  const int port = harness::FreePort();
  const auto pebble =
      Pebble::Start(dir, {.http_port = port, .nonce_reject_percent = 0, .authz_reuse_percent = 0});
  const auto norroy = Deployment::Start(dir, *pebble);
  norroy->AddAgent("web1", {.patterns = {".example.test"}, .http_port = port});
  GrantRequesters(*norroy);
  const std::string root = norroy->dir() + "/core/root.pem";
  const std::string noisy = harness::WriteRequester(norroy->dir(), norroy->name(), "noisy");
  const auto stub = issuer::v1::OrderService::NewStub(
      Dial(norroy->issuer_address(), norroy->name(),
           harness::WriteRequester(norroy->dir(), norroy->name(), "quiet"), root));
  Place(*stub, "warm", 5);
  const Run quiet = Place(*stub, "quiet", orders);

  const std::string stop = dir + "/stop", log = dir + "/flood.log";
  const auto flood = harness::Process::Start(
      {self, "--flood", norroy->issuer_address(), norroy->name(), noisy, root, stop}, log);
  // The burst that A has saved up is part of the noise; its connections are not.
  absl::SleepFor(absl::Seconds(2));
  const Run with_noise = Place(*stub, "noisy", orders);
  harness::WriteAll(stop, "stop");
  flood->Wait(absl::Seconds(30));

  const double done = static_cast<double>(with_noise.done) / orders;
  const double ratio = absl::FDivDuration(with_noise.times[with_noise.times.size() / 2],
                                          quiet.times[quiet.times.size() / 2]);
  std::printf("\n%d orders of B, HTTP-01, one name; A: %d connections, %d calls at once\n", orders,
              kConnections, kConnections * kCallsAtOnce);
  Print("B alone", quiet);
  Print("B beside A", with_noise);
  std::printf("%-28s %s", "A", harness::ReadAll(log).c_str());
  std::printf("%-28s %.0f %% (aim: at least 95 %%): %s\n", "B done within its deadline", done * 100,
              Met(done >= 0.95));
  std::printf("%-28s %.2f (aim: at most 3): %s\n", "ratio of p50, noisy / quiet", ratio,
              Met(ratio <= 3));
  return done >= 0.95 && ratio <= 3 ? 0 : 1;
}

}  // namespace
}  // namespace norroy::bench

int main(int argc, char** argv) {
  norroy::rpc::DisableTlsResumption();
  if (argc == 7 && std::string(argv[1]) == "--flood") {
    return norroy::bench::RunFlood(argv[2], argv[3], argv[4], argv[5], argv[6]);
  }
  int orders = 40;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &orders) || orders < 1 || orders > 10000)) {
    std::fprintf(stderr, "usage: noisy_bench [ORDERS, 1 to 10000]\n");
    return 2;
  }
  return norroy::bench::Main("/proc/self/exe", orders);
}
