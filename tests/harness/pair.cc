#include "tests/harness/pair.h"

#include <signal.h>
#include <sys/stat.h>

#include <functional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

// The first address in quotes behind `key`: at the file's top level.
std::string AddressOf(const std::string& yaml, const std::string& key) {
  const size_t at = absl::StrCat("\n", yaml).find(absl::StrCat("\n", key, ":"));
  NORROY_CHECK(at != std::string::npos);
  const size_t from = yaml.find('"', at) + 1;
  return yaml.substr(from, yaml.find('"', from) - from);
}

void Restart(Process& process, const std::function<void()>& start) {
  process.Signal(SIGTERM);
  NORROY_CHECK(process.Wait(absl::Seconds(20)) == 0);
  start();
}

void Edit(const std::string& from, const std::string& to,
          const std::vector<std::pair<std::string, std::string>>& changes) {
  std::string text = ReadAll(from);
  for (const auto& [line, by] : changes) {
    const std::string after = absl::StrReplaceAll(text, {{line, by}});
    if (after == text) std::fprintf(stderr, "%s has no %s\n", from.c_str(), line.c_str());
    NORROY_CHECK(after != text);
    text = after;
  }
  WriteAll(to, text, 0600);
}

void Copy(const std::string& from, const std::string& to) { WriteAll(to, ReadAll(from), 0600); }

}  // namespace

std::unique_ptr<Pair> Pair::Start(const std::string& dir, const CaPlace& ca, Postgres& postgres,
                                  const std::vector<std::string>& init) {
  auto pair = std::make_unique<Pair>();
  Deployment::Options options;
  options.postgres = &postgres;
  options.init = init;
  pair->first_ = Deployment::Start(dir, ca, options);
  pair->MakeSecondValidator();
  pair->MakeSecondIssuer();
  Edit(pair->dir() + "/norroy.yaml", pair->dir() + "/norroy.yaml",
       {{pair->issuers_[0], absl::StrCat(pair->issuers_[0], ",", pair->issuers_[1])},
        {pair->validators_[0], absl::StrCat(pair->validators_[0], ",", pair->validators_[1])}});
  for (const int which : {0, 1}) {
    const bool serves =
        Eventually([&] { return pair->IssuerServes(which) && pair->ValidatorServes(which); },
                   absl::Seconds(60));
    if (!serves) std::fprintf(stderr, "%s\n", pair->Logs().c_str());
    NORROY_CHECK(serves);
  }
  return pair;
}

void Pair::MakeSecondValidator() {
  const std::string home = dir() + "/validator2";
  mkdir(home.c_str(), 0700);
  first_->CliOk({"identity", "issue", "validator", "two", "--host", "127.0.0.1", "--out",
                 home + "/identity.pem"});
  for (const char* const file : {"/core-root.pem", "/edge-root.pem"}) {
    Copy(dir() + "/validator" + file, home + file);
  }
  const std::string yaml = dir() + "/validator/validator.yaml";
  const std::string client = ReadAll(dir() + "/norroy.yaml");
  validators_[0] = AddressOf(client, "validator");
  validators_[1] = absl::StrCat("127.0.0.1:", FreePort());
  agent_links_[0] = AddressOf(ReadAll(yaml), "agent_listen");
  agent_links_[1] = absl::StrCat("127.0.0.1:", FreePort());
  Edit(yaml, home + "/validator.yaml",
       {{validators_[0], validators_[1]},
        {agent_links_[0], agent_links_[1]},
        {"edge_ca_file: edge-ca.pem", "edge_ca_file: identity.edge-ca.pem"}});
  for (const std::string& file : {yaml, home + "/validator.yaml"}) {
    WriteAll(file,
             absl::StrCat(ReadAll(file), "agent_addresses:\n  - ", agent_links_[0], "\n  - ",
                          agent_links_[1], "\n"),
             0600);
  }
  Restart(validator(0), [this] { StartValidator(0); });
  StartValidator(1);
}

void Pair::MakeSecondIssuer() {
  const std::string home = dir() + "/issuer2";
  mkdir(home.c_str(), 0700);
  first_->CliOk({"identity", "issue", "issuer", "two", "--host", "127.0.0.1", "--out",
                 home + "/identity.pem"});
  first_->CliOk({"identity", "issue", "seal", "two", "--out", home + "/seal.pem"});
  for (const char* const file : {"/core-root.pem", "/ca-root.pem"}) {
    Copy(dir() + "/issuer" + file, home + file);
  }
  mkdir((home + "/keys").c_str(), 0700);
  Copy(dir() + "/issuer/keys/account-ca.pem", home + "/keys/account-ca.pem");
  const std::string yaml = dir() + "/issuer/issuer.yaml";
  issuers_[0] = first_->issuer_address();
  issuers_[1] = absl::StrCat("127.0.0.1:", FreePort());
  const std::string one = absl::StrCat("validators:\n  - \"", validators_[0], "\"\n");
  Edit(yaml, yaml, {{one, absl::StrCat(one, "  - ", validators_[1], "\n")}});
  Edit(yaml, home + "/issuer.yaml", {{issuers_[0], issuers_[1]}});
  Restart(issuer(0), [this] { StartIssuer(0); });
  StartIssuer(1);
}

void Pair::StartIssuer(int which) {
  if (which == 0) {
    first_->StartIssuer();
    return;
  }
  issuer_ =
      Process::Start({Runfile("issuer/norroy-issuer"), "--config", dir() + "/issuer2/issuer.yaml"},
                     dir() + "/issuer2.log");
}

void Pair::StartValidator(int which) {
  if (which == 0) {
    first_->StartValidator();
    return;
  }
  validator_ = Process::Start(
      {Runfile("validator/norroy-validator"), "--config", dir() + "/validator2/validator.yaml"},
      dir() + "/validator2.log");
}

void Pair::Kill(Process& process) {
  process.Signal(SIGKILL);
  NORROY_CHECK(process.Wait(absl::Seconds(10)) == 128 + SIGKILL);
}

bool Pair::IssuerServes(int which) {
  return first_->Cli({"--issuer", issuers_[which], "account", "show"}).code == 0;
}

bool Pair::ValidatorServes(int which) {
  return first_->Cli({"--validator", validators_[which], "agent", "list"}).code == 0;
}

bool Pair::IsAttached(const std::string& agent) {
  for (const std::string& validator : validators_) {
    const Output shown =
        first_->Cli({"--validator", validator, "agent", "show", agent, "-o", "json"});
    if (Deployment::Field(shown.out, "attached") != "true") return false;
  }
  return true;
}

std::string Pair::Logs() const {
  std::string text = first_->Logs();
  for (const char* const name : {"issuer2.log", "validator2.log"}) {
    std::string log = ReadAll(absl::StrCat(first_->dir(), "/", name));
    if (log.size() > 8000) log = "..." + log.substr(log.size() - 8000);
    absl::StrAppend(&text, "--- ", name, "\n", log);
  }
  return text;
}

}  // namespace norroy::harness
