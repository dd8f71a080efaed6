#ifndef NORROY_TESTS_HARNESS_DEPLOYMENT_H_
#define NORROY_TESTS_HARNESS_DEPLOYMENT_H_

// A whole deployment of real binaries on loopback, made by the CLI itself: issuer and validator,
// and agents as the test adds them. Every part can be killed and started again.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/harness/ca_place.h"
#include "tests/harness/pebble.h"
#include "tests/harness/postgres.h"
#include "tests/harness/process.h"

namespace norroy::harness {

class Deployment {
 public:
  struct Options {
    // Wildcards and networks that the operator may order ("." is granted in any case).
    std::vector<std::string> allow;
    // Further words of `norroy init`.
    std::vector<std::string> init;
    // Of the issuer's process.
    std::vector<std::string> issuer_environment;
    // Besides, at its first start, which it must not survive; it is started again.
    std::vector<std::string> issuer_dies_first;
    // Of the CA, for CAA.
    std::vector<std::string> caa_identities;
    // Before their command lines: {"prlimit", "--nofile=64"}.
    std::vector<std::string> issuer_prefix;
    std::vector<std::string> validator_prefix;
    // Hosts on which the validator listens for the issuer and for agents.
    std::string validator_host = "127.0.0.1";
    std::string agent_link_host = "127.0.0.1";
    // Instead of the file that `norroy init` chose.
    std::string issuer_database;
    // Further entries of the issuer's cas, before that of `norroy init`, which is called "ca".
    std::string cas;
    // Further entries of the issuer's grants.
    std::string grants;
    // Further lines of issuer.yaml and validator.yaml.
    std::string issuer;
    std::string validator;
    // Instead of files, databases "issuer" and "validator" of this server, which outlives the
    // deployment.
    Postgres* postgres = nullptr;
    // Port of authoritative servers, for preflight.
    int dns_port = 53;
  };
  // `norroy init` against this CA, then issuer and validator, whose preflight looks where the CA
  // looks; serves when it returns.
  static std::unique_ptr<Deployment> Start(const std::string& dir, const CaPlace& ca,
                                           const Options& options);
  static std::unique_ptr<Deployment> Start(const std::string& dir, const Pebble& pebble);
  static std::unique_ptr<Deployment> Start(const std::string& dir, const Pebble& pebble,
                                           const Options& options);

  // `norroy` with these arguments, as the operator.
  Output Cli(const std::vector<std::string>& arguments, absl::Duration timeout = absl::Seconds(90));
  // The same, which must exit 0; its stdout.
  std::string CliOk(const std::vector<std::string>& arguments);
  // A field of `-o json` output by its path ("order.state"); "" if it is not there.
  static std::string Field(const std::string& json, const std::string& path);

  struct AgentOptions {
    std::vector<std::string> patterns;
    int http_port = 0;  // a listener on http_host,
    std::string http_host = "127.0.0.1";
    std::string webroot;             // or a document root,
    std::string presenters;          // or these lines of agent.yaml
    std::vector<std::string> types;  // of the challenge grant; empty: http-01
    std::string responders;          // "all", "one"; empty: the default
    int config_mode = 0644;
    std::vector<std::string> prefix;  // of the agent's command line: {"faketime", "+20min"}
    std::vector<std::string> enroll_prefix;
  };
  // Token, enrollment, configuration and start; attached when it returns.
  void AddAgent(const std::string& name, const AgentOptions& options);
  void StartAgent(const std::string& name);
  // The process alone, with this in its environment.
  void LaunchAgent(const std::string& name, const std::vector<std::string>& environment = {});
  // Its journal's file.
  std::string JournalOf(const std::string& name) const;
  Process& agent(const std::string& name) { return *agents_.at(name); }
  bool IsAttached(const std::string& name);
  // What `norroy agent show` says it serves.
  int Presented(const std::string& name);

  // With this in their environment, besides.
  // Their commands, "migrate" or "backup --out F", with this deployment's configuration.
  Output RunIssuer(std::vector<std::string> arguments) const;
  Output RunValidator(std::vector<std::string> arguments) const;
  void StartIssuer(const std::vector<std::string>& environment = {});
  void StartValidator(const std::vector<std::string>& environment = {});
  Process& issuer() { return *issuer_; }
  Process& validator() { return *validator_; }

  const std::string& dir() const { return dir_; }
  // Its name in identities.
  std::string name() const;
  // "host:port" of the issuer's API.
  std::string issuer_address() const { return issuer_address_; }
  // All logs, for a failed test's output.
  std::string Logs() const;

 private:
  std::string dir_;
  std::string issuer_address_;
  std::vector<std::string> issuer_environment_;
  std::vector<std::string> issuer_prefix_;
  std::vector<std::string> validator_prefix_;
  std::string validator_address_;
  std::unique_ptr<Process> validator_;
  std::unique_ptr<Process> issuer_;
  std::map<std::string, std::unique_ptr<Process>> agents_;
  std::map<std::string, AgentOptions> agent_options_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_HARNESS_DEPLOYMENT_H_
