#include "issuer/renewal/warmer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/rounds.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/log/trouble.h"
#include "common/status_macros.h"
#include "issuer/policy/registered_domain.h"
#include "issuer/renewal/plan.h"

namespace norroy::renewal {
namespace {

using flow::State;
using store::WarmName;

constexpr int kTakeAtOnce = 20;
constexpr absl::Duration kLastHour = absl::Hours(1);
constexpr absl::Duration kUnknown = absl::Hours(2);
constexpr absl::Duration kEarliest = absl::Hours(20);
constexpr char kLabel[] = "norroy";
constexpr char kLabelValue[] = "warm name";

class WarmerImpl final : public Warmer {
 public:
  explicit WarmerImpl(const WarmerOptions& options) : o_(options), tokens_(options.kBurst) {}
  ~WarmerImpl() override { Stop(); }

  void Start() override { rounds_.Start(o_.first); }

  void Wake() override { rounds_.Wake(); }

  void Stop() override { rounds_.Stop(); }

  absl::Duration RunDue() override {
    trouble_.Note("lost authorizations are not noticed", LookForLost());
    trouble_.Note("warm names are not looked at", LookAtDue());
    const absl::StatusOr<absl::Time> next = o_.warm_names.NextDue();
    if (!next.ok()) return o_.kMaxIdle;
    return std::clamp(*next - o_.clock.Now(), absl::Milliseconds(200), o_.kMaxIdle);
  }

 private:
  bool stopping() { return rounds_.stopping(); }

  absl::Status LookForLost() {
    const absl::Duration now = o_.clock.Monotonic();
    if (now < next_look_for_lost_) return absl::OkStatus();
    next_look_for_lost_ = now + o_.kLookForLost;
    return o_.warm_names.NoteLost(o_.clock.Now()).status();
  }

  absl::Status LookAtDue() {
    const absl::Time now = o_.clock.Now();
    NORROY_ASSIGN_OR_RETURN(const std::vector<WarmName> due,
                            o_.warm_names.TakeDue(now, now + o_.kClaim, kTakeAtOnce));
    for (const WarmName& name : due) {
      if (stopping()) break;
      NORROY_RETURN_IF_ERROR(name.proving ? LookAtOrder(name) : Prove(name));
    }
    return absl::OkStatus();
  }

  // One more order in this hour.
  bool MayOrder() {
    const absl::Duration now = o_.clock.Monotonic();
    const double gained = absl::FDivDuration(now - refilled_, absl::Hours(1)) * o_.orders_per_hour;
    tokens_ = std::min(tokens_ + gained, static_cast<double>(o_.kBurst));
    refilled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

  absl::Status Prove(const WarmName& name);
  absl::StatusOr<flow::Order> NewOrder(const WarmName& name);
  absl::Status LookAtOrder(const WarmName& name);
  absl::Status NoteValid(const WarmName& name, const flow::Order& order);
  absl::Status NoteFailed(const WarmName& name, const absl::Status& why);
  absl::Status LookAgain(const WarmName& name, absl::Duration after);
  absl::Status EndOrder(const std::string& id);

  const WarmerOptions o_;
  // Of the one thread that runs.
  double tokens_;
  absl::Duration refilled_ = absl::ZeroDuration();
  absl::Duration next_look_for_lost_ = absl::ZeroDuration();
  log::Trouble trouble_{"warm"};

  Rounds rounds_{o_.clock, [this] { return RunDue(); }};
};

absl::Status WarmerImpl::LookAgain(const WarmName& name, absl::Duration after) {
  const absl::Time when = o_.clock.Now() + after;
  return o_.warm_names.Update(name.key, [when](WarmName& row) { row.act_time = when; });
}

absl::Status WarmerImpl::Prove(const WarmName& name) {
  if (!MayOrder()) return LookAgain(name, absl::Hours(1) / o_.orders_per_hour);
  const absl::StatusOr<flow::Order> order = NewOrder(name);
  if (!order.ok()) return NoteFailed(name, order.status());
  const absl::Time look = o_.clock.Now() + o_.kLook;
  NORROY_RETURN_IF_ERROR(o_.warm_names.Update(name.key, [&](WarmName& row) {
    row.order_id = order->id;
    row.proving = true;
    row.act_time = look;
  }));
  o_.announce(*order);
  return absl::OkStatus();
}

// A split order for the one name, which nobody hands a CSR to.
absl::StatusOr<flow::Order> WarmerImpl::NewOrder(const WarmName& name) {
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(o_.clock.Now()));
  NORROY_ASSIGN_OR_RETURN(
      const policy::Decision decision,
      o_.policy.Check(
          {name.creator, {name.key.name}, name.key.ca, name.key.profile, std::nullopt}));
  if (decision.reuse_never) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "REUSE_NEVER",
                     absl::StrCat("the grant for ", name.key.name.text(),
                                  " says `reuse: never`: nothing can be kept warm"));
  }
  flow::Order order;
  order.id = o_.random.Id();
  order.creator = name.creator;
  order.names = {name.key.name};
  order.ca = name.key.ca;
  order.profile = name.key.profile;
  order.labels[kLabel] = kLabelValue;
  order.create_time = order.update_time = order.state_time = order.due_time = now;
  order.expire_time = now + o_.kOrderLifetime;
  order.policy_version = decision.version;
  const store::Spending spending{
      .orders_per_day = decision.quota.orders_per_day,
      .orders_per_domain_per_day = decision.quota.orders_per_domain_per_day,
      .domains = policy::RegisteredDomains(order.names)};
  return o_.store.CreateOrder(order, now, {.spending = spending, .by = o_.warm_names.writer()});
}

