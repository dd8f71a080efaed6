#include "tests/fakes/ca/ledger.h"

#include <algorithm>

namespace norroy::fakes {
namespace {

template <typename Entries, typename Matches>
auto* Find(Entries& entries, const Matches& matches) {
  const auto found = std::find_if(entries.begin(), entries.end(), matches);
  return found == entries.end() ? nullptr : &*found;
}

}  // namespace

AccountEntry* Ledger::AccountByUrl(const std::string& url) {
  return Find(accounts, [&](const AccountEntry& entry) { return entry.url == url; });
}

AccountEntry* Ledger::AccountByKey(const std::string& spki) {
  return Find(accounts, [&](const AccountEntry& entry) { return entry.spki == spki; });
}

AuthorizationEntry* Ledger::AuthorizationByUrl(const std::string& url) {
  return Find(authorizations, [&](const AuthorizationEntry& entry) { return entry.url == url; });
}

OrderEntry* Ledger::OrderByUrl(const std::string& url) {
  return Find(orders, [&](const OrderEntry& entry) { return entry.url == url; });
}

CertificateEntry* Ledger::CertificateById(const std::string& id) {
  return Find(certificates, [&](const CertificateEntry& entry) { return entry.id == id; });
}

const OrderEntry* Ledger::ReplacementOf(const std::string& id, absl::Time now) const {
  return Find(orders, [&](const OrderEntry& order) {
    return order.replaces == id && StatusOf(order, now) != "invalid";
  });
}

bool Ledger::WasIssued(const std::vector<challenge::Name>& names, absl::Time now) const {
  return Find(certificates, [&](const CertificateEntry& entry) {
           return entry.names == names && now - entry.not_before <= absl::Hours(24 * 120);
         }) != nullptr;
}

std::string Ledger::StatusOf(const AuthorizationEntry& authorization, absl::Time now) {
  const bool lives = authorization.status == "pending" || authorization.status == "valid";
  return lives && authorization.expires <= now ? "expired" : authorization.status;
}

std::string Ledger::StatusOf(const OrderEntry& order, absl::Time now) {
  if (!order.settled.empty()) return order.settled;
  if (order.expires <= now) return "invalid";
  bool ready = true;
  for (const AuthorizationEntry* authorization : order.authorizations) {
    const std::string status = StatusOf(*authorization, now);
    if (status != "pending" && status != "valid") return "invalid";
    ready = ready && status == "valid";
  }
  return ready ? "ready" : "pending";
}

void Ledger::Observe(AuthorizationEntry& authorization, const FakeCaOptions& options,
                     absl::Time now) {
  if (!authorization.verdict.has_value() || authorization.status != "pending") return;
  if (authorization.polls_left-- > 0) return;
  if (authorization.verdict->ok()) {
    authorization.status = "valid";
    authorization.expires = now + options.LifetimesOf(authorization.profile).valid_authorization;
    return;
  }
  authorization.status = "invalid";
  authorization.problem = ProblemText{
      authorization.attempted_type == "dns-01"                          ? "dns"
      : authorization.verdict->code() == absl::StatusCode::kUnavailable ? "connection"
                                                                        : "unauthorized",
      std::string(authorization.verdict->message())};
}

void Ledger::Observe(OrderEntry& order, const FakeCaOptions& options, absl::Time now) {
  for (AuthorizationEntry* authorization : order.authorizations) {
    Observe(*authorization, options, now);
    if (authorization->problem.has_value() && !order.problem.has_value()) {
      order.problem = authorization->problem;
    }
  }
  if (order.settled == "processing" && order.polls_left-- <= 0) order.settled = "valid";
}

OrderEntry* Ledger::ReusableOrder(const OrderEntry& wanted, absl::Time now) {
  return Find(orders, [&](const OrderEntry& order) {
    const std::string status = StatusOf(order, now);
    return order.account_url == wanted.account_url && order.profile == wanted.profile &&
           order.names == wanted.names && (status == "pending" || status == "ready");
  });
}

AuthorizationEntry* Ledger::ReusableAuthorization(const std::string& account_url,
                                                  const std::string& profile,
                                                  const challenge::Name& name, absl::Time now) {
  AuthorizationEntry* pending = nullptr;
  for (AuthorizationEntry& entry : authorizations) {
    if (entry.account_url != account_url || entry.profile != profile || entry.name != name) {
      continue;
    }
    const std::string status = StatusOf(entry, now);
    if (status == "valid") return &entry;
    if (status == "pending") pending = &entry;
  }
  return pending;
}

}  // namespace norroy::fakes
