#include "common/identity/roots.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/identity/verifying.h"
#include "common/log/log.h"

namespace norroy::identity {
namespace {

using crypto::Certificate;

const absl::Time kNow = absl::FromUnixSeconds(1800000000);
constexpr absl::Duration kDay = absl::Hours(24);

Authority Root(const std::string& domain = "core", const std::string& deployment = "d",
               absl::Duration lifetime = 3650 * kDay) {
  return *MakeRoot(domain, deployment, kNow, lifetime);
}

struct World {
  Authority first = Root();
  Authority second = Root();
  Authority third = Root();
  Authority stranger = Root();
  Authority edge = Root("edge");
  Authority foreign = Root("core", "e");
  Authority ci = *MakeIntermediate(first, "ci", "ci.d", kNow, 100 * kDay);
  Certificate cross = *MakeCrossCertificate(first, second.certificate, kNow);
  Certificate next_cross = *MakeCrossCertificate(second, third.certificate, kNow);
};

const World& W() {
  static const auto* const world = new World;
  return *world;
}

Certificate Leaf(const Authority& authority, types::v1::Role role) {
  const auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  return *IssueLeaf(authority, key.public_key(), {{"d", role, "x", ""}, {}, kNow, kDay});
}

TEST(Roots, AFileHoldsOneOrSeveralOfOneTrustDomain) {
  const World& w = W();
  const auto pem = [](std::vector<Certificate> roots) { return RootsToPem(roots); };
  const struct {
    const char* what;
    std::string text;
    size_t count;  // 0: refused
  } cases[] = {
      {"one", pem({w.first.certificate}), 1},
      {"two", pem({w.second.certificate, w.first.certificate}), 2},
      {"four",
       pem({w.first.certificate, w.second.certificate, w.third.certificate,
            w.stranger.certificate}),
       4},
      {"five",
       pem({w.first.certificate, w.second.certificate, w.third.certificate, w.stranger.certificate,
            Root().certificate}),
       0},
      {"none", "", 0},
      {"no PEM", "x", 0},
      {"twice the same", pem({w.first.certificate, w.first.certificate}), 0},
      {"core and edge", pem({w.first.certificate, w.edge.certificate}), 0},
      {"two deployments", pem({w.first.certificate, w.foreign.certificate}), 0},
      {"an intermediate", pem({w.first.certificate, w.ci.certificate}), 0},
      {"a cross certificate", pem({w.first.certificate, w.cross}), 0},
      {"a leaf", pem({Leaf(w.first, types::v1::ROLE_OPERATOR)}), 0},
      {"a key", pem({w.first.certificate}) + std::string(w.first.key.ToPem().Expose()), 0},
  };
  for (const auto& c : cases) {
    const auto roots = ParseRoots(c.text);
    EXPECT_EQ(roots.ok(), c.count > 0) << c.what << ": " << roots.status();
    EXPECT_EQ(roots.ok() ? roots->size() : 0, c.count) << c.what;
  }
}

// Who believes the old root alone believes what the new one signs, with the cross certificate and
// not without; an intermediate below the new one, too.
TEST(Roots, TheCrossCertificateLeadsBackToTheOldRoot) {
  const World& w = W();
  const Certificate operator_leaf = Leaf(w.second, types::v1::ROLE_OPERATOR);
  const Authority ci = *MakeIntermediate(w.second, "ci", "ci.d", kNow, 100 * kDay);
  const Certificate requester = Leaf(ci, types::v1::ROLE_REQUESTER);
  const struct {
    const char* what;
    std::vector<Certificate> chain;
    std::vector<Certificate> roots;
    bool believed;
  } cases[] = {
      {"by the old root", {operator_leaf, w.cross}, {w.first.certificate}, true},
      {"by the new root", {operator_leaf, w.cross}, {w.second.certificate}, true},
      {"by both", {operator_leaf}, {w.first.certificate, w.second.certificate}, true},
      {"by both, the other way",
       {operator_leaf},
       {w.second.certificate, w.first.certificate},
       true},
      {"by the old root, without it", {operator_leaf}, {w.first.certificate}, false},
      {"by a stranger", {operator_leaf, w.cross}, {w.stranger.certificate}, false},
      {"CI by the old root", {requester, ci.certificate, w.cross}, {w.first.certificate}, true},
      {"CI by the new root", {requester, ci.certificate, w.cross}, {w.second.certificate}, true},
      {"core and edge believed at once",
       {operator_leaf},
       {w.second.certificate, w.edge.certificate},
       false},
      {"nobody believed", {operator_leaf}, {}, false},
      {"the cross certificate itself", {w.cross}, {w.first.certificate}, false},
  };
  for (const auto& c : cases) {
    const auto identity = VerifyIdentity(c.chain, c.roots, "d", kNow);
    EXPECT_EQ(identity.ok(), c.believed) << c.what << ": " << identity.status();
  }
  EXPECT_FALSE(MakeCrossCertificate(w.first, w.edge.certificate, kNow).ok());
  EXPECT_FALSE(MakeCrossCertificate(w.first, w.foreign.certificate, kNow).ok());
  EXPECT_FALSE(MakeCrossCertificate(w.ci, w.second.certificate, kNow).ok());
}

TEST(Roots, OnlyWhatFollowsFromABelievedRootIsTaken) {
  const World& w = W();
  const Certificate& first = w.first.certificate;
  const Certificate& second = w.second.certificate;
  const Certificate& third = w.third.certificate;
  const Authority brief = Root("core", "d", absl::Hours(1));
  const Certificate over = *MakeCrossCertificate(w.first, brief.certificate, kNow - absl::Hours(1));
  // Signed by an intermediate that the old root stands behind: it may not name roots.
  const struct {
    const char* what;
    std::vector<Certificate> told;
    size_t roots;
    size_t unproven;
    bool retires;
  } cases[] = {
      {"nothing", {}, 1, 0, false},
      {"the next", {w.cross, second}, 2, 0, false},
      {"two in turn", {w.cross, second, w.next_cross, third}, 3, 0, false},
      {"the new root without proof", {second}, 1, 1, false},
      {"the proof after the root", {second, w.cross}, 1, 1, false},
      {"the proof alone", {w.cross}, 1, 0, false},
      {"another's proof", {w.next_cross, third}, 1, 1, false},
      {"a root beside the proof", {w.cross, w.stranger.certificate}, 1, 1, false},
      {"an edge root", {w.edge.certificate}, 1, 1, false},
      {"the CI intermediate", {w.ci.certificate}, 1, 0, false},
      {"the CI intermediate as proof", {w.ci.certificate, second}, 1, 1, false},
      {"another deployment's", {w.foreign.certificate}, 1, 1, false},
      {"a leaf", {Leaf(w.first, types::v1::ROLE_VALIDATOR), second}, 1, 1, false},
      {"what we have", {first}, 1, 0, true},
      {"ours and the next", {first, w.cross, second}, 2, 0, true},
  };
  for (const auto& c : cases) {
    std::vector<std::string> told;
    for (const Certificate& certificate : c.told) told.push_back(certificate.der());
    const auto judged = JudgeSuccessors({first}, told, kNow);
    ASSERT_TRUE(judged.ok()) << c.what << ": " << judged.status();
    EXPECT_EQ(judged->roots.size(), c.roots) << c.what;
    EXPECT_EQ(judged->unproven.size(), c.unproven) << c.what;
    EXPECT_EQ(judged->retires_others, c.retires) << c.what;
    EXPECT_EQ(judged->roots.back().fingerprint(), first.fingerprint()) << c.what;
  }
  const auto newest = JudgeSuccessors({first}, {w.cross.der(), second.der()}, kNow);
  EXPECT_EQ(newest->roots.front().fingerprint(), second.fingerprint());
  // In its time and no other.
  for (const absl::Duration at : {-2 * kDay, 4000 * kDay}) {
    EXPECT_EQ(JudgeSuccessors({first}, {w.cross.der(), second.der()}, kNow + at)->roots.size(), 1u);
  }
  EXPECT_EQ(
      JudgeSuccessors({first}, {over.der(), brief.certificate.der()}, kNow + kDay)->roots.size(),
      1u);
}

TEST(Roots, ListsOfNoFormAreRefused) {
  const World& w = W();
  const std::string der = w.second.certificate.der();
  EXPECT_FALSE(JudgeSuccessors({w.first.certificate}, {der, der, der, der, der}, kNow).ok());
  EXPECT_FALSE(JudgeSuccessors({w.first.certificate}, {"x"}, kNow).ok());
  EXPECT_FALSE(JudgeSuccessors({w.first.certificate}, {std::string(20000, 'x')}, kNow).ok());
  EXPECT_FALSE(JudgeSuccessors({}, {der}, kNow).ok());
}

class SuccessorsFileTest : public testing::Test {
 protected:
  SuccessorsFileTest() : root_file_(absl::StrCat(testing::TempDir(), "/roots-", getpid(), ".pem")) {
    log::SetSink([](absl::string_view) {});
  }
  ~SuccessorsFileTest() override {
    log::SetSink({});
    unlink(SuccessorsFileOf(root_file_).c_str());
  }
  void Write(const std::string& text) {
    ASSERT_TRUE(WriteFileAtomically(SuccessorsFileOf(root_file_), text, 0644).ok());
  }
  std::string root_file_;
  SimulatedClock clock_{kNow};
};

TEST_F(SuccessorsFileTest, IsReadAgainAndKeepsTheLastGoodOne) {
  SuccessorsFile file(root_file_, clock_);
  EXPECT_TRUE(file.Get()->empty());
  Write(RootsToPem({W().cross, W().second.certificate}));
  EXPECT_TRUE(file.Get()->empty()) << "not every call looks at the disk";
  clock_.Advance(kLookEvery);
  ASSERT_EQ(file.Get()->size(), 2u);
  EXPECT_EQ(file.Get()->back(), W().second.certificate.der());
  Write("broken");
  clock_.Advance(kLookEvery);
  EXPECT_EQ(file.Get()->size(), 2u);
  Write(RootsToPem({W().second.certificate}));
  clock_.Advance(kLookEvery);
  EXPECT_EQ(file.Get()->size(), 1u);
  unlink(SuccessorsFileOf(root_file_).c_str());
  clock_.Advance(kLookEvery);
  EXPECT_TRUE(file.Get()->empty());
}

}  // namespace
}  // namespace norroy::identity
