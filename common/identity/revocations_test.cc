#include "common/identity/revocations.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/identity/roots.h"
#include "common/log/log.h"

namespace norroy::identity {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1800000000);

class RevocationsTest : public testing::Test {
 protected:
  RevocationsTest() {
    log::SetSink([](absl::string_view) {});
    unlink(list_file_.c_str());
    Roots({root_.certificate});
  }
  ~RevocationsTest() override { log::SetSink({}); }

  void Roots(const std::vector<crypto::Certificate>& roots) {
    ASSERT_TRUE(WriteFileAtomically(root_file_, RootsToPem(roots), 0644).ok());
  }
  void Put(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(list_file_, text, 0644).ok());
  }
  static std::string List(const Authority& root, int number,
                          const std::vector<std::string>& serials) {
    crypto::RevocationList::Draft draft{
        .number = number, .now = kNow, .next_update = kNow + absl::Hours(24), .revoked = {}};
    for (const std::string& serial : serials) draft.revoked[serial] = kNow;
    return *crypto::RevocationList::MakePem(draft, root.key, root.certificate);
  }
  std::unique_ptr<Revocations> Open() {
    auto opened = Revocations::Open(root_file_, clock_);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return *std::move(opened);
  }

  const Authority root_ = *MakeRoot("core", "d", kNow, absl::Hours(1000));
  const Authority other_ = *MakeRoot("core", "d", kNow, absl::Hours(1000));
  const std::string root_file_ =
      absl::StrCat(testing::TempDir(), "/revocations-", getpid(), "-root.pem");
  const std::string list_file_ = RevocationFileOf(root_file_);
  SimulatedClock clock_{kNow};
};

TEST_F(RevocationsTest, WhoIsOnTheListIsRefused) {
  Put(List(root_, 1, {"aa", "bb"}));
  const auto revocations = Open();
  const absl::Status refused = revocations->Check("aa", "spiffe://core.d/operator/mallory");
  EXPECT_EQ(refused.code(), absl::StatusCode::kUnauthenticated);
  EXPECT_EQ(ErrorReason(refused), "CERTIFICATE_REVOKED");
  EXPECT_TRUE(absl::StrContains(refused.message(), "operator/mallory")) << refused;
  EXPECT_TRUE(revocations->Check("cc", "x").ok());
}

TEST_F(RevocationsTest, AListCountsSoonAfterItAppeared) {
  const auto revocations = Open();
  EXPECT_TRUE(revocations->Check("aa", "x").ok());
  Put(List(root_, 1, {"aa"}));
  clock_.Advance(absl::Seconds(2));
  EXPECT_FALSE(revocations->Check("aa", "x").ok());
  Put(List(root_, 2, {"aa", "bb"}));
  clock_.Advance(absl::Seconds(2));
  EXPECT_FALSE(revocations->Check("bb", "x").ok());
}

TEST_F(RevocationsTest, NobodyIsBroughtBackByABrokenFile) {
  Put(List(root_, 5, {"aa"}));
  const auto revocations = Open();
  const struct {
    const char* what;
    std::string text;
  } cases[] = {
      {"broken", "x"},
      {"empty", ""},
      {"of another root", List(other_, 6, {})},
      {"older", List(root_, 4, {})},
  };
  for (const auto& c : cases) {
    Put(c.text);
    clock_.Advance(absl::Seconds(2));
    EXPECT_FALSE(revocations->Check("aa", "x").ok()) << c.what;
  }
  unlink(list_file_.c_str());
  clock_.Advance(absl::Seconds(2));
  EXPECT_FALSE(revocations->Check("aa", "x").ok()) << "gone";
  Put(List(root_, 6, {"bb"}));
  clock_.Advance(absl::Seconds(2));
  EXPECT_TRUE(revocations->Check("aa", "x").ok()) << "a newer list says so";
}

TEST_F(RevocationsTest, ABrokenFileAtTheStartIsNoStart) {
  for (const std::string& text : {std::string("x"), List(other_, 1, {})}) {
    Put(text);
    const auto opened = Revocations::Open(root_file_, clock_);
    EXPECT_EQ(ErrorReason(opened.status()), "BAD_REVOCATION_LIST") << opened.status();
    EXPECT_TRUE(absl::StrContains(opened.status().message(), list_file_)) << opened.status();
  }
}

TEST_F(RevocationsTest, EitherRootMaySignWhileOneFollowsTheOther) {
  Roots({other_.certificate, root_.certificate});
  Put(List(root_, 1, {"aa"}));
  const auto revocations = Open();
  EXPECT_FALSE(revocations->Check("aa", "x").ok());
  Put(List(other_, 2, {"aa", "bb"}));
  clock_.Advance(absl::Seconds(2));
  EXPECT_FALSE(revocations->Check("bb", "x").ok());
}

}  // namespace
}  // namespace norroy::identity
