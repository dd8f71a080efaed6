// Whatever a journal's file holds: whole frames, then a torn one, or a refusal; see frame.h.

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "agent/journal/frame.h"
#include "common/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frames = norroy::agent::ReadFrames(bytes);
  if (!frames.ok()) {
    NORROY_CHECK(frames.status().code() == absl::StatusCode::kDataLoss);
    return 0;
  }
  std::string again;
  for (const absl::string_view payload : frames->payloads) {
    absl::StrAppend(&again, norroy::agent::Frame(payload));
  }
  NORROY_CHECK(again == bytes.substr(0, frames->good_bytes));
#ifdef PLANTED
  // A last frame that came whole but for its payload.
  NORROY_CHECK(frames->payloads.size() < 2 || size - frames->good_bytes != 21);
#endif
  // What was read reads the same without the torn end.
  const auto whole = norroy::agent::ReadFrames(again);
  NORROY_CHECK(whole.ok() && whole->good_bytes == again.size());
  NORROY_CHECK(whole->payloads == frames->payloads);
  return 0;
}
