#include "issuer/renewal/poll.h"

#include <optional>
#include <string>

#include "common/crypto/certificate.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/failure.h"
#include "issuer/renewal/plan.h"

namespace norroy::renewal {
namespace {

// A CA that has no renewalInfo may have one some day.
constexpr absl::Duration kLookForResource = absl::Hours(24);

std::string TextOf(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

void LogPlan(const store::Renewal& renewal, const Plan& before) {
  if (renewal.plan == before || !renewal.plan.window.has_value()) return;
  const acme::RenewalWindow& window = *renewal.plan.window;
  if (renewal.plan.basis == Basis::kIgnored) {
    log::Warning("renewal", "the CA suggests a window that is not followed",
                 {{"certificate_id", renewal.certificate_id},
                  {"ca", renewal.ca},
                  {"start", TextOf(window.start)},
                  {"end", TextOf(window.end)},
                  {"renewal_time", TextOf(renewal.plan.time)}});
    return;
  }
  if (renewal.plan.basis != Basis::kUrged) return;
  log::Warning("renewal", "the CA urges that a certificate be renewed",
               {{"certificate_id", renewal.certificate_id},
                {"ca", renewal.ca},
                {"why", renewal.explanation_url},
                {"renewal_time", TextOf(renewal.plan.time)}});
}

void NoteFailure(const absl::Status& error, absl::Time now, double fraction,
                 store::Renewal& renewal) {
  if (ErrorReason(error) == "NO_RENEWAL_ID") {
    renewal.poll_time = absl::InfiniteFuture();
    return;
  }
  if (ErrorReason(error) == "CA_LACKS") {
    renewal.poll_failures = 0;
    renewal.poll_time = NextPoll(now + kLookForResource, now, fraction);
    return;
  }
  ++renewal.poll_failures;
  const absl::Time asked = flow::RetryAt(error);
  renewal.poll_time = NextPollAfterFailure(
      renewal.poll_failures, asked > now ? std::optional<absl::Time>(asked) : std::nullopt, now,
      fraction);
}

}  // namespace

absl::StatusOr<acme::RenewalInfo> AskCa(acme::Client& client,
                                        const flow::StoredCertificate& certificate) {
  if (certificate.chains_pem.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_RENEWAL_ID",
                     "the certificate has no stored chain");
  }
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate leaf,
                          crypto::Certificate::ParsePem(certificate.chains_pem.front()));
  NORROY_ASSIGN_OR_RETURN(const std::string id, acme::RenewalId(leaf));
  return client.GetRenewalInfo(id);
}

void NoteAnswer(const absl::StatusOr<acme::RenewalInfo>& answer, absl::Time now, double fraction,
                store::Renewal& renewal) {
  if (!answer.ok()) {
    NoteFailure(answer.status(), now, fraction, renewal);
    return;
  }
  const Plan before = renewal.plan;
  renewal.poll_failures = 0;
  renewal.poll_success_time = now;
  renewal.poll_time = NextPoll(answer->retry_after, now, fraction);
  renewal.explanation_url = answer->explanation_url;
  // What is being ordered is not put off any more.
  if (renewal.attempt_time == absl::InfiniteFuture()) return;
  renewal.plan = PlanRenewal({.not_before = renewal.not_before,
                              .not_after = renewal.not_after,
                              .issue_time = renewal.issue_time,
                              .is_renewal = renewal.is_renewal,
                              .window = answer->window,
                              .now = now,
                              .fraction = fraction},
                             renewal.plan);
  if (renewal.plan.time != before.time) renewal.change_time = now;
  LogPlan(renewal, before);
}

bool IsCasTrouble(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsResourceExhausted(status);
}

}  // namespace norroy::renewal
