#include "common/sql/queued_database.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <random>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "common/check.h"
#include "common/failpoint/failpoint.h"
#include "common/status_macros.h"
#include "common/sync/mutex.h"

namespace norroy::sql {
namespace {

// Bounds how long the first of a batch waits for the last.
constexpr size_t kMaxBatch = 256;
constexpr absl::Duration kFirstPause = absl::Milliseconds(2);
constexpr absl::Duration kLongestPause = absl::Milliseconds(500);

// Somebody who waits in Write (or, without readers, in Read). Lives on the waiter's stack; all but
// `work` and `read_only` belong to the writer until `done`.
struct Request {
  const Work& work;
  const bool read_only;
  bool done = false;
  absl::Status result = absl::OkStatus();
  CondVar finished;
};

// What became of one transaction.
enum class Outcome {
  kOver,   // every request has its result
  kSplit,  // lost for the sake of one of several: each alone, so that only that one fails
  kAgain,  // lost, and worth another try; the requests have the reason as their results
};

// Pauses between tries, until the time is over, what the tries took included.
class Patience {
 public:
  explicit Patience(absl::Duration limit)
      : end_(std::chrono::steady_clock::now() + absl::ToChronoMicroseconds(limit)) {}

  // False: it is used up.
  bool Pause() {
    const absl::Duration left = absl::FromChrono(end_ - std::chrono::steady_clock::now());
    if (left <= absl::ZeroDuration()) return false;
    std::uniform_real_distribution<double> part(0.5, 1.0);
    if (!engine_.has_value()) engine_.emplace(std::random_device()());
    absl::SleepFor(std::min(pause_ * part(*engine_), left));
    pause_ = std::min(pause_ * 2, kLongestPause);
    return true;
  }

 private:
  const std::chrono::steady_clock::time_point end_;
  absl::Duration pause_ = kFirstPause;
  // Hardly anybody ever waits, and a random_device costs as much as a small query.
  std::optional<std::minstd_rand> engine_;
};

// A statement that failed may have spoilt the transaction, on some databases, so that nothing after
// it counts: what looks like success then is a mistake of the work's.
absl::Status StatementWasIgnored() {
  return absl::InternalError("a statement failed, and the work went on as if it had not");
}

class QueuedDatabase final : public Database {
 public:
  explicit QueuedDatabase(QueuedDatabaseOptions options)
      : writer_(std::move(options.writer)),
        patience_(options.patience),
        reads_with_writer_(options.readers.empty()),
        listen_(std::move(options.listen)),
        idle_(std::move(options.readers)),
        thread_([this] { WriteUntilStopped(); }) {}

  ~QueuedDatabase() override {
    {
      MutexLock lock(&mutex_);
      stopping_ = true;
      queued_.Signal();
    }
    thread_.join();
  }

  absl::Status Write(const Work& work) override { return Submit(work, /*read_only=*/false); }

  absl::Status Read(const Work& work) override {
    if (reads_with_writer_) return Submit(work, /*read_only=*/true);
    std::unique_ptr<Session> session = TakeReader();
    Patience patience(patience_);
    absl::Status status = ReadOn(*session, work);
    while (!status.ok() && session->MayRunAgain() && patience.Pause()) {
      status = ReadOn(*session, work);
    }
    MutexLock lock(&mutex_);
    idle_.push_back(std::move(session));
    returned_.Signal();
    return status;
  }

  std::unique_ptr<Subscription> Subscribe(absl::string_view channel, Heard heard) override {
    std::unique_ptr<Subscription> subscription = notices_.Subscribe(channel, std::move(heard));
    MutexLock lock(&mutex_);
    if (listen_ != nullptr && listener_ == nullptr) listener_ = listen_(notices_);
    return subscription;
  }

 private:
  absl::Status Submit(const Work& work, bool read_only) {
    NORROY_CHECK(std::this_thread::get_id() != thread_.get_id());  // Write within a Work
    Request request{work, read_only};
    MutexLock lock(&mutex_);
    queue_.push_back(&request);
    if (queue_.size() == 1) queued_.Signal();
    while (!request.done) request.finished.Wait(&mutex_);
    return std::move(request.result);
  }

