#include "tests/harness/postgres.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::harness {
namespace {

constexpr char kPrograms[] = "/usr/lib/postgresql/15/bin/";
constexpr absl::Duration kStartTime = absl::Seconds(30);

}  // namespace

// A test's own folder can be unreadable for another user, and its path too long for a socket.
std::unique_ptr<Postgres> Postgres::Start(const PostgresTls& tls) {
  std::unique_ptr<Postgres> postgres(new Postgres());
  char dir[] = "/tmp/norroy-pg-XXXXXX";
  NORROY_CHECK(mkdtemp(dir) != nullptr);
  postgres->dir_ = dir;
  postgres->tls_ = tls;
  if (!tls.key_file.empty()) postgres->port_ = FreePort();
  postgres->socket_ = absl::StrCat(dir, "/.s.PGSQL.", postgres->port_);
  const Output made = RunProgram(postgres->AsServer(
      {absl::StrCat(kPrograms, "initdb"), "--no-sync", "--auth=trust", "--username=norroy",
       "--encoding=UTF8", "--locale=C", absl::StrCat("--pgdata=", dir, "/data")}));
  NORROY_CHECK(made.code == 0);
  postgres->Run();
  return postgres;
}

Postgres::~Postgres() {
  Stop();
  RunProgram({"/bin/rm", "-rf", dir_});
}

std::vector<std::string> Postgres::AsServer(std::vector<std::string> argv) const {
  if (geteuid() != 0) return argv;
  // In a namespace of its own it sees itself as another user, whom the files belong to.
  std::vector<std::string> all = {"/usr/bin/unshare",  "--user",           "--map-user=65534",
                                  "--map-group=65534", "/usr/bin/setpriv", "--pdeathsig=QUIT"};
  all.insert(all.end(), argv.begin(), argv.end());
  return all;
}

void Postgres::Run() {
  std::vector<std::string> words = {absl::StrCat(kPrograms, "postgres"), "-D",
                                    absl::StrCat(dir_, "/data"), "-k", dir_, "-p",
                                    absl::StrCat(port_), "-c", "max_connections=200",
                                    // Only the server is killed here, never the machine.
                                    "-c", "fsync=off", "-c", "full_page_writes=off"};
  if (tls_.key_file.empty()) {
    words.insert(words.end(), {"-c", "listen_addresses="});
  } else {
    words.insert(words.end(), {"-c", "listen_addresses=127.0.0.1", "-c", "ssl=on", "-c",
                               absl::StrCat("ssl_cert_file=", tls_.certificate_file), "-c",
                               absl::StrCat("ssl_key_file=", tls_.key_file)});
  }
  const std::vector<std::string> argv = AsServer(std::move(words));
  NORROY_CHECK(Eventually(
      [&] {
        // One that was killed leaves children for a moment, which keep its successor out.
        if (process_ == nullptr || !process_->running()) {
          process_ = Process::Start(argv, absl::StrCat(dir_, "/log"));
        }
        return RunProgram({absl::StrCat(kPrograms, "pg_isready"), "-q", "-h", dir_, "-p",
                           absl::StrCat(port_)})
                   .code == 0;
      },
      kStartTime));
}

std::string Postgres::Sql(const std::string& database, const std::string& sql) {
  const Output output =
      RunProgram({"/usr/bin/psql", "-h", dir_, "-p", absl::StrCat(port_), "-U", "norroy", "-d",
                  database, "-v", "ON_ERROR_STOP=1", "-Atqc", sql});
  NORROY_CHECK(output.code == 0);
  return output.out;
}

std::string Postgres::Database(const std::string& name) {
  if (std::find(databases_.begin(), databases_.end(), name) == databases_.end()) {
    Sql("postgres", absl::StrCat("CREATE DATABASE \"", name, "\""));
    databases_.push_back(name);
  }
  return absl::StrCat("postgresql://norroy@/", name, "?host=", dir_, "&port=", port_);
}

void Postgres::Kill() {
  // The children notice by their pipe and end.
  process_->Signal(SIGKILL);
  process_->Wait(absl::Seconds(10));
}

void Postgres::Stop() {
  if (process_ == nullptr || !process_->running()) return;
  process_->Signal(SIGINT);
  if (process_->Wait(absl::Seconds(20)) == -1) process_->Signal(SIGKILL);
}

void Postgres::StartAgain() { Run(); }

}  // namespace norroy::harness
