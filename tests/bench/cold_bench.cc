// How long one certificate takes from CreateOrder on an open channel to the certificate in hand,
// beside a bare ACME loop on one keep-alive connection that polls without pause. Both in turn, in
// one run, each against its own Pebble without sleeps; and what an idle agent occupies.
//
//   tests/bench/run [ROUNDS]

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/challenge/proof.h"
#include "common/check.h"
#include "common/clock/clock.h"
#include "common/crypto/csr.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "common/http/curl_client.h"
#include "common/rpc/credentials.h"
#include "common/sync/mutex.h"
#include "issuer/acme/client.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"
#include "tests/harness/deployment.h"

namespace norroy::bench {
namespace {

using harness::Deployment;
using harness::Pebble;

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

std::string CsrFor(const std::string& name) {
  const crypto::PrivateKey key = Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  return Need(crypto::BuildCsr(key, Need(challenge::ParseNames({name}))));
}

// Answers HTTP-01 for the bare loop: one connection at a time is enough for three probes.
class Responder {
 public:
  explicit Responder(int port) {
    fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    NORROY_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    NORROY_CHECK(listen(fd_, 64) == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Responder() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  void Put(const std::string& path, const std::string& body) {
    MutexLock lock(&mutex_);
    bodies_[path] = body;
  }

 private:
  void Serve() {
    while (true) {
      const int peer = accept(fd_, nullptr, nullptr);
      if (peer < 0) return;
      char buffer[2048];
      const ssize_t n = read(peer, buffer, sizeof(buffer));
      const std::vector<std::string> words =
          absl::StrSplit(absl::string_view(buffer, n < 0 ? 0 : static_cast<size_t>(n)), ' ');
      std::string body;
      if (words.size() > 1) {
        MutexLock lock(&mutex_);
        body = bodies_[words[1]];
      }
      const std::string reply = absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(),
                                             "\r\nConnection: close\r\n\r\n", body);
      if (write(peer, reply.data(), reply.size()) < 0) std::perror("write");
      close(peer);
    }
  }

  int fd_;
  Mutex mutex_;
  std::map<std::string, std::string> bodies_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// The floor: what RFC 8555 asks for and nothing else.
class BareLoop {
 public:
  BareLoop(const Pebble& pebble, Responder& responder) : responder_(responder) {
    http_ = Need(http::NewCurlClient({.root_file = pebble.tls_root_file(), .user_agent = "bench"}));
    signer_ = crypto::NewKeySigner(Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256)));
    acme::ClientOptions options;
    options.directory_url = pebble.directory_url();
    client_ = Need(acme::Client::Make(options, *http_, *signer_, clock_, random_));
    client_->SetAccountUrl(Need(client_->CreateAccount({.terms_of_service_agreed = true})).url);
    directory_ = Need(client_->GetDirectory());
  }

  absl::Duration Issue(const std::string& name) {
    const std::string csr = CsrFor(name);
    const absl::Time begin = absl::Now();
    acme::Order order = Need(client_->NewOrder(Need(challenge::ParseNames({name})), ""));
    for (const std::string& url : order.authorizations) Prove(url);
    order = Need(client_->Finalize(order, csr));
    while (order.status == acme::OrderStatus::kProcessing)
      order = Need(client_->GetOrder(order.url));
    NORROY_CHECK(order.status == acme::OrderStatus::kValid);
    NORROY_CHECK(!Need(client_->DownloadCertificate(order.certificate)).empty());
    return absl::Now() - begin;
  }

  absl::Duration Head() {
    const absl::Time begin = absl::Now();
    http::Request request;
    request.method = "HEAD";
    request.url = directory_.new_nonce;
    Need(http_->Send(request));
    return absl::Now() - begin;
  }

  int64_t requests() const { return client_->requests(); }

 private:
  void Prove(const std::string& url) {
    acme::Authorization authorization = Need(client_->GetAuthorization(url));
    for (const acme::Challenge& challenge : authorization.challenges) {
      if (challenge.type != challenge::ChallengeType::kHttp01) continue;
      const auto proof =
          Need(challenge::KeyAuthorization::Make(challenge.token, client_->Thumbprint()));
      responder_.Put("/.well-known/acme-challenge/" + challenge.token.value(), proof.value());
      NORROY_CHECK(client_->RespondToChallenge(challenge.url).ok());
    }
    while (authorization.status == acme::AuthorizationStatus::kPending) {
      authorization = Need(client_->GetAuthorization(url));
    }
    NORROY_CHECK(authorization.status == acme::AuthorizationStatus::kValid);
  }

  Responder& responder_;
  SystemClock clock_;
  crypto::SystemRandom random_;
  std::unique_ptr<http::Client> http_;
  std::unique_ptr<crypto::Signer> signer_;
  std::unique_ptr<acme::Client> client_;
  acme::Directory directory_;
};

// A client with an open channel.
class Norroy {
 public:
  explicit Norroy(const Deployment& deployment) {
    const std::string identity = deployment.dir() + "/operator/";
    const std::string deployment_name = [&] {
      const std::string yaml = harness::ReadAll(deployment.dir() + "/issuer/issuer.yaml");
      for (absl::string_view line : absl::StrSplit(yaml, '\n')) {
        if (absl::ConsumePrefix(&line, "deployment: ")) {
          return std::string(absl::StripAsciiWhitespace(line));
        }
      }
      return std::string();
    }();
    std::string name = deployment_name;
    name.erase(std::remove(name.begin(), name.end(), '"'), name.end());
    channel_ = rpc::NewChannel(
        deployment.issuer_address(),
        Need(rpc::ClientCredentials({identity + "identity.pem", identity + "core-root.pem"}, name,
                                    types::v1::ROLE_ISSUER)));
    stub_ = issuer::v1::OrderService::NewStub(channel_);
  }

