#include "tests/e2e/challenge_world.h"

#include <sys/stat.h>

#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

constexpr char kResolver[] = "127.0.0.1";
constexpr char kPowerDns[] = "127.0.0.3";
constexpr char kZoneAgent[] = "127.0.0.4";

// Free at all the addresses that must share it.
int SharedDnsPort() {
  for (int i = 0; i < 100; ++i) {
    const int port = FreeDnsPort(kResolver);
    if (IsFreeDnsPort(kPowerDns, port) && IsFreeDnsPort(kZoneAgent, port)) return port;
  }
  NORROY_CHECK(false);
  return 0;
}

std::string WebRecords() {
  std::string text;
  for (int i = 1; i <= 6; ++i) absl::StrAppend(&text, "h", i, " A 127.0.0.1\n");
  for (int i = 1; i <= 4; ++i) absl::StrAppend(&text, "t", i, " A 127.0.0.1\n");
  for (int i = 1; i <= 3; ++i) {
    absl::StrAppend(&text, "_acme-challenge.d", i, " CNAME d", i, ".acme.test.\n");
  }
  return absl::StrCat(text, "_acme-challenge.wild CNAME wild.acme.test.\nzones A ", kZoneAgent,
                      "\n");
}

std::string Forward(const std::string& address, int port) {
  return absl::StrCat("type forward; forward only; forwarders { ", address, " port ", port, "; };");
}

std::vector<std::string> Numbered(const std::string& prefix, int count, const std::string& domain) {
  std::vector<std::string> names;
  for (int i = 1; i <= count; ++i) names.push_back(absl::StrCat(prefix, i, ".", domain));
  return names;
}

}  // namespace

ChallengeWorld::ChallengeWorld(const std::string& name, const WorldOptions& options)
    : dir_(TempDir(name)), http_port_(FreePort()), tls_port_(FreePort()) {
  dns_port_ = SharedDnsPort();
  for (int& port : web_ports_) port = FreePort();
  BindOptions bind = {
      .address = kResolver, .port = dns_port_, .keys = {{.name = "dyn", .secret = kTsigSecret}}};
  bind.recursion = true;
  // What a test changes must be seen at once.
  bind.options =
      absl::StrCat(options.bind_options, " max-cache-ttl 1; max-ncache-ttl 1; prefetch 0;");
  bind.statements = options.bind_statements;
  bind.zones = options.zones;
  bind.zones.push_back({.name = "web.test", .records = WebRecords()});
  bind.zones.push_back(
      {.name = "dyn.test", .update_policy = "grant dyn wildcard *.dyn.test. TXT;"});
  bind.zones.push_back({.name = "pdns.test", .statement = Forward(kPowerDns, dns_port_)});
  bind.zones.push_back({.name = "acme.test", .statement = Forward(kZoneAgent, dns_port_)});
  for (const auto& [zone, address] : options.forwards) {
    bind.zones.push_back({.name = zone, .statement = Forward(address, dns_port_)});
  }
  WriteAll(TsigKeyFile(), absl::StrCat(kTsigSecret, "\n"), 0600);
  bind_ = Bind::Start(dir_ + "/bind", bind);
  mkdir((dir_ + "/pdns").c_str(), 0755);
  powerdns_ = PowerDns::Start(
      dir_ + "/pdns",
      {.address = kPowerDns,
       .dns_port = dns_port_,
       .zones = {"pdns.test"},
       .records = {{"pdns.test.", "NS", "ns.pdns.test."}, {"ns.pdns.test.", "A", kPowerDns}},
       .settings = {"--cache-ttl=0", "--query-cache-ttl=0", "--negquery-cache-ttl=0"}});
  PebbleOptions pebble = options.pebble;
  pebble.http_port = http_port_;
  pebble.tls_port = tls_port_;
  pebble.dns = bind_->place();
  pebble_ = Pebble::Start(dir_, pebble);
  Deployment::Options deployment = options.deployment;
  deployment.dns_port = dns_port_;
  deployment.allow.push_back("*.wild.web.test");
  norroy_ = Deployment::Start(dir_, *pebble_, deployment);
}

void ChallengeWorld::StartHaproxy(const std::vector<int>& backends) {
  std::string servers;
  for (size_t i = 0; i < backends.size(); ++i) {
    absl::StrAppend(&servers, "  server web", i + 1, " 127.0.0.1:", backends[i], "\n");
  }
  haproxy_.reset();
  WriteAll(dir_ + "/haproxy.cfg",
           absl::StrCat("defaults\n  mode http\n  timeout connect 2s\n  timeout client 5s\n"
                        "  timeout server 5s\n  option httpclose\nlisten web\n  bind 127.0.0.1:",
                        http_port_, "\n  balance roundrobin\n", servers));
  haproxy_ = Process::Start({"/usr/sbin/haproxy", "-db", "-f", dir_ + "/haproxy.cfg"},
                            dir_ + "/haproxy.log");
  NORROY_CHECK(Eventually([&] { return HttpGet(http_port_, "h1.web.test", "/").status != 0; }));
}

std::string ChallengeWorld::AgentDns() const {
  return absl::StrCat("dns:\n  resolvers:\n    - ", bind_->place(), "\n");
}

