// When to renew, as the CA suggests it, and what may replace a certificate (RFC 9773).

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "tests/fakes/ca/endpoints.h"
#include "tests/fakes/ca/json_replies.h"

namespace norroy::fakes {
namespace {

// RFC 9773 4.1: two base64url texts with a full stop between them.
bool IsCertificateId(const std::string& id) {
  const size_t stop = id.find('.');
  if (stop == std::string::npos || stop == 0 || stop + 1 == id.size()) return false;
  return std::all_of(id.begin(), id.end(), [&](const char& c) {
    const bool alphabet = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '-' || c == '_';
    return alphabet || &c == &id[stop];
  });
}

}  // namespace

RenewalWindow Endpoints::WindowOf(const CertificateEntry& certificate, absl::Time now) const {
  for (const std::string& id : {certificate.id, std::string()}) {
    const auto found = renewal_windows.find(id);
    if (found != renewal_windows.end()) return found->second;
  }
  // RFC 9773 4.2: a window in the past asks for a renewal at once.
  if (certificate.revoked.has_value()) return {now - absl::Hours(1), now - absl::Minutes(30), ""};
  const absl::Duration lifetime = certificate.not_after - certificate.not_before;
  const absl::Duration left = lifetime / (lifetime < absl::Hours(24 * 10) ? 2 : 3);
  const absl::Time middle = certificate.not_after - left;
  return {middle - lifetime / 100, middle + lifetime / 100, ""};
}

http::Response Endpoints::RenewalInfo(const std::string& url, absl::Time now) {
  if (!options.renewal_info) return ProblemReply(404, "malformed", "no such resource");
  const std::string id(absl::StripPrefix(url, ResourceUrl("renewal-info") + "/"));
  if (!IsCertificateId(id)) return ProblemReply(400, "malformed", "malformed certificate id");
  const CertificateEntry* const certificate = ledger.CertificateById(id);
  if (certificate == nullptr) return ProblemReply(404, "malformed", "no such certificate");
  const RenewalWindow window = WindowOf(*certificate, now);
  Json info = {
      {"suggestedWindow", {{"start", DateText(window.start)}, {"end", DateText(window.end)}}}};
  if (!window.explanation_url.empty()) info["explanationURL"] = window.explanation_url;
  http::Response reply = JsonReply(200, info);
  // RFC 9773 4.3: when to ask again.
  reply.headers.emplace_back("Retry-After", absl::StrCat(options.renewal_retry_after_seconds));
  return reply;
}

std::optional<http::Response> Endpoints::RefuseReplacement(OrderEntry& order, absl::Time now) {
  if (order.replaces.empty()) return std::nullopt;
  if (!IsCertificateId(order.replaces)) {
    return ProblemReply(400, "malformed", "parsing the certificate id in replaces failed");
  }
  // RFC 9773 5: one replacement; an order that is only pending holds the place, too.
  if (ledger.ReplacementOf(order.replaces, now) != nullptr) {
    return ProblemReply(409, "alreadyReplaced",
                        "cannot indicate an order replaces certificate " + order.replaces +
                            ", which already has a replacement order");
  }
  const CertificateEntry* const old = ledger.CertificateById(order.replaces);
  if (old == nullptr) {
    return ProblemReply(404, "malformed", "could not find the certificate that is to be replaced");
  }
  if (old->account_url != order.account_url) {
    return ProblemReply(403, "unauthorized",
                        "requester account did not request the certificate being replaced");
  }
  const bool shares = std::any_of(old->names.begin(), old->names.end(), [&](const auto& name) {
    return std::find(order.names.begin(), order.names.end(), name) != order.names.end();
  });
  if (!shares) {
    return ProblemReply(400, "malformed",
                        "identifiers in this order do not match any identifiers in the certificate "
                        "being replaced");
  }
  // The exemption from rate limits holds only inside the window.
  const RenewalWindow window = WindowOf(*old, now);
  order.exempt = now >= window.start && now < window.end;
  return std::nullopt;
}

}  // namespace norroy::fakes
