// A deployment at its most talkative, with a secret known to the test in every place where it keeps
// one: issuance that works and that fails, changed keys, errors of every part. Afterwards each
// secret is where it belongs and nowhere else: in no log, output, database, journal or command
// line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <regex>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "common/crypto/key.h"
#include "common/crypto/random.h"
#include "common/crypto/test_token.h"
#include "tests/e2e/canary_scan.h"
#include "tests/harness/bind.h"
#include "tests/harness/deployment.h"
#include "tests/harness/pebble.h"
#include "tests/harness/process.h"

namespace norroy::harness {
namespace {

using crypto::TestToken;
using ::testing::IsEmpty;

// Files that hold private keys, below the deployment's folder. Whoever adds one says so here.
constexpr char kKeyFiles[] =
    "(core|edge)/[a-z-]+\\.(key|pem)|"
    "issuer/(identity|seal)\\.pem|issuer/keys/account-[a-z]+\\.pem|"
    "validator/(identity|edge-ca)\\.pem|operator/identity\\.pem|"
    "agents/[a-z0-9]+/(token|state/[a-z./-]+)|spare\\.token|live/[a-z0-9.]+/"
    "[a-z]+(-[0-9a-f]+)?\\.pem";

std::string RandomBase64() {
  crypto::SystemRandom random;
  return absl::Base64Escape(random.Id() + random.Id()).substr(0, 40) + "8Q==";
}

class CanaryTest : public ::testing::Test {
 protected:
  CanaryTest() : dir_(TempDir("canary")), token_("canary") {
    http_port_ = FreePort();
    token_.AddKey("account", "EC:secp384r1", "01");
    WriteSecrets();
    StartWorld();
  }

  // One row a secret: what it is called, what it is, who may hold it.
  void WriteSecrets() {
    crypto::SystemRandom random;
    eab_key_ = absl::WebSafeBase64Escape(random.Id());
    wrong_eab_key_ = absl::WebSafeBase64Escape(random.Id());
    tsig_key_ = RandomBase64();
    wrong_tsig_key_ = RandomBase64();
    const struct {
      std::string name, file, text;
      bool base64;
    } rows[] = {
        {"EAB key", "eab.key", eab_key_, true},
        {"refused EAB key", "wrong-eab.key", wrong_eab_key_, true},
        {"TSIG key", "tsig.key", tsig_key_, true},
        {"wrong TSIG key", "wrong-tsig.key", wrong_tsig_key_, true},
        {"PowerDNS API key", "pdns.key", random.Id(), false},
        {"passphrase", "passphrase", "correct-" + random.Id(), false},
    };
    for (const auto& row : rows) {
      const std::string path = dir_ + "/" + row.file;
      WriteAll(path, row.text + "\n", 0600);
      // `norroy init` copies the file that it is given.
      const std::set<std::string> holders = {path, dir_ + "/norroy/issuer/eab.key"};
      if (row.base64) {
        scan_.AddBase64(row.name, row.text, holders);
      } else {
        scan_.Add(row.name, row.text, holders);
      }
    }
    scan_.Add("PIN", TestToken::kPin, {token_.pin_file()});
    hook_secret_ = "hook-" + random.Id();
    scan_.Add("secret of a hook's environment", hook_secret_,
              {dir_ + "/norroy/agents/hook1/agent.yaml"});
    MakeEncryptedKey();
  }

  void MakeEncryptedKey() {
    const auto key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
    const std::string pem(key.ToPem().Expose());
    const std::string plain = dir_ + "/plain.pem";
    WriteAll(plain, pem, 0600);
    const Output made =
        RunProgram({"/usr/bin/openssl", "pkcs8", "-topk8", "-in", plain, "-out",
                    dir_ + "/locked.pem", "-passout", "file:" + dir_ + "/passphrase"});
    EXPECT_EQ(made.code, 0) << made.err;
    std::filesystem::remove(plain);
    chmod((dir_ + "/locked.pem").c_str(), 0600);
    scan_.AddPem("account key in an encrypted file", pem, {});
  }

