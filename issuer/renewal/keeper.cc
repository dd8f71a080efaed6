#include "issuer/renewal/keeper.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/clock/rounds.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/log/trouble.h"
#include "common/status_macros.h"
#include "issuer/policy/next_cas.h"
#include "issuer/renewal/poll.h"

namespace norroy::renewal {
namespace {

using store::Renewal;

constexpr int kAdoptAtOnce = 500;
constexpr int kOrdersAtOnce = 20;
constexpr absl::Duration kSecond = absl::Seconds(1);
// Of one try; the next is another order.
constexpr absl::Duration kOrderLifetime = absl::Hours(24 * 7);

class KeeperImpl final : public Keeper {
 public:
  explicit KeeperImpl(const KeeperOptions& options) : o_(options) {}
  ~KeeperImpl() override { Stop(); }

  void Start() override { rounds_.Start(o_.first); }

  void Stop() override { rounds_.Stop(); }

  absl::StatusOr<Renewal> Ask(const std::string& certificate_id) override;

  absl::Duration RunDue() override {
    if (!adopted_) trouble_.Note("earlier certificates are not taken on", Adopt());
    trouble_.Note("due renewals are not ordered", OrderDue());
    trouble_.Note("CAs are not asked about renewals", PollDue());
    const absl::StatusOr<absl::Time> next = o_.renewals.NextDue();
    if (!next.ok()) return o_.kMaxIdle;
    return std::clamp(*next - o_.clock.Now(), kSecond, o_.kMaxIdle);
  }

 private:
  bool stopping() { return rounds_.stopping(); }

  // Certificates of the days before renewals were kept.
  absl::Status Adopt() {
    while (!stopping()) {
      NORROY_ASSIGN_OR_RETURN(const bool more, o_.renewals.Adopt(kAdoptAtOnce));
      if (more) continue;
      adopted_ = true;
      break;
    }
    return absl::OkStatus();
  }

  absl::Status PollDue();
  absl::Status PollCa(const std::string& ca);
  absl::StatusOr<Renewal> Poll(const Renewal& renewal, absl::Status& answered);

  absl::Status OrderDue();
  absl::Status Order(const Renewal& renewal);
  absl::StatusOr<flow::Order> Reorder(const Renewal& renewal);
  absl::Status CheckGrants(flow::Order& order);
  absl::Status NoteRefused(const Renewal& renewal, const absl::Status& why);

  const KeeperOptions o_;
  // Of the one thread that runs.
  bool adopted_ = false;
  std::map<std::string, absl::Duration> ca_pauses_;  // until then, by the monotonic clock
  absl::Duration next_order_ = absl::ZeroDuration();
  absl::Duration spacing_ = KeeperOptions::kMaxSpacing;
  log::Trouble trouble_{"renewal"};

  Rounds rounds_{o_.clock, [this] { return RunDue(); }};
};

absl::Status KeeperImpl::PollDue() {
  for (const std::string& ca : o_.accounts.cas()) {
    if (ca_pauses_[ca] <= o_.clock.Monotonic()) NORROY_RETURN_IF_ERROR(PollCa(ca));
  }
  return absl::OkStatus();
}

absl::Status KeeperImpl::PollCa(const std::string& ca) {
  const absl::Time now = o_.clock.Now();
  // The CA asked not to be called, by whatever request; what waits for a human does not count.
  NORROY_ASSIGN_OR_RETURN(const absl::Time hold, o_.store.GetHold(store::CaScope(ca)));
  NORROY_ASSIGN_OR_RETURN(const std::string why, o_.store.WhyHeld(store::CaScope(ca)));
  if (hold > now && why.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const int64_t due, o_.renewals.CountPolls(ca, now));
  const int64_t at_once = std::clamp<int64_t>((due + 19) / 20, 1, o_.kMaxPollsPerSecond);
  NORROY_ASSIGN_OR_RETURN(
      const std::vector<Renewal> taken,
      o_.renewals.TakePolls(ca, now, now + o_.kClaim, static_cast<int>(at_once)));
  for (const Renewal& renewal : taken) {
    if (stopping()) break;
    absl::Status answered;
    NORROY_RETURN_IF_ERROR(Poll(renewal, answered).status());
    if (!IsCasTrouble(answered)) continue;
    log::Warning("renewal", "the CA's renewal information cannot be had; renewals do not wait",
                 {{"ca", ca}, {"error", answered.message()}});
    ca_pauses_[ca] = o_.clock.Monotonic() + o_.kPollPause;
    break;
  }
  return absl::OkStatus();
}

absl::StatusOr<Renewal> KeeperImpl::Poll(const Renewal& renewal, absl::Status& answered) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const client, o_.accounts.ClientFor(renewal.ca));
  NORROY_ASSIGN_OR_RETURN(const flow::StoredCertificate certificate,
                          o_.store.GetCertificate(renewal.certificate_id));
  const absl::StatusOr<acme::RenewalInfo> answer = AskCa(*client, certificate);
  answered = answer.status();
  const absl::Time now = o_.clock.Now();
  const double fraction = o_.random.Fraction();
  return o_.renewals.Update(renewal.certificate_id, [&](Renewal& row) {
    NoteAnswer(answer, now, fraction, row);
    return absl::OkStatus();
  });
}

absl::StatusOr<Renewal> KeeperImpl::Ask(const std::string& certificate_id) {
  NORROY_ASSIGN_OR_RETURN(const Renewal renewal, o_.renewals.Get(certificate_id));
  absl::Status answered;
  absl::StatusOr<Renewal> row = Poll(renewal, answered);
  if (row.ok() && !answered.ok()) return answered;
  return row;
}

