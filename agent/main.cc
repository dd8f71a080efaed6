// norroy-agent: puts sealed challenge responses up on this host and takes them down again. Dials
// its validators; opens no port for control.

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "agent/enroll_flags.h"
#include "agent/inherited_sockets.h"
#include "agent/journal/journal.h"
#include "agent/presenter/delegated_zone/delegated_zone.h"
#include "agent/presenter/dns/dns_presenter.h"
#include "agent/presenter/exec_hook/exec_hook.h"
#include "agent/presenter/http/http_listener.h"
#include "agent/presenter/http/webroot.h"
#include "agent/presenter/powerdns/powerdns.h"
#include "agent/presenter/rfc2136/rfc2136.h"
#include "agent/presenter/tls_alpn/tls_alpn.h"
#include "agent/scope/scope.h"
#include "agent/session/core_roots.h"
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
#include "common/dns/client.h"
#include "common/dns/resolver.h"
#include "common/join/join_token.h"
#include "common/log/log.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr char kVersion[] = "norroy-agent 0.1.0";

// The presenters and what they use.
struct Presenters {
  std::unique_ptr<dns::Client> dns_client;
  std::unique_ptr<dns::Resolver> resolver;
  std::vector<std::unique_ptr<Presenter>> all;

  // Takes the writer, unless it is an error.
  absl::Status AddWriter(absl::StatusOr<std::unique_ptr<TxtWriter>> writer) {
    if (!writer.ok()) return writer.status();
    all.push_back(std::make_unique<DnsPresenter>(*resolver, *std::move(writer)));
    return absl::OkStatus();
  }
};

absl::Status OpenDnsPresenters(const Settings& settings, const InheritedSockets& sockets,
                               Presenters& presenters) {
  presenters.dns_client = dns::MakeClient();
  presenters.resolver = std::make_unique<dns::Resolver>(*presenters.dns_client, settings.resolvers);
  if (settings.delegated_zone.has_value()) {
    DelegatedZoneOptions options = *settings.delegated_zone;
    NORROY_ASSIGN_OR_RETURN(options.listen, sockets.Resolve(options.listen));
    NORROY_ASSIGN_OR_RETURN(auto zone, DelegatedZone::Start(options));
    log::Info("main", "listening", {{"places", absl::StrJoin(zone->places(), " ")}});
    NORROY_RETURN_IF_ERROR(presenters.AddWriter(std::move(zone)));
  }
  for (const Rfc2136Options& options : settings.rfc2136) {
    NORROY_RETURN_IF_ERROR(presenters.AddWriter(MakeRfc2136(options, *presenters.dns_client)));
  }
  for (const PowerdnsOptions& options : settings.powerdns) {
    NORROY_RETURN_IF_ERROR(presenters.AddWriter(MakePowerdns(options)));
  }
  for (const ExecHookOptions& options : settings.exec_hooks) {
    NORROY_RETURN_IF_ERROR(presenters.AddWriter(MakeExecHook(options)));
  }
  return absl::OkStatus();
}

// In order of preference within a type: listeners need no other server and leave nothing behind.
absl::StatusOr<Presenters> OpenPresenters(const Settings& settings) {
  const InheritedSockets sockets = InheritedSockets::OfThisProcess();
  Presenters opened;
  std::vector<std::unique_ptr<Presenter>>& presenters = opened.all;
  if (settings.http_listener.has_value()) {
    HttpListenerOptions options = *settings.http_listener;
    NORROY_ASSIGN_OR_RETURN(options.listen, sockets.Resolve(options.listen));
    NORROY_ASSIGN_OR_RETURN(auto listener, HttpListener::Start(options));
    log::Info("main", "listening", {{"places", absl::StrJoin(listener->places(), " ")}});
    presenters.push_back(std::move(listener));
  }
  if (!settings.webroot.empty()) {
    NORROY_ASSIGN_OR_RETURN(auto webroot, Webroot::Open(settings.webroot));
    presenters.push_back(std::move(webroot));
  }
  if (settings.tls_alpn.has_value()) {
    TlsAlpnOptions options = *settings.tls_alpn;
    NORROY_ASSIGN_OR_RETURN(options.listen, sockets.Resolve(options.listen));
    NORROY_ASSIGN_OR_RETURN(auto listener, TlsAlpn::Start(options));
    log::Info("main", "listening", {{"places", absl::StrJoin(listener->places(), " ")}});
    presenters.push_back(std::move(listener));
  }
  if (settings.answers_dns()) {
    NORROY_RETURN_IF_ERROR(OpenDnsPresenters(settings, sockets, opened));
  }
  return opened;
}

