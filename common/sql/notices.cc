#include "common/sql/notices.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"

namespace norroy::sql {

absl::Status CheckNotice(absl::string_view channel, absl::string_view payload) {
  bool fine = !channel.empty() && channel.size() <= kMaxChannel && payload.size() <= kMaxPayload &&
              payload.find('\0') == absl::string_view::npos;
  for (const char c : channel) fine = fine && (absl::ascii_islower(c) || c == '_');
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("no notice: channel \"", channel, "\", ", payload.size(), " bytes"));
}

class Notices::Held final : public Subscription {
 public:
  Held(Notices& notices, int64_t subscriber) : notices_(notices), subscriber_(subscriber) {}
  ~Held() override { notices_.End(subscriber_); }

 private:
  Notices& notices_;
  const int64_t subscriber_;
};

Notices::Notices() : thread_([this] { CallUntilStopped(); }) {}

Notices::~Notices() {
  {
    MutexLock lock(&mutex_);
    NORROY_CHECK(subscribers_.empty());
    stopping_ = true;
    added_.Signal();
  }
  thread_.join();
}

std::unique_ptr<Subscription> Notices::Subscribe(absl::string_view channel, Heard heard) {
  NORROY_CHECK(CheckNotice(channel, "").ok());
  MutexLock lock(&mutex_);
  const int64_t subscriber = ++last_;
  subscribers_[subscriber] =
      std::make_shared<const Subscriber>(Subscriber{std::string(channel), std::move(heard)});
  Add({subscriber, ""});
  return std::make_unique<Held>(*this, subscriber);
}

void Notices::End(int64_t subscriber) {
  NORROY_CHECK(std::this_thread::get_id() != thread_.get_id());  // it would wait for itself
  MutexLock lock(&mutex_);
  subscribers_.erase(subscriber);
  while (calling_ == subscriber) called_.Wait(&mutex_);
}

void Notices::Tell(Notice notice) {
  MutexLock lock(&mutex_);
  for (const auto& [id, subscriber] : subscribers_) {
    if (subscriber->channel == notice.channel) Add({id, notice.payload});
  }
}

void Notices::TellAll() {
  MutexLock lock(&mutex_);
  AddForAll();
}

void Notices::Add(Call call) {
  if (calls_.size() >= kMaxWaitingNotices) return AddForAll();
  calls_.push_back(std::move(call));
  added_.Signal();
}

// Whoever looks at everything needs nothing of what was waiting.
void Notices::AddForAll() {
  calls_.clear();
  for (const auto& entry : subscribers_) calls_.push_back({entry.first, ""});
  added_.Signal();
}

void Notices::CallUntilStopped() {
  MutexLock lock(&mutex_);
  for (;;) {
    while (calls_.empty() && !stopping_) added_.Wait(&mutex_);
    if (stopping_) return;
    const Call call = std::move(calls_.front());
    calls_.pop_front();
    const auto found = subscribers_.find(call.subscriber);
    if (found == subscribers_.end()) continue;
    const std::shared_ptr<const Subscriber> subscriber = found->second;
    calling_ = call.subscriber;
    mutex_.Unlock();
    subscriber->heard(call.payload);
    mutex_.Lock();
    calling_ = 0;
    called_.SignalAll();
  }
}

}  // namespace norroy::sql
