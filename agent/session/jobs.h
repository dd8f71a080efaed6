#ifndef NORROY_AGENT_SESSION_JOBS_H_
#define NORROY_AGENT_SESSION_JOBS_H_

// What a session does, as jobs of lanes: each plans under the session's lock, has the board do it
// without, and notes the outcome under the lock.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "agent/session/admission.h"
#include "agent/session/board.h"
#include "agent/session/lanes.h"
#include "agent/session/presentations.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

// What jobs share. Outlives them.
struct Ledger {
  Ledger(std::vector<Presenter*> presenters, Journal& journal, Clock& clock)
      : board(std::move(presenters), clock), presentations(board, journal, clock) {}

  Board board;
  Mutex mutex;
  Presentations presentations ABSL_GUARDED_BY(mutex);
  // Nothing new is put up.
  bool stopped ABSL_GUARDED_BY(mutex) = false;
  // Nothing is decided or written any more.
  bool closed ABSL_GUARDED_BY(mutex) = false;
  // Called, without the lock, when Presentations::UntilSweep may have changed.
  std::function<void()> changed;
};

// Puts up what was admitted, answers, then takes down what it replaced.
using PutUpOver = std::function<void(Admission admission)>;
std::unique_ptr<Job> MakePutUpJob(Ledger& ledger, Admission admission, PutUpOver done);

// Takes down what is released. `done` gets what is left, if anything is.
using TakeDownOver = std::function<void(const absl::Status& status)>;
std::unique_ptr<Job> MakeTakeDownJob(Ledger& ledger, const Tombstone& release, TakeDownOver done);

// Takes down what has ended, and what is left over.
std::unique_ptr<Job> MakeSweepJob(Ledger& ledger, const std::string& id,
                                  std::function<void()> done);

// Of what the journal says was up: puts up again what is admitted now, takes down the rest.
std::unique_ptr<Job> MakeRecoveryJob(Ledger& ledger, const std::string& id,
                                     Presentations::Admitter admit);

// Takes down what this host serves, for the next start to put up again.
std::unique_ptr<Job> MakeStopJob(Ledger& ledger, const std::string& id);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_JOBS_H_