void ChallengeWorld::AddWebAgents() {
  for (int i = 0; i < 2; ++i) {
    norroy_->AddAgent(absl::StrCat("web", i + 1),
                      {.patterns = Numbered("h", 6, "web.test"), .http_port = web_ports_[i]});
  }
  StartHaproxy({web_ports_[0], web_ports_[1]});
}

void ChallengeWorld::AddAlpnAgent() {
  norroy_->AddAgent("alpn1", {.patterns = Numbered("t", 4, "web.test"),
                              .presenters = absl::StrCat(
                                  "tls_alpn:\n  listen:\n    - 127.0.0.1:", tls_port_, "\n"),
                              .types = {"tls-alpn-01"}});
}

void ChallengeWorld::AddDnsAgents() {
  norroy_->AddAgent(
      "dyn1", {.patterns = {".dyn.test"},
               .presenters = absl::StrCat(AgentDns(), "rfc2136:\n  - server: ", bind_->place(),
                                          "\n    zones:\n      - dyn.test\n    key_name: dyn\n"
                                          "    key_file: ",
                                          TsigKeyFile(), "\n"),
               .types = {"dns-01"}});
  const std::string api_key_file = dir_ + "/pdns.key";
  WriteAll(api_key_file, absl::StrCat(PowerDns::kApiKey, "\n"), 0600);
  norroy_->AddAgent(
      "pdns1", {.patterns = {".pdns.test"},
                .presenters = absl::StrCat(AgentDns(), "powerdns:\n  - url: ", powerdns_->url(),
                                           "\n    api_key_file: ", api_key_file,
                                           "\n    zones:\n      - pdns.test\n"),
                .types = {"dns-01"}});
  std::vector<std::string> names = Numbered("d", 3, "web.test");
  names.push_back("*.wild.web.test");
  norroy_->AddAgent(
      "zone1", {.patterns = names,
                .presenters = absl::StrCat(AgentDns(),
                                           "delegated_zone:\n  zone: acme.test\n  listen:\n    - ",
                                           kZoneAgent, ":", dns_port_,
                                           "\n  name_servers:\n    - zones.web.test\n"
                                           "  responses_per_second: 1000\n"),
                .types = {"dns-01"}});
}

std::vector<std::string> ChallengeWorld::TwentyNames() const {
  std::vector<std::string> names = {"*.wild.web.test"};
  for (const auto& group :
       {Numbered("h", 6, "web.test"), Numbered("t", 4, "web.test"), Numbered("d", 3, "web.test"),
        Numbered("r", 3, "dyn.test"), Numbered("p", 3, "pdns.test")}) {
    names.insert(names.end(), group.begin(), group.end());
  }
  NORROY_CHECK(names.size() == 20);
  return names;
}

std::vector<std::string> ChallengeWorld::AgentNames() {
  return {"web1", "web2", "alpn1", "dyn1", "pdns1", "zone1"};
}

std::vector<std::string> ChallengeWorld::ProbedTokens() {
  const std::string path = "/.well-known/acme-challenge/";
  const std::string log = ReadAll(pebble_->log());
  std::set<std::string> tokens;
  for (size_t at = log.find(path); at != std::string::npos; at = log.find(path, at + 1)) {
    const size_t begin = at + path.size();
    tokens.insert(log.substr(begin, log.find_first_of(" \"\n", begin) - begin));
  }
  return {tokens.begin(), tokens.end()};
}

bool ChallengeWorld::AnswersAlpn(const std::string& name) const {
  const Output output =
      RunProgram({"openssl", "s_client", "-connect", absl::StrCat("127.0.0.1:", tls_port_), "-alpn",
                  "acme-tls/1", "-servername", name});
  return absl::StrContains(output.out, "ALPN protocol: acme-tls/1");
}

std::string ChallengeWorld::LeftOvers(const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    for (const int port : {http_port_, web_ports_[0], web_ports_[1]}) {
      const HttpReply reply =
          HttpGet(port, "h1.web.test", absl::StrCat("/.well-known/acme-challenge/", token));
      if (reply.status != 404) {
        return absl::StrCat("token ", token, " at port ", port, ": ", reply.status);
      }
    }
  }
  for (int i = 1; i <= 4; ++i) {
    if (AnswersAlpn(absl::StrCat("t", i, ".web.test"))) return absl::StrCat("ALPN of t", i);
  }
  struct {
    std::string server, owner;
  } const owners[] = {{kResolver, "_acme-challenge.r1.dyn.test"},
                      {kResolver, "_acme-challenge.r2.dyn.test"},
                      {kResolver, "_acme-challenge.r3.dyn.test"},
                      {kPowerDns, "_acme-challenge.p1.pdns.test"},
                      {kPowerDns, "_acme-challenge.p2.pdns.test"},
                      {kPowerDns, "_acme-challenge.p3.pdns.test"},
                      {kZoneAgent, "d1.acme.test"},
                      {kZoneAgent, "d2.acme.test"},
                      {kZoneAgent, "d3.acme.test"},
                      {kZoneAgent, "wild.acme.test"}};
  for (const auto& [server, owner] : owners) {
    const std::string text = Dig(server, dns_port_, owner, "TXT");
    if (!text.empty()) return absl::StrCat("TXT ", owner, " at ", server, ": ", text);
  }
  return "";
}

}  // namespace norroy::harness
