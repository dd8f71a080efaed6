#ifndef NORROY_AGENT_SESSION_RENEWAL_H_
#define NORROY_AGENT_SESSION_RENEWAL_H_

// Renews the agent's identity at half its life, over the connection that the identity opens: a new
// key, a new certificate, one file replaced by rename. Until that moment the old one is valid, and
// the new one is valid from then on: there is never none.

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/session/call_slot.h"
#include "agent/session/dial.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/crypto/random.h"
#include "common/identity/identity.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

// When half of its life is over.
absl::Time RenewalTime(const crypto::Certificate& certificate);
// After a failure: a tenth of what is left, between one minute and one hour, half of it jitter.
absl::Duration RenewalRetry(absl::Duration left, crypto::Random& random);

struct RenewalOptions {
  std::string identity_file;
  identity::Identity identity;
  std::vector<Dialer> validators;  // asked in turn
  Clock& clock;
  crypto::Random& random;
  // The file has a new identity: connections should be made anew. Called on the renewal's thread.
  std::function<void()> on_renewed;
};

// Renews now, whatever the time.
absl::Status RenewOnce(const RenewalOptions& options, CallSlot& slot);

// Thread-safe. One thread, which waits.
class Renewal {
 public:
  explicit Renewal(const RenewalOptions& options);
  // Stops.
  ~Renewal();
  Renewal(const Renewal&) = delete;
  Renewal& operator=(const Renewal&) = delete;

  // Looks at the file at once: somebody may have replaced it.
  void Wake();
  // Renews at once, due or not: the deployment's authorities may have changed.
  void RenewNow();

 private:
  void Run();
  // Looks, and renews if it is time or asked for; returns how long to wait.
  absl::Duration Step(bool asked);

  const RenewalOptions o_;
  CallSlot slot_;
  Mutex mutex_;
  CondVar changed_;
  bool wake_ ABSL_GUARDED_BY(mutex_) = false;
  bool asked_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_RENEWAL_H_