  void StartWorld() {
    BindOptions bind = {.keys = {{.name = "dyn", .secret = tsig_key_}}};
    bind.port = FreeDnsPort();
    bind.recursion = true;
    bind.options = "dnssec-validation no; max-cache-ttl 1; max-ncache-ttl 1;";
    bind.zones.push_back({.name = "web.test", .records = "h1 A 127.0.0.1\nh2 A 127.0.0.1\n"});
    for (const std::string zone : {"dyn.test", "dyn2.test", "hook.test", "pdns.test"}) {
      bind.zones.push_back(
          {.name = zone, .update_policy = absl::StrCat("grant dyn wildcard *.", zone, ". TXT;")});
    }
    bind_ = Bind::Start(dir_ + "/bind", bind);
    PebbleOptions pebble = {.http_port = http_port_, .dns = bind_->place()};
    pebble.eab_keys = {{"kid-1", eab_key_}};
    pebble_ = Pebble::Start(dir_, pebble);
    Deployment::Options options;
    options.init = {"--eab-kid", "kid-1", "--eab-key-file", dir_ + "/eab.key"};
    options.issuer_environment = {absl::StrCat("SOFTHSM2_CONF=", std::getenv("SOFTHSM2_CONF"))};
    options.issuer =
        absl::StrCat("log:\n  level: debug\npkcs11_module: ", TestToken::kModule, "\n");
    options.validator = "log:\n  level: debug\n";
    options.dns_port = bind_->port();
    norroy_ = Deployment::Start(dir_, *pebble_, options);
  }

  std::string AgentLines(const std::string& presenter) {
    return absl::StrCat("log:\n  level: debug\ndns:\n  resolvers:\n    - ", bind_->place(), "\n",
                        presenter);
  }

  std::string Rfc2136(const std::string& zone, const std::string& key_file) {
    return AgentLines(
        absl::StrCat("rfc2136:\n  - server: ", bind_->place(), "\n    zones:\n      - ", zone,
                     "\n    key_name: dyn\n    key_file: ", dir_, "/", key_file, "\n"));
  }

  void AddAgents() {
    norroy_->AddAgent("web1",
                      {.patterns = {".web.test"},
                       .presenters = AgentLines(absl::StrCat(
                           "http_listener:\n  listen:\n    - 127.0.0.1:", http_port_, "\n"))});
    norroy_->AddAgent("dyn1", {.patterns = {".dyn.test"},
                               .presenters = Rfc2136("dyn.test", "tsig.key"),
                               .types = {"dns-01"}});
    norroy_->AddAgent("dyn2", {.patterns = {".dyn2.test"},
                               .presenters = Rfc2136("dyn2.test", "wrong-tsig.key"),
                               .types = {"dns-01"}});
    norroy_->AddAgent(
        "pdns1", {.patterns = {".pdns.test"},
                  .presenters = AgentLines(absl::StrCat(
                      "powerdns:\n  - url: http://127.0.0.1:", FreePort(),
                      "\n    api_key_file: ", dir_, "/pdns.key\n    zones:\n      - pdns.test\n")),
                  .types = {"dns-01"}});
    // A program that tells its secret to everybody.
    const std::string hook = dir_ + "/hook";
    WriteAll(hook,
             "#!/bin/sh\necho \"failed with $HOOK_SECRET\"\necho \"$HOOK_SECRET\" >&2\nexit 3\n",
             0755);
    norroy_->AddAgent(
        "hook1", {.patterns = {".hook.test"},
                  .presenters = AgentLines(absl::StrCat(
                      "exec_hook:\n  - argv:\n      - ", hook, "\n    zones:\n      - hook.test\n",
                      "    environment:\n      - HOOK_SECRET=", hook_secret_, "\n")),
                  .types = {"dns-01"},
                  .config_mode = 0600});
  }

