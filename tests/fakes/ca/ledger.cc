#include "tests/fakes/ca/ledger.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace norroy::fakes {
namespace {

template <typename Entries, typename Matches>
auto* Find(Entries& entries, const Matches& matches) {
  const auto found = std::find_if(entries.begin(), entries.end(), matches);
  return found == entries.end() ? nullptr : &*found;
}

// The value at the key; a default one (null, empty) if there is none.
template <typename Index>
typename Index::mapped_type At(const Index& index, const std::string& key) {
  const auto found = index.find(key);
  return found == index.end() ? typename Index::mapped_type() : found->second;
}

std::string SetOf(const OrderEntry& order) {
  return absl::StrCat(order.account_url, " ", order.profile, " ", challenge::SetKey(order.names));
}

std::string NameOf(const std::string& account_url, const std::string& profile,
                   const challenge::Name& name) {
  return absl::StrCat(account_url, " ", profile, " ", name.text());
}

}  // namespace

OrderEntry* Ledger::Add(OrderEntry order) {
  orders_.push_back(std::move(order));
  OrderEntry* const entry = &orders_.back();
  orders_by_url_[entry->url] = entry;
  orders_by_set_[SetOf(*entry)].push_back(entry);
  if (!entry->replaces.empty()) orders_by_replaced_[entry->replaces].push_back(entry);
  return entry;
}

AuthorizationEntry* Ledger::Add(AuthorizationEntry authorization) {
  authorizations_.push_back(std::move(authorization));
  AuthorizationEntry* const entry = &authorizations_.back();
  authorizations_by_url_[entry->url] = entry;
  authorizations_by_name_[NameOf(entry->account_url, entry->profile, entry->name)].push_back(entry);
  return entry;
}

CertificateEntry* Ledger::Add(CertificateEntry certificate) {
  certificates_.push_back(std::move(certificate));
  CertificateEntry* const entry = &certificates_.back();
  certificates_by_url_[entry->url] = entry;
  certificates_by_id_[entry->id] = entry;
  issued_[challenge::SetKey(entry->names)] = entry->not_before;
  return entry;
}

AccountEntry* Ledger::AccountByUrl(const std::string& url) {
  return Find(accounts, [&](const AccountEntry& entry) { return entry.url == url; });
}

AccountEntry* Ledger::AccountByKey(const std::string& spki) {
  return Find(accounts, [&](const AccountEntry& entry) { return entry.spki == spki; });
}

AuthorizationEntry* Ledger::AuthorizationByUrl(const std::string& url) {
  return At(authorizations_by_url_, url);
}

OrderEntry* Ledger::OrderByUrl(const std::string& url) { return At(orders_by_url_, url); }

CertificateEntry* Ledger::CertificateByUrl(const std::string& url) {
  return At(certificates_by_url_, url);
}

CertificateEntry* Ledger::CertificateById(const std::string& id) {
  return At(certificates_by_id_, id);
}

const OrderEntry* Ledger::ReplacementOf(const std::string& id, absl::Time now) const {
  for (const OrderEntry* const order : At(orders_by_replaced_, id)) {
    if (StatusOf(*order, now) != "invalid") return order;
  }
  return nullptr;
}

bool Ledger::WasIssued(const std::vector<challenge::Name>& names, absl::Time now) const {
  const auto last = issued_.find(challenge::SetKey(names));
  return last != issued_.end() && now - last->second <= absl::Hours(24 * 120);
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

OrderEntry* Ledger::ReusableOrder(const OrderEntry& wanted, absl::Time now) const {
  const auto found = orders_by_set_.find(SetOf(wanted));
  if (found == orders_by_set_.end()) return nullptr;
  for (OrderEntry* const order : found->second) {
    const std::string status = StatusOf(*order, now);
    if (status == "pending" || status == "ready") return order;
  }
  return nullptr;
}

AuthorizationEntry* Ledger::ReusableAuthorization(const std::string& account_url,
                                                  const std::string& profile,
                                                  const challenge::Name& name,
                                                  absl::Time now) const {
  const auto found = authorizations_by_name_.find(NameOf(account_url, profile, name));
  if (found == authorizations_by_name_.end()) return nullptr;
  AuthorizationEntry* pending = nullptr;
  for (AuthorizationEntry* const entry : found->second) {
    const std::string status = StatusOf(*entry, now);
    if (status == "valid") return entry;
    if (status == "pending") pending = entry;
  }
  return pending;
}

}  // namespace norroy::fakes
