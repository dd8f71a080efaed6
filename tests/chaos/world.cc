#include "tests/chaos/world.h"

#include <dirent.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "agent/journal/journal.h"
#include "common/check.h"
#include "tests/harness/nginx.h"
#include "tests/harness/requester.h"

namespace norroy::chaos {
namespace {

using harness::Deployment;

constexpr absl::Duration kStopTime = absl::Seconds(20);
constexpr char kFakeTime[] = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

bool HasVolume(const Row& row) {
  return row.scene == Scene::kReadOnly || row.scene == Scene::kDiskFull;
}

Deployment::Options OptionsOf(const Row& row, const std::string& first) {
  Deployment::Options options;
  if (!first.empty()) options.issuer_dies_first = {"NORROY_FAILPOINTS=" + first};
  options.grants =
      "  - principal: requester/chaos\n    names:\n      - .chaos.test\n    quota:\n"
      "      orders_per_day: 100000\n      orders_per_domain_per_day: 100000\n";
  options.issuer = absl::StrCat("proof_lease_seconds: ", absl::ToInt64Seconds(kLease), "\n");
  // Backdated by an hour, so that it is to be renewed at every start.
  if (row.at_start) options.validator = "agent_identity_hours: 1\n";
  return options;
}

}  // namespace

World::World(const Row& row, bool postgres, const std::string& first)
    : row_(row),
      dir_(harness::TempDir(absl::StrCat("chaos-", absl::AsciiStrToLower(row.id)))),
      http_port_(harness::FreePort()) {
  Deployment::Options options = OptionsOf(row, first);
  if (postgres || row.scene == Scene::kDatabaseDies) {
    postgres_ = harness::Postgres::Start();
    options.postgres = postgres_.get();
  }
  Prepare(options);
  std::vector<std::string> flags;
  if (network_ != nullptr) flags.push_back("--http-address=" + network_->agent_for_ca());
  ca_ = harness::CaServer::Start(
      dir_, {.http_port = http_port_, .validation_polls = 1, .flags = std::move(flags)});
  norroy_ = Deployment::Start(dir_, ca_->place(), options);
  AddAgent();
  caller_ = std::make_unique<Caller>(
      *norroy_, harness::WriteRequester(norroy_->dir(), norroy_->name(), "chaos"));
}

World::~World() {
  norroy_.reset();
  web_server_.reset();
  if (HasVolume(row_)) umount2(volume().c_str(), MNT_DETACH);
}

std::vector<std::string> World::FakedTime() const {
  // The file is read at each look at the clock; durations are true.
  return {"env", absl::StrCat("LD_PRELOAD=", kFakeTime), "FAKETIME_NO_CACHE=1",
          "FAKETIME_DONT_FAKE_MONOTONIC=1",
          absl::StrCat("FAKETIME_TIMESTAMP_FILE=", dir_, "/faketime")};
}

void World::SetClock(const std::string& seconds) {
  harness::WriteAll(dir_ + "/faketime.new", seconds + "\n");
  NORROY_CHECK(rename((dir_ + "/faketime.new").c_str(), (dir_ + "/faketime").c_str()) == 0);
}

void World::Prepare(Deployment::Options& options) {
  if (HasVolume(row_)) {
    mkdir(volume().c_str(), 0755);
    NORROY_CHECK(mount("none", volume().c_str(), "tmpfs", 0, "size=16m,mode=0755") == 0);
  }
  if (row_.scene == Scene::kDiskFull) options.issuer_database = volume() + "/issuer.db";
  if (row_.scene == Scene::kFewFiles) options.issuer_prefix = {"prlimit", "--nofile=64"};
  if (row_.scene == Scene::kClockJump) {
    SetClock("+0");
    if (row_.part == Part::kIssuer) options.issuer_prefix = FakedTime();
    if (row_.part == Part::kValidator) options.validator_prefix = FakedTime();
  }
  if (row_.scene == Scene::kCut) {
    auto network = Network::Make();
    if (!network.ok()) std::fprintf(stderr, "%s\n", network.status().ToString().c_str());
    NORROY_CHECK(network.ok());
    network_ = *std::move(network);
    options.validator_host = network_->validator_for_issuer();
    options.agent_link_host = network_->validator_for_agent();
    options.validator_prefix = network_->on_validator();
    // Where the validator is, no name resolves.
    options.issuer += "preflight:\n  - names:\n      - .\n    grade: off\n";
  }
}

void World::AddAgent() {
  if (!row_.webroot) {
    Deployment::AgentOptions options{.patterns = {".chaos.test"}, .http_port = http_port_};
    if (network_ != nullptr) {
      options.http_host = network_->agent_for_ca();
      options.prefix = options.enroll_prefix = network_->on_agent();
    }
    if (row_.scene == Scene::kClockJump && row_.part == Part::kAgent) options.prefix = FakedTime();
    norroy_->AddAgent(kAgent, options);
    return;
  }
  webroot_ = HasVolume(row_) ? volume() : dir_ + "/www";
  mkdir(webroot_.c_str(), 0755);
  web_server_ = harness::StartNginx(
      dir_ + "/nginx", absl::StrCat("  server { listen 127.0.0.1:", http_port_,
                                    "; server_name .chaos.test; root ", webroot_, "; }\n"));
  norroy_->AddAgent(kAgent, {.patterns = {".chaos.test"}, .webroot = webroot_});
}

harness::Process& World::process(Part part) {
  switch (part) {
    case Part::kIssuer:
      return norroy_->issuer();
    case Part::kValidator:
      return norroy_->validator();
    case Part::kAgent:
      break;
  }
  return norroy_->agent(kAgent);
}

void World::Start(Part part, const std::string& failpoints) {
  const std::vector<std::string> environment = {"NORROY_FAILPOINTS=" + failpoints};
  switch (part) {
    case Part::kIssuer:
      norroy_->StartIssuer(environment);
      return;
    case Part::kValidator:
      norroy_->StartValidator(environment);
      return;
    case Part::kAgent:
      norroy_->LaunchAgent(kAgent, environment);
  }
}

bool World::Serves(Part part) {
  if (part == Part::kIssuer) return norroy_->Cli({"order", "list"}).code == 0;
  return norroy_->IsAttached(kAgent);
}

void World::Restart(Part part, const std::string& failpoints, bool await) {
  if (process(part).running()) {
    process(part).Signal(SIGTERM);
    NORROY_CHECK(process(part).Wait(kStopTime) == 0);
  }
  Start(part, failpoints);
  if (!await) return;
  const bool serves = harness::Eventually(
      [&] { return (!failpoints.empty() && !process(part).running()) || Serves(part); },
      absl::Seconds(60));
  if (!serves) std::fprintf(stderr, "%s\n", norroy_->Logs().c_str());
  NORROY_CHECK(serves);
}

std::string World::NewName() { return absl::StrCat("n", ++names_, ".chaos.test"); }

// Something, as long as nobody says that it is nothing.
int World::Presented() {
  const harness::Output shown = norroy_->Cli({"agent", "show", kAgent, "-o", "json"});
  int presented = 0;
  return absl::SimpleAtoi(Deployment::Field(shown.out, "presented"), &presented) ? presented : 1;
}

int World::JournalEntries() {
  // A copy: the agent has the file itself.
  const std::string copy = dir_ + "/journal";
  harness::WriteAll(copy, harness::ReadAll(norroy_->JournalOf(kAgent)), 0600);
  const auto journal = agent::Journal::Open(copy);
  NORROY_CHECK(journal.ok());
  return static_cast<int>((*journal)->state().presented.size());
}

int World::Answers() {
  int answers = 0;
  for (const harness::CaAuthorization& authorization : ca_->Record().authorizations) {
    const std::string path = "/.well-known/acme-challenge/" + authorization.token;
    answers += harness::HttpGet(http_port_, authorization.name, path, absl::Seconds(5),
                                network_ == nullptr ? "127.0.0.1" : network_->agent_for_ca())
                   .status == 200;
  }
  return answers;
}

int World::Files() {
  int files = 0;
  DIR* const folder = opendir((webroot_ + "/.well-known/acme-challenge").c_str());
  if (folder == nullptr) return 0;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    files += name != "." && name != "..";
  }
  closedir(folder);
  return files;
}

int World::ProofsLeft() {
  return Presented() + JournalEntries() + Answers() + (webroot_.empty() ? 0 : Files());
}

}  // namespace norroy::chaos