  std::unique_ptr<Session> TakeReader() {
    MutexLock lock(&mutex_);
    while (idle_.empty()) returned_.Wait(&mutex_);
    std::unique_ptr<Session> session = std::move(idle_.back());
    idle_.pop_back();
    return session;
  }

  static absl::Status ReadOn(Session& session, const Work& work) {
    NORROY_RETURN_IF_ERROR(session.Begin(/*read_only=*/true));
    absl::Status status = work(session);
    if (status.ok() && session.StatementFailed()) status = StatementWasIgnored();
    session.Rollback();
    return status;
  }

  void WriteUntilStopped() {
    for (;;) {
      std::vector<Request*> batch = NextBatch();
      if (batch.empty()) return;
      if (RunTogether(batch) != Outcome::kOver) {
        for (Request* request : batch) RunAlone(request);
      }
      MutexLock lock(&mutex_);
      for (Request* request : batch) {
        request->done = true;
        request->finished.Signal();
      }
    }
  }

  // Empty: stopped.
  std::vector<Request*> NextBatch() {
    MutexLock lock(&mutex_);
    while (queue_.empty() && !stopping_) queued_.Wait(&mutex_);
    const auto end =
        queue_.begin() + static_cast<std::ptrdiff_t>(std::min(queue_.size(), kMaxBatch));
    std::vector<Request*> batch(queue_.begin(), end);
    queue_.erase(queue_.begin(), end);
    return batch;
  }

  void RunAlone(Request* request) {
    Patience patience(patience_);
    while (RunTogether({request}) == Outcome::kAgain && patience.Pause()) {
    }
  }

  // One transaction.
  Outcome RunTogether(const std::vector<Request*>& batch) {
    const absl::Status begin = writer_->Begin(/*read_only=*/false);
    if (!begin.ok()) return AllFailed(batch, begin);
    for (Request* request : batch) {
      request->result = RunOne(*request);
      if (writer_->InTransaction()) continue;
      const bool again = writer_->MayRunAgain();
      writer_->Rollback();
      if (batch.size() > 1) return Outcome::kSplit;
      if (request->result.ok()) request->result = Lost();
      return again ? Outcome::kAgain : Outcome::kOver;
    }
    const absl::Status commit = writer_->Commit();
    NORROY_FAILPOINT("sql.committed");
    if (!commit.ok()) return AllFailed(batch, commit);
    for (Notice& notice : writer_->TakeNotices()) notices_.Tell(std::move(notice));
    return Outcome::kOver;
  }

  // Those that had succeeded until then.
  Outcome AllFailed(const std::vector<Request*>& batch, const absl::Status& why) {
    const bool again = writer_->MayRunAgain();
    for (Request* request : batch) {
      if (again || request->result.ok()) request->result = why;
    }
    return again ? Outcome::kAgain : Outcome::kOver;
  }

  absl::Status RunOne(const Request& request) {
    NORROY_RETURN_IF_ERROR(writer_->Save());
    writer_->set_read_only(request.read_only);
    absl::Status status = WorkOn(*writer_, request.work);
    writer_->set_read_only(false);
    if (!writer_->InTransaction()) return status;
    if (status.ok() && writer_->StatementFailed()) status = StatementWasIgnored();
    if (status.ok()) status = writer_->KeepSaved();
    if (status.ok() || !writer_->InTransaction()) return status;
    // If this fails the transaction as a whole must not be committed.
    if (!writer_->UndoSaved().ok()) writer_->Rollback();
    return status;
  }

  static absl::Status WorkOn(Session& session, const Work& work) {
    NORROY_FAILPOINT_OR_RETURN("sql.write");
    return work(session);
  }

  static absl::Status Lost() {
    return absl::InternalError("the database rolled the transaction back");
  }

  const std::unique_ptr<Session> writer_;  // only by thread_
  const absl::Duration patience_;
  const bool reads_with_writer_;
  const std::function<std::unique_ptr<Listener>(Notices&)> listen_;
  Notices notices_;
  Mutex mutex_;
  CondVar queued_;
  CondVar returned_;
  std::deque<Request*> queue_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Session>> idle_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Listener> listener_ ABSL_GUARDED_BY(mutex_);  // ends before notices_
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Database> MakeQueuedDatabase(QueuedDatabaseOptions options) {
  return std::make_unique<QueuedDatabase>(std::move(options));
}

}  // namespace norroy::sql
