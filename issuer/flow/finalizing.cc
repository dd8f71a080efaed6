// FINALIZING: a CSR is in hand. The CA's order is read before anything is sent, because only this
// order's own stored intent makes its certificate ours.

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/chain.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/acme/problem.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// RFC 8555 7.4: "processing" may take long; for ever it may not.
constexpr absl::Duration kMaxProcessing = absl::Minutes(30);
// Tries of a finalize that a ready order refuses.
constexpr int kMaxNotReady = 10;
// Downloads of a certificate that is wrong, and of something that is none.
constexpr int kMaxBadDownloads = 2;
constexpr int kMaxNoChain = 10;

// The week's certificates for this set. New orders were counted when they were placed.
absl::StatusOr<std::optional<Next>> CheckLimit(Work& work, const Tools& tools) {
  store::Limits certificates = tools.limits;
  certificates.new_orders_per_set_per_hour = std::numeric_limits<int>::max();
  const absl::Time now = tools.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const absl::Time held,
                          tools.store.MayOrder(work.order, certificates, now));
  if (held <= now) return std::optional<Next>();
  NORROY_ASSIGN_OR_RETURN(const Next next, WaitForLimit(work, tools, held));
  return std::optional<Next>(next);
}

bool IsOurs(const Order& order) { return order.finalize_intent_url == order.ca_order_url; }

// RFC 8555 7.4: a CSR that the CA refuses leaves its order ready: so does ours, if the CSR came
// alone. One that came with the order ends it.
absl::StatusOr<Next> CsrRefused(Work& work, const Tools& tools, const absl::Status& refused) {
  Order& order = work.order;
  if (!order.finalize_requested) return GiveUp(work, refused, tools.clock.Now());
  order.csr.clear();
  order.csr_key_sha256.clear();
  order.finalize_requested = false;
  order.finalize_intent_url.clear();
  order.error = OrderError::Of(refused);
  return BecomeReady(work, tools);
}

absl::StatusOr<Next> Send(Work& work, const Tools& tools) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  const acme::Order ready = *std::exchange(work.ca_order, std::nullopt);
  NORROY_FAILPOINT("issuer.finalize_intended");
  absl::StatusOr<acme::Order> sent = ca->Finalize(ready, work.order.csr);
  NORROY_FAILPOINT("issuer.finalize_sent");
  if (sent.ok()) {
    work.ca_order = *std::move(sent);
    return Next::RunOnUnsaved();
  }
  const std::optional<acme::Problem> problem = acme::ProblemOf(sent.status());
  if (problem.has_value() && problem->acme_type() == "badCSR") {
    return CsrRefused(work, tools, sent.status());
  }
  // RFC 8555 7.4: orderNotReady, which CAs of several machines also say of an order that another
  // of them called ready; and a refusal of a finalize that worked before its reply got lost.
  // Reading the order tells.
  const bool refused = problem.has_value() && (problem->status == 403 || problem->status == 409);
  if (refused && work.order.attempt == 0) {
    ++work.order.attempt;
    return Next::RunOnUnsaved();
  }
  if (refused && problem->acme_type() == "orderNotReady" && work.order.attempt < kMaxNotReady) {
    return MakeError(absl::StatusCode::kUnavailable, "CA_NOT_READY",
                     absl::StrCat("the CA's order is ready, and its finalize says that it is not: ",
                                  sent.status().message()));
  }
  return sent.status();
}

