#include "issuer/flow/withdrawal.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/rounds.h"
#include "common/log/log.h"
#include "common/log/trouble.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/flow/deactivating.h"
#include "issuer/flow/failure.h"

namespace norroy::flow {
namespace {

using store::Authorization;

// Of one CA, looked at in one go.
constexpr int kMaxMarked = 1000;
constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr absl::Duration kMaxHold = absl::Hours(24);
// Expired ones are forgotten so often.
constexpr absl::Duration kPruneEvery = absl::Hours(1);

// What is known of one CA's patience, in memory alone: after a restart it is found out again.
struct Pace {
  std::deque<absl::Duration> requests;  // of the last minute, by the monotonic clock
  absl::Duration not_before = absl::ZeroDuration();
};

// An authorization that the CA would not deactivate.
struct Refusal {
  int attempts = 0;
  absl::Duration not_before = absl::ZeroDuration();
};

class WithdrawalImpl final : public Withdrawal {
 public:
  explicit WithdrawalImpl(const WithdrawalOptions& options) : o_(options) {}
  ~WithdrawalImpl() override { Stop(); }

  void Start() override {
    next_look_ = o_.clock.Monotonic() + o_.first;
    rounds_.Start(o_.first);
  }

  void Wake() override { rounds_.Wake(); }

  void Stop() override { rounds_.Stop(); }

  absl::Duration RunDue() override {
    const absl::Duration now = o_.clock.Monotonic();
    trouble_.Note("the validators cannot be asked; nothing is withdrawn", AskAgain());
    if (now >= next_look_) {
      next_look_ = now + o_.interval;
      trouble_.Note("the validators cannot be asked; nothing is withdrawn", LookAtNames());
      trouble_.Note("expired authorizations are not forgotten", Prune());
    }
    absl::Duration next = next_look_ - now;
    if (!suspects_.empty()) next = std::min(next, o_.kSure);
    for (const std::string& ca : o_.accounts.cas()) next = std::min(next, DeactivateAt(ca));
    return std::max(next, absl::Milliseconds(100));
  }

 private:
  bool stopping() { return rounds_.stopping(); }

  // For which of `names` nobody may answer. Those that cannot be read are left alone.
  absl::StatusOr<std::vector<std::string>> Unanswerable(const std::vector<std::string>& names) {
    std::vector<challenge::Name> asked;
    for (const std::string& name : names) {
      const absl::StatusOr<challenge::Name> parsed = challenge::Name::Parse(name);
      if (parsed.ok()) asked.push_back(*parsed);
    }
    if (asked.empty()) return std::vector<std::string>();
    NORROY_ASSIGN_OR_RETURN(const std::vector<challenge::Name> nobody,
                            o_.solver.Unanswerable(asked));
    std::vector<std::string> texts;
    for (const challenge::Name& name : nobody) texts.push_back(name.text());
    return texts;
  }

  // The next names in their order; a name for which nobody may answer is a suspect from now on.
  absl::Status LookAtNames() {
    for (int seen = 0; seen < o_.kNamesALook && !stopping(); seen += o_.kNamesAPage) {
      NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> page,
                              o_.authorizations.Names(cursor_, o_.kNamesAPage, o_.clock.Now()));
      const absl::Duration asked_at = o_.clock.Monotonic();
      NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> nobody, Unanswerable(page));
      for (const std::string& name : nobody) suspects_.try_emplace(name, asked_at);
      const bool last = static_cast<int>(page.size()) < o_.kNamesAPage;
      cursor_ = last ? "" : page.back();
      if (last) break;
    }
    return absl::OkStatus();
  }

  // Suspects of long enough are asked for once more: then it is sure, or they are none.
  absl::Status AskAgain() {
    const absl::Duration now = o_.clock.Monotonic();
    std::vector<std::string> due;
    for (const auto& [name, since] : suspects_) {
      if (now - since >= o_.kSure && static_cast<int>(due.size()) < o_.kNamesAPage) {
        due.push_back(name);
      }
    }
    if (due.empty()) return absl::OkStatus();
    NORROY_ASSIGN_OR_RETURN(const std::vector<std::string> nobody, Unanswerable(due));
    NORROY_ASSIGN_OR_RETURN(const int64_t marked,
                            o_.authorizations.Withdraw(nobody, kNobodyMayAnswer, o_.clock.Now()));
    for (const std::string& name : due) suspects_.erase(name);
    if (marked > 0) {
      log::Warning("withdrawal", "nobody may answer for names with valid authorizations any more",
                   {{"names", nobody.size()}, {"authorizations", marked}, {"first", nobody[0]}});
    }
    return absl::OkStatus();
  }

  absl::Status Prune() {
    const absl::Duration now = o_.clock.Monotonic();
    if (now < next_prune_) return absl::OkStatus();
    next_prune_ = now + kPruneEvery;
    return o_.authorizations.Prune(o_.clock.Now()).status();
  }

