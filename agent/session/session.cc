#include "agent/session/session.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "agent/session/admission.h"
#include "agent/session/jobs.h"
#include "agent/session/lanes.h"
#include "agent/session/presentations.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
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

// Zones are for people to see, too.
constexpr int kMaxHelloPresenters = 32;
constexpr int kMaxHelloZones = 32;
constexpr size_t kMaxHelloZoneBytes = 24 * 1024;

void AddPresenters(const std::vector<Presenter*>& presenters, v1::AgentHello& hello) {
  size_t bytes = 0;
  for (const Presenter* presenter : presenters) {
    const auto type = challenge::ToProto(presenter->type());
    const auto& types = hello.types();
    if (std::find(types.begin(), types.end(), type) == types.end()) hello.add_types(type);
    if (hello.presenters_size() >= kMaxHelloPresenters) continue;
    v1::Presenter& told = *hello.add_presenters();
    told.set_name(presenter->name());
    told.set_type(type);
    for (const std::string& zone : presenter->zones()) {
      bytes += zone.size() + 4;
      if (told.zones_size() < kMaxHelloZones && bytes <= kMaxHelloZoneBytes) told.add_zones(zone);
    }
  }
}

// Lives as long as a timer may still call it.
class Core final : public std::enable_shared_from_this<Core> {
 public:
  explicit Core(const SessionOptions& options)
      : o_(options), ledger_(options.presenters, options.journal, options.clock) {
    ledger_.changed = [this] { Schedule(); };
  }

  void Start() {
    std::vector<std::string> ids;
    {
      MutexLock lock(&ledger_.mutex);
      ids = ledger_.presentations.Load();
    }
    for (const std::string& id : ids) {
      lanes_.Add(id, MakeRecoveryJob(ledger_, id,
                                     [this](const v1::PutUp& message) { return Judge(message); }));
    }
    Schedule();
  }

  v1::AgentHello Hello() {
    v1::AgentHello hello;
    hello.set_version(o_.version);
    hello.set_protocol_min(kProtocol);
    hello.set_protocol_max(kProtocol);
    hello.set_boot_id(o_.boot_id);
    AddPresenters(o_.presenters, hello);
    size_t scope_bytes = 0;
    for (const auto& pattern : o_.scope) {
      scope_bytes += pattern.text().size() + 4;
      if (scope_bytes <= kMaxHelloScope) hello.add_scope(pattern.text());
    }
    SetTimestamp(o_.clock.Now(), *hello.mutable_now());
    MutexLock lock(&ledger_.mutex);
    for (v1::Presented& entry : ledger_.presentations.list()) {
      *hello.add_presented() = std::move(entry);
    }
    return hello;
  }

  void PutUp(const v1::PutUp& message, Session::PutUpDone done) {
    NORROY_FAILPOINT("agent.told");
    Admission admission = Judge(message);
    if (IsBusy(admission)) {
      for (JudgedProof& proof : admission.proofs) {
        if (!proof.body.has_value()) continue;
        Refuse(proof, kPresenterFailed, "the agent is busy: too many messages wait already");
        proof.sealed.Clear();
      }
      // Answers of one presentation come in the order of its messages, as far as there is room.
      if (lanes_.size() >= 2 * kMaxQueuedMessages) {
        Answer(std::move(admission), done);
        return;
      }
    }
    const std::string id = admission.id;
    lanes_.Add(id, MakePutUpJob(ledger_, std::move(admission),
                                [this, done = std::move(done)](Admission judged) {
                                  Answer(std::move(judged), done);
                                }));
  }

  void TakeDown(const v1::TakeDown& message, Session::TakeDownDone done) {
    NORROY_FAILPOINT("agent.told_to_take_down");
    v1::TakeDownResult result;
    const std::string& id = message.presentation_id();
    if (!IsPresentationId(id) || message.generation() < 1) {
      result.set_error("not a presentation's id and generation");
      done(result);
      return;
    }
    result.set_presentation_id(id);
    result.set_generation(message.generation());
    if (lanes_.size() >= 2 * kMaxQueuedMessages) {
      result.set_error("the agent is busy: too many messages wait already");
      done(result);
      return;
    }
    const Tombstone release = {.id = id,
                               .generation = message.generation(),
                               .until = absl::FromUnixSeconds(message.tombstone_until().seconds())};
    lanes_.Add(id, MakeTakeDownJob(ledger_, release,
                                   [result, done = std::move(done)](const absl::Status& status) {
                                     AnswerTakeDown(result, status, done);
                                   }));
  }

  v1::AgentCounters Counters() {
    v1::AgentCounters counters;
    for (v1::PresenterCounters& presenter : ledger_.board.counters()) {
      if (counters.presenters_size() >= kMaxHelloPresenters) break;
      *counters.add_presenters() = std::move(presenter);
    }
    MutexLock lock(&refused_mutex_);
    for (const auto& [reason, count] : refused_) (*counters.mutable_refused())[reason] = count;
    return counters;
  }

  int presented() {
    MutexLock lock(&ledger_.mutex);
    return static_cast<int>(ledger_.presentations.list().size());
  }

  bool Stop() {
    std::vector<std::string> ids;
    {
      MutexLock lock(&ledger_.mutex);
      if (ledger_.closed) return true;
      ledger_.stopped = true;
      ids = ledger_.presentations.ids();
    }
    for (const std::string& id : ids) lanes_.Add(id, MakeStopJob(ledger_, id));
    const bool idle = lanes_.WaitUntilIdle(o_.stop_timeout);
    if (!idle) {
      log::Warning("session", "not everything could be taken down in time; the next start will",
                   {{"unfinished", lanes_.size()}});
    }
    CloseLedger();
    return idle;
  }

