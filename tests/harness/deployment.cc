#include "tests/harness/deployment.h"

#include <signal.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

std::string Cli() { return Runfile("cli/norroy"); }

void AppendTo(const std::string& file, const std::string& lines) {
  WriteAll(file, ReadAll(file) + lines, 0600);
}

// `line` of the file becomes `by`.
void Replace(const std::string& file, const std::string& line, const std::string& by) {
  const std::string before = ReadAll(file);
  const std::string after = absl::StrReplaceAll(before, {{line, by}});
  NORROY_CHECK(before != after);
  WriteAll(file, after, 0600);
}

}  // namespace

std::unique_ptr<Deployment> Deployment::Start(const std::string& dir, const Pebble& pebble) {
  return Start(dir, pebble.place(), Options());
}

std::unique_ptr<Deployment> Deployment::Start(const std::string& dir, const Pebble& pebble,
                                              const Options& options) {
  return Start(dir, pebble.place(), options);
}

std::unique_ptr<Deployment> Deployment::Start(const std::string& dir, const CaPlace& ca,
                                              const Options& options) {
  auto deployment = std::make_unique<Deployment>();
  deployment->dir_ = dir + "/norroy";
  deployment->issuer_address_ = absl::StrCat("127.0.0.1:", FreePort());
  deployment->validator_address_ = absl::StrCat(options.validator_host, ":", FreePort());
  deployment->issuer_prefix_ = options.issuer_prefix;
  deployment->validator_prefix_ = options.validator_prefix;
  std::vector<std::string> init = {"init",
                                   "--ca",
                                   ca.directory_url,
                                   "--ca-root",
                                   ca.tls_root_file,
                                   "--contact",
                                   "operator@example.test",
                                   "--agree-tos",
                                   "--reflection",
                                   "--issuer-listen",
                                   deployment->issuer_address_,
                                   "--validator-listen",
                                   deployment->validator_address_,
                                   "--agent-listen",
                                   absl::StrCat(options.agent_link_host, ":", FreePort())};
  for (const std::string& pattern : options.allow) {
    init.insert(init.end(), {"--allow", pattern});
  }
  init.insert(init.end(), options.init.begin(), options.init.end());
  deployment->issuer_environment_ = options.issuer_environment;
  deployment->CliOk(init);
  const std::string issuer_yaml = deployment->dir_ + "/issuer/issuer.yaml";
  AppendTo(issuer_yaml, options.issuer);
  if (!options.issuer_database.empty()) {
    WriteAll(issuer_yaml,
             absl::StrReplaceAll(ReadAll(issuer_yaml),
                                 {{"database: issuer.db", "database: " + options.issuer_database}}),
             0600);
  }
  if (!options.cas.empty()) Replace(issuer_yaml, "cas:\n", "cas:\n" + options.cas);
  if (!options.grants.empty()) {
    WriteAll(
        issuer_yaml,
        absl::StrReplaceAll(ReadAll(issuer_yaml), {{"grants:\n", "grants:\n" + options.grants}}),
        0600);
  }
  if (!options.caa_identities.empty()) {
    const std::string item = absl::StrCat(
        "    caa_identities:\n      - ", absl::StrJoin(options.caa_identities, "\n      - "), "\n");
    Replace(issuer_yaml, "    directory_url:", item + "    directory_url:");
  }
  const std::string validator_yaml = deployment->dir_ + "/validator/validator.yaml";
  if (options.postgres != nullptr) {
    Replace(issuer_yaml, "database: issuer.db",
            absl::StrCat("database: ", options.postgres->Database("issuer")));
    Replace(validator_yaml, "database: validator.db",
            absl::StrCat("database: ", options.postgres->Database("validator")));
  }
  AppendTo(validator_yaml,
           absl::StrCat(
               "dns:\n  resolvers:\n    - ", ca.dns,
               "\n  allow_networks:\n    - 127.0.0.0/8\n    - ::1/128\npreflight:\n  http_port: ",
               ca.http_port, "\n  tls_port: ", ca.tls_port, "\n  dns_port: ", options.dns_port,
               "\n", options.validator));
  bool died = false;
  if (options.postgres != nullptr) {
    if (!options.issuer_dies_first.empty()) {
      // It may be the migration in which it is to die.
      const auto migration =
          Process::Start({Runfile("issuer/norroy-issuer"), "migrate", "--config",
                          deployment->dir() + "/issuer/issuer.yaml"},
                         deployment->dir() + "/issuer.log", options.issuer_dies_first);
      died = migration->Wait(absl::Seconds(30)) == 128 + SIGKILL;
    }
    NORROY_CHECK(deployment->RunIssuer({"migrate"}).code == 0);
    NORROY_CHECK(deployment->RunValidator({"migrate"}).code == 0);
  }
  deployment->StartValidator();
  if (!options.issuer_dies_first.empty() && !died) {
    deployment->StartIssuer(options.issuer_dies_first);
    NORROY_CHECK(deployment->issuer().Wait(absl::Seconds(30)) == 128 + SIGKILL);
  }
  deployment->StartIssuer();
  const bool registered = Eventually([&] {
    return !Field(deployment->Cli({"account", "show", "-o", "json"}).out, "url").empty();
  });
  const bool serves = registered && Eventually([&] {
                        return deployment->Cli({"agent", "list"}).code == 0;
                      });
  if (!serves) std::fprintf(stderr, "%s\n", deployment->Logs().c_str());
  NORROY_CHECK(serves);
  return deployment;
}

