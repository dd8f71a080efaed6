// norroy-agent: puts sealed challenge responses up on this host and takes them down again. Dials
// its validators; opens no port for control.

#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/enroll_flags.h"
#include "agent/journal/journal.h"
#include "agent/presenter/http/http_listener.h"
#include "agent/presenter/http/webroot.h"
#include "agent/scope/scope.h"
#include "agent/session/dial.h"
#include "agent/session/enrollment.h"
#include "agent/session/link.h"
#include "agent/session/renewal.h"
#include "agent/session/session.h"
#include "agent/settings.h"
#include "agent/state/state_dir.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/daemon/daemon.h"
#include "common/join/join_token.h"
#include "common/log/log.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr char kVersion[] = "norroy-agent 0.1.0";

// In order of preference: the listener needs no web server and leaves no files.
absl::StatusOr<std::vector<std::unique_ptr<Presenter>>> OpenPresenters(const Settings& settings) {
  std::vector<std::unique_ptr<Presenter>> presenters;
  if (settings.http_listener.has_value()) {
    NORROY_ASSIGN_OR_RETURN(auto listener, HttpListener::Start(*settings.http_listener));
    log::Info("main", "listening", {{"places", absl::StrJoin(listener->places(), " ")}});
    presenters.push_back(std::move(listener));
  }
  if (!settings.webroot.empty()) {
    NORROY_ASSIGN_OR_RETURN(auto webroot, Webroot::Open(settings.webroot));
    presenters.push_back(std::move(webroot));
  }
  return presenters;
}

std::vector<Dialer> DialersOf(const Settings& settings, const Enrollment& enrollment,
                              const StateDir& dir) {
  const rpc::TlsFiles files = {.identity_file = dir.identity_file(),
                               .root_file = dir.core_root_file()};
  const auto& targets = settings.validators.empty() ? enrollment.validators : settings.validators;
  std::vector<Dialer> dialers;
  for (const std::string& target : targets) {
    dialers.push_back(DialValidator(target, files, enrollment.identity.deployment));
  }
  return dialers;
}

absl::Status Run(const Settings& settings) {
  NORROY_ASSIGN_OR_RETURN(StateDir dir, StateDir::Open(settings.state_dir));
  NORROY_RETURN_IF_ERROR(dir.Lock());
  NORROY_ASSIGN_OR_RETURN(const Enrollment enrollment, dir.Load());
  NORROY_ASSIGN_OR_RETURN(const auto presenters, OpenPresenters(settings));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal,
                          Journal::Open(dir.journal_file()));
  SystemClock clock;
  ThreadTimers timers;
  crypto::SystemRandom random;
  const challenge::SealVerifier seals(enrollment.identity.deployment, enrollment.core_root);
  std::vector<Presenter*> in_order;
  for (const auto& presenter : presenters) in_order.push_back(presenter.get());
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Start({.seals = seals,
                                          .scope = enrollment.scope,
                                          .presenters = in_order,
                                          .journal = *journal,
                                          .clock = clock,
                                          .timers = timers,
                                          .version = kVersion,
                                          .boot_id = random.Id()}));
  const std::vector<Dialer> dialers = DialersOf(settings, enrollment, dir);
  std::vector<std::unique_ptr<Link>> links;
  for (const Dialer& dialer : dialers) {
    links.push_back(std::make_unique<Link>(LinkOptions{dialer, *session, clock, timers, random}));
  }
  const auto redial = [&links] {
    for (const auto& link : links) link->Redial();
  };
  Renewal renewal({.identity_file = dir.identity_file(),
                   .identity = enrollment.identity,
                   .validators = dialers,
                   .clock = clock,
                   .random = random,
                   .on_renewed = redial});
  log::Info("main", "started",
            {{"version", kVersion},
             {"agent", enrollment.identity.name},
             {"presented", session->presented()}});
  daemon::WaitForSignals([&] {
    renewal.Wake();
    redial();
  });
  log::Info("main", "stopping");
  for (const auto& link : links) link->Stop();
  session->Stop();
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "norroy-agent: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<std::string> StateDirOf(const EnrollFlags& flags) {
  if (!flags.state_dir.empty()) return flags.state_dir;
  if (flags.config.empty()) return std::string(kDefaultStateDir);
  NORROY_ASSIGN_OR_RETURN(const Settings settings, LoadSettings(flags.config));
  return settings.state_dir;
}

