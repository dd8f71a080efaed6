#include "common/sql/postgres_listener.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "common/check.h"
#include "common/log/log.h"

namespace norroy::sql {

PostgresListener::PostgresListener(std::string url, Notices& notices)
    : url_(std::move(url)),
      notices_(notices),
      stop_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Listen(); }) {
  NORROY_CHECK(stop_ >= 0);
}

PostgresListener::~PostgresListener() {
  const uint64_t one = 1;
  NORROY_CHECK(write(stop_, &one, sizeof(one)) == sizeof(one));
  thread_.join();
  close(stop_);
}

bool PostgresListener::Wait(absl::Duration time) {
  pollfd stop = {.fd = stop_, .events = POLLIN, .revents = 0};
  return poll(&stop, 1, static_cast<int>(absl::ToInt64Milliseconds(time))) <= 0;
}

bool PostgresListener::Connect() {
  absl::StatusOr<std::unique_ptr<PostgresConnection>> opened = PostgresConnection::Open(url_);
  if (opened.ok()) {
    const absl::Status listening = (*opened)->ListenToNotices();
    if (listening.ok()) {
      connection_ = *std::move(opened);
      return true;
    }
    opened = listening;
  }
  log::Debug("sql", "cannot listen", {{"error", opened.status().message()}});
  return false;
}

void PostgresListener::Listen() {
  while (Wait(absl::ZeroDuration())) {
    if (connection_ == nullptr) {
      const bool connected = Connect();
      // What was told meanwhile was not heard.
      notices_.TellAll();
      if (!connected && !Wait(kNoticePollEvery)) return;
      continue;
    }
    absl::StatusOr<std::vector<Notice>> heard =
        connection_->WaitForNotices(stop_, kNoticePollEvery);
    if (!heard.ok()) {
      connection_.reset();
      continue;
    }
    for (Notice& notice : *heard) notices_.Tell(std::move(notice));
  }
}

}  // namespace norroy::sql
