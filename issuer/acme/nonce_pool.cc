#include "issuer/acme/nonce_pool.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"

namespace norroy::acme {
namespace {

bool IsNonce(absl::string_view value) {
  return !value.empty() && value.size() <= NoncePool::kMaxNonceBytes &&
         std::all_of(value.begin(), value.end(),
                     [](char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; });
}

}  // namespace

bool NoncePool::IsNew(absl::string_view value) {
  if (!seen_.insert(std::string(value)).second) return false;
  seen_order_.emplace_back(value);
  if (seen_order_.size() > kMaxRemembered) {
    seen_.erase(seen_order_.front());
    seen_order_.pop_front();
  }
  return true;
}

void NoncePool::Put(absl::string_view value) {
  if (!IsNonce(value)) return;
  MutexLock lock(&mutex_);
  if (!IsNew(value)) return;
  if (nonces_.size() >= kMaxNonces) nonces_.erase(nonces_.begin());
  nonces_.emplace_back(value);
}

std::optional<Nonce> NoncePool::Claim(absl::string_view value) {
  if (!IsNonce(value)) return std::nullopt;
  MutexLock lock(&mutex_);
  if (!IsNew(value)) return std::nullopt;
  return Nonce(std::string(value));
}

std::optional<Nonce> NoncePool::Take() {
  MutexLock lock(&mutex_);
  if (nonces_.empty()) return std::nullopt;
  Nonce nonce(std::move(nonces_.back()));
  nonces_.pop_back();
  return nonce;
}

void NoncePool::Clear() {
  MutexLock lock(&mutex_);
  nonces_.clear();
}

size_t NoncePool::size() const {
  MutexLock lock(&mutex_);
  return nonces_.size();
}

}  // namespace norroy::acme
