#ifndef NORROY_AGENT_JOURNAL_FRAME_H_
#define NORROY_AGENT_JOURNAL_FRAME_H_

// How records lie in an append-only file, so that what a crash tore off the end can be told from
// what was damaged:
//
//   4 bytes   length of the payload, little-endian
//   4 bytes   of SHA-256 over these
//   8 bytes   of SHA-256 over the payload
//   payload

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::agent {

inline constexpr size_t kMaxFramePayload = 1024 * 1024;

std::string Frame(absl::string_view payload);

struct Frames {
  std::vector<absl::string_view> payloads;  // views of the bytes
  size_t good_bytes = 0;                    // up to here whole records lie; beyond it a torn one
};

// DATA_LOSS if something else than the last record does not read.
absl::StatusOr<Frames> ReadFrames(absl::string_view bytes);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_JOURNAL_FRAME_H_
