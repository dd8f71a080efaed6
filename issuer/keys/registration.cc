#include "issuer/keys/registration.h"

#include <algorithm>
#include <chrono>

#include "common/error/error.h"
#include "common/log/log.h"

namespace norroy::keys {
namespace {

constexpr absl::Duration kMaxBackOff = absl::Minutes(5);

using SteadyTime = std::chrono::steady_clock::time_point;

// A day bounds it: chrono overflows on absl's infinite duration.
SteadyTime EndOf(absl::Duration time) {
  return std::chrono::steady_clock::now() +
         absl::ToChronoMicroseconds(std::min(time, absl::Hours(24)));
}

absl::Duration Until(SteadyTime end) {
  return absl::FromChrono(end - std::chrono::steady_clock::now());
}

// The operator must do something first; a restart tries again.
bool IsLasting(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsPermissionDenied(status) ||
         absl::IsFailedPrecondition(status) || absl::IsNotFound(status);
}

}  // namespace

Registration::Registration(const RegistrationOptions& options)
    : options_(options), thread_([this] { Work(); }) {}

Registration::~Registration() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  changed_.SignalAll();
  thread_.join();
}

void Registration::WaitForFirstTries(absl::Duration timeout) {
  const SteadyTime end = EndOf(timeout);
  MutexLock lock(&mutex_);
  while (!tried_) {
    const absl::Duration left = Until(end);
    if (left <= absl::ZeroDuration() || !changed_.WaitFor(&mutex_, left)) return;
  }
}

void Registration::Work() {
  std::vector<std::string> left;
  for (const std::string& ca : options_.cas) {
    if (ErrorReason(options_.accounts.ClientFor(ca).status()) == "NO_ACCOUNT") left.push_back(ca);
  }
  absl::Duration back_off = options_.first_back_off;
  left = TryEach(left);
  {
    MutexLock lock(&mutex_);
    tried_ = true;
  }
  changed_.SignalAll();
  while (!left.empty() && Sleep(back_off)) {
    left = TryEach(left);
    back_off = std::min(back_off * 2, kMaxBackOff);
  }
}

std::vector<std::string> Registration::TryEach(const std::vector<std::string>& cas) {
  std::vector<std::string> again;
  for (const std::string& ca : cas) {
    {
      MutexLock lock(&mutex_);
      if (stopping_) return {};
    }
    const auto account = options_.accounts.Register(ca, /*agree_tos=*/true);
    if (account.ok()) {
      log::Info("keys", "account registered", {{"ca", ca}, {"url", account->url}});
      continue;
    }
    const bool lasting = IsLasting(account.status());
    log::Warning("keys", "account not registered",
                 {{"ca", ca},
                  {"error", account.status().message()},
                  {"reason", ErrorReason(account.status())},
                  {"tried_again", lasting ? "at the next start" : "soon"}});
    if (!lasting) again.push_back(ca);
  }
  return again;
}

bool Registration::Sleep(absl::Duration time) {
  MutexLock lock(&mutex_);
  const SteadyTime end = EndOf(time);
  while (!stopping_) {
    const absl::Duration left = Until(end);
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(&mutex_, left);
  }
  return false;
}

}  // namespace norroy::keys
