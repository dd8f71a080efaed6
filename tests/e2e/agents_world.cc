#include "tests/e2e/agents_world.h"

#include <dirent.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/harness/nginx.h"

namespace norroy::harness {

void AgentsWorld::Begin(WorldOptions options) {
  // Each order tells the CA once for each name.
  options.pebble.authz_reuse_percent = 0;
  options.pebble.nonce_reject_percent = 0;
  world_ = std::make_unique<ChallengeWorld>("agents", options);
}

void AgentsWorld::AddWebAgent(const std::string& name, const std::string& pattern,
                              const std::vector<std::string>& prefix) {
  norroy().AddAgent(name,
                    {.patterns = {pattern}, .http_port = world_->http_port(), .prefix = prefix});
}

void AgentsWorld::AddDnsAgent(const std::string& name, const std::string& server,
                              const std::vector<std::string>& patterns, const std::string& key_file,
                              const std::vector<std::string>& prefix) {
  norroy().AddAgent(name, {.patterns = patterns,
                           .presenters = absl::StrCat(
                               world_->AgentDns(), "rfc2136:\n  - server: ", server,
                               "\n    zones:\n      - dyn.test\n    key_name: dyn\n    key_file: ",
                               key_file.empty() ? world_->TsigKeyFile() : key_file, "\n"),
                           .types = {"dns-01"},
                           .prefix = prefix});
}

std::unique_ptr<Process> AgentsWorld::ServeFiles(const std::string& root, const std::string& names,
                                                 const std::string& more) {
  return StartNginx(world_->dir() + "/nginx",
                    absl::StrCat("  server { listen 127.0.0.1:", world_->http_port(),
                                 "; server_name ", names, "; root ", root, "; }\n", more));
}

std::map<std::string, std::string> AgentsWorld::ChallengeFiles(const std::string& root) {
  const std::string folder = root + "/.well-known/acme-challenge";
  std::map<std::string, std::string> files;
  DIR* const dir = opendir(folder.c_str());
  if (dir == nullptr) return files;
  while (const dirent* entry = readdir(dir)) {
    if (entry->d_name[0] == '.') continue;
    files[entry->d_name] = ReadAll(absl::StrCat(folder, "/", entry->d_name));
  }
  closedir(dir);
  return files;
}

std::string AgentsWorld::Create(const std::string& name) {
  const std::string csr = world_->dir() + "/one.csr";
  const Output made =
      RunProgram({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                  "-nodes", "-keyout", world_->dir() + "/one.key", "-out", csr, "-subj", "/",
                  "-addext", absl::StrCat("subjectAltName=DNS:", name)});
  EXPECT_EQ(made.code, 0) << made.err;
  return Deployment::Field(norroy().CliOk({"order", "create", name, "--csr", csr, "-o", "json"}),
                           "id");
}

std::string AgentsWorld::Json(const std::string& id) {
  return norroy().Cli({"order", "show", id, "-o", "json"}).out;
}

std::string AgentsWorld::Show(const std::string& id) {
  return norroy().Cli({"order", "show", id}).out;
}

std::string AgentsWorld::ErrorOf(const std::string& id) {
  return Deployment::Field(Json(id), "error.message");
}

void AgentsWorld::ExpectIssued(const std::string& id) {
  const auto valid = [&] { return Deployment::Field(Json(id), "state") == "ORDER_STATE_VALID"; };
  EXPECT_TRUE(Eventually(valid, absl::Seconds(50))) << Show(id) << norroy().Logs();
}

int AgentsWorld::Failures() {
  int failures = 0;
  for (const absl::string_view line : absl::StrSplit(ReadAll(world_->pebble().log()), '\n')) {
    failures += absl::StrContains(line, "order") && absl::StrContains(line, "set INVALID");
  }
  return failures;
}

}  // namespace norroy::harness
