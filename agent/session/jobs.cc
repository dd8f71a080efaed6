#include "agent/session/jobs.h"

#include <utility>

namespace norroy::agent {
namespace {

constexpr char kStopping[] = "the agent is stopping";

using ToPutUp = Presentations::ToPutUp;
using ToTakeDown = Presentations::ToTakeDown;

// Puts proofs up: what was planned, and how it went.
class PuttingUp {
 public:
  // `admission` outlives it and does not change before it is over.
  std::vector<Step> Steps(Ledger& ledger, const Admission& admission,
                          std::vector<ToPutUp> planned) {
    planned_ = std::move(planned);
    held_.assign(planned_.size(), {absl::InternalError("not done"), {}});
    std::vector<Step> steps;
    for (size_t i = 0; i < planned_.size(); ++i) {
      const JudgedProof& proof = admission.proofs[planned_[i].proof];
      steps.push_back({ledger.board.MayWait(proof.body->proof.type),
                       [this, i, &ledger, &admission] { PutUp(ledger, admission, i); }});
    }
    return steps;
  }
  const std::vector<ToPutUp>& planned() const { return planned_; }
  std::vector<Board::Held> TakeHeld() { return std::move(held_); }

 private:
  void PutUp(Ledger& ledger, const Admission& admission, size_t i) {
    ToPutUp& plan = planned_[i];
    const JudgedProof& judged = admission.proofs[plan.proof];
    if (plan.locate) plan.known.spots = ledger.board.Locate(judged.body->proof);
    held_[i] = ledger.board.Hold(judged.body->proof, plan.known, [&](const Spot& spot) {
      MutexLock lock(&ledger.mutex);
      if (ledger.closed) return absl::CancelledError("the agent has stopped");
      return ledger.presentations.NoteSpot(admission.id, judged.sealed, spot);
    });
  }

  std::vector<ToPutUp> planned_;
  std::vector<Board::Held> held_;
};

// Takes proofs down, likewise.
class TakingDown {
 public:
  std::vector<Step> Steps(Ledger& ledger, std::vector<ToTakeDown> planned) {
    planned_ = std::move(planned);
    down_.assign(planned_.size(), {absl::InternalError("not done"), {}});
    std::vector<Step> steps;
    for (size_t i = 0; i < planned_.size(); ++i) {
      steps.push_back({ledger.board.MayWait(planned_[i].proof.type), [this, i, &ledger] {
                         const ToTakeDown& one = planned_[i];
                         down_[i] = one.held ? ledger.board.Drop(one.proof)
                                             : ledger.board.Clear(one.proof, one.spots);
                       }});
    }
    return steps;
  }
  const std::vector<ToTakeDown>& planned() const { return planned_; }
  const std::vector<Board::Down>& down() const { return down_; }

 private:
  std::vector<ToTakeDown> planned_;
  std::vector<Board::Down> down_;
};

void RefuseAll(Admission& admission, absl::string_view detail) {
  for (JudgedProof& proof : admission.proofs) {
    if (proof.body.has_value()) Refuse(proof, kPresenterFailed, detail);
  }
}

// Something was taken down: the end of most jobs.
class EndingJob : public Job {
 protected:
  explicit EndingJob(Ledger& ledger) : ledger_(ledger) {}

  std::vector<Step> TakeDown(const std::string& id) {
    MutexLock lock(&ledger_.mutex);
    if (ledger_.closed) return {};
    return down_.Steps(ledger_, ledger_.presentations.PlanTakeDown(id));
  }
  void NoteTakenDown(const std::string& id) {
    {
      MutexLock lock(&ledger_.mutex);
      if (ledger_.closed) return;
      // What is left is logged and tried again.
      static_cast<void>(ledger_.presentations.NoteTakenDown(id, down_.planned(), down_.down()));
    }
    ledger_.changed();
  }

  Ledger& ledger_;
  TakingDown down_;
  int turn_ = 0;
};

class PutUpJob final : public EndingJob {
 public:
  PutUpJob(Ledger& ledger, Admission admission, PutUpOver done)
      : EndingJob(ledger), admission_(std::move(admission)), done_(std::move(done)) {
    id_ = admission_.id;
  }

  std::vector<Step> Next() override {
    std::vector<Step> steps;
    if (turn_ == 0) steps = Plan();
    if (turn_ <= 1 && !steps.empty()) {
      turn_ = 1;
      return steps;
    }
    if (turn_ <= 1) {
      turn_ = 2;
      if (!Answer()) return {};
      return TakeDown(id_);
    }
    NoteTakenDown(id_);
    return {};
  }

 private:
  std::vector<Step> Plan() {
    MutexLock lock(&ledger_.mutex);
    if (ledger_.stopped) RefuseAll(admission_, kStopping);
    if (ledger_.closed) return {};
    std::vector<ToPutUp> planned = ledger_.presentations.PlanPutUp(admission_);
    return up_.Steps(ledger_, admission_, std::move(planned));
  }

  // False: the session has ended meanwhile.
  bool Answer() {
    bool closed = false;
    {
      MutexLock lock(&ledger_.mutex);
      closed = ledger_.closed;
      if (!closed) {
        ledger_.presentations.NotePutUp(admission_, up_.planned(), up_.TakeHeld());
      }
    }
    if (closed) RefuseAll(admission_, kStopping);
    if (!closed) ledger_.changed();
    std::exchange(done_, nullptr)(std::move(admission_));
    return !closed;
  }

