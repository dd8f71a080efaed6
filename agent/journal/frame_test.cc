#include "agent/journal/frame.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const std::string kTwo = absl::StrCat(Frame("first"), Frame("second record"));

TEST(Frame, RoundTrip) {
  const auto frames = ReadFrames(kTwo);
  ASSERT_TRUE(frames.ok());
  ASSERT_EQ(frames->payloads.size(), 2u);
  EXPECT_EQ(frames->payloads[0], "first");
  EXPECT_EQ(frames->payloads[1], "second record");
  EXPECT_EQ(frames->good_bytes, kTwo.size());
  EXPECT_TRUE(ReadFrames("")->payloads.empty());
  EXPECT_EQ(ReadFrames(Frame(""))->payloads.size(), 1u);
}

TEST(Frame, EveryCutLosesTheLastRecordOnly) {
  const size_t first = Frame("first").size();
  for (size_t size = 0; size < kTwo.size(); ++size) {
    const auto frames = ReadFrames(kTwo.substr(0, size));
    ASSERT_TRUE(frames.ok()) << size;
    EXPECT_EQ(frames->payloads.size(), size < first ? 0u : 1u) << size;
    EXPECT_EQ(frames->good_bytes, size < first ? 0u : first) << size;
  }
}

TEST(Frame, ZerosAtTheEndAreATornRecord) {
  const auto frames = ReadFrames(absl::StrCat(kTwo, std::string(100, '\0')));
  ASSERT_TRUE(frames.ok());
  EXPECT_EQ(frames->good_bytes, kTwo.size());
}

TEST(Frame, EveryFlippedByteIsSeen) {
  const std::string three = absl::StrCat(kTwo, Frame("third"));
  for (size_t at = 0; at < three.size(); ++at) {
    std::string changed = three;
    changed[at] ^= 0x40;
    const auto frames = ReadFrames(changed);
    // Damage in the last payload looks like a torn end; before it, it is refused.
    if (frames.ok()) {
      EXPECT_GE(at, kTwo.size()) << at;
      EXPECT_EQ(frames->payloads.size(), 2u) << at;
    }
    if (at < kTwo.size()) {
      EXPECT_EQ(frames.status().code(), absl::StatusCode::kDataLoss);
    }
  }
}

}  // namespace
}  // namespace norroy::agent
