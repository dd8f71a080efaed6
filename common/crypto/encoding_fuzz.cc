// PEM and base64url: what is accepted comes back from its own encoding.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"

namespace norroy::crypto {
namespace {

void CheckPem(absl::string_view input) {
  const absl::StatusOr<std::vector<PemBlock>> blocks = PemDecode(input);
  if (!blocks.ok()) {
    NORROY_CHECK(ErrorReason(blocks.status()) == "BAD_PEM");
    NORROY_CHECK(Printable(blocks.status().message(), 4096) == blocks.status().message());
    return;
  }
  NORROY_CHECK(blocks->size() <= kMaxPemBlocks);
  std::string text;
  size_t bytes = 0;
  for (const PemBlock& block : *blocks) {
    text += PemEncode(block.label, block.der);
    bytes += block.der.size();
#ifdef PLANTED
    NORROY_CHECK(block.label != blocks->front().label || block.der == blocks->front().der);
#endif
  }
  NORROY_CHECK(bytes < input.size() || blocks->empty());
  // Ours has shorter lines than the input may have.
  if (text.size() > kMaxPemBytes) return;
  const std::vector<PemBlock> again = PemDecode(text).value();
  NORROY_CHECK(again.size() == blocks->size());
  for (size_t i = 0; i < again.size(); ++i) {
    NORROY_CHECK(again[i].label == blocks->at(i).label && again[i].der == blocks->at(i).der);
  }
}

void CheckBase64Url(absl::string_view input) {
  const absl::StatusOr<std::string> bytes = Base64UrlDecode(input);
  NORROY_CHECK(!bytes.ok() || Base64Url(*bytes) == input);
  NORROY_CHECK(Base64UrlDecode(Base64Url(input)).value() == input);
}

}  // namespace
}  // namespace norroy::crypto

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  norroy::crypto::CheckPem(input);
  norroy::crypto::CheckBase64Url(input);
  return 0;
}