  Admission admission_;
  std::string id_;
  PutUpOver done_;
  PuttingUp up_;
};

class TakeDownJob final : public Job {
 public:
  TakeDownJob(Ledger& ledger, const Tombstone& release, TakeDownOver done)
      : ledger_(ledger), release_(release), done_(std::move(done)) {}

  std::vector<Step> Next() override {
    if (!planned_) {
      planned_ = true;
      std::vector<Step> steps = Plan();
      if (!steps.empty()) return steps;
    }
    Answer();
    return {};
  }

 private:
  std::vector<Step> Plan() {
    MutexLock lock(&ledger_.mutex);
    // Stopped, everything is down; the validator will say it again to the next process.
    if (ledger_.stopped) {
      status_ = absl::UnavailableError(kStopping);
      return {};
    }
    const auto left =
        ledger_.presentations.Release(release_.id, release_.generation, release_.until);
    status_ = left.status();
    if (!left.ok() || !*left) return {};
    known_ = true;
    return down_.Steps(ledger_, ledger_.presentations.PlanTakeDown(release_.id, true));
  }

  void Answer() {
    {
      MutexLock lock(&ledger_.mutex);
      if (ledger_.closed) {
        status_ = absl::UnavailableError(kStopping);
      } else if (known_) {
        status_ = ledger_.presentations.NoteTakenDown(release_.id, down_.planned(), down_.down());
      }
    }
    ledger_.changed();
    done_(status_);
  }

  Ledger& ledger_;
  const Tombstone release_;
  const TakeDownOver done_;
  TakingDown down_;
  bool planned_ = false;
  bool known_ = false;
  absl::Status status_;
};

class SweepJob final : public EndingJob {
 public:
  SweepJob(Ledger& ledger, std::string id, std::function<void()> done)
      : EndingJob(ledger), id_(std::move(id)), done_(std::move(done)) {}
  bool background() const override { return true; }

  std::vector<Step> Next() override {
    if (turn_++ == 0) {
      std::vector<Step> steps = TakeDown(id_);
      if (!steps.empty()) return steps;
    } else {
      NoteTakenDown(id_);
    }
    done_();
    return {};
  }

 private:
  const std::string id_;
  const std::function<void()> done_;
};

class RecoveryJob final : public EndingJob {
 public:
  RecoveryJob(Ledger& ledger, std::string id, Presentations::Admitter admit)
      : EndingJob(ledger), id_(std::move(id)), admit_(std::move(admit)) {}
  bool background() const override { return true; }

  std::vector<Step> Next() override {
    std::vector<Step> steps;
    if (turn_ == 0) steps = Plan();
    if (turn_ <= 1 && !steps.empty()) {
      turn_ = 1;
      return steps;
    }
    if (turn_ <= 1) {
      turn_ = 2;
      Note();
      steps = TakeDown(id_);
      if (!steps.empty()) return steps;
    }
    if (!admission_.id.empty()) NoteTakenDown(id_);
    return {};
  }

 private:
  std::vector<Step> Plan() {
    MutexLock lock(&ledger_.mutex);
    // Stopped, it stays for the next start.
    if (ledger_.stopped || ledger_.closed) return {};
    std::vector<ToPutUp> planned;
    admission_ = ledger_.presentations.PlanRecovery(id_, admit_, planned);
    return up_.Steps(ledger_, admission_, std::move(planned));
  }

  void Note() {
    {
      MutexLock lock(&ledger_.mutex);
      if (ledger_.closed || admission_.id.empty()) return;
      ledger_.presentations.NotePutUp(admission_, up_.planned(), up_.TakeHeld());
      ledger_.presentations.NoteRecovered(admission_);
    }
    for (const JudgedProof& proof : admission_.proofs) LogProof(admission_, proof);
    ledger_.changed();
  }

  const std::string id_;
  const Presentations::Admitter admit_;
  Admission admission_;
  PuttingUp up_;
};

class StopJob final : public Job {
 public:
  StopJob(Ledger& ledger, std::string id) : ledger_(ledger), id_(std::move(id)) {}

  std::vector<Step> Next() override {
    MutexLock lock(&ledger_.mutex);
    if (ledger_.closed) return {};
    if (!planned_) {
      planned_ = true;
      return down_.Steps(ledger_, ledger_.presentations.PlanStop(id_));
    }
    ledger_.presentations.NoteStopped(id_, down_.planned(), down_.down());
    return {};
  }

 private:
  Ledger& ledger_;
  const std::string id_;
  TakingDown down_;
  bool planned_ = false;
};

}  // namespace

std::unique_ptr<Job> MakePutUpJob(Ledger& ledger, Admission admission, PutUpOver done) {
  return std::make_unique<PutUpJob>(ledger, std::move(admission), std::move(done));
}

std::unique_ptr<Job> MakeTakeDownJob(Ledger& ledger, const Tombstone& release, TakeDownOver done) {
  return std::make_unique<TakeDownJob>(ledger, release, std::move(done));
}

std::unique_ptr<Job> MakeSweepJob(Ledger& ledger, const std::string& id,
                                  std::function<void()> done) {
  return std::make_unique<SweepJob>(ledger, id, std::move(done));
}

std::unique_ptr<Job> MakeRecoveryJob(Ledger& ledger, const std::string& id,
                                     Presentations::Admitter admit) {
  return std::make_unique<RecoveryJob>(ledger, id, std::move(admit));
}

std::unique_ptr<Job> MakeStopJob(Ledger& ledger, const std::string& id) {
  return std::make_unique<StopJob>(ledger, id);
}

}  // namespace norroy::agent
