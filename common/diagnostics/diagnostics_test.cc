#include "common/diagnostics/diagnostics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "common/error/error.h"
#include "tests/harness/process.h"

namespace norroy::diagnostics {
namespace {

using ::testing::HasSubstr;

class DiagnosticsTest : public ::testing::Test {
 protected:
  void Start() {
    auto started = Diagnostics::Start({.listen = {"127.0.0.1:0"},
                                       .registry = registry_,
                                       .checks = {{"database", [this] { return Database(); }}},
                                       .sample = [this] { gauge_.Set({}, ++looks_); },
                                       .every = absl::Milliseconds(20)},
                                      system_clock_);
    ASSERT_TRUE(started.ok()) << started.status();
    diagnostics_ = *std::move(started);
  }

  absl::Status Database() {
    if (away_) return absl::UnavailableError("the server is away\n");
    return absl::OkStatus();
  }

  harness::HttpReply Get(const std::string& path) {
    return harness::HttpGet(diagnostics_->ports()[0], "127.0.0.1", path);
  }

  metrics::Registry registry_;
  metrics::Gauge& gauge_ = registry_.NewGauge("looks", "So far.", {});
  SystemClock system_clock_;
  SimulatedClock clock_{absl::UnixEpoch()};
  std::atomic<bool> away_{false};
  int looks_ = 0;
  std::unique_ptr<Diagnostics> diagnostics_;
};

TEST_F(DiagnosticsTest, IsReadyWhileEveryCheckIs) {
  Start();
  EXPECT_EQ(Get("/readyz").status, 200);
  EXPECT_EQ(Get("/readyz").body, "{\"checks\":{\"database\":\"ok\"},\"ready\":true}\n");
  away_ = true;
  EXPECT_TRUE(harness::Eventually([&] { return Get("/readyz").status == 503; }));
  EXPECT_THAT(Get("/readyz").body, HasSubstr("the server is away\\\\x0a"));
  EXPECT_EQ(Get("/livez").status, 200);
  away_ = false;
  EXPECT_TRUE(harness::Eventually([&] { return Get("/readyz").status == 200; }));
}

TEST_F(DiagnosticsTest, IsNotReadyWhenItDoesNotLookAtItself) {
  away_ = false;
  auto started = Diagnostics::Start({.listen = {"127.0.0.1:0"},
                                     .registry = registry_,
                                     .checks = {},
                                     .sample = nullptr,
                                     .every = absl::Hours(1)},
                                    clock_);
  ASSERT_TRUE(started.ok()) << started.status();
  diagnostics_ = *std::move(started);
  EXPECT_EQ(Get("/readyz").status, 200);
  clock_.Advance(absl::Hours(5));
  EXPECT_EQ(Get("/readyz").status, 503);
  EXPECT_THAT(Get("/readyz").body, HasSubstr("has not looked at itself for 5h"));
}

TEST_F(DiagnosticsTest, ShowsWhatIsSampledAndCounted) {
  Start();
  EXPECT_THAT(Get("/metrics").body, HasSubstr("# TYPE looks gauge\n"));
  EXPECT_TRUE(harness::Eventually(
      [&] { return Get("/metrics").body.find("looks 3\n") != std::string::npos; }));
}

TEST_F(DiagnosticsTest, AnswersNothingElse) {
  Start();
  EXPECT_EQ(Get("/").status, 404);
  EXPECT_EQ(Get("/metrics/../readyz").status, 404);
  EXPECT_EQ(Get("/metrics?x=" + std::string(20'000, 'x')).status, 400);
}

TEST_F(DiagnosticsTest, SaysWhereItCannotListen) {
  Start();
  const std::string taken = "127.0.0.1:" + std::to_string(diagnostics_->ports()[0]);
  const auto second = Diagnostics::Start(
      {.listen = {taken}, .registry = registry_, .checks = {}, .sample = nullptr}, system_clock_);
  EXPECT_EQ(ErrorReason(second.status()), "CANNOT_LISTEN");
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(taken));
}

}  // namespace
}  // namespace norroy::diagnostics
