#include "tests/harness/ca_server.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "common/check.h"
#include "common/identity/issuing.h"
#include "tests/harness/loopback_tls.h"

namespace norroy::harness {
namespace {

using Json = nlohmann::json;

std::vector<std::string> CommandLine(const std::string& dir, const CaServerOptions& options) {
  std::vector<std::string> argv = {Runfile("tests/fakes/ca/fake-ca"),
                                   absl::StrCat("--tls=", dir, "/fake-ca.pem"),
                                   absl::StrCat("--log=", dir, "/fake-ca.jsonl")};
  const std::vector<std::pair<std::string, int>> numbers = {
      {"http-port", options.http_port},
      {"nonce-rejection-percent", options.nonce_rejection_percent},
      {"finalize-polls", options.finalize_polls},
      {"validation-polls", options.validation_polls},
      {"retry-after", options.retry_after_seconds},
      {"alternate-chains", options.alternate_chains}};
  for (const auto& [name, value] : numbers) argv.push_back(absl::StrCat("--", name, "=", value));
  if (!options.reuse_orders) argv.push_back("--no-order-reuse");
  if (!options.reuse_authorizations) argv.push_back("--no-authorization-reuse");
  argv.insert(argv.end(), options.flags.begin(), options.flags.end());
  return argv;
}

}  // namespace

std::unique_ptr<CaServer> CaServer::Start(const std::string& dir, const CaServerOptions& options) {
  auto server = absl::WrapUnique(new CaServer());
  server->dir_ = dir;
  server->options_ = options;
  const LoopbackTls tls = MakeLoopbackTls("fake-ca");
  WriteAll(dir + "/fake-ca-root.pem", tls.root.ToPem());
  NORROY_CHECK(
      identity::WriteIdentityFile(dir + "/fake-ca.pem", {tls.key, {tls.certificate}}).ok());
  server->dns_ = TestDns::Start(dir);
  server->process_ = Process::Start(CommandLine(dir, options), server->log());
  // It says where it listens once it does.
  const bool up = Eventually([&] {
    const std::string said = ReadAll(server->log());
    const size_t end = said.find("/directory\n");
    if (end == std::string::npos) return false;
    server->directory_url_ = absl::StrCat(said.substr(0, end), "/directory");
    return true;
  });
  if (!up) std::fprintf(stderr, "%s\n", ReadAll(server->log()).c_str());
  NORROY_CHECK(up);
  return server;
}

CaPlace CaServer::place() const {
  return {directory_url_, dir_ + "/fake-ca-root.pem", dns_->place(), options_.http_port, 0};
}

std::vector<CaRequest> CaServer::Requests() const {
  std::vector<CaRequest> requests;
  const std::string log = ReadAll(dir_ + "/fake-ca.jsonl");
  for (const absl::string_view line : absl::StrSplit(log, '\n', absl::SkipEmpty())) {
    const Json json = Json::parse(line.begin(), line.end(), nullptr, false);
    if (!json.is_object()) continue;  // the last one, half written
    requests.push_back({json["time"], json["endpoint"], json["method"], json["url"],
                        json["payload"], json["status"], json["problem"],
                        json.value("csr_sha256", "")});
  }
  return requests;
}

int CaServer::Count(const std::string& endpoint) const {
  const std::vector<CaRequest> requests = Requests();
  return static_cast<int>(
      std::count_if(requests.begin(), requests.end(),
                    [&](const CaRequest& request) { return request.endpoint == endpoint; }));
}

Output CaServer::Ask(const std::string& path, const std::vector<std::string>& curl_arguments) {
  std::vector<std::string> argv = {"curl", "-sSf", "--cacert", dir_ + "/fake-ca-root.pem"};
  argv.insert(argv.end(), curl_arguments.begin(), curl_arguments.end());
  argv.push_back(absl::StrCat(directory_url_.substr(0, directory_url_.rfind('/')), "/-/", path));
  const Output output = RunProgram(argv);
  if (output.code != 0) std::fprintf(stderr, "fake-ca: %s\n", output.err.c_str());
  NORROY_CHECK(output.code == 0);
  return output;
}

CaRecord CaServer::Record() {
  const Json json = Json::parse(Ask("state", {}).out, nullptr, false);
  NORROY_CHECK(json.is_object());
  CaRecord record;
  for (const Json& order : json["orders"]) {
    record.orders.push_back({order["url"], order["status"], order["names"], order["handed_out"],
                             order["finalizes"], order["certificate_pem"]});
  }
  for (const Json& authorization : json["authorizations"]) {
    record.authorizations.push_back(
        {authorization["name"], authorization["status"], authorization["token"]});
  }
  record.accounts = static_cast<int>(json["accounts"].size());
  record.certificates = json["certificates"];
  record.revocations = static_cast<int>(json["revocations"].size());
  record.violations = json["violations"].get<std::vector<std::string>>();
  record.root_pem = json["root_pem"];
  return record;
}

void CaServer::Change(const std::string& json) { Ask("options", {"-d", json}); }

void CaServer::Refuse(const std::string& endpoint, int status, const std::string& type,
                      const std::string& retry_after, int times) {
  const Json json = {{"endpoint", endpoint},
                     {"status", status},
                     {"type", type},
                     {"retry_after", retry_after},
                     {"times", times}};
  Ask("refuse", {"-d", json.dump()});
}

}  // namespace norroy::harness
