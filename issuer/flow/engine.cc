#include "issuer/flow/engine.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/parked.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// How long the engine trusts its own idea of when the store's next order is due.
constexpr absl::Duration kMaxIdle = absl::Seconds(30);
// The same where other engines work on the store; and how often what is kept in memory is compared
// with it.
constexpr absl::Duration kMaxIdleAmongOthers = absl::Seconds(1);
constexpr absl::Duration kCompareEvery = absl::Seconds(1);
// A store that failed is tried again after this.
constexpr absl::Duration kStorePause = absl::Seconds(1);
// What is left of its step's time for an order that is taken anew, whatever the wall clock says.
constexpr absl::Duration kLeftAtLeast = absl::Minutes(1);
// No order needs this many steps without a wait; one that does is looping.
constexpr int kMaxStepsAtOnce = 1000;

bool IsLeaseLost(const absl::Status& status) { return ErrorReason(status) == "LEASE_LOST"; }

class EngineImpl final : public Engine {
 public:
  explicit EngineImpl(const EngineOptions& options)
      : tools_{options.store,  options.accounts, options.solver,         options.sealer,
               options.clock,  options.random,   options.authorizations, options.limits,
               options.grades, options.tenure,   options.budget,         options.proof_lease},
        max_idle_(options.tenure == nullptr ? kMaxIdle : kMaxIdleAmongOthers),
        events_(options.events),
        left_authorizations_(options.left_authorizations),
        before_step_(options.before_step),
        owner_(options.owner),
        worker_count_(options.workers) {
    tools_.solver.OnChange([this](const std::string& id) { Nudge(id); });
  }

  ~EngineImpl() override { Stop(); }

  void Start() override {
    // One process owns this name at a time: whatever it held in a former life is free.
    const absl::StatusOr<int64_t> broken = tools_.store.BreakLeases(owner_);
    if (!broken.ok()) {
      LogStoreError(broken.status());
    } else if (*broken > 0) {
      log::Info("order", "resuming orders of a former run", {{"orders", *broken}});
    }
    ReleaseAgain(tools_);
    for (int i = 0; i < worker_count_; ++i) workers_.emplace_back([this] { WorkLoop(); });
  }

  void Wake(const std::string& order_id) override {
    {
      MutexLock lock(&mutex_);
      woken_.insert(order_id);
    }
    changed_.Signal();
  }