absl::StatusOr<flow::StoredCertificate> Check(const Work& work, const Tools& tools,
                                              const std::vector<std::string>& downloads) {
  const Order& order = work.order;
  NORROY_ASSIGN_OR_RETURN(const crypto::Csr csr, crypto::Csr::Parse(order.csr));
  std::vector<crypto::CertificateChain> chains;
  for (const std::string& pem : downloads) {
    absl::StatusOr<crypto::CertificateChain> chain = crypto::CertificateChain::ParsePem(pem);
    absl::Status usable = chain.status();
    if (usable.ok()) {
      usable = crypto::CheckIssued(*chain, csr.public_key(), order.names, tools.clock.Now());
    }
    // The first is the CA's answer; an alternate that does not hold is left out.
    if (!usable.ok() && chains.empty()) return usable;
    if (!usable.ok() || chain->leaf().der() != (chains.empty() ? *chain : chains[0]).leaf().der()) {
      continue;
    }
    const bool preferred =
        !order.preferred_chain.empty() && chain->top_issuer() == order.preferred_chain;
    chains.insert(preferred ? chains.begin() : chains.end(), *std::move(chain));
  }
  NORROY_ASSIGN_OR_RETURN(const store::AccountRecord account, tools.store.GetAccount(order.ca));
  const crypto::Certificate& leaf = chains.front().leaf();
  StoredCertificate certificate;
  certificate.id = tools.random.Id();
  certificate.order_id = order.id;
  certificate.creator = order.creator;
  certificate.readers = order.finalizers;
  certificate.names = order.names;
  certificate.ca = order.ca;
  certificate.account_url = account.url;
  certificate.profile = order.profile;
  certificate.serial = leaf.serial();
  certificate.public_key_sha256 = csr.public_key().spki_sha256();
  certificate.key_type = std::string(crypto::KeyTypeName(csr.public_key().type()));
  certificate.not_before = leaf.not_before();
  certificate.not_after = leaf.not_after();
  for (const crypto::CertificateChain& chain : chains) {
    certificate.chains_pem.push_back(chain.ToPem());
  }
  certificate.labels = order.labels;
  certificate.create_time = tools.clock.Now();
  return certificate;
}

absl::Status NoChain(const absl::Status& failure) {
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CERTIFICATE",
                   absl::StrCat("the CA issued, and where the certificate should be is none: ",
                                failure.message()));
}

// The CA has it still; the audit log says which it was.
absl::StatusOr<Next> RefuseCertificate(Work& work, const Tools& tools, const std::string& download,
                                       const absl::Status& why) {
  const Order& order = work.order;
  log::Error("order", "the CA's certificate is not what was asked for",
             {{"order_id", order.id}, {"error", why.message()}});
  NORROY_RETURN_IF_ERROR(tools.store.Audit(
      {.principal = tools.authorizations.writer(),
       .action = "certificate.refuse",
       .object = absl::StrCat("order/", order.id),
       .detail = absl::StrCat("url=", work.ca_order->certificate,
                              " sha256=", absl::BytesToHexString(crypto::Sha256(download)), " ",
                              why.message())},
      tools.clock.Now()));
  NORROY_RETURN_IF_ERROR(HoldSet(order, tools, why));
  return GiveUp(work, why, tools.clock.Now());
}

absl::StatusOr<Next> Download(Work& work, const Tools& tools) {
  Order& order = work.order;
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  NORROY_FAILPOINT("issuer.certificate_ready");
  const absl::StatusOr<std::vector<std::string>> downloads =
      ca->DownloadCertificate(work.ca_order->certificate);
  if (!downloads.ok()) {
    const bool no_chain = ErrorReason(downloads.status()) == "CA_PROTOCOL";
    if (no_chain && order.attempt >= kMaxNoChain) {
      return RefuseCertificate(work, tools, "", NoChain(downloads.status()));
    }
    return downloads.status();
  }
  NORROY_FAILPOINT("issuer.certificate_downloaded");
  const absl::StatusOr<StoredCertificate> certificate = Check(work, tools, *downloads);
  if (!certificate.ok() && ErrorReason(certificate.status()) != "BAD_CERTIFICATE") {
    return certificate.status();
  }
  if (!certificate.ok() && order.attempt < kMaxBadDownloads) {
    // It may have been cut short on its way.
    return MakeError(absl::StatusCode::kUnavailable, "BAD_CERTIFICATE",
                     absl::StrCat(certificate.status().message(), "; it is fetched once more"));
  }
  if (!certificate.ok()) {
    return RefuseCertificate(work, tools, downloads->front(), certificate.status());
  }
  const Order before = order;
  Enter(work, State::kDone, tools.clock.Now());
  order.certificate_id = certificate->id;
  order.error.reset();
  order.due_time = absl::InfiniteFuture();
  order.NoteChange(tools.clock.Now());
  const absl::Status finished = tools.store.FinishOrder(order, work.lease, *certificate);
  if (!finished.ok()) {
    // Whatever is saved next must not say that there is a certificate: it is fetched once more.
    order = before;
    return finished;
  }
  log::Info("order", "certificate issued",
            {{"order_id", order.id},
             {"certificate_id", certificate->id},
             {"serial", certificate->serial}});
  return Next::Ended();
}

