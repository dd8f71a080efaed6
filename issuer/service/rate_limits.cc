#include "issuer/service/rate_limits.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/flow/budget.h"
#include "issuer/service/access.h"
#include "issuer/service/convert.h"
#include "issuer/service/fields.h"
#include "issuer/service/limits.h"

namespace norroy::service {
namespace {

using issuer::v1::PlannedRateLimit;
using issuer::v1::RateLimit;

constexpr int kMaxListedNames = 100;
constexpr int kMaxPlannedNames = 2'000;
constexpr int kMaxPlannedCount = 10'000;
constexpr int kMaxPlannedLimits = 100;
constexpr int kMaxNamesPerCertificate = 100;
constexpr int kDefaultScarcest = 20;

template <typename Texts>
absl::StatusOr<std::vector<challenge::Name>> ParseNameList(const Texts& texts, int most) {
  if (texts.size() > most) {
    return BadField("names",
                    absl::StrCat("has ", texts.size(), " entries; at most ", most, " are allowed"));
  }
  std::vector<challenge::Name> names;
  for (int i = 0; i < texts.size(); ++i) {
    absl::StatusOr<challenge::Name> name = ParseName(texts[i]);
    if (!name.ok()) return WithContext(name.status(), absl::StrCat("names[", i, "]"));
    names.push_back(*std::move(name));
  }
  return names;
}

const std::optional<limits::Published>& PublishedOf(const limits::CaLimits& limits,
                                                    absl::string_view limit) {
  return limit == store::kNewOrdersPerAccount ? limits.new_orders_per_account
                                              : limits.certificates_per_domain;
}

RateLimit ToProto(const std::string& ca, const limits::Published& published,
                  const store::BucketState& state, absl::Time now) {
  const limits::BucketRule rule = limits::RuleOf(published);
  RateLimit proto;
  proto.set_ca(ca);
  proto.set_limit(state.key.limit);
  proto.set_subject(state.key.subject);
  proto.set_count(published.count);
  proto.mutable_per()->set_seconds(absl::ToInt64Seconds(published.per));
  proto.set_left(limits::TokensLeft(rule, state.full_at, now));
  proto.set_waiting(static_cast<int32_t>(state.waiting));
  *proto.mutable_next_time() =
      ToTimestamp(limits::WhenLeft(rule, state.full_at, static_cast<int>(state.waiting) + 1, now));
  return proto;
}

// Names of one subject beside each other, so that they share certificates.
std::vector<std::set<std::string>> SubjectsOfCertificates(const std::vector<challenge::Name>& names,
                                                          size_t per_certificate) {
  std::set<std::pair<std::string, challenge::Name>> sorted;
  for (const challenge::Name& name : names) {
    sorted.emplace(limits::SubjectOf(name.identifier()), name);
  }
  std::vector<std::set<std::string>> certificates;
  size_t in_last = per_certificate;
  for (const auto& [subject, name] : sorted) {
    if (in_last == per_certificate) {
      certificates.emplace_back();
      in_last = 0;
    }
    certificates.back().insert(subject);
    ++in_last;
  }
  return certificates;
}

// The first is the one whose limits all have something the soonest.
issuer::v1::PlanOrdersResponse Answer(const std::vector<std::set<store::BucketKey>>& certificates,
                                      const std::map<store::BucketKey, absl::Time>& next,
                                      std::vector<std::pair<absl::Time, PlannedRateLimit>> planned,
                                      absl::Time now) {
  absl::Time first = absl::InfiniteFuture();
  for (const std::set<store::BucketKey>& keys : certificates) {
    absl::Time all = now;
    for (const store::BucketKey& key : keys) all = std::max(all, next.at(key));
    first = std::min(first, all);
  }
  std::stable_sort(planned.begin(), planned.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  issuer::v1::PlanOrdersResponse response;
  response.set_certificates(static_cast<int32_t>(certificates.size()));
  *response.mutable_first_time() = ToTimestamp(first);
  *response.mutable_last_time() = ToTimestamp(planned.empty() ? now : planned.front().first);
  for (const auto& [last, proto] : planned) {
    if (response.rate_limits_size() == kMaxPlannedLimits) break;
    *response.add_rate_limits() = proto;
  }
  return response;
}

}  // namespace

RateLimits::RateLimits(RateLimitsOptions options)
    : o_(std::move(options)), denials_(o_.store, o_.clock) {}

absl::StatusOr<issuer::v1::ListRateLimitsResponse> RateLimits::List(
    const issuer::v1::ListRateLimitsRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<challenge::Name> names,
                          ParseNameList(request.names(), kMaxListedNames));
  if (request.page_size() < 0) return BadField("page_size", "is negative");
  std::set<std::string> subjects;
  for (const challenge::Name& name : names) subjects.insert(limits::SubjectOf(name.identifier()));
  const int most = !names.empty()             ? 0
                   : request.page_size() == 0 ? kDefaultScarcest
                                              : std::min(request.page_size(), kMaxPageSize);
  std::vector<std::string> cas;
  if (request.ca().empty()) {
    for (const auto& [ca, known] : o_.cas) cas.push_back(ca);
  } else {
    NORROY_ASSIGN_OR_RETURN(std::string ca, keys::ChooseCa(o_.accounts, request.ca()));
    cas.push_back(std::move(ca));
  }
  issuer::v1::ListRateLimitsResponse response;
  for (const std::string& ca : cas) {
    NORROY_RETURN_IF_ERROR(AddCa(ca, {subjects.begin(), subjects.end()}, most, response));
    NORROY_RETURN_IF_ERROR(AddHold(ca, response));
  }
  return response;
}

absl::Status RateLimits::AddCa(const std::string& ca, const std::vector<std::string>& subjects,
                               int most, issuer::v1::ListRateLimitsResponse& response) {
  const auto it = o_.cas.find(ca);
  if (it == o_.cas.end()) return absl::OkStatus();
  const limits::KnownCa& known = it->second;
  const absl::Time now = o_.clock.Now();
  std::vector<store::BucketKey> keys;
  if (known.limits.new_orders_per_account.has_value()) keys.push_back(flow::AccountBucket(ca));
  std::vector<store::BucketState> scarcest;
  if (known.limits.certificates_per_domain.has_value()) {
    for (const std::string& subject : subjects) keys.push_back(flow::DomainBucket(known, subject));
    if (most > 0) {
      NORROY_ASSIGN_OR_RETURN(
          scarcest,
          o_.ledger.Scarcest(known.directory_url, store::kCertificatesPerDomain, now, most));
    }
  }
  NORROY_ASSIGN_OR_RETURN(std::vector<store::BucketState> states, o_.ledger.Get(keys, now));
  states.insert(states.end(), scarcest.begin(), scarcest.end());
  for (const store::BucketState& state : states) {
    *response.add_rate_limits() =
        ToProto(ca, *PublishedOf(known.limits, state.key.limit), state, now);
  }
  return absl::OkStatus();
}

absl::Status RateLimits::AddHold(const std::string& ca,
                                 issuer::v1::ListRateLimitsResponse& response) {
  NORROY_ASSIGN_OR_RETURN(const absl::Time until, o_.store.GetHold(store::CaScope(ca)));
  if (until <= o_.clock.Now()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(const std::string why, o_.store.WhyHeld(store::CaScope(ca)));
  issuer::v1::CaHold& hold = *response.add_holds();
  hold.set_ca(ca);
  *hold.mutable_until() = ToTimestamp(until);
  hold.set_waiting_for(why);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<challenge::Name>> RateLimits::CheckPlan(
    const rpc::Caller& caller, const std::string& ca,
    const issuer::v1::PlanOrdersRequest& request) {
  if (request.names().empty() == (request.name_count() == 0)) {
    return BadField("names", "and name_count: give one of them");
  }
  if (request.name_count() < 0 || request.name_count() > kMaxPlannedCount) {
    return BadField("name_count", absl::StrCat("must be 1 to ", kMaxPlannedCount));
  }
  if (request.name_count() > 0 && ReaderOf(caller).has_value()) {
    return BadField("name_count", "is for operators; give the names");
  }
  if (request.names_per_certificate() < 0 ||
      request.names_per_certificate() > kMaxNamesPerCertificate) {
    return BadField("names_per_certificate",
                    absl::StrCat("must be 1 to ", kMaxNamesPerCertificate));
  }
  NORROY_ASSIGN_OR_RETURN(std::vector<challenge::Name> names,
                          ParseNameList(request.names(), kMaxPlannedNames));
  for (const challenge::Name& name : names) {
    if (!ReaderOf(caller).has_value()) break;
    NORROY_RETURN_IF_ERROR(
        o_.policy.Check({caller.identity.Principal(), {name}, ca, "", std::nullopt}).status());
  }
  return names;
}

RateLimits::Certificates RateLimits::CertificatesOf(const limits::KnownCa& known,
                                                    const std::string& ca,
                                                    const std::vector<challenge::Name>& names,
                                                    int name_count, int per_certificate) {
  Certificates certificates((static_cast<size_t>(name_count + per_certificate) - 1) /
                            static_cast<size_t>(per_certificate));
  if (!names.empty()) {
    certificates.clear();
    for (const auto& subjects :
         SubjectsOfCertificates(names, static_cast<size_t>(per_certificate))) {
      certificates.emplace_back();
      if (!known.limits.certificates_per_domain.has_value()) continue;
      for (const std::string& subject : subjects) {
        certificates.back().insert(flow::DomainBucket(known, subject));
      }
    }
  }
  if (known.limits.new_orders_per_account.has_value()) {
    for (std::set<store::BucketKey>& keys : certificates) keys.insert(flow::AccountBucket(ca));
  }
  return certificates;
}

absl::StatusOr<issuer::v1::PlanOrdersResponse> RateLimits::Plan(
    const rpc::Caller& caller, const issuer::v1::PlanOrdersRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const std::string ca, keys::ChooseCa(o_.accounts, request.ca()));
  const absl::StatusOr<std::vector<challenge::Name>> names = CheckPlan(caller, ca, request);
  denials_.Note(caller, "limits.plan", "rate_limits", names.status());
  if (!names.ok()) return names.status();
  const limits::KnownCa& known = o_.cas.at(ca);
  const Certificates certificates = CertificatesOf(known, ca, *names, request.name_count(),
                                                   std::max(1, request.names_per_certificate()));
  std::map<store::BucketKey, int> orders;
  for (const std::set<store::BucketKey>& keys : certificates) {
    for (const store::BucketKey& key : keys) ++orders[key];
  }
  std::vector<store::BucketKey> keys;
  for (const auto& [key, count] : orders) keys.push_back(key);
  const absl::Time now = o_.clock.Now();
  NORROY_ASSIGN_OR_RETURN(const std::vector<store::BucketState> states, o_.ledger.Get(keys, now));
  std::map<store::BucketKey, absl::Time> next;
  std::vector<std::pair<absl::Time, PlannedRateLimit>> planned;
  for (const store::BucketState& state : states) {
    const limits::Published& published = *PublishedOf(known.limits, state.key.limit);
    const limits::BucketRule rule = limits::RuleOf(published);
    const int before = static_cast<int>(state.waiting);
    next[state.key] = limits::WhenLeft(rule, state.full_at, before + 1, now);
    PlannedRateLimit proto;
    *proto.mutable_rate_limit() = ToProto(ca, published, state, now);
    proto.set_orders(orders.at(state.key));
    const absl::Time last =
        limits::WhenLeft(rule, state.full_at, before + orders.at(state.key), now);
    *proto.mutable_last_time() = ToTimestamp(last);
    planned.emplace_back(last, std::move(proto));
  }
  return Answer(certificates, next, std::move(planned), now);
}

}  // namespace norroy::service
