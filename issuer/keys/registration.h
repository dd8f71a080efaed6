#ifndef NORROY_ISSUER_KEYS_REGISTRATION_H_
#define NORROY_ISSUER_KEYS_REGISTRATION_H_

// Registers, once in a deployment's life, the accounts for which the configuration says agree_tos:
// in the background, because a CA that is down must not keep the issuer from starting. An account
// that is stored is never registered again by itself, whatever its CA says of it.

#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/sync/mutex.h"
#include "issuer/keys/accounts.h"

namespace norroy::keys {

struct RegistrationOptions {
  Accounts& accounts;
  // Where agree_tos stands.
  std::vector<std::string> cas;
  // Before the second try; doubled until 5 minutes.
  absl::Duration first_back_off = absl::Seconds(1);
};

// Thread-safe.
class Registration {
 public:
  // Those of options.cas that have an account already are left alone.
  explicit Registration(const RegistrationOptions& options);
  // Waits for the request that is on its way.
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

  // Until each account was tried once, or the time passed.
  void WaitForFirstTries(absl::Duration timeout);

 private:
  void Work();
  // One round over the accounts; returns those to be tried again.
  std::vector<std::string> TryEach(const std::vector<std::string>& cas);
  bool Sleep(absl::Duration time);

  const RegistrationOptions options_;
  Mutex mutex_;
  CondVar changed_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool tried_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_REGISTRATION_H_
