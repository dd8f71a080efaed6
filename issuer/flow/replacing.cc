// Renewals: whether the CA is told which certificate an order replaces (RFC 9773 5), and what a
// refusal of that means.

#include <optional>
#include <string>

#include "common/crypto/certificate.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/acme/renewal_info.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {

absl::StatusOr<std::string> ReplacesOf(const Work& work, const Tools& tools, acme::Client& ca) {
  const Order& order = work.order;
  if (order.renews.empty() || order.replaces_refused) return std::string();
  const absl::StatusOr<StoredCertificate> old = tools.store.GetCertificate(order.renews);
  if (absl::IsNotFound(old.status())) return std::string();
  if (!old.ok()) return old.status();
  // An account's URL is of one CA alone: certificates of another CA or account are not the CA's to
  // replace.
  if (old->account_url.empty() || old->account_url != ca.account_url()) return std::string();
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, ca.GetDirectory());
  if (directory.renewal_info.empty() || old->chains_pem.empty()) return std::string();
  const absl::StatusOr<crypto::Certificate> leaf =
      crypto::Certificate::ParsePem(old->chains_pem.front());
  if (!leaf.ok()) return std::string();
  const absl::StatusOr<std::string> id = acme::RenewalId(*leaf);
  return id.ok() ? *id : std::string();
}

bool IsRefusalToReplace(const absl::Status& refused) {
  const std::optional<acme::Problem> problem = acme::ProblemOf(refused);
  return problem.has_value() && problem->status >= 400 && problem->status < 500 &&
         problem->status != 429 && problem->acme_type() != "rateLimited";
}

Next OrderWithoutReplaces(Work& work, const absl::Status& refused, absl::Time now) {
  Order& order = work.order;
  order.replaces_refused = true;
  log::Warning(
      "order", "the CA refuses to count it as a renewal; once more as an order of its own",
      {{"order_id", order.id}, {"certificate_id", order.renews}, {"error", refused.message()}});
  // As such it is counted, by the CA and by us.
  Enter(work, State::kQueued, now);
  return Next::RunOn();
}

}  // namespace norroy::flow
