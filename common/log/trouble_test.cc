#include "common/log/trouble.h"

#include <gtest/gtest.h>

#include "common/log/log.h"

namespace norroy::log {
namespace {

TEST(Trouble, TheSameIsToldOnce) {
  int lines = 0;
  SetSink([&](absl::string_view) { ++lines; });
  Trouble trouble("test");
  const absl::Status away = absl::UnavailableError("away");
  trouble.Note("nobody hears", absl::OkStatus());
  EXPECT_EQ(lines, 0);
  trouble.Note("nobody hears", away);
  trouble.Note("nobody hears", away);
  EXPECT_EQ(lines, 1);
  trouble.Note("nobody hears", absl::UnavailableError("further away"));
  EXPECT_EQ(lines, 2);
  trouble.Note("nobody hears", away);
  EXPECT_EQ(lines, 3);
  trouble.Over();
  trouble.Note("nobody hears", away);
  EXPECT_EQ(lines, 4);
  SetSink(nullptr);
}

}  // namespace
}  // namespace norroy::log