absl::Status RunEnroll(const EnrollFlags& flags, const std::vector<challenge::Pattern>& scope,
                       const std::string& state_dir) {
  NORROY_ASSIGN_OR_RETURN(join::JoinToken token, join::ReadJoinToken(flags.token_file));
  NORROY_ASSIGN_OR_RETURN(StateDir dir, StateDir::Create(state_dir));
  NORROY_RETURN_IF_ERROR(dir.Lock());
  SystemClock clock;
  const std::string deployment = token.deployment;
  const auto dial = [&deployment](const std::string& target, const rpc::TlsFiles& files) {
    return DialValidator(target, files, deployment);
  };
  NORROY_ASSIGN_OR_RETURN(
      const Enrollment enrollment,
      Enroll({.token = std::move(token), .scope = scope, .replace = flags.replace}, dir, clock,
             dial));
  std::printf("agent %s of deployment %s is enrolled; its state is in %s\n",
              enrollment.identity.name.c_str(), deployment.c_str(), state_dir.c_str());
  return absl::OkStatus();
}

int MainEnroll(const std::vector<std::string>& arguments) {
  const auto flags = ParseEnrollFlags(arguments);
  if (!flags.ok()) return Fail(flags.status(), daemon::kExitBadConfig);
  if (flags->help) {
    std::fputs(EnrollUsage().c_str(), stdout);
    return daemon::kExitOk;
  }
  const auto scope = MakeScope(flags->allow);
  if (!scope.ok()) return Fail(scope.status(), daemon::kExitBadConfig);
  const auto state_dir = StateDirOf(*flags);
  if (!state_dir.ok()) return Fail(state_dir.status(), daemon::kExitBadConfig);
  const absl::Status enrolled = RunEnroll(*flags, *scope, *state_dir);
  return enrolled.ok() ? daemon::kExitOk : Fail(enrolled, daemon::kExitFailed);
}

int MainDaemon(int argc, char** argv) {
  daemon::BlockSignals();
  const auto flags = daemon::ParseFlags(argc, argv);
  if (!flags.ok()) return Fail(flags.status(), daemon::kExitBadConfig);
  if (flags->help) {
    std::fputs(daemon::Usage("norroy-agent").c_str(), stdout);
    std::fputs(EnrollUsage().c_str(), stdout);
    return daemon::kExitOk;
  }
  if (flags->version) {
    std::puts(kVersion);
    return daemon::kExitOk;
  }
  const auto settings = LoadSettings(flags->config);
  if (!settings.ok()) return Fail(settings.status(), daemon::kExitBadConfig);
  if (flags->check) {
    std::printf("%s: fine\n", flags->config.c_str());
    return daemon::kExitOk;
  }
  log::Configure(settings->log_level, settings->log_format);
  const absl::Status ended = Run(*settings);
  if (ended.ok()) return daemon::kExitOk;
  log::Error("main", "cannot run", {{"error", ended.message()}});
  return daemon::kExitFailed;
}

int Main(int argc, char** argv) {
  const absl::Status hardened = daemon::Harden();
  if (!hardened.ok()) return Fail(hardened, daemon::kExitFailed);
  rpc::DisableTlsResumption();
  if (argc > 1 && std::string(argv[1]) == "enroll") {
    return MainEnroll(std::vector<std::string>(argv + 2, argv + argc));
  }
  return MainDaemon(argc, argv);
}

}  // namespace
}  // namespace norroy::agent

int main(int argc, char** argv) { return norroy::agent::Main(argc, argv); }
