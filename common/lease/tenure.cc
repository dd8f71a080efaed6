#include "common/lease/tenure.h"

#include <utility>

#include "common/log/log.h"
#include "common/sql/transact.h"
#include "common/status_macros.h"

namespace norroy::lease {
namespace {

constexpr char kLog[] = "lease";

}  // namespace

absl::StatusOr<std::unique_ptr<Tenure>> Tenure::Begin(TenureOptions options) {
  auto tenure = std::unique_ptr<Tenure>(new Tenure(std::move(options)));
  const TenureOptions& o = tenure->o_;
  const absl::Duration begun = o.clock.Monotonic();
  NORROY_RETURN_IF_ERROR(o.database.Write([&o](sql::Connection& connection) -> absl::Status {
    NORROY_RETURN_IF_ERROR(o.give_away(connection, o.name));
    return connection
        .Execute(
            "INSERT INTO processes (name, incarnation, beat) VALUES ($1, $2, 0) "
            "ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, beat = 0",
            {o.name, o.incarnation})
        .status();
  }));
  {
    MutexLock lock(&tenure->mutex_);
    tenure->until_ = begun + kLasts;
  }
  NORROY_RETURN_IF_ERROR(tenure->LookAtOthers());
  return tenure;
}

void Tenure::Start() {
  thread_ = std::thread([this] { Work(); });
}

void Tenure::Work() {
  while (true) {
    {
      MutexLock lock(&mutex_);
      if (!stopping_) changed_.WaitFor(&mutex_, kBeat);
      if (stopping_ || over_) return;
    }
    const absl::Status beaten = Beat();
    if (!beaten.ok()) {
      log::Warning(kLog, "the database does not hear that this process is alive",
                   {{"error", beaten.message()}});
    }
  }
}

absl::StatusOr<Tenure::Stored> Tenure::Store() {
  return sql::WriteFor<Stored>(
      o_.database, [this](sql::Connection& connection) -> absl::StatusOr<Stored> {
        NORROY_ASSIGN_OR_RETURN(
            const int64_t beaten,
            connection.Execute("UPDATE processes SET beat = beat + 1 WHERE name = $1 AND "
                               "incarnation = $2",
                               {o_.name, o_.incarnation}));
        if (beaten == 1) return Stored::kBeaten;
        NORROY_ASSIGN_OR_RETURN(
            const int64_t added,
            connection.Execute("INSERT INTO processes (name, incarnation, beat) VALUES ($1, $2, 0) "
                               "ON CONFLICT (name) DO NOTHING",
                               {o_.name, o_.incarnation}));
        return added == 1 ? Stored::kBegunAnew : Stored::kSucceeded;
      });
}

absl::Status Tenure::Beat() {
  const absl::Duration begun = o_.clock.Monotonic();
  NORROY_ASSIGN_OR_RETURN(const Stored stored, Store());
  if (stored == Stored::kSucceeded) {
    MutexLock lock(&mutex_);
    if (!std::exchange(over_, true)) {
      log::Error(kLog, "another process has this one's name by now", {{"name", o_.name}});
    }
    return absl::OkStatus();
  }
  {
    MutexLock lock(&mutex_);
    const absl::Duration now = o_.clock.Monotonic();
    if (stored == Stored::kBegunAnew || now >= until_) {
      ++number_;
      not_before_ = now + kPause;
      log::Warning(kLog, "this process was not heard of for too long; what it held may be others'");
    }
    until_ = begun + kLasts;
  }
  return LookAtOthers();
}

absl::Status Tenure::LookAtOthers() {
  using Rows = std::vector<sql::Row>;
  NORROY_ASSIGN_OR_RETURN(
      const Rows rows, sql::ReadFor<Rows>(o_.database, [this](sql::Connection& connection) {
        return connection.Query("SELECT name, incarnation, beat FROM processes WHERE name <> $1",
                                {o_.name});
      }));
  const absl::Duration now = o_.clock.Monotonic();
  std::map<std::string, Other> seen;
  std::vector<std::string> gone;
  {
    MutexLock lock(&mutex_);
    const bool blind = now - looked_ >= kLasts;
    looked_ = now;
    for (const sql::Row& row : rows) {
      Other other = {.incarnation = row.Text(1), .beat = row.Int(2), .since = now};
      const auto known = others_.find(row.Text(0));
      if (!blind && known != others_.end() && known->second.incarnation == other.incarnation &&
          known->second.beat == other.beat) {
        other.since = known->second.since;
      }
      if (now - other.since >= kGone) gone.push_back(row.Text(0));
      seen.emplace(row.Text(0), std::move(other));
    }
    others_ = seen;
  }
  for (const std::string& name : gone) {
    NORROY_ASSIGN_OR_RETURN(const bool given, GiveAway(name, seen.at(name)));
    if (!given) continue;
    log::Warning(kLog, "a process is gone; what it held is given to others", {{"name", name}});
    MutexLock lock(&mutex_);
    others_.erase(name);
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Tenure::GiveAway(const std::string& name, const Other& other) {
  return sql::WriteFor<bool>(o_.database, [&](sql::Connection& connection) -> absl::StatusOr<bool> {
    // Not if it was heard of, or somebody else did it, since we looked.
    NORROY_ASSIGN_OR_RETURN(
        const int64_t ended,
        connection.Execute(
            "DELETE FROM processes WHERE name = $1 AND incarnation = $2 AND beat = $3",
            {name, other.incarnation, other.beat}));
    if (ended == 0) return false;
    NORROY_RETURN_IF_ERROR(o_.give_away(connection, name));
    return true;
  });
}

void Tenure::End() {
  {
    MutexLock lock(&mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  changed_.SignalAll();
  if (thread_.joinable()) thread_.join();
  const absl::Status ended = o_.database.Write([this](sql::Connection& connection) {
    return connection
        .Execute("DELETE FROM processes WHERE name = $1 AND incarnation = $2",
                 {o_.name, o_.incarnation})
        .status();
  });
  if (!ended.ok()) {
    log::Warning(kLog, "the database did not hear that this process ends",
                 {{"error", ended.message()}});
  }
}

bool Tenure::Lasts() {
  MutexLock lock(&mutex_);
  const absl::Duration now = o_.clock.Monotonic();
  return !over_ && now < until_ && now >= not_before_;
}

int64_t Tenure::number() {
  MutexLock lock(&mutex_);
  return number_;
}

int Tenure::others() {
  MutexLock lock(&mutex_);
  return static_cast<int>(others_.size());
}

}  // namespace norroy::lease
