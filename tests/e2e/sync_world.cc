#include "tests/e2e/sync_world.h"

#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

namespace norroy::harness {

SyncWorld::SyncWorld(const PebbleOptions& changed) : dir_(TempDir("sync")), http_port_(FreePort()) {
  PebbleOptions options = changed;
  options.http_port = http_port_;
  pebble_ = Pebble::Start(dir_, options);
  // Renewals of minutes are not what our own limits are for.
  Deployment::Options deployment;
  deployment.init = {"--test-ca"};
  norroy_ = Deployment::Start(dir_, *pebble_, deployment);
  norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  norroy_->CliOk({"identity", "issue", "requester", "web1", "--out", identity_file()});
  norroy_->CliOk({"grant", "add", "requester/web1", ".example.test", "--orders-per-day", "1000",
                  "--orders-per-domain-per-day", "1000"});
}

std::string SyncWorld::Preamble(const std::string& state_dir) const {
  return absl::StrCat("issuers: [\"", norroy_->issuer_address(),
                      "\"]\nidentity_file: ", identity_file(),
                      "\ncore_root_file: ", core_root_file(), "\nstate_dir: ", state_dir, "\n");
}

std::vector<std::string> SyncWorld::Argv(const std::vector<std::string>& words) {
  std::vector<std::string> argv = {Runfile("cli/norroy")};
  argv.insert(argv.end(), words.begin(), words.end());
  return argv;
}

Output SyncWorld::Run(const std::vector<std::string>& words, absl::Duration timeout) {
  return RunProgram(Argv(words), {"HOME=/nonexistent"}, timeout);
}

std::unique_ptr<Process> StartReloadableNginx(const std::string& dir, const std::string& http) {
  mkdir(dir.c_str(), 0755);
  std::string temporary;
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"}) {
    absl::StrAppend(&temporary, "  ", kind, "_temp_path ", dir, "/", kind, ";\n");
  }
  WriteAll(dir + "/nginx.conf",
           absl::StrCat(geteuid() == 0 ? "user root root;\n" : "",
                        "daemon off;\nworker_processes 1;\npid ", dir, "/pid;\nerror_log ", dir,
                        "/err;\nevents {}\nhttp {\n  access_log off;\n", temporary, http, "}\n"));
  return Process::Start({"/usr/sbin/nginx", "-e", dir + "/err", "-c", dir + "/nginx.conf"},
                        dir + "/log", {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"});
}

}  // namespace norroy::harness