absl::Status WarmerImpl::LookAtOrder(const WarmName& name) {
  const absl::StatusOr<flow::Order> order = o_.store.GetOrder(name.order_id);
  if (absl::IsNotFound(order.status())) return NoteFailed(name, order.status());
  if (!order.ok()) return order.status();
  if (order->state == State::kWaitingForCsr) return NoteValid(name, *order);
  const bool ended = flow::IsFinal(order->state) || order->state == State::kGivingUp;
  if (!ended) return LookAgain(name, o_.kLook);
  // One that somebody cancelled, or handed a CSR to, has ended all the same.
  return NoteFailed(name, order->error.has_value()
                              ? order->error->ToStatus()
                              : MakeError(absl::StatusCode::kCancelled, "CANCELLED",
                                          absl::StrCat("order ", order->id, " was ended")));
}

absl::Status WarmerImpl::NoteValid(const WarmName& name, const flow::Order& order) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const client, o_.accounts.ClientFor(name.key.ca));
  const flow::NameProgress& progress = order.progress.front();
  const absl::Time now = o_.clock.Now();
  // Where the CA does not say, it is asked again before long.
  absl::Time until = now + kUnknown;
  std::string url = progress.authorization_url;
  if (!url.empty()) {
    // The CA alone knows until when.
    const absl::StatusOr<acme::Authorization> read = client->GetAuthorization(url);
    if (!read.ok()) return LookAgain(name, absl::Minutes(1));
    if (read->expires.has_value()) until = *read->expires;
    NORROY_RETURN_IF_ERROR(o_.authorizations.Note({{.url = url,
                                                    .ca = name.key.ca,
                                                    .account_url = client->account_url(),
                                                    .name = name.key.name.text(),
                                                    .expire_time = until,
                                                    .order_id = "",
                                                    .reason = ""}}));
  }
  const auto reuse = o_.reuse.find({name.key.ca, name.key.profile});
  if (reuse != o_.reuse.end()) {
    // One that was valid before has been counted from its own beginning.
    const bool known = url == name.authorization_url;
    until = std::min(until, known ? name.valid_until : now + reuse->second);
  }
  NORROY_RETURN_IF_ERROR(o_.warm_names.Update(name.key, [&](WarmName& row) {
    row.authorization_url = url;
    row.valid_until = until;
    row.act_time = NextProof(until, now);
    row.proving = false;
    row.attempts = 0;
    row.error_reason.clear();
    row.error_message.clear();
  }));
  log::Info("warm", "name is warm",
            {{"name", name.key.name.text()},
             {"ca", name.key.ca},
             {"until", absl::FormatTime(absl::RFC3339_sec, until, absl::UTCTimeZone())}});
  return EndOrder(order.id);
}

absl::Status WarmerImpl::EndOrder(const std::string& id) {
  const absl::Time now = o_.clock.Now();
  const auto end = [now](flow::Order& order) -> absl::Status {
    // Somebody has handed it a CSR meanwhile: it is that one's now.
    if (order.state != State::kWaitingForCsr) return absl::OkStatus();
    order.state = State::kGivingUp;
    order.ending = State::kCancelled;
    order.update_time = order.state_time = order.due_time = now;
    order.attempt = 0;
    order.waiting_for.clear();
    return absl::OkStatus();
  };
  NORROY_ASSIGN_OR_RETURN(const flow::Order ended,
                          o_.store.ChangeOrder(id, /*take_over=*/true, end,
                                               {.principal = o_.warm_names.writer(),
                                                .action = "order.cancel",
                                                .object = absl::StrCat("order/", id),
                                                .detail = "its name is warm"}));
  o_.announce(ended);
  return absl::OkStatus();
}

absl::Status WarmerImpl::NoteFailed(const WarmName& name, const absl::Status& why) {
  log::Warning("warm", "name cannot be kept warm",
               {{"name", name.key.name.text()}, {"error", why.message()}});
  const absl::Time now = o_.clock.Now();
  return o_.warm_names.Update(name.key, [&](WarmName& row) {
    row.proving = false;
    ++row.attempts;
    row.error_reason = ErrorReason(why);
    row.error_message = std::string(why.message());
    row.act_time = NextAttempt(row.attempts, absl::InfiniteFuture(), now);
  });
}

}  // namespace

absl::Time NextProof(absl::Time valid_until, absl::Time now) {
  const absl::Duration left = valid_until - now;
  if (left < kLastHour) return std::max(valid_until, now + absl::Minutes(1)) + absl::Seconds(1);
  return valid_until - std::min(left / 8, kEarliest);
}

std::unique_ptr<Warmer> Warmer::Make(const WarmerOptions& options) {
  return std::make_unique<WarmerImpl>(options);
}

}  // namespace norroy::renewal
