#ifndef NORROY_COMMON_CRYPTO_ENCODING_H_
#define NORROY_COMMON_CRYPTO_ENCODING_H_

// Digests and the text forms of bytes.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/crypto/secret.h"

namespace norroy::crypto {

// 32 raw bytes.
std::string Sha256(absl::string_view data);
std::string HmacSha256(const Secret& key, absl::string_view data);

// RFC 4648 5, no padding (RFC 7515 2).
std::string Base64Url(absl::string_view bytes);
// Strict: no padding, no white space, no stray bits (RFC 8555 6.1).
absl::StatusOr<std::string> Base64UrlDecode(absl::string_view text);

// Lower case.
std::string Hex(absl::string_view bytes);

// PEM blocks (RFC 7468), read in one linear pass: at most 256 KiB and 32 blocks. Text outside the
// blocks is ignored; a text without blocks gives none. An error names the line. Encrypted blocks
// are refused.
inline constexpr size_t kMaxPemBytes = 256 * 1024;
inline constexpr size_t kMaxPemBlocks = 32;

struct PemBlock {
  std::string label;  // "CERTIFICATE"
  std::string der;
};
absl::StatusOr<std::vector<PemBlock>> PemDecode(absl::string_view text);
// For blocks that hold keys.
void WipeBlocks(std::vector<PemBlock>& blocks);
std::string PemEncode(absl::string_view label, absl::string_view der);

}  // namespace norroy::crypto

#endif  // NORROY_COMMON_CRYPTO_ENCODING_H_