Output Deployment::Cli(const std::vector<std::string>& arguments, absl::Duration timeout) {
  std::vector<std::string> argv = {norroy::harness::Cli(), "--dir", dir_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunProgram(argv, {"HOME=/nonexistent"}, timeout);
}

std::string Deployment::CliOk(const std::vector<std::string>& arguments) {
  const Output output = Cli(arguments);
  if (output.code != 0) {
    std::fprintf(stderr, "norroy %s: exit %d\n%s%s\n%s\n", absl::StrJoin(arguments, " ").c_str(),
                 output.code, output.out.c_str(), output.err.c_str(), Logs().c_str());
  }
  NORROY_CHECK(output.code == 0);
  return output.out;
}

std::string Deployment::Field(const std::string& json, const std::string& path) {
  nlohmann::json value = nlohmann::json::parse(json, nullptr, false);
  for (const absl::string_view part : absl::StrSplit(path, '.')) {
    const std::string key(part);
    size_t index = 0;
    if (value.is_array() && absl::SimpleAtoi(key, &index) && index < value.size()) {
      value = nlohmann::json(value[index]);
    } else if (value.is_object() && value.contains(key)) {
      value = nlohmann::json(value[key]);
    } else {
      return "";
    }
  }
  return value.is_string() ? value.get<std::string>() : value.dump();
}

void Deployment::AddAgent(const std::string& name, const AgentOptions& options) {
  const std::string home = absl::StrCat(dir_, "/agents/", name);
  mkdir(absl::StrCat(dir_, "/agents").c_str(), 0755);
  mkdir(home.c_str(), 0755);
  const std::string token = absl::StrCat(home, "/token");
  std::vector<std::string> create = {"agent", "token", "create", name, "--out", token};
  std::vector<std::string> enroll = options.enroll_prefix;
  enroll.insert(enroll.end(), {Runfile("agent/norroy-agent"), "enroll", "--token-file", token,
                               "--state-dir", absl::StrCat(home, "/state")});
  for (const std::string& pattern : options.patterns) {
    create.insert(create.end(), {"--answer", pattern});
    enroll.insert(enroll.end(), {"--allow", pattern});
  }
  for (const std::string& type : options.types) create.insert(create.end(), {"--type", type});
  if (!options.responders.empty()) {
    create.insert(create.end(), {"--responders", options.responders});
  }
  agent_options_[name] = options;
  CliOk(create);
  const Output enrolled = RunProgram(enroll);
  if (enrolled.code != 0) {
    std::fprintf(stderr, "enroll: %s%s\n", enrolled.err.c_str(), Logs().c_str());
  }
  NORROY_CHECK(enrolled.code == 0);
  std::string config = absl::StrCat("state_dir: ", home, "/state\n");
  if (!options.presenters.empty()) {
    config += options.presenters;
  } else if (options.http_port != 0) {
    absl::StrAppend(&config, "http_listener:\n  listen:\n    - ", options.http_host, ":",
                    options.http_port, "\n");
  } else {
    absl::StrAppend(&config, "webroot:\n  directory: ", options.webroot, "\n");
  }
  WriteAll(home + "/agent.yaml", config, options.config_mode);
  StartAgent(name);
}

void Deployment::LaunchAgent(const std::string& name, const std::vector<std::string>& environment) {
  const std::string home = absl::StrCat(dir_, "/agents/", name);
  std::vector<std::string> argv = agent_options_[name].prefix;
  argv.insert(argv.end(), {Runfile("agent/norroy-agent"), "--config", home + "/agent.yaml"});
  agents_[name] = Process::Start(argv, absl::StrCat(dir_, "/agent-", name, ".log"), environment);
}

void Deployment::StartAgent(const std::string& name) {
  LaunchAgent(name);
  const bool attached = Eventually([&] { return IsAttached(name); });
  if (!attached) std::fprintf(stderr, "%s\n", Logs().c_str());
  NORROY_CHECK(attached);
}

std::string Deployment::JournalOf(const std::string& name) const {
  return absl::StrCat(dir_, "/agents/", name, "/state/journal");
}

bool Deployment::IsAttached(const std::string& name) {
  return Field(Cli({"agent", "show", name, "-o", "json"}).out, "attached") == "true";
}

int Deployment::Presented(const std::string& name) {
  int presented = 0;
  const std::string field = Field(CliOk({"agent", "show", name, "-o", "json"}), "presented");
  return absl::SimpleAtoi(field, &presented) ? presented : 0;
}

Output Deployment::RunIssuer(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), Runfile("issuer/norroy-issuer"));
  arguments.insert(arguments.end(), {"--config", dir_ + "/issuer/issuer.yaml"});
  return RunProgram(arguments);
}

