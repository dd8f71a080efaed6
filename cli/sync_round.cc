#include "cli/sync_round.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/order_text.h"
#include "cli/sync_decision.h"
#include "cli/sync_deploy.h"
#include "cli/sync_issuer.h"
#include "cli/sync_lineage.h"
#include "cli/sync_pending.h"
#include "cli/text.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// One certificate on its way through the run.
struct Work {
  Work(const WantedCertificate& wanted, const std::string& state_dir, SyncCertificateState& entry)
      : wanted(wanted),
        entry(entry),
        lineage(state_dir, wanted.name),
        pending_file(state_dir, wanted.name) {}

  const crypto::Certificate* leaf() const {
    return installed.has_value() ? &installed->chain.leaf() : nullptr;
  }

  const WantedCertificate& wanted;
  SyncCertificateState& entry;
  Lineage lineage;
  PendingFile pending_file;
  std::optional<CertificateSet> installed;
  std::optional<IssuerView> view;
  std::string why;   // it has to be renewed; empty: it has not
  std::string note;  // what is worth knowing though nothing is wrong
  std::optional<PendingRenewal> pending;
  std::optional<WatchedOrder> order;
  bool fresh = false;  // installed in this run
  absl::Status status;
};

class Round {
 public:
  Round(Context& context, const SyncSettings& settings, const RoundOptions& options,
        SyncStateFile& state)
      : context_(context),
        settings_(settings),
        options_(options),
        state_(state),
        issuer_(context, settings) {}

  absl::Status Run();

 private:
  void Look(Work& work);
  void AskIssuer(Work& work);
  bool IsChanged(const Work& work) const;
  bool IsHeldBack(const Work& work);
  static std::string Renewed(const Work& work);
  void Place(Work& work);
  void Collect(Work& work);
  absl::Status Accept(Work& work, const WatchedOrder& watched);
  void DeployOne(Work& work);
  void Record(Work& work);
  absl::Status Combined() const;

  Context& context_;
  const SyncSettings& settings_;
  const RoundOptions& options_;
  SyncStateFile& state_;
  SyncIssuer issuer_;
  std::vector<std::unique_ptr<Work>> works_;
};

// Of an order that failed for good: nothing will come for its key.
bool IsHopeless(const absl::Status& status) {
  return status.code() != absl::StatusCode::kUnavailable &&
         status.code() != absl::StatusCode::kDeadlineExceeded;
}

void Round::Look(Work& work) {
  auto read = work.lineage.Read();
  if (read.ok()) {
    work.installed = *std::move(read);
  } else if (ErrorReason(read.status()) == "BROKEN_SET") {
    work.why = std::string(read.status().message());
  } else {
    work.status = read.status();
    return;
  }
  if (work.installed.has_value()) AskIssuer(work);
  if (work.why.empty()) {
    work.why = WhyRenew(work.wanted, work.leaf(), work.view, context_.clock().Now());
  }
  const bool forced = options_.force.count(work.wanted.name) > 0;
  if (forced) work.why = "it was asked for (--force)";
  if (!work.why.empty() && !forced && IsHeldBack(work)) {
    work.status =
        MakeError(absl::StatusCode::kUnknown, "HELD_BACK",
                  absl::StrCat("not tried again before ", TimeText(work.entry.next_attempt_time()),
                               " (--force ", work.wanted.name, " does): ", work.entry.message()));
    return;
  }
  const bool rewrite = work.why.empty() && !work.lineage.FilesFit(work.wanted);
  if (!rewrite || options_.dry_run) return;
  work.status = work.lineage.Install(*work.installed, work.wanted);
  if (!work.status.ok()) return;
  work.note = "the same certificate, its files written anew as configured";
  work.entry.clear_deployed_fingerprint();
}

void Round::AskIssuer(Work& work) {
  const crypto::Certificate& leaf = *work.leaf();
  const bool same = work.entry.fingerprint() == leaf.fingerprint();
  auto view = issuer_.View(same ? work.entry.certificate_id() : "", leaf);
  if (view.ok()) {
    work.view = *std::move(view);
    return;
  }
  // Its dates are enough to go on by; what is due will say itself that nobody answers.
  work.note = absl::StrCat("the issuer was not asked about it: ", view.status().message());
}

// The configuration was, since the last run.
bool Round::IsChanged(const Work& work) const {
  return options_.config_time > FromProto(work.entry.last_run_time());
}

