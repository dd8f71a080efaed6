#include "tests/fakes/ca/limits.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace norroy::fakes {
namespace {

constexpr absl::Duration kWeek = absl::Hours(24 * 7);

std::string DomainOf(const challenge::Name& name) {
  std::vector<std::string> labels = absl::StrSplit(name.identifier().value(), '.');
  if (name.identifier().type() == challenge::IdentifierType::kDns && labels.size() > 2) {
    labels.erase(labels.begin(), labels.end() - 2);
  }
  return absl::StrCat("domain ", absl::StrJoin(labels, "."));
}

std::set<std::string> DomainsOf(const std::vector<challenge::Name>& names) {
  std::set<std::string> domains;
  for (const challenge::Name& name : names) domains.insert(DomainOf(name));
  return domains;
}

std::string SetOf(const std::vector<challenge::Name>& names) {
  return absl::StrCat("set ", challenge::SetKey(names));
}

std::string FailuresOf(const std::string& account_url, const challenge::Name& name) {
  return absl::StrCat("failures ", account_url, " ", name.identifier().value());
}

}  // namespace

absl::Time Limits::FreeAt(const std::string& bucket, const Size& size, absl::Time now) const {
  const auto found = full_at_.find(bucket);
  if (found == full_at_.end()) return now;
  return found->second + size.window / size.tokens - size.window;
}

void Limits::Spend(const std::string& bucket, const Size& size, absl::Time now) {
  absl::Time& full_at = full_at_.try_emplace(bucket, now).first->second;
  full_at = std::max(full_at, now) + size.window / size.tokens;
}

std::optional<Exceeded> Limits::CheckOrder(const RateLimits& limits, const std::string& account_url,
                                           const std::vector<challenge::Name>& names, bool renewal,
                                           absl::Time now) const {
  std::optional<Exceeded> last;
  const auto check = [&](const std::string& bucket, const Size& size, const std::string& what) {
    const absl::Time free_at = FreeAt(bucket, size, now);
    // Of several limits the one that holds longest is named.
    if (free_at > now && (!last.has_value() || free_at > last->until)) {
      last = Exceeded{absl::StrCat("too many ", what, " (", size.tokens, ") in the last ",
                                   absl::FormatDuration(size.window)),
                      free_at};
    }
  };
  const absl::Duration three_hours = absl::Hours(3);
  if (!renewal) {
    check(account_url, {limits.orders_per_account_in_3h, three_hours}, "new orders");
    for (const std::string& domain : DomainsOf(names)) {
      check(domain, {limits.certificates_per_domain_in_7d, kWeek}, "certificates for " + domain);
    }
  }
  check(SetOf(names), {limits.certificates_per_set_in_7d, kWeek},
        "certificates for this exact set of identifiers");
  for (const challenge::Name& name : names) {
    check(FailuresOf(account_url, name), {limits.failures_per_name_in_1h, absl::Hours(1)},
          "failed authorizations for " + name.identifier().value());
  }
  return last;
}

void Limits::SpendOrder(const RateLimits& limits, const std::string& account_url, absl::Time now) {
  Spend(account_url, {limits.orders_per_account_in_3h, absl::Hours(3)}, now);
}

void Limits::SpendCertificate(const RateLimits& limits, const std::vector<challenge::Name>& names,
                              bool renewal, absl::Time now) {
  Spend(SetOf(names), {limits.certificates_per_set_in_7d, kWeek}, now);
  if (renewal) return;
  for (const std::string& domain : DomainsOf(names)) {
    Spend(domain, {limits.certificates_per_domain_in_7d, kWeek}, now);
  }
}

void Limits::SpendFailure(const RateLimits& limits, const std::string& account_url,
                          const challenge::Name& name, absl::Time now) {
  Spend(FailuresOf(account_url, name), {limits.failures_per_name_in_1h, absl::Hours(1)}, now);
}

}  // namespace norroy::fakes
