#ifndef NORROY_TESTS_E2E_CHALLENGE_WORLD_H_
#define NORROY_TESTS_E2E_CHALLENGE_WORLD_H_

// A small internet on loopback in which names are proved in every way:
//
//   BIND 127.0.0.1       everybody's resolver; serves web.test and, by dynamic update, dyn.test
//   PowerDNS 127.0.0.3   serves pdns.test
//   127.0.0.4            where an agent answers for acme.test itself
//   HAProxy 127.0.0.1    in front of the two agents that answer by HTTP
//
// All DNS servers share one port, since preflight knows one. Pebble asks BIND.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/bind.h"
#include "tests/harness/deployment.h"
#include "tests/harness/pebble.h"
#include "tests/harness/powerdns.h"
#include "tests/harness/process.h"

namespace norroy::harness {

struct WorldOptions {
  PebbleOptions pebble;
  Deployment::Options deployment;
  // Further zones at BIND.
  std::vector<BindZone> zones;
  // Zones that are asked for at another address (at the same port): {"bogus.test", "127.0.0.6"}.
  std::vector<std::pair<std::string, std::string>> forwards;
  std::string bind_options = "dnssec-validation no;";
  std::string bind_statements;
};

// Base64; of the key "dyn".
inline constexpr char kTsigSecret[] = "bm9ycm95LXRlc3Qta2V5LW9mLTMyLWJ5dGVzLTEyMzQ=";

class ChallengeWorld {
 public:
  ChallengeWorld(const std::string& name, const WorldOptions& options);

  // web1 and web2 behind HAProxy: h1 to h6.web.test.
  void AddWebAgents();
  // alpn1, alone on its port: t1 to t4.web.test.
  void AddAlpnAgent();
  // dyn1 by RFC 2136: .dyn.test. pdns1 through PowerDNS: .pdns.test. zone1 answers for acme.test,
  // to which _acme-challenge of d1 to d3 and of wild.web.test point.
  void AddDnsAgents();
  // Of all of these, twenty, one of them the wildcard below wild.web.test.
  std::vector<std::string> TwentyNames() const;
  static std::vector<std::string> AgentNames();

  // What agent.yaml needs to look names up here.
  std::string AgentDns() const;
  // A file with kTsigSecret.
  std::string TsigKeyFile() const { return dir_ + "/dyn.key"; }
  void StartHaproxy(const std::vector<int>& backends);

  // Whether anything is left of what was put up for the twenty names; empty if nothing is, else
  // what and where. `tokens`: of HTTP-01.
  std::string LeftOvers(const std::vector<std::string>& tokens);
  // Of HTTP-01 probes that Pebble has made so far.
  std::vector<std::string> ProbedTokens();
  // Does the TLS port answer acme-tls/1 for this name?
  bool AnswersAlpn(const std::string& name) const;

  Deployment& norroy() { return *norroy_; }
  Pebble& pebble() { return *pebble_; }
  Bind& bind() { return *bind_; }
  PowerDns& powerdns() { return *powerdns_; }
  const std::string& dir() const { return dir_; }
  int http_port() const { return http_port_; }
  int tls_port() const { return tls_port_; }
  int dns_port() const { return dns_port_; }
  int web_port(int agent) const { return web_ports_[agent]; }

 private:
  std::string dir_;
  int http_port_ = 0;
  int tls_port_ = 0;
  int dns_port_ = 0;
  int web_ports_[2] = {0, 0};
  std::unique_ptr<Bind> bind_;
  std::unique_ptr<PowerDns> powerdns_;
  std::unique_ptr<Process> haproxy_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_E2E_CHALLENGE_WORLD_H_
