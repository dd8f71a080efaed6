// Orders, from newOrder to the certificate (RFC 8555 7.4), with `replaces` (RFC 9773 5).

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "tests/fakes/ca/endpoints.h"
#include "tests/fakes/ca/json_replies.h"

namespace norroy::fakes {
namespace {

// The names of a newOrder; empty where one of them is not acceptable, with `why`.
std::vector<challenge::Name> AskedNames(const Json& payload, std::string& why) {
  std::vector<challenge::Name> names;
  const auto identifiers = payload.find("identifiers");
  if (identifiers == payload.end() || !identifiers->is_array() || identifiers->empty() ||
      identifiers->size() > 100) {
    why = "identifiers must be an array of 1 to 100";
    return {};
  }
  for (const Json& identifier : *identifiers) {
    const std::string value = identifier.is_object() ? StringMember(identifier, "value") : "";
    const auto name = challenge::Name::Parse(value);
    // A client sends names in their normal form.
    if (!name.ok() || name->text() != value || IdentifierJson(*name, true) != identifier) {
      why = absl::StrCat("bad identifier ", identifier.dump());
      return {};
    }
    names.push_back(*name);
  }
  std::sort(names.begin(), names.end());
  if (std::adjacent_find(names.begin(), names.end()) != names.end()) {
    why = "an identifier comes twice";
    return {};
  }
  return names;
}

}  // namespace

std::optional<http::Response> Endpoints::RefuseOrder(OrderEntry& order, absl::Time now) {
  for (const challenge::Name& name : order.names) {
    if (paused.count(name.identifier().value()) == 0) continue;
    return ProblemReply(
        429, "rateLimited",
        absl::StrCat("Your account is temporarily prevented from requesting "
                     "certificates for ",
                     name.identifier().value(), " and possibly others. Please visit: ", base_url(),
                     "/sfe/v1/unpause?jwt=", NextToken()));
  }
  std::optional<http::Response> refused = RefuseReplacement(order, now);
  if (refused.has_value()) return refused;
  if (!order.profile.empty() && options.profiles.count(order.profile) == 0) {
    return ProblemReply(400, "invalidProfile", "no such profile");
  }
  const int most = options.LifetimesOf(order.profile).max_names;
  if (order.names.size() > static_cast<size_t>(most)) {
    return ProblemReply(400, "malformed",
                        absl::StrCat("Order cannot contain more than ", most, " identifiers"));
  }
  order.renewal = ledger.WasIssued(order.names, now);
  if (!options.rate_limits.has_value() || order.exempt) return std::nullopt;
  const std::optional<Exceeded> exceeded =
      limits_.CheckOrder(*options.rate_limits, order.account_url, order.names, order.renewal, now);
  if (!exceeded.has_value()) {
    if (!order.renewal) limits_.SpendOrder(*options.rate_limits, order.account_url, now);
    return std::nullopt;
  }
  http::Response reply =
      ProblemReply(429, "rateLimited",
                   absl::StrCat(exceeded->what, ", retry after ", DateText(exceeded->until),
                                ": see ", base_url(), "/docs/rate-limits"));
  reply.headers.emplace_back("Retry-After",
                             absl::StrCat(absl::ToInt64Seconds(exceeded->until - now) + 1));
  return reply;
}

http::Response Endpoints::NewOrder(AccountEntry& account, const SignedRequest& request,
                                   absl::Time now) {
  const Json payload = Payload(request);
  OrderEntry order;
  std::string why;
  order.account_url = account.url;
  order.profile = StringMember(payload, "profile");
  // A CA that does not know `replaces` ignores it (RFC 8555 7.4 allows further members).
  if (options.renewal_info) order.replaces = StringMember(payload, "replaces");
  order.names = AskedNames(payload, why);
  if (order.names.empty()) return ProblemReply(400, "malformed", why);
  std::optional<http::Response> refused = RefuseOrder(order, now);
  if (refused.has_value()) return *std::move(refused);
  OrderEntry* entry = options.reuse_orders ? ledger.ReusableOrder(order, now) : nullptr;
  if (entry == nullptr) {
    order.url = absl::StrCat(base_url(), "/order/", ledger.orders().size() + 1);
    order.expires = now + options.LifetimesOf(order.profile).order;
    for (const challenge::Name& name : order.names) {
      AuthorizationEntry* authorization =
          options.reuse_authorizations
              ? ledger.ReusableAuthorization(account.url, order.profile, name, now)
              : nullptr;
      if (authorization == nullptr) {
        authorization = NewAuthorization(account, order.profile, name, now);
      }
      order.authorizations.push_back(authorization);
    }
    entry = ledger.Add(std::move(order));
  }
  ++entry->handed_out;
  http::Response reply = ShowOrder(*entry, 201, now);
  reply.headers.emplace_back("Location", entry->url);
  return reply;
}

http::Response Endpoints::ShowOrder(OrderEntry& order, int status, absl::Time now) {
  const std::string state = Ledger::StatusOf(order, now);
  order.shown = state;
  const std::string number = std::string(absl::StripPrefix(order.url, base_url() + "/order/"));
  Json json = {{"status", state},
               {"expires", DateText(order.expires)},
               {"finalize", base_url() + "/finalize/" + number},
               {"identifiers", Json::array()},
               {"authorizations", Json::array()},
               {"someNewMember", {{"of", "a later RFC"}}}};
  for (const challenge::Name& name : order.names) {
    json["identifiers"].push_back(IdentifierJson(name, true));
  }
  for (const AuthorizationEntry* authorization : order.authorizations) {
    json["authorizations"].push_back(authorization->url);
  }
  // No client may count on an order of these.
  std::shuffle(json["identifiers"].begin(), json["identifiers"].end(), random_);
  std::shuffle(json["authorizations"].begin(), json["authorizations"].end(), random_);
  if (!order.profile.empty()) json["profile"] = order.profile;
  if (!order.replaces.empty()) json["replaces"] = order.replaces;
  if (state == "valid") json["certificate"] = order.certificate_url;
  if (state == "invalid" && order.problem.has_value()) json["error"] = ProblemJson(*order.problem);
  return JsonReply(status, json);
}

http::Response Endpoints::Order(AccountEntry& account, const SignedRequest& request,
                                absl::Time now) {
  OrderEntry* const order = ledger.OrderByUrl(request.url);
  if (order == nullptr) return ProblemReply(404, "malformed", "no such order");
  if (order->account_url != account.url) return ProblemReply(403, "unauthorized", "not yours");
  if (!request.payload.empty()) return ProblemReply(400, "malformed", "must be a POST-as-GET");
  Ledger::Observe(*order, options, now);
  const std::string state = Ledger::StatusOf(*order, now);
  http::Response reply = ShowOrder(*order, 200, now);
  Pace(order->url, state == "pending" || state == "processing", now, reply);
  return reply;
}

void Endpoints::Issue(OrderEntry& order, const std::string& spki, absl::Time now) {
  LeafOrder wanted;
  wanted.names = order.names;
  wanted.spki_der = spki;
  wanted.now = now;
  wanted.lifetime = options.LifetimesOf(order.profile).certificate;
  wanted.fault = certificate_fault;
  wanted.serial =
      crypto::Sha256(absl::StrCat("serial ", options.seed, " ", ledger.certificates().size()))
          .substr(0, 16);
  IssuedLeaf issued = authority_.Issue(wanted, options.alternate_chains);
  order.certificate_url =
      absl::StrCat(base_url(), "/certificate/", ledger.certificates().size() + 1);
  order.chains = issued.chains;
  CertificateEntry entry;
  entry.url = order.certificate_url;
  entry.der = issued.der;
  entry.account_url = order.account_url;
  entry.chains = std::move(issued.chains);
  entry.id = issued.id;
  entry.names = order.names;
  entry.profile = order.profile;
  entry.not_before = issued.not_before;
  entry.not_after = issued.not_after;
  ledger.Add(std::move(entry));
  if (options.rate_limits.has_value() && !order.exempt) {
    limits_.SpendCertificate(*options.rate_limits, order.names, order.renewal, now);
  }
  ++order.finalizes;
  order.polls_left = options.finalize_polls;
  order.settled = options.finalize_polls > 0 ? "processing" : "valid";
}

http::Response Endpoints::Finalize(AccountEntry& account, const SignedRequest& request,
                                   absl::Time now) {
  const std::string number = std::string(absl::StripPrefix(request.url, base_url() + "/finalize/"));
  OrderEntry* const order = ledger.OrderByUrl(base_url() + "/order/" + number);
  if (order == nullptr) return ProblemReply(404, "malformed", "no such order");
  if (order->account_url != account.url) return ProblemReply(403, "unauthorized", "not yours");
  const std::string state = Ledger::StatusOf(*order, now);
  if (state != "ready") {
    // What has ended since it was last shown nobody could know.
    if (state != "invalid" || order->shown != "ready") {
      violations.push_back(absl::StrCat("finalize of ", order->url, ", which is ", state));
    }
    return ProblemReply(403, "orderNotReady", "the order is " + state);
  }
  const auto der = crypto::Base64UrlDecode(StringMember(Payload(request), "csr"));
  const auto csr = crypto::Csr::Parse(der.ok() ? *der : "");
  if (!csr.ok()) return ProblemReply(400, "badCSR", std::string(csr.status().message()));
  if (csr->names() != order->names) {
    return ProblemReply(400, "badCSR", "the CSR's names are not the order's");
  }
  if (csr->public_key().spki_der() == account.spki) {
    return ProblemReply(400, "badCSR", "the CSR's key is the account's");
  }
  Issue(*order, csr->public_key().spki_der(), now);
  http::Response reply = ShowOrder(*order, 200, now);
  reply.headers.emplace_back("Location", order->url);
  Pace(order->url, order->settled == "processing", now, reply);
  return reply;
}

}  // namespace norroy::fakes