  void Stop() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
    }
    changed_.SignalAll();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
    GiveBackWaiting();
  }

  int RunDue() override {
    int steps = 0;
    {
      MutexLock lock(&mutex_);
      next_look_ = absl::ZeroDuration();
    }
    while (std::optional<Work> work = TakeNext()) steps += Run(*std::move(work));
    return steps;
  }

  absl::Duration UntilDue() override {
    MutexLock lock(&mutex_);
    return HasTask() ? absl::ZeroDuration() : UntilTask();
  }

 private:
  struct Waiting {
    Work work;
    absl::Duration due;  // monotonic
  };

  // What a worker may do now.
  struct Task {
    std::optional<Work> waiting;        // an order from memory
    std::optional<std::string> reload;  // an order that somebody changed in the store
    bool look = false;                  // ask the store what is due
    bool compare = false;               // ask the store what is still ours
  };

  void WorkLoop() {
    while (true) {
      {
        MutexLock lock(&mutex_);
        while (!stopping_ && !HasTask()) WaitForTask();
        if (stopping_) return;
      }
      if (std::optional<Work> work = TakeNext()) Run(*std::move(work));
    }
  }

  bool HasTask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return WakeableId().has_value() || DueInMemory() != waiting_.end() || MustCompare() ||
           tools_.clock.Monotonic() >= next_look_;
  }

  bool MustCompare() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return tools_.tenure != nullptr && !waiting_.empty() &&
           tools_.clock.Monotonic() >= next_compare_;
  }

  void WaitForTask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Duration wait = UntilTask();
    if (wait > absl::ZeroDuration()) changed_.WaitFor(&mutex_, wait);
  }

  absl::Duration UntilTask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    absl::Duration wait = std::min(next_look_ - tools_.clock.Monotonic(), max_idle_);
    if (tools_.tenure != nullptr && !waiting_.empty()) {
      wait = std::min(wait, next_compare_ - tools_.clock.Monotonic());
    }
    for (const auto& [id, waiting] : waiting_) {
      wait = std::min(wait, waiting.due - tools_.clock.Monotonic());
    }
    return wait;
  }

  std::optional<std::string> WakeableId() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (const std::string& id : woken_) {
      if (!running_.contains(id)) return id;
    }
    return std::nullopt;
  }

  std::map<std::string, Waiting>::iterator DueInMemory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    const absl::Duration now = tools_.clock.Monotonic();
    auto first = waiting_.end();
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
      if (it->second.due <= now &&
          (first == waiting_.end() || it->second.due < first->second.due)) {
        first = it;
      }
    }
    return first;
  }

  Task NextTask() {
    MutexLock lock(&mutex_);
    Task task;
    if (stopping_) return task;
    if (const std::optional<std::string> id = WakeableId()) {
      task.reload = *id;
      woken_.erase(*id);
      parked_.Forget(*id);
      running_.insert(*id);
      if (auto it = waiting_.find(*id); it != waiting_.end()) {
        task.waiting = std::move(it->second.work);
        waiting_.erase(it);
      }
      return task;
    }
    // Before any of it is worked on.
    if (MustCompare()) {
      task.compare = true;
      next_compare_ = tools_.clock.Monotonic() + kCompareEvery;
      return task;
    }
    if (const auto due = DueInMemory(); due != waiting_.end()) {
      task.waiting = std::move(due->second.work);
      running_.insert(due->first);
      waiting_.erase(due);
      return task;
    }
    if (tools_.clock.Monotonic() >= next_look_) {
      task.look = true;
      // One worker looks at a time; it sets the next look when it has seen.
      next_look_ = tools_.clock.Monotonic() + kStorePause;
      woken_.merge(parked_.TakeIfSetBack(tools_.clock));
    }
    return task;
  }

  // An order to work on, its id in running_; unset: nothing to do now.
  std::optional<Work> TakeNext() {
    while (true) {
      Task task = NextTask();
      if (task.reload.has_value()) {
        if (std::optional<Work> work = Reload(*task.reload, std::move(task.waiting))) return work;
        continue;
      }
      if (task.waiting.has_value()) return std::move(task.waiting);
      if (task.compare) {
        DropWhatIsLost();
        continue;
      }
      if (!task.look) return std::nullopt;
      if (std::optional<Work> work = TakeDue()) return work;
    }
  }

  // Somebody changed the order in the store, or may have: what is in memory counts only if its
  // lease still does.
  std::optional<Work> Reload(const std::string& id, std::optional<Work> waiting) {
    const int64_t tenure = Tenure();
    const absl::Duration taken = tools_.clock.Monotonic();
    if (waiting.has_value()) {
      const absl::Status kept =
          tools_.store.ExtendLease(waiting->lease, tools_.clock.Now(), kLease);
      if (kept.ok()) {
        waiting->lease_end = taken + kLease;
        waiting->tenure = tenure;
        return waiting;
      }
    }
    absl::StatusOr<std::optional<store::Leased>> leased =
        tools_.store.TakeOrder(id, owner_, tools_.clock.Now(), kLease);
    if (leased.ok() && leased->has_value()) return ToWork(**std::move(leased), taken, tenure);
    if (!leased.ok()) LogStoreError(leased.status());
    Done(id);
    return std::nullopt;
  }

  // Drops from memory what others have taken. A step that runs finds out when it saves.
  void DropWhatIsLost() {
    std::map<std::string, int64_t> kept;
    {
      MutexLock lock(&mutex_);
      for (const auto& [id, waiting] : waiting_) kept.emplace(id, waiting.work.lease.token);
    }
    const auto ours = tools_.store.LeasesOf(owner_, tools_.clock.Now());
    if (!ours.ok()) {
      LogStoreError(ours.status());
      return;
    }
    MutexLock lock(&mutex_);
    for (const auto& [id, token] : kept) {
      const auto held = ours->find(id);
      if (held != ours->end() && held->second == token) continue;
      // It may have been taken anew since the store was asked.
      const auto waiting = waiting_.find(id);
      if (waiting != waiting_.end() && waiting->second.work.lease.token == token) {
        waiting_.erase(waiting);
      }
    }
  }

  std::optional<Work> TakeDue() {
    const int64_t tenure = Tenure();
    const absl::Duration taken = tools_.clock.Monotonic();
    absl::StatusOr<std::optional<store::Leased>> leased =
        tools_.store.TakeDue(owner_, tools_.clock.Now(), kLease);
    if (!leased.ok()) {
      LogStoreError(leased.status());
      return std::nullopt;
    }
    MutexLock lock(&mutex_);
    if (leased->has_value()) {
      next_look_ = absl::ZeroDuration();  // there may be more
      parked_.Forget((*leased)->order.id);
      // What is in memory of it is of a lease that has ended.
      waiting_.erase((*leased)->order.id);
      running_.insert((*leased)->order.id);
      changed_.Signal();
      return ToWork(**std::move(leased), taken, tenure);
    }
    const absl::StatusOr<absl::Time> next = tools_.store.NextDue(tools_.clock.Now());
    if (next.ok()) next_look_ = tools_.clock.Monotonic() + std::min(Until(*next), max_idle_);
    return std::nullopt;
  }

  int64_t Tenure() const { return tools_.tenure == nullptr ? 0 : tools_.tenure->number(); }

  static Work ToWork(store::Leased leased, absl::Duration taken, int64_t tenure) {
    Work work{.order = std::move(leased.order), .lease = std::move(leased.lease)};
    work.lease_end = taken + kLease;
    work.tenure = tenure;
    return work;
  }

  // Runs steps until the order waits. Returns how many.
  int Run(Work work) {
    const std::string id = work.order.id;
    int steps = 0;
    while (true) {
      Next next;
      if (work.unsaved) {
        next = Next::RunOn();
      } else {
        next = RunStep(work);
        ++steps;
      }
      if (steps > kMaxStepsAtOnce) next = Next::Wait(kStorePause, true);
      if (next.kind == Next::Kind::kEnded) {
        NORROY_FAILPOINT("issuer.order_ended");
        events_.Publish(work.order);
        OnEnd(work.order);
        break;
      }
      const absl::Status saved = Save(work, next);
      if (IsLeaseLost(saved)) break;
      if (!saved.ok()) {
        // What the CA did must not be forgotten: keep it and try to store it again.
        LogStoreError(saved);
        work.unsaved = true;
        Keep(std::move(work), kStorePause);
        break;
      }
      if (next.kind == Next::Kind::kPark) {
        NORROY_FAILPOINT("issuer.order_parked");
        break;
      }
      if (next.kind == Next::Kind::kWait) {
        Keep(std::move(work), next.wait);
        break;
      }
    }
    Done(id);
    return steps;
  }

  Next RunStep(Work& work) {
    const absl::Time now = tools_.clock.Now();
    Order& order = work.order;
    if (before_step_) before_step_(order);
    const StateRow* const row = RowOf(order.state);
    if (row == nullptr) return Next::Park();
    if (!work.state_began.has_value()) {
      const absl::Duration most = std::max(row->limit - kLeftAtLeast, absl::ZeroDuration());
      work.state_began =
          tools_.clock.Monotonic() - std::clamp(now - order.state_time, absl::ZeroDuration(), most);
    }
    if (const std::optional<absl::Status> over =
            IsOver(order, *row, now, tools_.clock.Monotonic() - *work.state_began)) {
      return GiveUp(work, *over, now);
    }
    absl::StatusOr<Next> next = row->step(work, tools_);
    if (!next.ok() && !IsLeaseLost(next.status())) {
      next = AfterFailure(work, tools_, next.status());
    }
    if (next.ok()) return *next;
    // The lease is gone or the store is: saving tells which.
    return Next::Wait(kStorePause, true);
  }

  static std::optional<absl::Status> IsOver(const Order& order, const StateRow& row, absl::Time now,
                                            absl::Duration lasted) {
    if (order.state == State::kGivingUp) return std::nullopt;
    // What may have been issued already is fetched whatever the hour.
    if (now >= order.expire_time && order.finalize_intent_url.empty()) {
      return MakeError(
          absl::StatusCode::kDeadlineExceeded, "EXPIRED",
          absl::StrCat("the order was not completed by its expire_time; it waited for ",
                       order.waiting_for.empty() ? "its turn" : order.waiting_for));
    }
    if (lasted > row.limit) {
      return MakeError(absl::StatusCode::kDeadlineExceeded, "TOO_SLOW",
                       absl::StrCat("the order was in step ", StateName(order.state), " for ",
                                    absl::FormatDuration(lasted)));
    }
    return std::nullopt;
  }

  absl::Status Save(Work& work, const Next& next) {
    if (!next.save) return absl::OkStatus();
    work.order.NoteChange(tools_.clock.Now());
    const bool give_back = next.kind == Next::Kind::kPark;
    NORROY_RETURN_IF_ERROR(tools_.store.SaveOrder(work.order, work.lease, give_back));
    work.unsaved = false;
    events_.Publish(work.order);
    OnEnd(work.order);
    if (give_back) LookAt(work.order.id, work.order.due_time);
    return absl::OkStatus();
  }

  void OnEnd(const Order& order) {
    const bool may_leave = order.reuse_never || order.state != State::kDone;
    if (IsFinal(order.state) && may_leave && left_authorizations_) left_authorizations_();
  }

  // It was parked until then.
  void LookAt(const std::string& id, absl::Time when) {
    MutexLock lock(&mutex_);
    const absl::Duration wait = Until(when);
    parked_.Note(id, wait);
    const absl::Duration look = tools_.clock.Monotonic() + wait;
    if (look >= next_look_) return;
    next_look_ = look;
    changed_.Signal();
  }

  absl::Duration Until(absl::Time when) const { return when - tools_.clock.Now(); }

  void Keep(Work work, absl::Duration wait) {
    const absl::Duration due = tools_.clock.Monotonic() + wait;
    {
      MutexLock lock(&mutex_);
      std::string id = work.order.id;
      const bool nudged = nudged_.erase(id) > 0;
      waiting_.emplace(std::move(id),
                       Waiting{std::move(work), nudged ? tools_.clock.Monotonic() : due});
    }
    changed_.Signal();
  }

  void Done(const std::string& id) {
    MutexLock lock(&mutex_);
    running_.erase(id);
    nudged_.erase(id);
    if (woken_.contains(id)) changed_.Signal();
  }

  // The solver knows something new about the order: no change of the store, only a reason to look.
  void Nudge(const std::string& id) {
    {
      MutexLock lock(&mutex_);
      if (const auto it = waiting_.find(id); it != waiting_.end()) {
        it->second.due = tools_.clock.Monotonic();
      } else if (running_.contains(id)) {
        nudged_.insert(id);
      }
    }
    changed_.Signal();
  }

  // So that the next process need not wait for our leases to end.
  void GiveBackWaiting() {
    std::map<std::string, Waiting> waiting;
    {
      MutexLock lock(&mutex_);
      waiting.swap(waiting_);
    }
    for (auto& [id, entry] : waiting) {
      entry.work.order.due_time = tools_.clock.Now();
      const absl::Status saved = tools_.store.SaveOrder(entry.work.order, entry.work.lease, true);
      if (!saved.ok() && !IsLeaseLost(saved)) LogStoreError(saved);
    }
  }

  static void LogStoreError(const absl::Status& error) {
    log::Error("store", "the database failed", {{"error", error.message()}});
  }

  const Tools tools_;
  const absl::Duration max_idle_;
  Events& events_;
  const std::function<void()> left_authorizations_;
  const std::function<void(const Order&)> before_step_;
  const std::string owner_;
  const int worker_count_;

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Waiting> waiting_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> woken_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> running_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> nudged_ ABSL_GUARDED_BY(mutex_);
  absl::Duration next_look_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();  // monotonic
  Parked parked_ ABSL_GUARDED_BY(mutex_);
  absl::Duration next_compare_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();  // monotonic
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> workers_;
};

}  // namespace

std::unique_ptr<Engine> Engine::Make(const EngineOptions& options) {
  return std::make_unique<EngineImpl>(options);
}

}  // namespace norroy::flow
