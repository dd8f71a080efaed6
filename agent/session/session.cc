#include "agent/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/session/admission.h"
#include "agent/session/presentations.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/sync/mutex.h"

namespace norroy::agent {
namespace {

constexpr int kProtocol = 1;
// Of a hello's list of patterns, which is for people to see: a message is at most 256 KiB.
constexpr size_t kMaxHelloScope = 48 * 1024;

void SetTimestamp(absl::Time time, google::protobuf::Timestamp& timestamp) {
  timestamp.set_seconds(absl::ToUnixSeconds(time));
  timestamp.set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(timestamp.seconds()))));
}

// As in seals: [a-z0-9-]{1,64}. A release is not sealed, so its form is looked at here.
bool IsPresentationId(const std::string& id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return absl::ascii_islower(c) || absl::ascii_isdigit(c) || c == '-';
  });
}

// Lives as long as a timer may still call it.
class Core final : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(const SessionOptions& options)
      : o_(options), presentations_(options.presenters, options.journal, options.clock) {}

  void Start() {
    MutexLock lock(&mutex_);
    presentations_.Recover([this](const v1::PutUp& message) { return Judge(message); });
    Schedule();
  }

  v1::AgentHello Hello() {
    v1::AgentHello hello;
    hello.set_version(o_.version);
    hello.set_protocol_min(kProtocol);
    hello.set_protocol_max(kProtocol);
    hello.set_boot_id(o_.boot_id);
    for (const Presenter* presenter : o_.presenters) {
      const auto type = challenge::ToProto(presenter->type());
      const auto& types = hello.types();
      if (std::find(types.begin(), types.end(), type) == types.end()) hello.add_types(type);
    }
    size_t scope_bytes = 0;
    for (const auto& pattern : o_.scope) {
      scope_bytes += pattern.text().size() + 4;
      if (scope_bytes <= kMaxHelloScope) hello.add_scope(pattern.text());
    }
    SetTimestamp(o_.clock.Now(), *hello.mutable_now());
    MutexLock lock(&mutex_);
    for (v1::Presented& entry : presentations_.list()) {
      *hello.add_presented() = std::move(entry);
    }
    return hello;
  }

  v1::PutUpResult PutUp(const v1::PutUp& message) {
    Admission admission = Judge(message);
    {
      MutexLock lock(&mutex_);
      if (stopped_) {
        for (JudgedProof& proof : admission.proofs) {
          if (proof.body.has_value()) Refuse(proof, kPresenterFailed, "the agent is stopping");
        }
      }
      presentations_.Put(admission);
      Schedule();
    }
    v1::PutUpResult result;
    result.set_presentation_id(admission.id);
    result.set_generation(admission.generation);
    for (JudgedProof& proof : admission.proofs) {
      LogProof(admission, proof);
      *result.add_results() = std::move(proof.result);
    }
    return result;
  }

  v1::TakeDownResult TakeDown(const v1::TakeDown& message) {
    v1::TakeDownResult result;
    const std::string& id = message.presentation_id();
    if (!IsPresentationId(id) || message.generation() < 1) {
      result.set_error("not a presentation's id and generation");
      return result;
    }
    result.set_presentation_id(id);
    result.set_generation(message.generation());
    const absl::Time until = absl::FromUnixSeconds(message.tombstone_until().seconds());
    MutexLock lock(&mutex_);
    // Stopped, everything is down; the validator will say it again to the next process.
    if (stopped_) {
      result.set_error("the agent is stopping");
      return result;
    }
    const absl::Status released = presentations_.Release(id, message.generation(), until);
    if (!released.ok()) result.set_error(Printable(released.message()));
    if (released.ok()) {
      log::Info("session", "released",
                {{"presentation_id", id}, {"generation", message.generation()}});
    } else {
      log::Warning("session", "cannot release",
                   {{"presentation_id", id}, {"error", released.message()}});
    }
    Schedule();
    return result;
  }

  int presented() {
    MutexLock lock(&mutex_);
    return static_cast<int>(presentations_.list().size());
  }

  void Stop() {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    presentations_.TakeAllDown();
    CloseLocked();
  }

  // No timer touches journal and presenters from here on.
  void Close() {
    MutexLock lock(&mutex_);
    CloseLocked();
  }

 private:
  Admission Judge(const v1::PutUp& message) const {
    return Admit(message, o_.seals, o_.scope, o_.presenters, o_.clock.Now());
  }

  static void LogProof(const Admission& admission, const JudgedProof& proof) {
    if (proof.result.served()) {
      log::Info("session", "serving",
                {{"presentation_id", admission.id},
                 {"generation", admission.generation},
                 {"name", proof.name},
                 {"place", proof.result.place()}});
      return;
    }
    log::Warning("session", "not serving",
                 {{"presentation_id", admission.id},
                  {"generation", admission.generation},
                  {"name", proof.name},
                  {"reason", proof.result.reason()},
                  {"detail", proof.result.detail()}});
  }

  void CloseLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    stopped_ = true;
    o_.timers.Cancel(timer_);
  }

  // One timer at most; it is moved only if it would come too late.
  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Duration wait = presentations_.UntilSweep();
    if (stopped_ || wait == absl::InfiniteDuration()) return;
    const absl::Duration due = o_.clock.Monotonic() + wait;
    if (due >= due_) return;
    o_.timers.Cancel(timer_);
    due_ = due;
    timer_ = o_.timers.After(wait, [weak = weak_from_this()] {
      const std::shared_ptr<Core> core = weak.lock();
      if (core != nullptr) core->OnTimer();
    });
  }

  void OnTimer() {
    MutexLock lock(&mutex_);
    if (stopped_) return;
    due_ = absl::InfiniteDuration();
    presentations_.Sweep();
    Schedule();
  }

  const SessionOptions o_;
  Mutex mutex_;
  Presentations presentations_ ABSL_GUARDED_BY(mutex_);
  TimerId timer_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration due_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

class SessionImpl final : public Session {
 public:
  explicit SessionImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~SessionImpl() override { core_->Close(); }

  v1::AgentHello Hello() override { return core_->Hello(); }
  v1::PutUpResult PutUp(const v1::PutUp& message) override { return core_->PutUp(message); }
  v1::TakeDownResult TakeDown(const v1::TakeDown& message) override {
    return core_->TakeDown(message);
  }
  int presented() override { return core_->presented(); }
  void Stop() override { core_->Stop(); }

 private:
  const std::shared_ptr<Core> core_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Start(const SessionOptions& options) {
  if (options.presenters.empty()) {
    return absl::InvalidArgumentError(
        "the agent has nothing to present with: configure http_listener or webroot");
  }
  auto core = std::make_shared<Core>(options);
  core->Start();
  return std::make_unique<SessionImpl>(std::move(core));
}

}  // namespace norroy::agent