std::vector<Dialer> DialersOf(const Settings& settings, const Enrollment& enrollment,
                              const StateDir& dir, Clock& clock) {
  const rpc::TlsFiles files = {.identity_file = dir.identity_file(),
                               .root_file = dir.core_root_file()};
  const auto& targets = settings.validators.empty() ? enrollment.validators : settings.validators;
  std::vector<Dialer> dialers;
  for (const std::string& target : targets) {
    dialers.push_back(WhileIdentityLasts(
        DialValidator(target, files, enrollment.identity.deployment), files.identity_file, clock));
  }
  return dialers;
}

absl::Status Run(const Settings& settings) {
  NORROY_ASSIGN_OR_RETURN(StateDir dir, StateDir::Open(settings.state_dir));
  NORROY_RETURN_IF_ERROR(dir.Lock());
  NORROY_ASSIGN_OR_RETURN(const Enrollment enrollment, dir.Load());
  NORROY_ASSIGN_OR_RETURN(const Presenters presenters, OpenPresenters(settings));
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<Journal> journal,
                          Journal::Open(dir.journal_file()));
  SystemClock clock;
  ThreadTimers timers;
  crypto::SystemRandom random;
  challenge::SealVerifier seals(enrollment.identity.deployment, enrollment.core_roots);
  CoreRoots core_roots(dir, enrollment, seals, clock);
  std::vector<Presenter*> in_order;
  for (const auto& presenter : presenters.all) in_order.push_back(presenter.get());
  NORROY_ASSIGN_OR_RETURN(const std::unique_ptr<Session> session,
                          Session::Start({.seals = seals,
                                          .scope = enrollment.scope,
                                          .presenters = in_order,
                                          .journal = *journal,
                                          .clock = clock,
                                          .timers = timers,
                                          .version = kVersion,
                                          .boot_id = random.Id()}));
  const std::vector<Dialer> dialers = DialersOf(settings, enrollment, dir, clock);
  std::vector<std::unique_ptr<Link>> links;
  for (const Dialer& dialer : dialers) {
    links.push_back(std::make_unique<Link>(LinkOptions{
        .dialer = dialer,
        .session = *session,
        .clock = clock,
        .timers = timers,
        .random = random,
        .on_hello = [&core_roots](const std::string& target, const v1::ValidatorHello& hello) {
          core_roots.Heard(target, hello);
        }}));
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
    // Whoever asks for a reload gets a new identity, too: the authorities may be others now.
    renewal.RenewNow();
    redial();
  });
  log::Info("main", "stopping");
  for (const auto& link : links) link->Stop();
  if (session->Stop()) return absl::OkStatus();
  // Some server has not answered yet. What it was told is in the journal; the next start sees to
  // it.
  log::Warning("main", "ends while a presenter still waits");
  std::_Exit(daemon::kExitOk);
}

// What can be said without opening sockets.
absl::Status Check(const std::string& config, const Settings& settings) {
  if (!settings.webroot.empty()) NORROY_RETURN_IF_ERROR(Webroot::Open(settings.webroot).status());
  std::printf("%s: fine\n", config.c_str());
  for (const std::string& line : DescribePresenters(settings)) std::printf("%s\n", line.c_str());
  struct stat ignored;
  if (stat(settings.state_dir.c_str(), &ignored) != 0 && errno == ENOENT) {
    std::printf("%s: not there yet; enroll this agent before it is started\n",
                settings.state_dir.c_str());
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(const StateDir dir, StateDir::Open(settings.state_dir));
  if (!dir.enrolled()) {
    std::printf("%s: not enrolled yet\n", settings.state_dir.c_str());
    return absl::OkStatus();
  }
  NORROY_ASSIGN_OR_RETURN(const Enrollment enrollment, dir.Load());
  std::printf(
      "agent %s of deployment %s; validators %s; scope %s\n", enrollment.identity.name.c_str(),
      enrollment.identity.deployment.c_str(),
      absl::StrJoin(settings.validators.empty() ? enrollment.validators : settings.validators, ", ")
          .c_str(),
      absl::StrJoin(
          enrollment.scope, ", ",
          [](std::string* out, const challenge::Pattern& pattern) { out->append(pattern.text()); })
          .c_str());
  return absl::OkStatus();
}

int Fail(const absl::Status& status, int code) {
  std::fprintf(stderr, "norroy-agent: %s\n", std::string(status.message()).c_str());
  return code;
}

absl::StatusOr<std::string> StateDirOf(const EnrollFlags& flags) {
  if (!flags.state_dir.empty()) return flags.state_dir;
  if (flags.config.empty()) return std::string(kDefaultStateDir);
  return LoadStateDir(flags.config);
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
    const absl::Status checked = Check(flags->config, *settings);
    return checked.ok() ? daemon::kExitOk : Fail(checked, daemon::kExitBadConfig);
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
