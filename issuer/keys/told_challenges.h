#ifndef NORROY_ISSUER_KEYS_TOLD_CHALLENGES_H_
#define NORROY_ISSUER_KEYS_TOLD_CHALLENGES_H_

// Which challenges the CA was told to look at and has not judged yet, and since which of the
// account's keys we know of a challenge: a key authorization ends in the thumbprint of the key
// (RFC 8555 8.1), so proofs that were put up under one key are none under the next.
//
// It learns from what passes by: authorizations name their challenges, orders their authorizations.
// Not thread-safe.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "issuer/acme/authorization.h"
#include "issuer/acme/order.h"

namespace norroy::keys {

class ToldChallenges {
 public:
  // Authorizations that are known at once; the oldest make room.
  static constexpr size_t kMax = 50'000;
  // A CA that has no verdict by then is not waited for.
  static constexpr absl::Duration kVerdictTakes = absl::Minutes(10);

  // `key` numbers the account's keys, from 0. A pending authorization that is known stays with the
  // key under which it was read first.
  void Read(const acme::Authorization& authorization, int64_t key, absl::Duration now);
  void Read(const acme::Order& order);
  void Deactivated(const std::string& authorization_url) { Forget(authorization_url); }

  // Whether an answer to this challenge may rest on `key`. False: it is forgotten, and may once its
  // authorization was read anew. What is not known may only rest on the first key.
  bool MayAnswer(const std::string& challenge_url, int64_t key);
  // Whether it had been told before.
  bool Told(const std::string& challenge_url, absl::Duration now);
  void NotTold(const std::string& challenge_url);

  // How many authorizations wait for a verdict.
  int waiting(absl::Duration now) const;
  size_t size() const { return authorizations_.size(); }

 private:
  struct Entry {
    std::vector<std::string> challenges;
    int64_t key = 0;
    int64_t age = 0;
    absl::Duration told_at = -absl::InfiniteDuration();
  };
  Entry* Find(const std::string& challenge_url);
  void Forget(const std::string& authorization_url);

  std::map<std::string, Entry> authorizations_;
  std::map<std::string, std::string> by_challenge_;
  std::map<int64_t, std::string> by_age_;
  int64_t ages_ = 0;
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_TOLD_CHALLENGES_H_
