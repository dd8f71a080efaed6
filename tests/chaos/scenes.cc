#include "tests/chaos/scenes.h"

#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/check.h"
#include "common/sql/database.h"

namespace norroy::chaos {
namespace {

using issuer::v1::Order;

constexpr int kCallers = 8;
constexpr absl::Duration kToBeReached = absl::Seconds(60);
constexpr int kKilled = 128 + SIGKILL;
// How long a disk is full, a clock wrong, a cable cut.
constexpr absl::Duration kWrongFor = absl::Seconds(10);
constexpr absl::Duration kCutFor = absl::Seconds(60);
// Of one order to the CA: newOrder, authorization, challenge, finalize, certificate, and polls.
constexpr int kRequestsEach = 12;
constexpr int kStrangers = 100;
// Of a CA that is on hold.
constexpr int kHoldSeconds = 8;

// Calls `each` for 0 to count - 1, several at once.
void Together(int count, const std::function<void(int)>& each) {
  std::atomic<int> next = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kCallers; ++i) {
    threads.emplace_back([&] {
      for (int n = next++; n < count; n = next++) each(n);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// One row while it is played.
class Playing {
 public:
  Playing(const Row& row, const Dose& dose) : row_(row), dose_(dose) {}

  Result Run() {
    const absl::Time begin = absl::Now();
    for (round_ = 0; round_ < dose_.rounds; ++round_) {
      const size_t before = result_.findings.size();
      Round();
      if (result_.findings.size() > before) {
        std::fprintf(stderr, "--- %s, round %d\n%s\n", row_.id.c_str(), round_ + 1,
                     world_->norroy().Logs().c_str());
      }
    }
    result_.time = absl::Now() - begin;
    return result_;
  }

 private:
  void Round();
  void Orders();
  void FirstStart();
  void BackOff();
  void Revoking();
  void GivingUp();
  void ReadOnly();
  void WritesFail();
  void DiskFull();
  void DatabaseDies();
  void Cut();
  void ClockJump();
  void FewFiles();
  void Rolling();

  // The how manieth time is the one: spread over the orders.
  std::string Plan() const {
    const std::string& point = row_.failpoints[round_ % row_.failpoints.size()];
    const int spread =
        dose_.rounds < 2 ? dose_.orders / 2 : (dose_.orders - 1) * round_ / (dose_.rounds - 1);
    return absl::StrCat(point, ":", row_.at_start ? 1 : 1 + spread, ":kill");
  }
  // Steps of the schema in turn; there is one account.
  int FirstTime() const { return row_.failpoints[0] == "sql.migrating" ? 1 + round_ : 1; }
  std::vector<Placed> Place() {
    std::vector<std::string> names;
    for (int i = 0; i < dose_.orders; ++i) names.push_back(world_->NewName());
    std::vector<std::optional<Placed>> placed(names.size());
    Together(dose_.orders, [&](int n) { placed[n] = world_->caller().Place(names[n]); });
    std::vector<Placed> all;
    for (std::optional<Placed>& one : placed) all.push_back(*std::move(one));
    return all;
  }
  // With the issuer stopped.
  void CheckDatabase();
  void Find(const std::string& what) {
    result_.findings.push_back(absl::StrCat("round ", round_ + 1, ": ", what));
  }
  // Until half of the round's orders are there.
  void AwaitHalf() {
    const size_t enough = static_cast<size_t>(dose_.orders / 2 + round_ * dose_.orders);
    harness::Eventually([&] { return world_->caller().Orders().size() >= enough; });
  }
  // Waits until it has died of the failpoint, and starts it again.
  int AwaitDeath() {
    const int code = world_->process(row_.part).Wait(kToBeReached);
    if (code == -1) Find("the failpoint was not reached");
    if (code != -1 && code != kKilled) Find(absl::StrCat("it ended with ", code));
    world_->Restart(row_.part, "");
    return code == kKilled ? 1 : 0;
  }
  // `work` while the armed part dies and comes back; how often it died.
  int KillDuring(const std::function<void()>& work) {
    std::thread worker(work);
    const int kills = AwaitDeath();
    worker.join();
    return kills;
  }

  const Row& row_;
  const Dose dose_;
  int round_ = 0;
  std::unique_ptr<World> world_;
  Result result_;
};

void Playing::Round() {
  if (world_ == nullptr && row_.scene != Scene::kFirstStart)
    world_ = std::make_unique<World>(row_, dose_.postgres);
  switch (row_.scene) {
    case Scene::kOrders:
      return Orders();
    case Scene::kFirstStart:
      return FirstStart();
    case Scene::kBackOff:
      return BackOff();
    case Scene::kRevoking:
      return Revoking();
    case Scene::kGivingUp:
      return GivingUp();
    case Scene::kReadOnly:
      return ReadOnly();
    case Scene::kWritesFail:
      return WritesFail();
    case Scene::kDiskFull:
      return DiskFull();
    case Scene::kDatabaseDies:
      return DatabaseDies();
    case Scene::kCut:
      return Cut();
    case Scene::kClockJump:
      return ClockJump();
    case Scene::kFewFiles:
      return FewFiles();
    case Scene::kRolling:
      return Rolling();
  }
}

void Playing::Orders() {
  world_->Restart(row_.part, Plan(), /*await=*/!row_.at_start);
  std::vector<Placed> placed;
  const int kills = KillDuring([&] { placed = Place(); });
  Check(*world_, row_, placed, kills, issuer::v1::ORDER_STATE_VALID, result_);
}

void Playing::FirstStart() {
  world_.reset();
  world_ = std::make_unique<World>(row_, dose_.postgres,
                                   absl::StrCat(row_.failpoints[0], ":", FirstTime(), ":kill"));
  const std::vector<Placed> placed = Place();
  Check(*world_, row_, placed, 1, issuer::v1::ORDER_STATE_VALID, result_);
  const int accounts = world_->ca().Record().accounts;
  if (accounts != 1) Find(absl::StrCat(accounts, " accounts at the CA"));
  if (world_->postgres() == nullptr) CheckDatabase();
}

void Playing::CheckDatabase() {
  world_->norroy().issuer().Signal(SIGTERM);
  world_->norroy().issuer().Wait(absl::Seconds(20));
  const auto database = sql::OpenSqlite(world_->norroy().dir() + "/issuer/issuer.db");
  std::string verdict = std::string(database.status().message());
  if (database.ok()) {
    const absl::Status read = (*database)->Read([&](sql::Connection& connection) {
      const auto rows = connection.Query("PRAGMA integrity_check", {});
      if (rows.ok()) verdict = rows->at(0).Text(0);
      return rows.status();
    });
    if (!read.ok()) verdict = std::string(read.message());
  }
  if (verdict != "ok") Find("the database: " + verdict);
}

// RFC 9110 10.2.3: nothing is asked of the CA before its time, whoever was started meanwhile.
void Playing::BackOff() {
  world_->Restart(row_.part, Plan());
  const absl::Time begin = absl::Now();
  world_->ca().Refuse("newOrder", 503, "serverInternal", absl::StrCat(kHoldSeconds), 1);
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  const int code = world_->process(row_.part).Wait(kToBeReached);
  const absl::Time died = absl::Now();
  if (code != kKilled) Find("the failpoint was not reached");
  world_->Restart(row_.part, "");
  placing.join();
  Check(*world_, row_, placed, code == kKilled ? 1 : 0, issuer::v1::ORDER_STATE_VALID, result_);
  absl::Time until = absl::InfinitePast();
  int early = 0;
  for (const harness::CaRequest& request : world_->ca().Requests()) {
    absl::Time time;
    NORROY_CHECK(absl::ParseTime(absl::RFC3339_full, request.time, &time, nullptr));
    if (time < begin) continue;
    if (request.status == 503) until = time + absl::Seconds(kHoldSeconds);
    early += time > died && time < until;
  }
  if (until == absl::InfinitePast()) Find("the CA asked for no pause");
  if (early > 0) Find(absl::StrCat(early, " requests to the CA before its Retry-After"));
}

void Playing::Revoking() {
  world_->Restart(row_.part, "");
  const std::vector<Placed> placed = Place();
  Check(*world_, row_, placed, 0, issuer::v1::ORDER_STATE_VALID, result_);
  const int before = world_->ca().Record().revocations;
  const std::map<std::string, Order> orders = world_->caller().Orders();
  world_->Restart(row_.part, Plan());
  result_.kills += KillDuring([&] {
    Together(dose_.orders, [&](int n) {
      const absl::Status revoked =
          world_->caller().Revoke(orders.at(placed[n].id).certificate_id());
      if (!revoked.ok()) std::fprintf(stderr, "%s\n", revoked.ToString().c_str());
    });
  });
  for (const Placed& one : placed) {
    const auto certificate = world_->caller().Certificate(orders.at(one.id).certificate_id());
    if (!certificate.ok() || !certificate->has_revoke_time()) Find(one.name + " is not revoked");
  }
  const int revoked = world_->ca().Record().revocations - before;
  if (revoked != dose_.orders) Find(absl::StrCat(revoked, " revoked at the CA"));
}

void Playing::GivingUp() {
  world_->Restart(row_.part, Plan());
  // The CA does not come to an end.
  world_->ca().Change(R"({"validation_polls": 1000000})");
  const std::vector<Placed> placed = Place();
  const bool validating = harness::Eventually(
      [&] {
        std::map<std::string, Order> orders = world_->caller().Orders();
        return std::all_of(placed.begin(), placed.end(), [&](const Placed& one) {
          return orders[one.id].step() == "VALIDATING";
        });
      },
      kToBeReached);
  if (!validating) Find("not all orders came to VALIDATING");
  const int kills = KillDuring([&] {
    Together(dose_.orders, [&](int n) {
      const absl::Status cancelled = world_->caller().Cancel(placed[n].id);
      if (!cancelled.ok()) std::fprintf(stderr, "%s\n", cancelled.ToString().c_str());
    });
  });
  Check(*world_, row_, placed, kills, issuer::v1::ORDER_STATE_CANCELLED, result_);
  std::map<std::string, std::string> states;
  for (const auto& authorization : world_->ca().Record().authorizations) {
    states[authorization.name] = authorization.status;
  }
  for (const Placed& one : placed) {
    if (states[one.name] != "deactivated") {
      Find(absl::StrCat("the authorization for ", one.name, " is ", states[one.name]));
    }
  }
  world_->ca().Change(R"({"validation_polls": 1})");
}

void Playing::ReadOnly() {
  const std::string& root = world_->webroot();
  const auto remount = [&](unsigned long flags) {
    NORROY_CHECK(mount("none", root.c_str(), "tmpfs", MS_REMOUNT | flags, "size=16m") == 0);
  };
  remount(MS_RDONLY);
  const std::vector<Placed> placed = Place();
  const bool told = harness::Eventually(
      [&] {
        std::map<std::string, Order> orders = world_->caller().Orders();
        return std::all_of(placed.begin(), placed.end(), [&](const Placed& one) {
          const std::string& message = orders[one.id].error().message();
          return absl::StrContains(message, root) && absl::StrContains(message, kAgent);
        });
      },
      kToBeReached);
  if (!told) Find("not every order names agent and folder");
  remount(0);
  Check(*world_, row_, placed, 0, issuer::v1::ORDER_STATE_VALID, result_);
}

// Beyond the writes of a start, which would end it.
void Playing::WritesFail() {
  constexpr int kOfAStart = 20;
  const int step = row_.part == Part::kIssuer ? 23 : 3;
  world_->Restart(row_.part,
                  absl::StrCat(row_.failpoints[0], ":", kOfAStart + step * round_, ":error"));
  const int repeats = world_->caller().repeats();
  const std::vector<Placed> placed = Place();
  Check(*world_, row_, placed, 1, issuer::v1::ORDER_STATE_VALID, result_);
  --result_.kills;
  const bool seen = world_->caller().repeats() > repeats ||
                    absl::StrContains(world_->norroy().Logs(), "the failpoint sql.write says so");
  if (!seen) Find("no write failed");
}

// Half of the orders are there when it begins.
void Playing::DiskFull() {
  const std::string filler = world_->volume() + "/filler";
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  AwaitHalf();
  harness::WriteAll(filler, std::string(32 << 20, 'x'));
  const bool said = harness::Eventually([&] {
    return absl::StrContains(harness::ReadAll(world_->norroy().dir() + "/issuer.log"),
                             "issuer.db: database or disk is full");
  });
  if (!said) Find("the log does not name the database");
  absl::SleepFor(kWrongFor);
  std::remove(filler.c_str());
  placing.join();
  Check(*world_, row_, placed, 1, issuer::v1::ORDER_STATE_VALID, result_);
  --result_.kills;
}

void Playing::DatabaseDies() {
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  AwaitHalf();
  harness::Postgres& postgres = *world_->postgres();
  if (round_ % 2 == 0) {
    postgres.Stop();
  } else {
    postgres.Kill();
  }
  absl::SleepFor(absl::Seconds(3));
  postgres.StartAgain();
  placing.join();
  Check(*world_, row_, placed, 1, issuer::v1::ORDER_STATE_VALID, result_);
}

void Playing::Cut() {
  const Network::Cable cable = row_.part == Part::kIssuer ? Network::Cable::kIssuerValidator
                                                          : Network::Cable::kValidatorAgent;
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  AwaitHalf();
  const absl::Time cut = absl::Now();
  world_->network().Cut(cable);
  // Both ends think that they are connected, until keepalive tells them.
  if (cable == Network::Cable::kValidatorAgent) {
    const bool noticed =
        harness::Eventually([&] { return !world_->norroy().IsAttached(kAgent); }, kCutFor);
    if (!noticed) Find("the validator did not notice");
    std::fprintf(stderr, "%s: noticed after %s\n", row_.id.c_str(),
                 absl::FormatDuration(absl::Now() - cut).c_str());
  }
  absl::SleepFor(cut + kCutFor - absl::Now());
  world_->network().Mend(cable);
  placing.join();
  Check(*world_, row_, placed, 0, issuer::v1::ORDER_STATE_VALID, result_);
}

void Playing::ClockJump() {
  constexpr const char* kJumps[] = {"+3600", "-3600", "+86400", "-86400"};
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  AwaitHalf();
  const int before = static_cast<int>(world_->ca().Requests().size());
  world_->SetClock(kJumps[round_ % 4]);
  absl::SleepFor(kWrongFor);
  world_->SetClock("+0");
  placing.join();
  Check(*world_, row_, placed, 1, issuer::v1::ORDER_STATE_VALID, result_);
  --result_.kills;
  // No burst: what these orders need, each request a second time at the most.
  const int requests = static_cast<int>(world_->ca().Requests().size()) - before;
  if (requests > 2 * kRequestsEach * dose_.orders) {
    Find(absl::StrCat(requests, " requests to the CA for ", dose_.orders, " orders"));
  }
}

void Playing::FewFiles() {
  std::vector<int> strangers;
  const std::string address = world_->norroy().issuer_address();
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  for (int i = 0; i < kStrangers; ++i) strangers.push_back(harness::ConnectTo(port));
  std::atomic<bool> done = false;
  std::thread caller([&] {
    const std::vector<Placed> placed = Place();
    Check(*world_, row_, placed, 0, issuer::v1::ORDER_STATE_VALID, result_);
    done = true;
  });
  // It may end by itself, at any moment, rather than live and hear nobody; whoever looks after it
  // starts it.
  std::vector<int> ends;
  const absl::Time gone = absl::Now() + kWrongFor;
  while (!done) {
    const int code = world_->norroy().issuer().Wait(absl::Milliseconds(200));
    if (code != -1) {
      ends.push_back(code);
      world_->Restart(Part::kIssuer, "");
    }
    if (absl::Now() < gone) continue;
    for (const int fd : strangers) close(fd);
    strangers.clear();
  }
  caller.join();
  for (const int fd : strangers) close(fd);
  for (const int code : ends) {
    if (code != 1) Find(absl::StrCat("it ended with ", code));
  }
}

void Playing::Rolling() {
  const int repeats = world_->caller().repeats();
  std::vector<Placed> placed;
  std::thread placing([&] { placed = Place(); });
  for (const Part part : {Part::kValidator, Part::kIssuer}) world_->Restart(part, "");
  placing.join();
  Check(*world_, row_, placed, 0, issuer::v1::ORDER_STATE_VALID, result_);
  const int seen = world_->caller().repeats() - repeats;
  if (seen > 0) Find(absl::StrCat("callers had to repeat ", seen, " calls"));
}

}  // namespace

Result Play(const Row& row, const Dose& dose) { return Playing(row, dose).Run(); }

}  // namespace norroy::chaos
