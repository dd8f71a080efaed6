// What a parsed request may hold, whatever came in: see http_request.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "agent/presenter/http/http_request.h"
#include "common/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using norroy::agent::HttpParseState;
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto parse = norroy::agent::ParseHttpRequest(bytes);
  if (parse.state != HttpParseState::kComplete) return 0;
  NORROY_CHECK(parse.request.path.size() <= norroy::agent::kMaxHttpRequest);
  for (unsigned char c : parse.request.path) NORROY_CHECK(c > 0x20 && c < 0x7f);
  for (unsigned char c : parse.request.host) {
    NORROY_CHECK(!absl::ascii_isupper(c) && c > 0x20 && c < 0x7f && c != '/' && c != '[');
  }
  return 0;
}
