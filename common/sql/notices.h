#ifndef NORROY_COMMON_SQL_NOTICES_H_
#define NORROY_COMMON_SQL_NOTICES_H_

// Who subscribed to what in this process, and the thread that tells them. Adapters bring notices
// here; how notices get from one process to another is theirs. Thread-safe.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"
#include "common/sync/mutex.h"

namespace norroy::sql {

struct Notice {
  std::string channel;
  std::string payload;
};

// Of notices that wait to be told: what is more becomes "look at everything".
inline constexpr size_t kMaxWaitingNotices = 10'000;

// INVALID_ARGUMENT if channel or payload are not what Connection::Notify takes.
absl::Status CheckNotice(absl::string_view channel, absl::string_view payload);

class Notices {
 public:
  Notices();
  // After every subscription.
  ~Notices();

  // As Database::Subscribe.
  std::unique_ptr<Subscription> Subscribe(absl::string_view channel, Heard heard);

  // Tells the channel's subscribers. Does not wait for them.
  void Tell(Notice notice);
  // Tells everybody to look.
  void TellAll();

 private:
  class Held;
  struct Subscriber {
    std::string channel;
    Heard heard;
  };
  struct Call {
    int64_t subscriber;
    std::string payload;
  };

  void Add(Call call) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddForAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(int64_t subscriber);
  void CallUntilStopped();

  Mutex mutex_;
  CondVar added_;
  CondVar called_;
  std::map<int64_t, std::shared_ptr<const Subscriber>> subscribers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Call> calls_ ABSL_GUARDED_BY(mutex_);
  int64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t calling_ ABSL_GUARDED_BY(mutex_) = 0;  // the subscriber that is being called
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace norroy::sql

#endif  // NORROY_COMMON_SQL_NOTICES_H_
