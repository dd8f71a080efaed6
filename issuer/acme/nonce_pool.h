#ifndef NORROY_ISSUER_ACME_NONCE_POOL_H_
#define NORROY_ISSUER_ACME_NONCE_POOL_H_

// Replay nonces that the CA handed out (RFC 8555 6.5). Each is used for one send, ever: a Nonce
// can only be moved, and the pool refuses a value that it has seen before.

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "common/sync/mutex.h"

namespace norroy::acme {

class Nonce {
 public:
  Nonce(Nonce&&) = default;
  Nonce& operator=(Nonce&&) = default;
  Nonce(const Nonce&) = delete;
  Nonce& operator=(const Nonce&) = delete;

  const std::string& value() const { return value_; }

 private:
  friend class NoncePool;
  explicit Nonce(std::string value) : value_(std::move(value)) {}
  std::string value_;
};

// Thread-safe.
class NoncePool {
 public:
  static constexpr size_t kMaxNonces = 64;
  static constexpr size_t kMaxNonceBytes = 512;
  static constexpr size_t kMaxRemembered = 4096;

  // RFC 8555 6.5.1: what is not base64url is ignored; so are over-long values and repeated ones.
  // Above kMaxNonces the oldest is dropped.
  void Put(absl::string_view value);
  // Takes a value past the pool, for whoever asked the CA for it. Unset: it would be ignored.
  std::optional<Nonce> Claim(absl::string_view value);
  // The newest: least likely to have expired.
  std::optional<Nonce> Take();
  // Forgets those not taken yet.
  void Clear();
  size_t size() const;

 private:
  // Notes a usable value; false if it was seen before.
  bool IsNew(absl::string_view value) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::vector<std::string> nonces_ ABSL_GUARDED_BY(mutex_);
  // The values put in last, so that none is put in twice.
  std::set<std::string> seen_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> seen_order_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_NONCE_POOL_H_
