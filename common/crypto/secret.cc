#include "common/crypto/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace norroy::crypto {

Secret Secret::Take(std::string& bytes) {
  Secret secret;
  secret.bytes_.swap(bytes);
  // A short string lies in the object itself; swapping copied it and may leave its bytes behind.
  bytes.resize(bytes.capacity());
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
  return secret;
}

Secret::~Secret() { Wipe(); }

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) { other.Wipe(); }

Secret& Secret::operator=(const Secret& other) {
  if (this == &other) return *this;
  Wipe();
  bytes_ = other.bytes_;
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Wipe();
  bytes_ = std::move(other.bytes_);
  other.Wipe();
  return *this;
}

bool Secret::Equals(const Secret& other) const {
  return bytes_.size() == other.bytes_.size() &&
         CRYPTO_memcmp(bytes_.data(), other.bytes_.data(), bytes_.size()) == 0;
}

void Secret::Wipe() {
  // What a shorter value left behind its end is wiped too; this does not reallocate.
  bytes_.resize(bytes_.capacity());
  OPENSSL_cleanse(bytes_.data(), bytes_.size());
  bytes_.clear();
}

}  // namespace norroy::crypto
