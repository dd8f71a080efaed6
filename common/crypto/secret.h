#ifndef NORROY_COMMON_CRYPTO_SECRET_H_
#define NORROY_COMMON_CRYPTO_SECRET_H_

// Bytes that must not be printed, logged or compared by time: private keys, HMAC keys, tokens.
// The memory is wiped when the last holder lets go. There is no conversion to a string: whoever
// needs the bytes says Expose() where a reviewer can see it.

#include <string>

#include "absl/strings/string_view.h"

namespace norroy::crypto {

class Secret {
 public:
  Secret() = default;
  explicit Secret(absl::string_view bytes) : bytes_(bytes) {}
  // Takes the string over and wipes it.
  static Secret Take(std::string& bytes);
  ~Secret();
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;

  absl::string_view Expose() const { return bytes_; }
  bool empty() const { return bytes_.empty(); }
  // In time that depends on the lengths alone.
  bool Equals(const Secret& other) const;

 private:
  void Wipe();
  std::string bytes_;
};

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_SECRET_H_
