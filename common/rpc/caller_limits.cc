#include "common/rpc/caller_limits.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/status_macros.h"

namespace norroy::rpc {
namespace {

bool IsIssuer(const std::string& uri) {
  const absl::StatusOr<identity::Identity> who = identity::Identity::ParseUri(uri);
  return who.ok() && who->role == types::v1::ROLE_ISSUER;
}

absl::Status CallerBusy(absl::string_view what, absl::Duration retry_after) {
  const int64_t ms = std::max<int64_t>(
      1, absl::ToInt64Milliseconds(absl::Ceil(retry_after, absl::Milliseconds(1))));
  return MakeError(absl::StatusCode::kResourceExhausted, "CALLER_BUSY",
                   absl::StrCat(what, "; try again in ", ms, " ms (see callers in the server's ",
                                "configuration)"),
                   {{"retry_after_ms", absl::StrCat(ms)}});
}

// When somebody with as many calls under way may look again.
constexpr absl::Duration kUnderWayPause = absl::Milliseconds(500);

}  // namespace

CallerLimits::Place::Place(CallerLimits& limits, std::shared_ptr<Bucket> bucket)
    : limits_(limits), bucket_(std::move(bucket)) {}

CallerLimits::Place::~Place() { limits_.End(*bucket_); }

CallerLimits::CallerLimits(Clock& clock, const CallerLimitsOptions& options)
    : clock_(clock),
      options_(options),
      max_on_pool_(std::max(1, options.threads / 2)),
      max_waiting_(static_cast<size_t>(std::max(1, options.max_waiting / 2))) {}

absl::Status CallerLimits::Count(const std::string& uri) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(&mutex_);
  const std::shared_ptr<Bucket> bucket = Find(uri);
  const double rate = bucket->limit.calls_per_second;
  bucket->tokens = std::min<double>(
      bucket->limit.burst, bucket->tokens + rate * absl::ToDoubleSeconds(now - bucket->filled));
  bucket->filled = now;
  Touch(*bucket);
  if (bucket->tokens >= 1) {
    bucket->tokens -= 1;
    return absl::OkStatus();
  }
  return CallerBusy(
      absl::StrCat(uri, " calls more than ", bucket->limit.calls_per_second, " times a second"),
      absl::Seconds((1 - bucket->tokens) / rate));
}

absl::StatusOr<std::shared_ptr<CallerLimits::Place>> CallerLimits::Begin(const std::string& uri) {
  std::shared_ptr<Bucket> bucket;
  {
    MutexLock lock(&mutex_);
    bucket = Find(uri);
    if (bucket->under_way >= bucket->limit.calls_at_once) {
      return CallerBusy(absl::StrCat(uri, " has ", bucket->under_way, " calls under way"),
                        kUnderWayPause);
    }
    if (bucket->under_way++ == 0) idle_.erase(bucket->idle);
  }
  return std::make_shared<Place>(*this, std::move(bucket));
}

bool CallerLimits::Run(ThreadPool& pool, const std::shared_ptr<Place>& place,
                       std::function<void()> task) {
  const std::shared_ptr<Bucket>& bucket = place->bucket_;
  MutexLock lock(&mutex_);
  if (bucket->on_pool >= max_on_pool_) {
    if (bucket->waiting.size() >= max_waiting_) return false;
    bucket->waiting.push_back(std::move(task));
    return true;
  }
  // Under the lock, so that nobody begins to wait for a task that the pool then refuses.
  if (!pool.Try([this, &pool, bucket, task = std::move(task)]() mutable {
        Work(pool, bucket, std::move(task));
      })) {
    return false;
  }
  ++bucket->on_pool;
  return true;
}

void CallerLimits::Work(ThreadPool& pool, const std::shared_ptr<Bucket>& bucket,
                        std::function<void()> task) {
  while (true) {
    task();
    task = nullptr;
    MutexLock lock(&mutex_);
    if (bucket->waiting.empty()) {
      --bucket->on_pool;
      return;
    }
    task = std::move(bucket->waiting.front());
    bucket->waiting.pop_front();
    // Behind what others have queued meanwhile; a full (or stopping) pool must not lose it.
    auto next = std::make_shared<std::function<void()>>(std::move(task));
    if (pool.Try([this, &pool, bucket, next] { Work(pool, bucket, std::move(*next)); })) return;
    task = std::move(*next);
  }
}

size_t CallerLimits::size() {
  MutexLock lock(&mutex_);
  return buckets_.size();
}

std::shared_ptr<CallerLimits::Bucket> CallerLimits::Find(const std::string& uri) {
  const auto found = buckets_.find(uri);
  if (found != buckets_.end()) return found->second;
  auto bucket = std::make_shared<Bucket>();
  bucket->uri = uri;
  bucket->limit = IsIssuer(uri) ? options_.issuer : options_.each;
  bucket->tokens = bucket->limit.burst;
  bucket->filled = clock_.Monotonic();
  bucket->idle = idle_.insert(idle_.end(), uri);
  buckets_.emplace(uri, bucket);
  Forget();
  return bucket;
}

void CallerLimits::Touch(Bucket& bucket) {
  if (bucket.under_way == 0) idle_.splice(idle_.end(), idle_, bucket.idle);
}

void CallerLimits::Forget() {
  while (idle_.size() > options_.max_idle_identities) {
    buckets_.erase(idle_.front());
    idle_.pop_front();
  }
}

void CallerLimits::End(Bucket& bucket) {
  MutexLock lock(&mutex_);
  if (--bucket.under_way > 0) return;
  bucket.idle = idle_.insert(idle_.end(), bucket.uri);
  Forget();
}

}  // namespace norroy::rpc