  // Deactivates what this CA's account must give back, as far as it may be asked now. When there is
  // more to do.
  absl::Duration DeactivateAt(const std::string& ca) {
    const absl::StatusOr<acme::Client*> client = o_.accounts.ClientFor(ca);
    if (!client.ok()) return absl::InfiniteDuration();
    const absl::StatusOr<std::vector<Authorization>> marked =
        o_.authorizations.Withdrawn(ca, (*client)->account_url(), kMaxMarked, o_.clock.Now());
    if (!marked.ok()) {
      trouble_.Note("the store cannot be read", marked.status());
      return o_.interval;
    }
    absl::Duration next = absl::InfiniteDuration();
    for (const Authorization& authorization : *marked) {
      if (stopping()) break;
      const absl::Duration now = o_.clock.Monotonic();
      const absl::Duration pause = PauseOf(ca) - now;
      if (pause > absl::ZeroDuration()) return std::min(next, pause);
      const auto refused = refusals_.find(authorization.url);
      if (refused != refusals_.end() && refused->second.not_before > now) {
        next = std::min(next, refused->second.not_before - now);
        continue;
      }
      const absl::Status ended = End(**client, authorization);
      if (!ended.ok()) next = std::min(next, Postpone(authorization, ended) - now);
    }
    return next;
  }

  // By the monotonic clock: until then the CA is not asked.
  absl::Duration PauseOf(const std::string& ca) {
    Pace& pace = paces_[ca];
    const absl::Duration now = o_.clock.Monotonic();
    while (!pace.requests.empty() && pace.requests.front() <= now - kMinute) {
      pace.requests.pop_front();
    }
    absl::Duration until = pace.not_before;
    // One deactivation may take a second request.
    if (static_cast<int>(pace.requests.size()) + 2 > o_.requests_per_minute &&
        !pace.requests.empty()) {
      until = std::max(until, pace.requests.front() + kMinute);
    }
    const absl::StatusOr<absl::Time> hold = o_.store.GetHold(store::CaScope(ca));
    if (!hold.ok()) return std::max(until, now + o_.interval);
    if (*hold > o_.clock.Now()) until = std::max(until, now + (*hold - o_.clock.Now()));
    return until;
  }

  absl::Status End(acme::Client& client, const Authorization& authorization) {
    const int64_t before = client.requests();
    const absl::StatusOr<bool> done = Deactivate(client, authorization.url);
    // Orders use the client too: what they sent meanwhile counts here as well, at most two.
    const int64_t sent = std::clamp<int64_t>(client.requests() - before, 1, 2);
    Pace& pace = paces_[authorization.ca];
    for (int64_t i = 0; i < sent; ++i) pace.requests.push_back(o_.clock.Monotonic());
    if (!done.ok()) return done.status();
    refusals_.erase(authorization.url);
    log::Info("withdrawal", *done ? "authorization deactivated" : "authorization was over already",
              {{"name", authorization.name},
               {"authorization", authorization.url},
               {"reason", authorization.reason}});
    return o_.authorizations.Forget(
        authorization.url,
        {.principal = o_.authorizations.writer(),
         .action = "authorization.deactivate",
         .object = absl::StrCat("authorization/", authorization.url),
         .detail = absl::StrCat("name=", authorization.name, " ca=", authorization.ca,
                                *done ? "" : " was over already;", " ", authorization.reason)},
        o_.clock.Now());
  }

  // When it is tried again; a CA that cannot be reached or asks for time is left alone altogether.
  absl::Duration Postpone(const Authorization& authorization, const absl::Status& why) {
    const absl::Duration now = o_.clock.Monotonic();
    Refusal& refusal = refusals_[authorization.url];
    refusal.not_before = now + std::max(BackOff(refusal.attempts++, 0.5), kMinute / 2);
    log::Warning("withdrawal", "authorization is not deactivated; it will be tried again",
                 {{"name", authorization.name},
                  {"authorization", authorization.url},
                  {"error", why.message()}});
    if (!IsWorthRepeating(why)) return refusal.not_before;
    const absl::Time wall = o_.clock.Now();
    const absl::Time retry_at = std::min(RetryAt(why), wall + kMaxHold);
    absl::Duration& not_before = paces_[authorization.ca].not_before;
    not_before = std::max(refusal.not_before, now + (retry_at - wall));
    const std::optional<acme::Problem> problem = acme::ProblemOf(why);
    if (problem.has_value() && problem->status == 503 && retry_at > wall) {
      trouble_.Note("the CA's hold is not stored",
                    o_.store.SetHold(store::CaScope(authorization.ca), retry_at));
    }
    return not_before;
  }

  const WithdrawalOptions o_;
  // Of the one thread that runs.
  absl::Duration next_look_ = absl::ZeroDuration();
  absl::Duration next_prune_ = absl::ZeroDuration();
  std::string cursor_;
  std::map<std::string, absl::Duration> suspects_;  // since when, by the monotonic clock
  std::map<std::string, Pace> paces_;
  std::map<std::string, Refusal> refusals_;
  log::Trouble trouble_{"withdrawal"};

  Rounds rounds_{o_.clock, [this] { return RunDue(); }};
};

}  // namespace

std::unique_ptr<Withdrawal> Withdrawal::Make(const WithdrawalOptions& options) {
  return std::make_unique<WithdrawalImpl>(options);
}

}  // namespace norroy::flow