  // No timer and no thread touches journal and presenters from here on.
  void Close() {
    CloseLedger();
    lanes_.Close();
    MutexLock lock(&sweep_mutex_);
  }

 private:
  Admission Judge(const v1::PutUp& message) const {
    return Admit(message, o_.seals, o_.scope, o_.presenters, o_.clock.Now());
  }

  bool IsBusy(const Admission& admission) {
    const int queued = lanes_.size();
    if (queued < kMaxQueuedMessages) return false;
    // What need not wait is done all the same, unless it waits for its turn.
    return queued >= 2 * kMaxQueuedMessages ||
           std::any_of(
               admission.proofs.begin(), admission.proofs.end(), [this](const JudgedProof& proof) {
                 return proof.body.has_value() && ledger_.board.MayWait(proof.body->proof.type);
               });
  }

  void Answer(Admission admission, const Session::PutUpDone& done) {
    v1::PutUpResult result;
    result.set_presentation_id(admission.id);
    result.set_generation(admission.generation);
    for (JudgedProof& proof : admission.proofs) {
      LogProof(admission, proof);
      if (!proof.result.served()) {
        MutexLock lock(&refused_mutex_);
        ++refused_[proof.result.reason()];
      }
      *result.add_results() = std::move(proof.result);
    }
    NORROY_FAILPOINT("agent.put_up");
    done(result);
  }

  static void AnswerTakeDown(v1::TakeDownResult result, const absl::Status& status,
                             const Session::TakeDownDone& done) {
    if (status.ok()) {
      log::Info(
          "session", "released",
          {{"presentation_id", result.presentation_id()}, {"generation", result.generation()}});
    } else {
      result.set_error(Printable(status.message()));
      log::Warning("session", "cannot release",
                   {{"presentation_id", result.presentation_id()}, {"error", status.message()}});
    }
    done(result);
  }

  void CloseLedger() {
    MutexLock lock(&ledger_.mutex);
    ledger_.stopped = true;
    ledger_.closed = true;
    o_.timers.Cancel(timer_);
  }

  // One timer at most; it is moved only if it would come too late.
  void Schedule() {
    MutexLock lock(&ledger_.mutex);
    const absl::Duration wait = ledger_.presentations.UntilSweep();
    if (ledger_.stopped || wait == absl::InfiniteDuration()) return;
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
    MutexLock sweeping(&sweep_mutex_);
    std::vector<std::string> ids;
    {
      MutexLock lock(&ledger_.mutex);
      if (ledger_.stopped) return;
      due_ = absl::InfiniteDuration();
      ids = ledger_.presentations.Sweep();
      // One that is under way will look at all that is due.
      ids.erase(std::remove_if(ids.begin(), ids.end(),
                               [this](const std::string& id) ABSL_NO_THREAD_SAFETY_ANALYSIS {
                                 return !swept_.insert(id).second;
                               }),
                ids.end());
    }
    for (const std::string& id : ids) {
      lanes_.Add(id, MakeSweepJob(ledger_, id, [this, id] {
                   MutexLock lock(&ledger_.mutex);
                   swept_.erase(id);
                 }));
    }
    Schedule();
  }

  const SessionOptions o_;
  Ledger ledger_;
  TimerId timer_ ABSL_GUARDED_BY(ledger_.mutex) = 0;
  absl::Duration due_ ABSL_GUARDED_BY(ledger_.mutex) = absl::InfiniteDuration();
  std::set<std::string> swept_ ABSL_GUARDED_BY(ledger_.mutex);
  Mutex sweep_mutex_;  // held by the timer's task
  Mutex refused_mutex_;
  std::map<std::string, int64_t> refused_ ABSL_GUARDED_BY(refused_mutex_);
  Lanes lanes_;  // ends first
};

class SessionImpl final : public Session {
 public:
  explicit SessionImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~SessionImpl() override { core_->Close(); }

  v1::AgentHello Hello() override { return core_->Hello(); }
  void PutUp(const v1::PutUp& message, PutUpDone done) override {
    core_->PutUp(message, std::move(done));
  }
  void TakeDown(const v1::TakeDown& message, TakeDownDone done) override {
    core_->TakeDown(message, std::move(done));
  }
  v1::AgentCounters Counters() override { return core_->Counters(); }
  int presented() override { return core_->presented(); }
  bool Stop() override { return core_->Stop(); }

 private:
  const std::shared_ptr<Core> core_;
};

// Calls, and waits for the answer.
template <typename Result, typename Call>
Result Await(const Call& call) {
  struct Slot {
    Mutex mutex;
    CondVar filled;
    std::optional<Result> result ABSL_GUARDED_BY(mutex);
  };
  const auto slot = std::make_shared<Slot>();
  call([slot](const Result& result) {
    MutexLock lock(&slot->mutex);
    slot->result = result;
    slot->filled.SignalAll();
  });
  MutexLock lock(&slot->mutex);
  while (!slot->result.has_value()) slot->filled.Wait(&slot->mutex);
  return *slot->result;
}

}  // namespace

v1::PutUpResult Session::PutUp(const v1::PutUp& message) {
  return Await<v1::PutUpResult>([&](PutUpDone done) { PutUp(message, std::move(done)); });
}

v1::TakeDownResult Session::TakeDown(const v1::TakeDown& message) {
  return Await<v1::TakeDownResult>([&](TakeDownDone done) { TakeDown(message, std::move(done)); });
}

absl::StatusOr<std::unique_ptr<Session>> Session::Start(const SessionOptions& options) {
  if (options.presenters.empty()) {
    return absl::InvalidArgumentError(
        "the agent has nothing to present with: configure http_listener, webroot or another one");
  }
  auto core = std::make_shared<Core>(options);
  core->Start();
  return std::make_unique<SessionImpl>(std::move(core));
}

}  // namespace norroy::agent