  // issuer.yaml with `lines` in the first CA, and behind it `more`.
  void EditCa(const std::string& lines, const std::string& more) {
    const std::string file = norroy_->dir() + "/issuer/issuer.yaml";
    if (yaml_.empty()) yaml_ = ReadAll(file);
    std::string text = yaml_;
    const size_t ca = text.find("\n    directory_url:");
    ASSERT_NE(ca, std::string::npos) << text;
    text.insert(ca + 1, lines);
    size_t end = text.find("\ncas:") + 1;
    do {
      end = text.find('\n', end) + 1;
    } while (end < text.size() && (text[end] == ' ' || text[end] == '-'));
    text.insert(end, more);
    WriteAll(file, text, 0600);
    norroy_->issuer().Signal(SIGTERM);
    norroy_->issuer().Wait(absl::Seconds(20));
    norroy_->StartIssuer();
    EXPECT_TRUE(Eventually([&] {
      return norroy_->Cli({"account", "list"}).code == 0;
    })) << norroy_->Logs();
  }

  // Another account at the same CA, which refuses its EAB key.
  std::string RefusedCa() {
    return absl::StrCat("  - name: refused\n    directory_url: ", pebble_->directory_url(),
                        "\n    root_file: ", pebble_->tls_root_file(),
                        "\n    eab_kid: kid-1\n    eab_key_file: ", dir_, "/wrong-eab.key\n");
  }

  std::string TokenKey() {
    return absl::StrCat("      uri: ", token_.KeyUri("account"),
                        "\n      passphrase_file: ", token_.pin_file(), "\n");
  }
  std::string LockedKey() {
    return absl::StrCat("      uri: ", dir_, "/locked.pem\n      passphrase_file: ", dir_,
                        "/passphrase\n");
  }

  Output Cli(const std::vector<std::string>& arguments) {
    Output output = norroy_->Cli(arguments);
    absl::StrAppend(&outputs_, "--- norroy ", absl::StrJoin(arguments, " "), ": ", output.code,
                    "\n", output.out, output.err);
    return output;
  }
  void CliOk(const std::vector<std::string>& arguments) {
    const Output output = Cli(arguments);
    EXPECT_EQ(output.code, 0) << absl::StrJoin(arguments, " ") << ": " << output.out << output.err
                              << norroy_->Logs();
  }
  void CliFails(const std::vector<std::string>& arguments) {
    EXPECT_NE(Cli(arguments).code, 0) << absl::StrJoin(arguments, " ");
  }

  void IssueAndFail() {
    CliOk({"issue", "h1.web.test", "-o", "json"});
    CliOk({"issue", "r1.dyn.test"});
    for (const std::string name : {"r1.dyn2.test", "r1.hook.test", "r1.pdns.test"}) {
      CliFails({"issue", name, "--timeout", "4s", "-o", "json"});
      // What the agent said of it.
      CliOk({"order", "list", "-o", "json"});
    }
    CliFails({"issue", "nobody.answers.test", "--timeout", "4s"});
    CliFails({"account", "create", "refused", "--agree-tos", "-o", "json"});
    CliFails({"--identity", dir_ + "/passphrase", "order", "list"});
    CliOk({"agent", "token", "create", "spare", "--answer", ".spare.test", "--out",
           norroy_->dir() + "/spare.token"});
    CliFails({"doctor", "r2.dyn2.test"});
    CliOk({"doctor", "h1.web.test"});
  }

  void ChangeKeys() {
    EditCa("    next_account_key:\n" + TokenKey(), RefusedCa());
    CliOk({"account", "change-key", "-o", "json"});
    EditCa("    account_key:\n" + TokenKey() + "    next_account_key:\n" + LockedKey(),
           RefusedCa());
    CliOk({"account", "change-key"});
    CliOk({"account", "update"});
    CliOk({"issue", "h2.web.test", "--force-new"});
    EditCa("    account_key:\n" + LockedKey(), RefusedCa());
    CliFails({"account", "change-key"});
    CliOk({"account", "show", "-o", "json"});
    CliOk({"issue", "h2.web.test", "--force-new"});
  }