// It failed not long ago, and nothing says that it would do better now.
bool Round::IsHeldBack(const Work& work) {
  const SyncCertificateState& entry = work.entry;
  return entry.outcome() == SYNC_OUTCOME_FAILED && entry.failures() > 0 &&
         context_.clock().Now() < FromProto(entry.next_attempt_time()) && !IsChanged(work);
}

// The installed certificate, if the new one differs from it in nothing but its dates and its key:
// the CA counts a renewal apart (RFC 9773 5). What an order leaves open is the old certificate's.
std::string Round::Renewed(const Work& work) {
  if (!work.view.has_value() || !work.installed.has_value() || work.view->revoked) return "";
  std::vector<challenge::Name> names = work.leaf()->names();
  std::vector<challenge::Name> domains = work.wanted.domains;
  std::sort(names.begin(), names.end());
  std::sort(domains.begin(), domains.end());
  const bool same_ca = work.wanted.ca.empty() || work.wanted.ca == work.view->ca;
  const bool same = same_ca && work.wanted.profile == work.view->profile && names == domains;
  return same ? work.view->certificate_id : "";
}

void Round::Place(Work& work) {
  if (options_.dry_run) {
    work.status = issuer_.Check(work.wanted);
    return;
  }
  work.pending = work.pending_file.Read(work.wanted, work.leaf());
  if (!work.pending.has_value()) {
    // A key whose certificate was revoked may be known to others.
    const bool keep = work.wanted.reuse_key && work.installed.has_value() &&
                      !(work.view.has_value() && work.view->revoked) &&
                      work.installed->key.public_key().type() == work.wanted.key_type;
    auto begun = work.pending_file.Begin(work.wanted, work.leaf(),
                                         keep ? &work.installed->key : nullptr, Renewed(work));
    work.status = begun.status();
    if (!begun.ok()) return;
    work.pending = *std::move(begun);
  }
  auto placed = issuer_.Place(work.wanted, *work.pending);
  work.status = placed.status();
  if (placed.ok()) work.order = *std::move(placed);
  if (ErrorReason(work.status) == "REQUEST_ID_REUSED") work.pending_file.Drop();
}

void Round::Collect(Work& work) {
  absl::StatusOr<WatchedOrder> watched = *work.order;
  const issuer::v1::OrderState state = watched->order.state();
  const bool is_done = IsFinal(state) && (state != issuer::v1::ORDER_STATE_VALID ||
                                          !watched->certificate_pem.empty());
  if (!is_done) watched = issuer_.Wait(watched->order.id(), options_.timeout);
  work.status = watched.ok() ? OrderOutcome(watched->order) : watched.status();
  if (work.status.ok()) work.status = Accept(work, *watched);
  if (!work.status.ok() && IsHopeless(work.status)) work.pending_file.Drop();
}

// Nothing is ever replaced by anything worse.
absl::Status Round::Accept(Work& work, const WatchedOrder& watched) {
  NORROY_ASSIGN_OR_RETURN(const auto chain,
                          crypto::CertificateChain::ParsePem(watched.certificate_pem));
  NORROY_RETURN_IF_ERROR(crypto::CheckIssued(chain, work.pending->key.public_key(),
                                             work.wanted.domains, context_.clock().Now()));
  const crypto::Certificate* const old = work.leaf();
  if (old != nullptr && (chain.leaf().not_before() < old->not_before() ||
                         chain.leaf().fingerprint() == old->fingerprint())) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "OLDER_CERTIFICATE",
                     absl::StrCat("the issuer's certificate ", chain.leaf().serial(),
                                  " is no newer than the installed one, which stays"));
  }
  CertificateSet set{chain, work.pending->key};
  NORROY_RETURN_IF_ERROR(work.lineage.Install(set, work.wanted));
  work.installed = std::move(set);
  work.fresh = true;
  work.view.reset();
  work.pending_file.Drop();
  SyncCertificateState& entry = work.entry;
  entry.set_fingerprint(chain.leaf().fingerprint());
  entry.set_certificate_id(watched.order.certificate_id());
  *entry.mutable_last_install_time() = ToProto(context_.clock().Now());
  entry.clear_failures();
  return state_.Save();
}

