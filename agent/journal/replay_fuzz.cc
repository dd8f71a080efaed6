// Whatever records a journal holds: what it says can be written anew and read again; see replay.h.
// The input is records, each after two bytes of length: the frames' digests would stop a fuzzer.

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/journal/frame.h"
#include "agent/journal/replay.h"
#include "common/check.h"

namespace {

using norroy::agent::JournalState;

void CheckState(const JournalState& state) {
  for (const auto& entry : state.presented) {
    for (const auto& other : state.presented)
      NORROY_CHECK(&entry == &other || entry.id != other.id);
    for (const auto& proof : entry.proofs) {
      if (!proof.spots.has_value()) continue;
      NORROY_CHECK(proof.spots->size() <= norroy::agent::kMaxSpots);
#ifdef PLANTED
      NORROY_CHECK(proof.spots->size() < 2 || entry.generation < 5);
#endif
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::string_view rest(reinterpret_cast<const char*>(data), size);
  std::string bytes;
  while (rest.size() >= 2) {
    const size_t length = static_cast<uint8_t>(rest[0]) | static_cast<uint8_t>(rest[1]) << 8;
    const absl::string_view payload = rest.substr(2, length);
    absl::StrAppend(&bytes, norroy::agent::Frame(payload));
    rest.remove_prefix(2 + payload.size());
  }
  const auto read = norroy::agent::ReadJournal(bytes);
  if (!read.ok()) return 0;
  NORROY_CHECK(read->good_bytes == bytes.size());
  CheckState(read->state);
  const std::string live = norroy::agent::LiveBytes(read->state);
  const auto again = norroy::agent::ReadJournal(live);
  NORROY_CHECK(again.ok());
  NORROY_CHECK(norroy::agent::LiveBytes(again->state) == live);
  return 0;
}
