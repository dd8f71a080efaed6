// A join token's text either reads into a token that writes the same text, or is refused with
// BAD_JOIN_TOKEN and the like: see join_token.h.

#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "common/join/join_token.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto token = norroy::join::ParseJoinToken(text);
  if (!token.ok()) {
    NORROY_CHECK(token.status().code() == absl::StatusCode::kInvalidArgument);
    return 0;
  }
  const auto again = norroy::join::SerializeJoinToken(*token);
  NORROY_CHECK(again.ok());
  NORROY_CHECK(norroy::join::ParseJoinToken(again->Expose()).ok());
  return 0;
}