// Unset: go on.
absl::StatusOr<std::optional<Next>> Prepare(Work& work, const Tools& tools) {
  // Where a finalize may have been sent, the CA may have issued: that is read first.
  if (!IsOurs(work.order)) {
    NORROY_ASSIGN_OR_RETURN(std::optional<Next> stop, ConfirmGrants(work, tools));
    if (stop.has_value()) return stop;
  }
  NORROY_ASSIGN_OR_RETURN(const bool ours, TakeFlight(work, tools));
  if (!ours) {
    NORROY_ASSIGN_OR_RETURN(const Next wait, WaitForFlight(work, tools));
    return std::optional<Next>(wait);
  }
  if (work.ca_order.has_value()) return std::optional<Next>();
  return WaitForPollTime(work, tools);
}

// Returns how long the CA took to answer; zero if it need not be asked.
absl::StatusOr<absl::Duration> ReadCaOrder(Work& work, const Tools& tools) {
  if (work.ca_order.has_value()) return absl::ZeroDuration();
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  const absl::Duration begin = tools.clock.Monotonic();
  NORROY_ASSIGN_OR_RETURN(acme::Order read, ca->GetOrder(work.order.ca_order_url));
  work.ca_order = std::move(read);
  return tools.clock.Monotonic() - begin;
}

// A certificate needs a challenge grant for every name at this moment, also where the CA would
// reuse an authorization, and however long the order waited. The intent is stored before anything
// is sent.
absl::StatusOr<Next> OnReady(Work& work, const Tools& tools) {
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> refused, ConfirmGrants(work, tools));
  if (refused.has_value()) return *refused;
  if (IsOurs(work.order)) return Send(work, tools);
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> stop, CheckLimit(work, tools));
  if (stop.has_value()) return *stop;
  work.order.finalize_intent_url = work.order.ca_order_url;
  return Next::RunOn();
}

absl::StatusOr<Next> OnProcessing(Work& work, const Tools& tools, absl::Duration round_trip) {
  const absl::Time now = tools.clock.Now();
  if (!IsOurs(work.order)) return StartAnew(work, now);
  const std::optional<absl::Time> retry_after = work.ca_order->retry_after;
  work.ca_order.reset();
  if (now - work.order.state_time > kMaxProcessing) {
    ErrorMetadata metadata;
    if (retry_after.has_value()) metadata["retry_at"] = acme::RetryAtText(*retry_after);
    return MakeError(absl::StatusCode::kUnavailable, "CA_SLOW",
                     "the CA has been processing the order for 30 minutes", metadata);
  }
  const Next next = PollAgain(work, round_trip, retry_after, now, "the CA's issuance");
  work.poll_at = tools.clock.Monotonic() + next.wait;
  return next;
}

// The CA order's authorizations have lapsed in part: prove them again under the same CA order.
Next OnPending(Work& work, const Tools& tools) {
  NoteAuthorizations(work.order, *std::exchange(work.ca_order, std::nullopt));
  work.authorizations_read = false;
  Enter(work, State::kOrdering, tools.clock.Now());
  return Next::RunOn();
}

}  // namespace

absl::StatusOr<Next> Finalize(Work& work, const Tools& tools) {
  Order& order = work.order;
  const absl::Time now = tools.clock.Now();
  if (order.ca_order_url.empty()) return StartAnew(work, now);
  NORROY_ASSIGN_OR_RETURN(const std::optional<Next> stop, Prepare(work, tools));
  if (stop.has_value()) return *stop;
  NORROY_ASSIGN_OR_RETURN(const absl::Duration round_trip, ReadCaOrder(work, tools));
  switch (work.ca_order->status) {
    case acme::OrderStatus::kReady:
      return OnReady(work, tools);
    case acme::OrderStatus::kProcessing:
      return OnProcessing(work, tools, round_trip);
    case acme::OrderStatus::kPending:
      return OnPending(work, tools);
    case acme::OrderStatus::kValid:
      if (!IsOurs(order)) return StartAnew(work, now);
      return Download(work, tools);
    case acme::OrderStatus::kInvalid:
      if (!IsOurs(order)) return StartAnew(work, now);
      BlameNames(order, WhyInvalid(*work.ca_order));
      return GiveUp(work, WhyInvalid(*work.ca_order), now);
  }
  return absl::InternalError("unknown order status");
}

}  // namespace norroy::flow
