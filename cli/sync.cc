#include "cli/sync.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/exit_code.h"
#include "cli/sync_lock.h"
#include "cli/sync_round.h"
#include "cli/sync_settings.h"
#include "cli/sync_state.h"
#include "cli/text.h"
#include "common/crypto/random.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// --watch: how often it looks though nothing is due (revocations, what is served), and at most.
constexpr absl::Duration kLongestPause = absl::Minutes(15);
constexpr absl::Duration kShortestPause = absl::Seconds(1);
constexpr absl::Duration kWaitingPause = absl::Seconds(10);
constexpr absl::Duration kUnreachablePause = absl::Seconds(30);
// An identity's end is said so long before.
constexpr absl::Duration kIdentityWarning = absl::Hours(24 * 14);

absl::Status MakeStateFolder(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(folder).parent_path(), error);
  // The keys in it have modes of their own; who may read one has to get there.
  if (mkdir(folder.c_str(), 0755) == 0) chmod(folder.c_str(), 0755);
  if (std::filesystem::is_directory(folder, error)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("cannot make the folder ", folder));
}

absl::StatusOr<std::set<std::string>> ForcedNames(const SyncOptions& options,
                                                  const SyncSettings& settings) {
  std::set<std::string> names;
  for (const std::string& typed : options.force) {
    bool found = false;
    for (const WantedCertificate& wanted : settings.certificates) {
      const auto& domains = wanted.domain_texts;
      if (wanted.name != typed &&
          std::find(domains.begin(), domains.end(), typed) == domains.end()) {
        continue;
      }
      names.insert(wanted.name);
      found = true;
    }
    if (!found) {
      return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                       absl::StrCat("--force ", Printable(typed), ": ", options.config,
                                    " has no certificate of this name"));
    }
  }
  return names;
}

absl::Time ModifiedAt(const std::string& path) {
  struct stat info = {};
  return stat(path.c_str(), &info) == 0 ? absl::TimeFromTimespec(info.st_mtim)
                                        : absl::InfinitePast();
}

void WarnOfIdentity(Context& context, const SyncSettings& settings) {
  if (settings.identity_file.empty()) return;
  const auto file = identity::ReadIdentityFile(settings.identity_file);
  if (!file.ok()) return;
  const absl::Time end = file->chain.front().not_after();
  if (end - context.clock().Now() > kIdentityWarning) return;
  context.output().Say(absl::StrCat(settings.identity_file, " ends at ", TimeText(ToProto(end)),
                                    "; renew it in time (norroy identity renew)"));
}

std::vector<std::string> Row(const SyncCertificateState& entry) {
  const std::string served = entry.served_fingerprint().empty() ? "-"
                             : entry.served_fingerprint() == entry.fingerprint()
                                 ? TimeText(entry.served_time())
                                 : "no";
  return {entry.name(),
          EnumText(entry.outcome()),
          TimeText(entry.not_after()),
          TimeText(entry.renewal_time()),
          served,
          entry.message()};
}

void Show(Context& context, const SyncState& state) {
  List list(context.output(),
            {"CERTIFICATE", "OUTCOME", "NOT AFTER", "RENEWAL", "SERVED", "MESSAGE"});
  for (const SyncCertificateState& entry : state.certificates()) list.Add(entry, Row(entry));
  list.Finish();
}

void SayWhatHappened(Context& context, const SyncState& state) {
  for (const SyncCertificateState& entry : state.certificates()) {
    if (entry.outcome() != SYNC_OUTCOME_INSTALLED) continue;
    context.output().Say(absl::StrCat(entry.name(), ": installed, until ",
                                      TimeText(entry.not_after()), ": ", entry.message()));
  }
}

// Until a run may do something for it.
absl::Duration PauseFor(const SyncCertificateState& entry, absl::Time now) {
  const absl::Duration renewal = FromProto(entry.renewal_time()) - now;
  const absl::Duration retry = entry.has_next_attempt_time()
                                   ? FromProto(entry.next_attempt_time()) - now
                                   : kUnreachablePause;
  switch (entry.outcome()) {
    case SYNC_OUTCOME_WAITING:
      return kWaitingPause;
    case SYNC_OUTCOME_FAILED:
      return retry;
    case SYNC_OUTCOME_NOT_SERVED:
      return std::min(retry, renewal);
    default:
      return renewal;
  }
}

// One run under the lock. `pause`: until the next one is worth it.
absl::Status RunOnce(Context& context, const SyncOptions& options, absl::Duration& pause) {
  RoundOptions round;
  NORROY_ASSIGN_OR_RETURN(round.timeout, ParseSpan("--timeout", options.timeout));
  NORROY_ASSIGN_OR_RETURN(const SyncSettings settings, LoadSyncSettings(options.config));
  NORROY_ASSIGN_OR_RETURN(round.force, ForcedNames(options, settings));
  round.dry_run = options.dry_run;
  round.config_time = ModifiedAt(options.config);
  NORROY_RETURN_IF_ERROR(MakeStateFolder(settings.state_dir));
  NORROY_ASSIGN_OR_RETURN(const SyncLock lock, SyncLock::Take(settings.state_dir + "/.lock"));
  WarnOfIdentity(context, settings);
  SyncStateFile state(settings.state_dir);
  const absl::Status status = RunRound(context, settings, round, state);
  const absl::Time now = context.clock().Now();
  for (const SyncCertificateState& entry : state.all().certificates()) {
    pause = std::min(pause, PauseFor(entry, now));
  }
  if (!options.watch) Show(context, state.all());
  if (options.watch) SayWhatHappened(context, state.all());
  return status;
}

// Ends when it is killed: whatever it was at, the next start takes it up.
absl::Status Watch(Context& context, SyncOptions options) {
  // A mistake is said at once; one that is made later is said by each run, until it is mended.
  NORROY_RETURN_IF_ERROR(LoadSyncSettings(options.config).status());
  crypto::SystemRandom random;
  for (;;) {
    // Hosts that started together do not go on together.
    absl::Duration pause = kLongestPause * (0.8 + 0.2 * random.Fraction());
    const absl::Status status = RunOnce(context, options, pause);
    context.output().EndProgress();
    if (!status.ok()) context.output().Say(Explain(status));
    options.force.clear();
    absl::SleepFor(std::max(pause, kShortestPause));
  }
}

}  // namespace

absl::Status Sync(Context& context, const SyncOptions& options) {
  // Nothing that is written here is for others until its own mode says so.
  umask(077);
  if (options.watch && options.dry_run) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     "--watch and --dry-run do not go together");
  }
  absl::Duration pause = kLongestPause;
  return options.watch ? Watch(context, options) : RunOnce(context, options, pause);
}

absl::Status SyncStatus(Context& context, const SyncOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const SyncSettings settings, LoadSyncSettings(options.config));
  SyncStateFile state(settings.state_dir);
  SyncState shown;
  std::vector<std::string> wrong;
  for (const WantedCertificate& wanted : settings.certificates) {
    const SyncCertificateState& entry = state.Of(wanted.name);
    *shown.add_certificates() = entry;
    const bool fine =
        entry.outcome() == SYNC_OUTCOME_CURRENT || entry.outcome() == SYNC_OUTCOME_INSTALLED;
    if (!fine || FromProto(entry.not_after()) <= context.clock().Now()) {
      wrong.push_back(wanted.name);
    }
  }
  Show(context, shown);
  if (wrong.empty()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kUnknown, "SYNC_FAILED",
                   absl::StrCat("not as they should be: ", ListText(wrong)));
}

}  // namespace norroy::cli
