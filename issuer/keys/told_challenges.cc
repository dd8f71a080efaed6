#include "issuer/keys/told_challenges.h"

namespace norroy::keys {

ToldChallenges::Entry* ToldChallenges::Find(const std::string& challenge_url) {
  const auto authorization = by_challenge_.find(challenge_url);
  if (authorization == by_challenge_.end()) return nullptr;
  return &authorizations_.at(authorization->second);
}

void ToldChallenges::Forget(const std::string& authorization_url) {
  const auto found = authorizations_.find(authorization_url);
  if (found == authorizations_.end()) return;
  for (const std::string& challenge : found->second.challenges) by_challenge_.erase(challenge);
  by_age_.erase(found->second.age);
  authorizations_.erase(found);
}

void ToldChallenges::Read(const acme::Authorization& authorization, int64_t key,
                          absl::Duration now) {
  if (authorization.status != acme::AuthorizationStatus::kPending) {
    Forget(authorization.url);
    return;
  }
  if (authorizations_.count(authorization.url) > 0) return;
  Entry entry{.key = key, .age = ++ages_};
  for (const acme::Challenge& challenge : authorization.challenges) {
    // A CA that shows one challenge twice, or another's, is not followed.
    if (!by_challenge_.emplace(challenge.url, authorization.url).second) continue;
    entry.challenges.push_back(challenge.url);
    // RFC 8555 7.1.6: it was told in an earlier life.
    if (challenge.status == acme::ChallengeStatus::kProcessing) entry.told_at = now;
  }
  by_age_[entry.age] = authorization.url;
  authorizations_[authorization.url] = std::move(entry);
  if (authorizations_.size() > kMax) Forget(std::string(by_age_.begin()->second));
}

void ToldChallenges::Read(const acme::Order& order) {
  if (order.status == acme::OrderStatus::kPending) return;
  for (const std::string& authorization : order.authorizations) Forget(authorization);
}

bool ToldChallenges::MayAnswer(const std::string& challenge_url, int64_t key) {
  const Entry* const entry = Find(challenge_url);
  if (entry == nullptr) return key == 0;
  if (entry->key == key) return true;
  Forget(std::string(by_challenge_.at(challenge_url)));
  return false;
}

bool ToldChallenges::Told(const std::string& challenge_url, absl::Duration now) {
  Entry* const entry = Find(challenge_url);
  if (entry == nullptr) return false;
  const bool before = entry->told_at > -absl::InfiniteDuration();
  entry->told_at = now;
  return before;
}

void ToldChallenges::NotTold(const std::string& challenge_url) {
  if (Entry* const entry = Find(challenge_url); entry != nullptr) {
    entry->told_at = -absl::InfiniteDuration();
  }
}

int ToldChallenges::waiting(absl::Duration now) const {
  int count = 0;
  for (const auto& [url, entry] : authorizations_) {
    if (now - entry.told_at < kVerdictTakes) ++count;
  }
  return count;
}

}  // namespace norroy::keys
