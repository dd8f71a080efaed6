// Quotas and failure counts against the plainest model of them, whatever the clock does and however
// often the process restarts: nothing is allowed that the model forbids, nor forbidden that it
// allows. The input is a program: s spends for one of two principals, f notes a failed validation,
// m asks whether one may be made, t lets time pass, j sets the clock, r restarts.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "common/check.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "issuer/store/quota.h"
#include "issuer/store/store.h"
#include "tests/fuzz/program.h"

namespace {

using norroy::fuzz::Operation;
using norroy::store::kQuotaWindow;
using norroy::store::Quotas;
using norroy::store::Spending;
using norroy::store::Store;

constexpr char kVerbs[] = "sfmtjr";
constexpr size_t kMaxOperations = 60;
constexpr absl::Duration kHour = absl::Hours(1);

struct Counted {
  std::string key;  // of what, for whom
  std::string id;
  absl::Time time;
};

// Rows with a key and a time; those that are older than the window when one is written are gone.
class Model {
 public:
  explicit Model(absl::Duration window) : window_(window) {}
  // The moment from which on fewer than `limit` count.
  absl::Time FreeAt(const std::string& key, int limit, absl::Time now) const {
    if (limit <= 0) return absl::InfiniteFuture();
    std::vector<absl::Time> times;
    for (const Counted& row : rows_) {
      if (row.key == key && row.time > now - window_ && row.time <= now + window_) {
        times.push_back(row.time);
      }
    }
    std::sort(times.rbegin(), times.rend());
    if (times.size() < static_cast<size_t>(limit)) return now;
    return times[static_cast<size_t>(limit) - 1] + window_;
  }
  void Prune(absl::Time now) {
    std::erase_if(rows_, [&](const Counted& row) { return row.time <= now - window_; });
  }
  void Note(const Counted& counted) {
    for (const Counted& row : rows_) {
      if (row.key == counted.key && row.id == counted.id) return;
    }
    rows_.push_back(counted);
  }

 private:
  absl::Duration window_;
  std::vector<Counted> rows_;
};

struct World {
  World() : database(*norroy::sql::OpenSqlite(":memory:")) {
    NORROY_CHECK(norroy::sql::Migrate(*database, Store::Migrations()).ok());
    store = Store::Make(*database);
    quotas = std::make_unique<Quotas>(*database);
  }
  // One for all runs: tables are emptied instead of made.
  void Empty() {
    NORROY_CHECK(database
                     ->Write([](norroy::sql::Connection& connection) {
                       const auto done = connection.Execute("DELETE FROM order_domains", {});
                       if (!done.ok()) return done.status();
                       return connection.Execute("DELETE FROM failures", {}).status();
                     })
                     .ok());
  }
  std::unique_ptr<norroy::sql::Database> database;
  std::unique_ptr<Store> store;
  std::unique_ptr<Quotas> quotas;
};

class Machine {
 public:
  explicit Machine(World& world) : world_(world) { world_.Empty(); }

  void Do(const Operation& operation) {
    const auto& [verb, a, b] = operation;
    switch (verb) {
      case 's':
        return Spend(a, b);
      case 'f':
        return Fail(a, b);
      case 'm':
        return Ask(a, b);
      case 't':
        now_ += absl::Minutes(a) * (b % 2 == 0 ? 1 : 20);
        return;
      case 'j':
        now_ += absl::Minutes(a % 2 == 0 ? b * 30 : -b * 30);
        return;
      default:
        world_.store = Store::Make(*world_.database);
        world_.quotas = std::make_unique<Quotas>(*world_.database);
    }
  }

 private:
  void Spend(int who, int what) {
    const std::string principal = who % 2 == 0 ? "requester/web" : "requester/web-evil";
    Spending spending{.orders_per_day = 1 + what % 4, .orders_per_domain_per_day = what / 4 % 4};
    if (what % 3 != 0) spending.domains.push_back("example.com");
    if (what % 5 == 0) spending.domains.push_back("example.org");
    const std::string id = absl::StrCat(++ids_);
    const absl::Status spent = world_.quotas->Spend(principal, id, spending, now_);
    // What was refused is rolled back, and with it what was forgotten.
    Model model = quotas_;
    model.Prune(now_);
    absl::Time free = model.FreeAt(principal, spending.orders_per_day, now_);
    for (const std::string& domain : spending.domains) {
      free = std::max(free, model.FreeAt(absl::StrCat(principal, " ", domain),
                                         spending.orders_per_domain_per_day, now_));
    }
    NORROY_CHECK(spent.ok() == (free <= now_));
    if (!spent.ok()) {
      NORROY_CHECK(norroy::ErrorReason(spent) == "QUOTA_EXCEEDED");
      return;
    }
    model.Note({principal, id, now_});
    for (const std::string& domain : spending.domains) {
      model.Note({absl::StrCat(principal, " ", domain), id, now_});
    }
    quotas_ = model;
#ifdef PLANTED
    // A principal that is the beginning of another has its orders counted too.
    if (who % 2 == 0 && spending.domains.size() == 2) {
      quotas_.Note({"requester/web-evil", id, now_});
    }
#endif
  }

  static norroy::flow::Order OrderFor(int which) {
    static const char* const kNames[] = {"a.example.com", "b.example.com"};
    norroy::flow::Order order;
    order.ca = which / 4 % 2 == 0 ? "main" : "second";
    order.names = {*norroy::challenge::Name::Parse(kNames[which % 2])};
    return order;
  }

  static std::string KeyOf(const norroy::flow::Order& order) {
    return absl::StrCat(order.ca, " ", order.names.front().text());
  }

  void Fail(int which, int authorization) {
    const norroy::flow::Order order = OrderFor(which);
    const std::string url = absl::StrCat("https://ca.example/", authorization);
    NORROY_CHECK(world_.store->NoteFailure(order, order.names.front(), url, now_).ok());
    failures_.Prune(now_);
    failures_.Note({KeyOf(order), url, now_});
  }

  void Ask(int which, int limit) {
    const norroy::flow::Order order = OrderFor(which);
    const norroy::store::Limits limits{.failures_per_name_per_hour = limit % 4};
    const auto free = world_.store->MayValidate(order, limits, now_);
    NORROY_CHECK(free.ok());
    NORROY_CHECK(*free == std::max(now_, failures_.FreeAt(KeyOf(order), limit % 4, now_)));
  }

  World& world_;
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
  Model quotas_{kQuotaWindow};
  Model failures_{kHour};
  int ids_ = 0;
};

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateProgramInput(data, size, max_size, seed, kVerbs, kMaxOperations);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static World* const world = new World;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  Machine machine(*world);
  for (const Operation& operation : norroy::fuzz::ReadProgram(text, kVerbs, kMaxOperations)) {
    machine.Do(operation);
  }
  return 0;
}
