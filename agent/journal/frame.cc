#include "agent/journal/frame.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/encoding.h"

namespace norroy::agent {
namespace {

constexpr size_t kLength = 4;
constexpr size_t kLengthCheck = 4;
constexpr size_t kPayloadCheck = 8;
constexpr size_t kHeader = kLength + kLengthCheck + kPayloadCheck;

std::string Check(absl::string_view bytes, size_t size) {
  return crypto::Sha256(bytes).substr(0, size);
}

std::string EncodeLength(size_t length) {
  std::string bytes;
  for (size_t i = 0; i < kLength; ++i) bytes.push_back(static_cast<char>(length >> (8 * i)));
  return bytes;
}

size_t DecodeLength(absl::string_view bytes) {
  size_t length = 0;
  for (size_t i = 0; i < kLength; ++i) {
    length |= static_cast<size_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return length;
}

}  // namespace

std::string Frame(absl::string_view payload) {
  NORROY_CHECK(payload.size() <= kMaxFramePayload);
  const std::string length = EncodeLength(payload.size());
  return absl::StrCat(length, Check(length, kLengthCheck), Check(payload, kPayloadCheck), payload);
}

absl::StatusOr<Frames> ReadFrames(absl::string_view bytes) {
  Frames frames;
  const auto damaged = [&frames](absl::string_view what) {
    return absl::DataLossError(absl::StrCat(what, " at byte ", frames.good_bytes));
  };
  while (frames.good_bytes < bytes.size()) {
    const absl::string_view rest = bytes.substr(frames.good_bytes);
    // A file that grew before its data came reads as zeros there.
    if (rest.find_first_not_of('\0') == absl::string_view::npos) break;
    if (rest.size() < kHeader) break;
    const absl::string_view length_bytes = rest.substr(0, kLength);
    const size_t length = DecodeLength(length_bytes);
    if (rest.substr(kLength, kLengthCheck) != Check(length_bytes, kLengthCheck) ||
        length > kMaxFramePayload) {
      return damaged("a record's head is damaged");
    }
    if (length > rest.size() - kHeader) break;
    const absl::string_view payload = rest.substr(kHeader, length);
    if (rest.substr(kLength + kLengthCheck, kPayloadCheck) != Check(payload, kPayloadCheck)) {
      // The last one may have come to the disk in part.
      if (kHeader + length == rest.size()) break;
      return damaged("a record is damaged");
    }
    frames.payloads.push_back(payload);
    frames.good_bytes += kHeader + length;
  }
  return frames;
}

}  // namespace norroy::agent
