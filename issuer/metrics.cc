#include "issuer/metrics.h"

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "issuer/flow/budget.h"

namespace norroy {
namespace {

// Ten thousand certificates are a long answer.
constexpr absl::Duration kCertificatesEvery = absl::Seconds(10);
// One that ended and was not missed in that time is missed by nobody.
constexpr absl::Duration kMissedFor = absl::Hours(7 * 24);

class CountedClient final : public http::Client {
 public:
  CountedClient(std::string ca, std::unique_ptr<http::Client> client, Clock& clock,
                metrics::Counter& requests, metrics::Histogram& seconds)
      : ca_(std::move(ca)),
        client_(std::move(client)),
        clock_(clock),
        requests_(requests),
        seconds_(seconds) {}

  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    const absl::Duration began = clock_.Monotonic();
    absl::StatusOr<http::Response> reply = client_->Send(request);
    seconds_.Observe({ca_, request.purpose}, absl::ToDoubleSeconds(clock_.Monotonic() - began));
    requests_.Add(
        {ca_, request.purpose, request.method, reply.ok() ? absl::StrCat(reply->status) : "none"});
    return reply;
  }

 private:
  const std::string ca_;
  const std::unique_ptr<http::Client> client_;
  Clock& clock_;
  metrics::Counter& requests_;
  metrics::Histogram& seconds_;
};

// As the API calls it: "valid", "invalid", "cancelled".
std::string ResultOf(flow::State state) {
  switch (state) {
    case flow::State::kDone:
      return "valid";
    case flow::State::kCancelled:
      return "cancelled";
    default:
      return "invalid";
  }
}

}  // namespace

IssuerMetrics::IssuerMetrics(metrics::Registry& registry, Clock& clock)
    : clock_(clock),
      orders_(registry.NewCounter("norroy_orders_total", "Orders that this issuer saw end.",
                                  {"ca", "result", "reason"})),
      order_seconds_(registry.NewHistogram(
          "norroy_order_duration_seconds",
          "From an order's creation to its certificate, waiting for a CSR included, in seconds.",
          {"ca"}, metrics::OrderBuckets())),
      open_orders_(registry.NewGauge(
          "norroy_orders_open", "Orders in the database that have not ended, by step.", {"state"})),
      requests_(registry.NewCounter(
          "norroy_acme_requests_total",
          "Requests to CAs, by the HTTP status of the answer; \"none\": there was no answer.",
          {"ca", "action", "method", "status"})),
      request_seconds_(registry.NewHistogram("norroy_acme_request_duration_seconds",
                                             "Requests to CAs, in seconds.", {"ca", "action"},
                                             metrics::RequestBuckets())),
      budget_left_(registry.NewGauge(
          "norroy_ratelimit_remaining_ratio",
          "What new orders can still have of a CA's rate limit, of a limit per domain at the "
          "domain that has least; 1: nothing is spent.",
          {"ca", "limit"})),
      not_after_(
          registry.NewGauge("norroy_certificate_not_after_timestamp_seconds",
                            "When a certificate ends that is neither revoked nor has a successor.",
                            {"certificate", "name", "ca"})),
      renewal_(registry.NewGauge("norroy_certificate_renewal_timestamp_seconds",
                                 "When it is to be renewed.", {"certificate", "name", "ca"})) {}

void IssuerMetrics::Note(const flow::Order& order) {
  if (!flow::IsFinal(order.state)) return;
  const bool done = order.state == flow::State::kDone;
  orders_.Add({order.ca, ResultOf(order.state),
               done || !order.error.has_value() ? "" : order.error->reason});
  if (done) {
    order_seconds_.Observe({order.ca},
                           absl::ToDoubleSeconds(order.update_time - order.create_time));
  }
}

std::unique_ptr<http::Client> IssuerMetrics::Count(const std::string& ca,
                                                   std::unique_ptr<http::Client> client) {
  return std::make_unique<CountedClient>(ca, std::move(client), clock_, requests_,
                                         request_seconds_);
}

void IssuerMetrics::Sample(store::Inventory& inventory) {
  const auto counts = inventory.OpenOrders();
  if (!counts.ok()) {
    log::Warning("metrics", "orders cannot be counted", {{"error", counts.status().message()}});
    return;
  }
  for (const auto& [state, count] : *counts) {
    open_orders_.Set({absl::AsciiStrToLower(flow::StateName(state))}, static_cast<double>(count));
  }
  SampleCertificates(inventory);
}

void IssuerMetrics::SampleCertificates(store::Inventory& inventory) {
  if (clock_.Monotonic() - certificates_at_ < kCertificatesEvery) return;
  certificates_at_ = clock_.Monotonic();
  const auto certificates =
      inventory.Certificates(clock_.Now() - kMissedFor, static_cast<int>(metrics::kMaxSeries));
  if (!certificates.ok()) {
    log::Warning("metrics", "certificates cannot be read",
                 {{"error", certificates.status().message()}});
    return;
  }
  std::vector<std::pair<metrics::LabelValues, double>> ends;
  std::vector<std::pair<metrics::LabelValues, double>> renewals;
  for (const store::CertificateInUse& certificate : *certificates) {
    const metrics::LabelValues labels = {certificate.id, certificate.name, certificate.ca};
    ends.emplace_back(labels, static_cast<double>(absl::ToUnixSeconds(certificate.not_after)));
    renewals.emplace_back(labels,
                          static_cast<double>(absl::ToUnixSeconds(certificate.renewal_time)));
  }
  not_after_.Replace(ends);
  renewal_.Replace(renewals);
}

void IssuerMetrics::Sample(store::Ledger& ledger, const limits::KnownCas& cas) {
  for (const auto& [ca, known] : cas) {
    const auto sample = [&, &ca = ca](const std::optional<limits::Published>& published,
                                      const char* limit,
                                      const absl::StatusOr<std::vector<store::BucketState>>& read) {
      if (!read.ok()) {
        log::Warning("metrics", "limits cannot be read", {{"error", read.status().message()}});
        return;
      }
      const limits::BucketRule rule = limits::RuleOf(*published);
      const absl::Time full_at = read->empty() ? absl::InfinitePast() : read->front().full_at;
      budget_left_.Set({ca, limit},
                       static_cast<double>(limits::TokensLeft(rule, full_at, clock_.Now())) /
                           (rule.burst - rule.reserve));
    };
    const limits::CaLimits& limits = known.limits;
    if (limits.new_orders_per_account.has_value()) {
      sample(limits.new_orders_per_account, store::kNewOrdersPerAccount,
             ledger.Get({flow::AccountBucket(ca)}, clock_.Now()));
    }
    if (limits.certificates_per_domain.has_value()) {
      sample(limits.certificates_per_domain, store::kCertificatesPerDomain,
             ledger.Scarcest(known.directory_url, store::kCertificatesPerDomain, clock_.Now(), 1));
    }
  }
}

}  // namespace norroy