void Round::DeployOne(Work& work) {
  if (!work.installed.has_value()) return;
  std::vector<std::string> failed;
  for (const auto& other : works_) {
    if (other->status.ok() || other->fresh) continue;
    failed.insert(failed.end(), other->wanted.domain_texts.begin(),
                  other->wanted.domain_texts.end());
  }
  const bool at_once = work.fresh || IsChanged(work);
  const absl::Status deployed = Deploy({work.wanted, work.lineage, *work.leaf(), failed, at_once},
                                       context_.clock(), work.entry);
  if (work.status.ok()) work.status = deployed;
}

SyncOutcome OutcomeOf(const Work& work, bool dry_run) {
  if (work.status.ok()) {
    if (dry_run && !work.why.empty()) return SYNC_OUTCOME_DUE;
    return work.fresh ? SYNC_OUTCOME_INSTALLED : SYNC_OUTCOME_CURRENT;
  }
  const std::string reason = ErrorReason(work.status);
  if (reason == "WAIT_TIMED_OUT") return SYNC_OUTCOME_WAITING;
  if (reason == "HOOK_FAILED" || reason == "NOT_SERVED") return SYNC_OUTCOME_NOT_SERVED;
  return SYNC_OUTCOME_FAILED;
}

void Round::Record(Work& work) {
  SyncCertificateState& entry = work.entry;
  const absl::Time now = context_.clock().Now();
  entry.clear_domains();
  for (const std::string& domain : work.wanted.domain_texts) entry.add_domains(domain);
  if (work.installed.has_value()) {
    const crypto::Certificate& leaf = *work.leaf();
    if (entry.fingerprint() != leaf.fingerprint()) entry.clear_certificate_id();
    entry.set_fingerprint(leaf.fingerprint());
    *entry.mutable_not_after() = ToProto(leaf.not_after());
    *entry.mutable_renewal_time() = ToProto(RenewalTime(leaf, work.view));
    if (work.view.has_value()) entry.set_certificate_id(work.view->certificate_id);
  }
  *entry.mutable_last_run_time() = ToProto(now);
  const std::string reason = ErrorReason(work.status);
  // Not tried is no failure, and its message is the last one's.
  if (reason == "HELD_BACK") return;
  entry.set_outcome(OutcomeOf(work, options_.dry_run));
  if (work.status.ok()) {
    entry.set_message(work.why.empty() ? work.note : work.why);
    entry.clear_failures();
    entry.clear_next_attempt_time();
    return;
  }
  entry.set_message(std::string(work.status.message()));
  // Who cannot be reached is asked again each time.
  if (work.status.code() == absl::StatusCode::kUnavailable || reason == "WAIT_TIMED_OUT") return;
  entry.set_failures(entry.failures() + 1);
  *entry.mutable_next_attempt_time() = ToProto(now + RetryPause(entry.failures()));
}

absl::Status Round::Combined() const {
  absl::Status first;
  bool same = true;
  std::vector<std::string> lines;
  for (const auto& work : works_) {
    if (work->status.ok()) continue;
    if (lines.empty()) first = WithContext(work->status, work->wanted.name);
    same = same && first.code() == work->status.code();
    lines.push_back(absl::StrCat(work->wanted.name, ": ", work->status.message()));
  }
  if (lines.size() <= 1) return first;
  return MakeError(same ? first.code() : absl::StatusCode::kUnknown, "SYNC_FAILED",
                   absl::StrJoin(lines, "\n"));
}

absl::Status Round::Run() {
  std::vector<std::string> names;
  for (const WantedCertificate& wanted : settings_.certificates) names.push_back(wanted.name);
  state_.Keep(names);
  for (const WantedCertificate& wanted : settings_.certificates) {
    works_.push_back(std::make_unique<Work>(wanted, settings_.state_dir, state_.Of(wanted.name)));
    Look(*works_.back());
  }
  for (const auto& work : works_) {
    if (!work->why.empty() && work->status.ok()) Place(*work);
  }
  for (const auto& work : works_) {
    if (work->order.has_value()) Collect(*work);
  }
  for (const auto& work : works_) {
    if (!options_.dry_run) DeployOne(*work);
  }
  for (const auto& work : works_) Record(*work);
  if (!options_.dry_run) NORROY_RETURN_IF_ERROR(state_.Save());
  return Combined();
}

}  // namespace

absl::Status RunRound(Context& context, const SyncSettings& settings, const RoundOptions& options,
                      SyncStateFile& state) {
  return Round(context, settings, options, state).Run();
}

}  // namespace norroy::cli
