// fake-ca: the fake CA as a process, for real clients. ACME over HTTPS at https://127.0.0.1:PORT,
// the directory at /directory; beside it, under the same port:
//
//   GET  /-/state    the record: orders, authorizations, certificates, violations
//   POST /-/options  {"nonce_rejection_percent": 50, ...}: changes these from now on
//   POST /-/refuse   {"endpoint": "newOrder", "status": 503, "type": "rateLimited",
//                     "retry_after": "5", "times": 1}: the next ones are answered so
//
// Prints "https://127.0.0.1:PORT/directory" when it serves; ends by SIGTERM. Remembers nothing.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/clock/clock.h"
#include "common/crypto/encoding.h"
#include "common/crypto/key.h"
#include "common/identity/issuing.h"
#include "common/sync/mutex.h"
#include "common/sync/thread_pool.h"
#include "tests/fakes/ca/fake_ca.h"
#include "tests/fakes/ca/https_front.h"
#include "tests/harness/process.h"

namespace norroy::fakes {
namespace {

using Json = nlohmann::json;

constexpr absl::Duration kLookTimeout = absl::Seconds(10);

struct Flags {
  std::string tls_file;
  std::string log;
  int port = 0;
  int http_port = 80;
  std::string http_address = "127.0.0.1";
  FakeCaOptions ca;
  bool no_order_reuse = false;
  bool no_authorization_reuse = false;
};

const char* NameOf(Endpoint endpoint) {
  switch (endpoint) {
    case Endpoint::kDirectory:
      return "directory";
    case Endpoint::kNewNonce:
      return "newNonce";
    case Endpoint::kNewAccount:
      return "newAccount";
    case Endpoint::kAccount:
      return "account";
    case Endpoint::kNewOrder:
      return "newOrder";
    case Endpoint::kOrder:
      return "order";
    case Endpoint::kAuthorization:
      return "authorization";
    case Endpoint::kChallenge:
      return "challenge";
    case Endpoint::kFinalize:
      return "finalize";
    case Endpoint::kCertificate:
      return "certificate";
    case Endpoint::kRevoke:
      return "revokeCert";
    case Endpoint::kKeyChange:
      return "keyChange";
    case Endpoint::kRenewalInfo:
      return "renewalInfo";
    default:
      return "other";
  }
}

// One JSON line a request. Thread-safe.
class RequestLog {
 public:
  explicit RequestLog(const std::string& path) {
    if (path.empty()) return;
    fd_ = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    NORROY_CHECK(fd_ >= 0);
  }
  ~RequestLog() {
    if (fd_ >= 0) close(fd_);
  }
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  void Add(const RequestRecord& record) {
    if (fd_ < 0) return;
    Json line = {
        {"time", absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", record.time, absl::UTCTimeZone())},
        {"endpoint", NameOf(record.endpoint)},
        {"method", record.method},
        {"url", record.url},
        {"payload", record.payload},
        {"status", record.status},
        {"problem", record.problem}};
    if (record.endpoint == Endpoint::kFinalize) {
      const Json payload = Json::parse(record.payload, nullptr, false);
      if (payload.is_object() && payload.contains("csr")) {
        line["csr_sha256"] = crypto::Hex(crypto::Sha256(payload["csr"].dump()));
      }
    }
    const std::string text = line.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    MutexLock lock(&mutex_);
    NORROY_CHECK(write(fd_, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  }

 private:
  Mutex mutex_;
  int fd_ = -1;
};

http::Response Reply(int status, const Json& json) {
  return {status, {{"Content-Type", "application/json"}}, json.dump()};
}

http::Response State(const FakeCa& ca) {
  Json orders = Json::array();
  for (const OrderRecord& order : ca.orders()) {
    orders.push_back({{"url", order.url},
                      {"status", order.status},
                      {"names", order.names},
                      {"handed_out", order.handed_out},
                      {"finalizes", order.finalizes},
                      {"certificate_pem", order.certificate_pem}});
  }
  Json authorizations = Json::array();
  for (const AuthorizationRecord& authorization : ca.authorizations()) {
    authorizations.push_back({{"url", authorization.url},
                              {"name", authorization.name},
                              {"status", authorization.status},
                              {"token", authorization.token},
                              {"attempts", authorization.attempts}});
  }
  return Reply(200, {{"orders", orders},
                     {"authorizations", authorizations},
                     {"accounts", ca.account_urls()},
                     {"certificates", ca.certificates_issued()},
                     {"revocations", ca.revocations()},
                     {"violations", ca.violations()},
                     {"root_pem", ca.root_pem()}});
}

http::Response Change(FakeCa& ca, const std::string& body) {
  const Json wanted = Json::parse(body, nullptr, false);
  if (!wanted.is_object()) return Reply(400, {{"error", "no JSON object"}});
  Json unknown = Json::array();
  ca.Change([&](FakeCaOptions& options) {
    const std::map<std::string, int*> numbers = {
        {"nonce_rejection_percent", &options.nonce_rejection_percent},
        {"finalize_polls", &options.finalize_polls},
        {"validation_polls", &options.validation_polls},
        {"retry_after_seconds", &options.retry_after_seconds}};
    const std::map<std::string, bool*> switches = {
        {"reuse_orders", &options.reuse_orders},
        {"reuse_authorizations", &options.reuse_authorizations}};
    for (const auto& [name, value] : wanted.items()) {
      if (numbers.count(name) > 0 && value.is_number_integer()) {
        *numbers.at(name) = value.get<int>();
      } else if (switches.count(name) > 0 && value.is_boolean()) {
        *switches.at(name) = value.get<bool>();
      } else {
        unknown.push_back(name);
      }
    }
  });
  return Reply(unknown.empty() ? 200 : 400, {{"unknown", unknown}});
}

http::Response Refuse(FakeCa& ca, const std::string& body) {
  const Json wanted = Json::parse(body, nullptr, false);
  if (!wanted.is_object()) return Reply(400, {{"error", "no JSON object"}});
  for (int i = 0; i <= static_cast<int>(Endpoint::kOther); ++i) {
    const auto endpoint = static_cast<Endpoint>(i);
    if (wanted.value("endpoint", "") != NameOf(endpoint)) continue;
    ca.Script(endpoint,
              Fault::Problem(wanted.value("status", 500), wanted.value("type", "serverInternal"),
                             "scripted", wanted.value("retry_after", "")),
              wanted.value("times", 1));
    return Reply(200, Json::object());
  }
  return Reply(400, {{"error", "no such endpoint"}});
}

absl::StatusOr<http::Response> Answer(FakeCa& ca, const http::Request& request) {
  const std::string base = ca.directory_url().substr(0, ca.directory_url().rfind('/'));
  if (request.url == base + "/-/state") return State(ca);
  if (request.url == base + "/-/options") return Change(ca, request.body);
  if (request.url == base + "/-/refuse") return Refuse(ca, request.body);
  return ca.Send(request);
}

// RFC 8555 8.3: by HTTP, at the address and port that stand for every name here.
absl::StatusOr<std::string> Fetch(const Flags& flags, const std::string& host,
                                  const std::string& path) {
  const harness::HttpReply reply =
      harness::HttpGet(flags.http_port, host, path, kLookTimeout, flags.http_address);
  if (reply.status == 0) {
    return absl::UnavailableError(
        absl::StrCat("no answer from ", flags.http_address, ":", flags.http_port));
  }
  if (reply.status != 200) return absl::NotFoundError(absl::StrCat("HTTP status ", reply.status));
  return reply.body;
}

int Run(Flags flags) {
  SystemClock clock;
  const auto identity = identity::ReadIdentityFile(flags.tls_file);
  if (!identity.ok()) {
    std::fprintf(stderr, "fake-ca: %s\n", identity.status().ToString().c_str());
    return 1;
  }
  auto tls = crypto::TlsServer::Make(identity->key, identity->chain);
  NORROY_CHECK(tls.ok());
  auto front = HttpsFront::Listen(*std::move(tls), flags.port);
  if (!front.ok()) {
    std::fprintf(stderr, "fake-ca: %s\n", front.status().ToString().c_str());
    return 1;
  }
  flags.ca.clock = &clock;
  flags.ca.pass_time = [](absl::Duration time) { absl::SleepFor(time); };
  flags.ca.host = absl::StrCat("127.0.0.1:", (*front)->port());
  FakeCa ca(flags.ca);
  RequestLog log(flags.log);
  ThreadPool looks(64, 10'000);
  ca.SetFetch(
      [&](const std::string& host, const std::string& path) { return Fetch(flags, host, path); });
  ca.SetLooks([&](std::function<void()> look) { NORROY_CHECK(looks.Try(std::move(look))); });
  ca.SetObserver([&](const RequestRecord& record) { log.Add(record); });
  (*front)->Serve([&](const http::Request& request) { return Answer(ca, request); });
  std::printf("%s\n", ca.directory_url().c_str());
  std::fflush(stdout);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  int received = 0;
  sigwait(&signals, &received);
  front->reset();
  return 0;
}

}  // namespace
}  // namespace norroy::fakes

int main(int argc, char** argv) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before there are threads
  signal(SIGPIPE, SIG_IGN);
  norroy::fakes::Flags flags;
  CLI::App app("An ACME CA that is strict, and misbehaves on request.");
  app.add_option("--tls", flags.tls_file, "Key and certificates of the server, one PEM file")
      ->required();
  app.add_option("--port", flags.port, "Of 127.0.0.1; 0: any free one");
  app.add_option("--http-port", flags.http_port, "Where HTTP-01 answers are fetched");
  app.add_option("--http-address", flags.http_address, "What every name resolves to (IPv4)");
  app.add_option("--log", flags.log, "A JSON line for each request is appended here");
  app.add_option("--seed", flags.ca.seed);
  app.add_option("--nonce-rejection-percent", flags.ca.nonce_rejection_percent);
  app.add_option("--finalize-polls", flags.ca.finalize_polls, "Reads that say processing");
  app.add_option("--validation-polls", flags.ca.validation_polls, "Reads that say pending");
  app.add_option("--retry-after", flags.ca.retry_after_seconds, "Seconds; 0: no such header");
  app.add_option("--alternate-chains", flags.ca.alternate_chains);
  app.add_flag("--no-order-reuse", flags.no_order_reuse);
  app.add_flag("--no-authorization-reuse", flags.no_authorization_reuse);
  CLI11_PARSE(app, argc, argv);
  flags.ca.reuse_orders = !flags.no_order_reuse;
  flags.ca.reuse_authorizations = !flags.no_authorization_reuse;
  // The only way that it has to look.
  flags.ca.challenge_types = {"http-01"};
  return norroy::fakes::Run(std::move(flags));
}