  // What is inside a join token, its bootstrap key's PEM among it; "" for other files.
  static std::string InJoinToken(const std::string& text) {
    const std::string first = "-----BEGIN NORROY JOIN TOKEN-----\n";
    const size_t begin = text.find(first);
    if (begin == std::string::npos) return "";
    const size_t end = text.find("-----END", begin);
    std::string inside;
    EXPECT_TRUE(absl::Base64Unescape(text.substr(begin + first.size(), end - begin - first.size()),
                                     &inside));
    EXPECT_TRUE(absl::StrContains(inside, "PRIVATE KEY-----\n"));
    return inside;
  }

  // Keys that the deployment made itself, wherever they are.
  void CollectKeys() {
    const std::regex expected(kKeyFiles);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(norroy_->dir())) {
      if (!entry.is_regular_file()) continue;
      const std::string path = entry.path().string();
      const std::string text = ReadAll(path) + InJoinToken(ReadAll(path));
      if (!absl::StrContains(text, "PRIVATE KEY-----\n")) continue;
      const std::string relative = path.substr(norroy_->dir().size() + 1);
      EXPECT_TRUE(std::regex_match(relative, expected)) << relative << " holds a private key";
      scan_.AddPem("key of " + relative, text, {path});
    }
  }

  std::vector<Process*> Processes() {
    std::vector<Process*> all = {&norroy_->issuer(), &norroy_->validator()};
    for (const std::string agent : {"web1", "dyn1", "dyn2", "pdns1", "hook1"}) {
      all.push_back(&norroy_->agent(agent));
    }
    return all;
  }

  const std::string dir_;
  TestToken token_;
  CanaryScan scan_;
  std::string eab_key_, wrong_eab_key_, tsig_key_, wrong_tsig_key_, hook_secret_;
  int http_port_ = 0;
  std::unique_ptr<Bind> bind_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
  std::string yaml_;
  std::string outputs_;
};

TEST_F(CanaryTest, SecretsStayWhereTheyBelong) {
  AddAgents();
  IssueAndFail();
  ChangeKeys();
  CollectKeys();
  EXPECT_GE(scan_.size(), 40u);

  // What is not ours: the CA's, the name servers' and the token's own files.
  const std::vector<std::string> others = {dir_ + "/bind", dir_ + "/pebble"};
  std::vector<std::string> found = scan_.LookBelow(dir_, others);
  for (const std::string& one : scan_.LookAt("the CLI's output", outputs_)) found.push_back(one);
  for (Process* const process : Processes()) {
    const std::string proc = absl::StrCat("/proc/", process->pid());
    for (const std::string file : {"cmdline", "environ"}) {
      const std::string text = ReadAll(proc + "/" + file);
      EXPECT_NE(text, "");
      for (const std::string& one : scan_.LookAt(proc + "/" + file, text)) found.push_back(one);
    }
  }
  EXPECT_THAT(found, IsEmpty());

  // It looked where it should, and what it looked at was talkative.
  for (const std::string file :
       {"/issuer/issuer.db", "/issuer/issuer.db-wal", "/validator/validator.db",
        "/validator/validator.db-wal", "/issuer.log", "/validator.log", "/agent-dyn2.log",
        "/agents/dyn1/state/journal"}) {
    EXPECT_EQ(scan_.files().count(norroy_->dir() + file), 1u) << file;
  }
  for (const std::string& holder : scan_.holders()) {
    struct stat info;
    if (stat(holder.c_str(), &info) != 0) continue;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << holder;
  }

  // A planted leak is found.
  const std::string log = norroy_->dir() + "/issuer.log";
  WriteAll(log, ReadAll(log) + "key=" + absl::BytesToHexString(hook_secret_) + "\n");
  EXPECT_EQ(scan_.LookBelow(dir_, others).size(), 1u);
}

}  // namespace
}  // namespace norroy::harness