absl::Status KeeperImpl::OrderDue() {
  // What waits is many after a pause: then one follows another at the pace at which all are gone
  // within kRelease.
  for (int i = 0; i < kOrdersAtOnce && !stopping(); ++i) {
    const absl::Duration monotonic = o_.clock.Monotonic();
    if (monotonic < next_order_) break;
    const absl::Time now = o_.clock.Now();
    NORROY_ASSIGN_OR_RETURN(const int64_t due, o_.renewals.CountActs(now));
    if (due == 0) break;
    NORROY_ASSIGN_OR_RETURN(const std::vector<Renewal> taken,
                            o_.renewals.TakeActs(now, now + o_.kClaim, 1));
    if (taken.empty()) break;
    // As few are left the pace stays, until none is.
    spacing_ = due == 1 ? o_.kMaxSpacing : std::min(spacing_, o_.kRelease / due);
    if (due > 1) next_order_ = std::max(next_order_, monotonic - kSecond) + spacing_;
    NORROY_RETURN_IF_ERROR(Order(taken.front()));
  }
  return absl::OkStatus();
}

absl::Status KeeperImpl::Order(const Renewal& renewal) {
  absl::StatusOr<flow::Order> order = Reorder(renewal);
  if (order.ok()) {
    const absl::Status granted = CheckGrants(*order);
    if (!granted.ok()) order = granted;
  }
  if (!order.ok()) return NoteRefused(renewal, order.status());
  NORROY_ASSIGN_OR_RETURN(
      const flow::Order stored,
      o_.store.CreateOrder(*order, order->create_time, {.by = o_.renewals.writer()}));
  NORROY_RETURN_IF_ERROR(o_.renewals
                             .Update(renewal.certificate_id,
                                     [&](Renewal& row) {
                                       // It has ended already, and the store has noted it.
                                       if (row.attempts != renewal.attempts || row.over)
                                         return absl::OkStatus();
                                       row.order_id = stored.id;
                                       row.attempt_time = absl::InfiniteFuture();
                                       row.change_time = o_.clock.Now();
                                       return absl::OkStatus();
                                     })
                             .status());
  log::Info("renewal", "ordered anew",
            {{"certificate_id", renewal.certificate_id}, {"order_id", stored.id}});
  o_.announce(stored);
  return absl::OkStatus();
}

// The order that the certificate came from, once more.
absl::StatusOr<flow::Order> KeeperImpl::Reorder(const Renewal& renewal) {
  NORROY_ASSIGN_OR_RETURN(const flow::StoredCertificate certificate,
                          o_.store.GetCertificate(renewal.certificate_id));
  NORROY_ASSIGN_OR_RETURN(const flow::Order before, o_.store.GetOrder(certificate.order_id));
  if (before.csr.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_CSR",
                     absl::StrCat("order ", before.id, " has no CSR to be used again"));
  }
  const absl::Time now = absl::FromUnixMicros(absl::ToUnixMicros(o_.clock.Now()));
  flow::Order order;
  order.id = o_.random.Id();
  order.creator = certificate.creator;
  // No caller can have chosen it: they may not use "/".
  order.request_id = store::RenewalRequestId(certificate.id, renewal.attempts);
  order.names = certificate.names;
  // Of an order that named no CA it is one that names none.
  order.ca_open = before.ca_open && certificate.profile.empty();
  order.ca = order.ca_open ? o_.accounts.cas().front() : certificate.ca;
  order.profile = certificate.profile;
  order.labels = before.labels;
  order.finalizers = before.finalizers;
  order.preferred_chain = before.preferred_chain;
  order.create_time = order.update_time = order.state_time = order.due_time = now;
  order.expire_time = now + kOrderLifetime;
  order.csr = before.csr;
  order.csr_key_sha256 = before.csr_key_sha256;
  order.finalizer = before.finalizer;
  order.renews = certificate.id;
  order.auto_renew_until = renewal.auto_renew_until;
  return order;
}

// As when the order was created and its CSR handed in: both are asked for once more.
absl::Status KeeperImpl::CheckGrants(flow::Order& order) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::Parse(order.csr));
  policy::Question question{order.creator, order.names, order.ca, order.profile,
                            csr.public_key().type()};
  const bool same = order.finalizer.empty() || order.finalizer == order.creator;
  if (!same) question.key_type.reset();
  NORROY_ASSIGN_OR_RETURN(const policy::Decision created, o_.policy.Check(question));
  order.policy_version = created.version;
  order.reuse_never = created.reuse_never;
  order.next_cas =
      policy::NextCas(order, order.finalizer, csr.public_key().type(), o_.policy, o_.accounts);
  if (same) {
    order.finalize_policy_version = order.finalizer.empty() ? 0 : created.version;
    return absl::OkStatus();
  }
  question.principal = order.finalizer;
  question.key_type = csr.public_key().type();
  NORROY_ASSIGN_OR_RETURN(const policy::Decision finalized, o_.policy.Check(question));
  order.finalize_policy_version = finalized.version;
  order.reuse_never = order.reuse_never || finalized.reuse_never;
  return absl::OkStatus();
}

absl::Status KeeperImpl::NoteRefused(const Renewal& renewal, const absl::Status& why) {
  log::Warning("renewal", "a certificate cannot be ordered anew",
               {{"certificate_id", renewal.certificate_id}, {"error", why.message()}});
  const absl::Time now = o_.clock.Now();
  return o_.renewals
      .Update(renewal.certificate_id,
              [&](Renewal& row) {
                store::NoteFailedAttempt(why, now, row);
                return absl::OkStatus();
              })
      .status();
}

}  // namespace

std::unique_ptr<Keeper> Keeper::Make(const KeeperOptions& options) {
  return std::make_unique<KeeperImpl>(options);
}

}  // namespace norroy::renewal