Output Deployment::RunValidator(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), Runfile("validator/norroy-validator"));
  arguments.insert(arguments.end(), {"--config", dir_ + "/validator/validator.yaml"});
  return RunProgram(arguments);
}

void Deployment::StartIssuer(const std::vector<std::string>& environment) {
  std::vector<std::string> all = issuer_environment_;
  all.insert(all.end(), environment.begin(), environment.end());
  std::vector<std::string> argv = issuer_prefix_;
  argv.insert(argv.end(),
              {Runfile("issuer/norroy-issuer"), "--config", dir_ + "/issuer/issuer.yaml"});
  issuer_ = Process::Start(argv, dir_ + "/issuer.log", all);
}

void Deployment::StartValidator(const std::vector<std::string>& environment) {
  std::vector<std::string> argv = validator_prefix_;
  argv.insert(argv.end(), {Runfile("validator/norroy-validator"), "--config",
                           dir_ + "/validator/validator.yaml"});
  validator_ = Process::Start(argv, dir_ + "/validator.log", environment);
}

std::string Deployment::name() const {
  const std::string yaml = ReadAll(dir_ + "/issuer/issuer.yaml");
  for (const absl::string_view line : absl::StrSplit(yaml, '\n')) {
    if (absl::StartsWith(line, "deployment: ")) return std::string(line.substr(12));
  }
  return "";
}

std::string Deployment::Logs() const {
  std::string text;
  std::vector<std::string> files = {"validator.log", "issuer.log"};
  for (const auto& [name, process] : agents_) files.push_back(absl::StrCat("agent-", name, ".log"));
  for (const std::string& file : files) {
    std::string log = ReadAll(absl::StrCat(dir_, "/", file));
    if (log.size() > 8000) log = "..." + log.substr(log.size() - 8000);
    absl::StrAppend(&text, "--- ", file, "\n", log);
  }
  return text;
}

}  // namespace norroy::harness