  absl::Duration Issue(const std::string& name) {
    issuer::v1::CreateOrderRequest request;
    request.add_names(name);
    request.set_csr(CsrFor(name));
    const absl::Time begin = absl::Now();
    issuer::v1::CreateOrderResponse created;
    grpc::ClientContext create;
    const grpc::Status status = stub_->CreateOrder(&create, request, &created);
    if (!status.ok()) std::fprintf(stderr, "%s\n", status.error_message().c_str());
    NORROY_CHECK(status.ok());
    issuer::v1::WatchOrderRequest watch;
    watch.set_id(created.order().id());
    grpc::ClientContext watching;
    auto reader = stub_->WatchOrder(&watching, watch);
    issuer::v1::WatchOrderResponse news;
    while (reader->Read(&news)) {
      if (!news.certificate_pem().empty()) break;
    }
    NORROY_CHECK(!news.certificate_pem().empty());
    const absl::Duration took = absl::Now() - begin;
    watching.TryCancel();
    (void)reader->Finish();
    return took;
  }

 private:
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<issuer::v1::OrderService::Stub> stub_;
};

double Ms(absl::Duration duration) { return absl::ToDoubleMilliseconds(duration); }

absl::Duration Percentile(std::vector<absl::Duration> values, double p) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(p * static_cast<double>(values.size() - 1))];
}

void PrintRow(const char* what, const std::vector<absl::Duration>& times) {
  std::printf("%-34s p50 %7.2f ms   p90 %7.2f ms   max %7.2f ms\n", what,
              Ms(Percentile(times, 0.5)), Ms(Percentile(times, 0.9)), Ms(Percentile(times, 1)));
}

// Of /proc/PID/status, which also a process that forbids core dumps shows.
double StatusMb(pid_t pid, absl::string_view field) {
  const std::string text = harness::ReadAll(absl::StrCat("/proc/", pid, "/status"));
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!absl::ConsumePrefix(&line, field)) continue;
    const std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    double kb = 0;
    if (!words.empty() && absl::SimpleAtod(words[0], &kb)) return kb / 1024;
  }
  return 0;
}

void PrintAgent(pid_t pid) {
  std::printf("%-34s private (anonymous) %.1f MB (aim: 10), RSS %.1f MB (aim: 26)\n", "agent, idle",
              StatusMb(pid, "RssAnon:"), StatusMb(pid, "VmRSS:"));
}

int Main(int rounds) {
  const std::string dirs[] = {harness::TempDir("bench"), harness::TempDir("floor")};
  const int ports[] = {harness::FreePort(), harness::FreePort()};
  const auto pebble = Pebble::Start(
      dirs[0], {.http_port = ports[0], .nonce_reject_percent = 0, .authz_reuse_percent = 0});
  const auto floor_pebble = Pebble::Start(
      dirs[1], {.http_port = ports[1], .nonce_reject_percent = 0, .authz_reuse_percent = 0});
  const auto deployment = Deployment::Start(dirs[0], *pebble);
  deployment->AddAgent("web1", {.patterns = {".example.test"}, .http_port = ports[0]});
  Responder responder(ports[1]);
  BareLoop floor(*floor_pebble, responder);
  Norroy norroy(*deployment);
  for (int i = 0; i < 5; ++i) {
    floor.Issue(absl::StrCat("warm", i, ".example.test"));
    norroy.Issue(absl::StrCat("warm", i, ".example.test"));
  }
  std::vector<absl::Duration> ours, bare, heads;
  const int64_t before = floor.requests();
  for (int i = 0; i < rounds; ++i) {
    const std::string name = absl::StrCat("n", i, ".example.test");
    bare.push_back(floor.Issue(name));
    ours.push_back(norroy.Issue(name));
    heads.push_back(floor.Head());
  }
  const double requests = static_cast<double>(floor.requests() - before) / rounds;
  std::printf("\n%d rounds, alternating, HTTP-01, one name\n", rounds);
  PrintRow("bare HEAD", heads);
  PrintRow("bare ACME loop (floor)", bare);
  std::printf("%-34s %.1f requests a certificate\n", "", requests);
  PrintRow("norroy, CreateOrder to certificate", ours);
  std::printf("%-34s %.2f (aim: 2)\n", "ratio of p50, norroy / floor",
              absl::FDivDuration(Percentile(ours, 0.5), Percentile(bare, 0.5)));
  PrintAgent(deployment->agent("web1").pid());
  return 0;
}

}  // namespace
}  // namespace norroy::bench

int main(int argc, char** argv) {
  int rounds = 50;
  if (argc > 1 && (!absl::SimpleAtoi(argv[1], &rounds) || rounds < 1 || rounds > 10000)) {
    std::fprintf(stderr, "usage: cold_bench [ROUNDS, 1 to 10000]\n");
    return 2;
  }
  norroy::rpc::DisableTlsResumption();
  return norroy::bench::Main(rounds);
}
