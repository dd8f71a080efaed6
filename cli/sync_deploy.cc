#include "cli/sync_deploy.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/sync_hooks.h"
#include "cli/sync_served.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr absl::Duration kQuickLook = absl::Seconds(5);
constexpr absl::Duration kFirstPause = absl::Milliseconds(50);
constexpr absl::Duration kLongestPause = absl::Seconds(1);

absl::Status Look(const ServeTarget& target, const crypto::Certificate& leaf,
                  absl::Duration timeout) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate shown, ServedCertificate(target, timeout));
  if (shown.fingerprint() == leaf.fingerprint()) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_SERVED",
                   absl::StrCat(target.address.text(), " serves another certificate: serial ",
                                shown.serial(), ", until ", TimeText(ToProto(shown.not_after())),
                                "; installed is serial ", leaf.serial()));
}

// Servers take a moment to load what they were told to.
absl::Status Await(const ServeTarget& target, const crypto::Certificate& leaf, Clock& clock) {
  const absl::Duration end = clock.Monotonic() + target.timeout;
  absl::Duration pause = kFirstPause;
  for (;;) {
    const absl::Duration left = end - clock.Monotonic();
    absl::Status status = Look(target, leaf, std::max(left, absl::Milliseconds(100)));
    if (status.ok() || left <= pause) return status;
    absl::SleepFor(pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

absl::Status AwaitAll(const Deployment& deployment, Clock& clock) {
  for (const ServeTarget& target : deployment.wanted.serve) {
    NORROY_RETURN_IF_ERROR(Await(target, deployment.leaf, clock));
  }
  return absl::OkStatus();
}

absl::Status LookAtAll(const Deployment& deployment) {
  for (const ServeTarget& target : deployment.wanted.serve) {
    NORROY_RETURN_IF_ERROR(Look(target, deployment.leaf, std::min(target.timeout, kQuickLook)));
  }
  return absl::OkStatus();
}

bool IsHeldBack(const Deployment& deployment, Clock& clock, const SyncCertificateState& entry) {
  return !deployment.at_once && entry.outcome() == SYNC_OUTCOME_NOT_SERVED &&
         clock.Now() < FromProto(entry.next_attempt_time());
}

void NoteServed(const Deployment& deployment, Clock& clock, SyncCertificateState& entry) {
  if (deployment.wanted.serve.empty()) return;
  entry.set_served_fingerprint(deployment.leaf.fingerprint());
  *entry.mutable_served_time() = ToProto(clock.Now());
}

}  // namespace

absl::Status Deploy(const Deployment& deployment, Clock& clock, SyncCertificateState& entry) {
  const std::string& fingerprint = deployment.leaf.fingerprint();
  const bool hooks_due = entry.deployed_fingerprint() != fingerprint;
  absl::Status served;
  if (!hooks_due) {
    served = LookAtAll(deployment);
    if (served.ok()) {
      NoteServed(deployment, clock, entry);
      return absl::OkStatus();
    }
  }
  if (IsHeldBack(deployment, clock, entry)) {
    const absl::Status last = hooks_due ? MakeError(absl::StatusCode::kUnknown, "HOOK_FAILED",
                                                    Printable(entry.message(), 2048))
                                        : served;
    return WithContext(
        last, absl::StrCat("hooks are not run again before ", TimeText(entry.next_attempt_time())));
  }
  const absl::Status hooks = RunHooks(
      deployment.wanted,
      HookEnvironment(deployment.wanted, deployment.lineage, deployment.leaf, deployment.failed));
  if (hooks.ok()) entry.set_deployed_fingerprint(fingerprint);
  // Also after a hook that failed: another one may have done it, but nothing is waited for.
  served = hooks.ok() ? AwaitAll(deployment, clock) : LookAtAll(deployment);
  if (served.ok()) NoteServed(deployment, clock, entry);
  return hooks.ok() ? served : hooks;
}

}  // namespace norroy::cli
