// Renewals and warm names with real processes and a CA that has renewal information (Pebble 2.8 and
// newer: tests/run finds one; Debian 12's has none).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/harness/deployment.h"

namespace norroy::harness {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kWww[] = "www.example.test";

std::string NewerPebble() {
  const char* const newer = std::getenv("NORROY_NEWER_PEBBLE");
  return newer == nullptr ? "" : newer;
}

class RenewalE2e : public ::testing::Test {
 protected:
  void Begin(const std::string& binary) {
    pebble_ = Pebble::Start(dir_, {.http_port = http_port_,
                                   .nonce_reject_percent = 0,
                                   .authz_reuse_percent = 100,
                                   .binary = binary});
    norroy_ = Deployment::Start(dir_, *pebble_);
    norroy_->AddAgent("web1", {.patterns = {".example.test"}, .http_port = http_port_});
  }
  std::string Field(const std::vector<std::string>& command, const std::string& path) {
    std::vector<std::string> whole = command;
    whole.insert(whole.end(), {"-o", "json"});
    return Deployment::Field(norroy_->CliOk(whole), path);
  }
  int Issued() { return pebble_->LogCount("Issued certificate serial"); }
  int NeedsRenewal(const std::string& what) {
    return norroy_->Cli({"cert", "needs-renewal", what}).code;
  }

  const std::string dir_ = TempDir("renewal");
  const int http_port_ = FreePort();
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

TEST_F(RenewalE2e, AWindowThatMovedIntoThePastRenewsOnceWithinAMinute) {
  if (NewerPebble().empty()) {
    std::printf("DID NOT RUN: NORROY_NEWER_PEBBLE names no Pebble with renewal information\n");
    GTEST_SKIP() << "NORROY_NEWER_PEBBLE";
  }
  Begin(NewerPebble());
  const std::string id = Field({"issue", kWww, "--auto-renew", "90d"}, "certificateId");
  ASSERT_NE(id, "");
  const std::string file = norroy_->dir() + "/live/" + kWww + "/cert.pem";
  EXPECT_EQ(NeedsRenewal(id), 1);
  EXPECT_EQ(NeedsRenewal(file), 1);
  EXPECT_EQ(NeedsRenewal(kWww), 1);
  EXPECT_EQ(NeedsRenewal("other.example.test"), 2);
  EXPECT_EQ(NeedsRenewal(file + ".none.pem"), 2);
  EXPECT_EQ(norroy_->Cli({"cert", "needs-renewal", kWww, "--issuer", "127.0.0.1:1"}).code, 255);
  // The CA is asked by itself.
  ASSERT_TRUE(Eventually(
      [&] {
        return Field({"cert", "renewal", id}, "basis") == "RENEWAL_BASIS_WINDOW";
      },
      absl::Seconds(90)))
      << norroy_->Logs();
  EXPECT_EQ(Issued(), 1);
  const absl::Time now = absl::Now();
  const auto text = [](absl::Time time) {
    return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
  };
  ASSERT_TRUE(pebble_->SetRenewalInfo(
      ReadAll(file), absl::StrCat(R"({"suggestedWindow": {"start": ")", text(now - absl::Hours(2)),
                                  R"(", "end": ")", text(now - absl::Hours(1)), R"("}})")));
  // Pebble would be asked again in 6 hours: an operator has heard of it.
  ASSERT_TRUE(Eventually(
      [&] {
        return norroy_->Cli({"cert", "renewal", id, "--refresh"}).code == 0;
      },
      absl::Seconds(75)));
  ASSERT_TRUE(Eventually(
      [&] {
        return Field({"cert", "renewal", id}, "state") == "RENEWAL_STATE_OVER";
      },
      absl::Seconds(60)))
      << norroy_->CliOk({"cert", "renewal", id}) << norroy_->Logs();
  const std::string next = Field({"cert", "renewal", id}, "renewedBy");
  ASSERT_NE(next, "");
  EXPECT_EQ(Issued(), 2);
  EXPECT_EQ(NeedsRenewal(id), 0);
  EXPECT_EQ(NeedsRenewal(next), 1);
  // The CA took it as what it is.
  EXPECT_THAT(ReadAll(norroy_->dir() + "/issuer.log"), Not(HasSubstr("refuses to count it")));
  EXPECT_THAT(norroy_->CliOk({"cert", "list", "--due"}), Not(HasSubstr(id)));
  // And that was all.
  EXPECT_FALSE(Eventually([&] { return Issued() > 2; }, absl::Seconds(20)));
}

TEST_F(RenewalE2e, AnOrderForAWarmNameCostsFourRequests) {
  Begin("pebble");
  norroy_->CliOk({"warm", "add", kWww});
  ASSERT_TRUE(Eventually(
      [&] {
        return norroy_->CliOk({"warm", "list", "-o", "json"}).find("WARM_STATE_WARM") !=
               std::string::npos;
      },
      absl::Seconds(60)))
      << norroy_->CliOk({"warm", "list"}) << norroy_->Logs();
  EXPECT_EQ(Issued(), 0);
  EXPECT_EQ(pebble_->LogCount("POST /chalZ/"), 1);
  const int posts = pebble_->LogCount("POST /");
  norroy_->CliOk({"issue", kWww});
  EXPECT_EQ(Issued(), 1);
  EXPECT_EQ(pebble_->LogCount("POST /chalZ/"), 1);
  // newOrder, finalize, one or two looks at the order (Pebble's is never done at once),
  // certificate.
  EXPECT_LE(pebble_->LogCount("POST /") - posts, 5);
  norroy_->CliOk({"warm", "remove", kWww});
  EXPECT_THAT(norroy_->CliOk({"warm", "list", "-o", "json"}), Not(HasSubstr(kWww)));
}

}  // namespace
}  // namespace norroy::harness
