#include "common/join/join_token.h"

#include <sys/stat.h>

#include <fstream>
#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "gtest/gtest.h"

namespace norroy::join {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1770000000);
constexpr char kTokenId[] = "0123456789abcdef0123456789abcdef";

identity::Authority Root(absl::string_view domain) {
  return *identity::MakeRoot(domain, "lab", kNow, absl::Hours(24));
}

JoinToken MakeToken() {
  const identity::Authority edge =
      *identity::MakeIntermediate(Root("edge"), "validator-1", "edge.lab", kNow, absl::Hours(24));
  auto key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
  identity::LeafRequest request;
  request.identity = {"lab", types::v1::ROLE_BOOTSTRAP, "web-1", kTokenId};
  request.now = kNow;
  request.lifetime = absl::Hours(1);
  auto leaf = *identity::IssueLeaf(edge, key.public_key(), request);
  return {.deployment = "lab",
          .agent_name = "web-1",
          .token_id = kTokenId,
          .validators = {"192.0.2.10:7443", "[2001:db8::1]:7443"},
          .core_root = Root("core").certificate,
          .bootstrap = {key, {leaf, edge.certificate}},
          .expire_time = kNow + absl::Hours(1)};
}

TEST(JoinToken, SurvivesTheRoundTrip) {
  const JoinToken token = MakeToken();
  const auto text = SerializeJoinToken(token);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_LT(text->Expose().size(), 4096u);
  const auto read = ParseJoinToken(text->Expose());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->deployment, "lab");
  EXPECT_EQ(read->agent_name, "web-1");
  EXPECT_EQ(read->token_id, kTokenId);
  EXPECT_EQ(read->validators, token.validators);
  EXPECT_EQ(read->core_root_sha256(), token.core_root_sha256());
  EXPECT_EQ(read->bootstrap.key.public_key(), token.bootstrap.key.public_key());
  EXPECT_EQ(read->bootstrap.chain.size(), 2u);
  EXPECT_EQ(read->expire_time, token.expire_time);
}

TEST(JoinToken, TakesWindowsLineEnds) {
  const auto text = *SerializeJoinToken(MakeToken());
  EXPECT_TRUE(ParseJoinToken(absl::StrReplaceAll(text.Expose(), {{"\n", "\r\n"}})).ok());
}

TEST(JoinToken, RefusesFieldsOutOfForm) {
  struct Case {
    std::string what;
    std::function<void(JoinToken&)> change;
  };
  const std::vector<Case> cases = {
      {"upper-case deployment", [](JoinToken& t) { t.deployment = "LAB"; }},
      {"other deployment", [](JoinToken& t) { t.deployment = "other"; }},
      {"other agent", [](JoinToken& t) { t.agent_name = "web-2"; }},
      {"agent name with a line break", [](JoinToken& t) { t.agent_name = "web-1\n"; }},
      {"short token id", [](JoinToken& t) { t.token_id = "0123"; }},
      {"other token id", [](JoinToken& t) { t.token_id[0] = 'f'; }},
      {"no validator", [](JoinToken& t) { t.validators.clear(); }},
      {"four validators", [](JoinToken& t) { t.validators.assign(4, "192.0.2.1:1"); }},
      {"a validator that is no address", [](JoinToken& t) { t.validators = {"unix:/x"}; }},
      {"a root that is a leaf", [](JoinToken& t) { t.core_root = t.bootstrap.chain.front(); }},
      {"no bootstrap chain", [](JoinToken& t) { t.bootstrap.chain.clear(); }},
      {"another key",
       [](JoinToken& t) {
         t.bootstrap.key = *crypto::PrivateKey::Generate(crypto::KeyType::kP256);
       }},
      {"an expiry in 1970", [](JoinToken& t) { t.expire_time = absl::UnixEpoch(); }},
      {"no expiry", [](JoinToken& t) { t.expire_time = absl::InfiniteFuture(); }},
  };
  for (const Case& c : cases) {
    JoinToken token = MakeToken();
    c.change(token);
    const auto text = SerializeJoinToken(token);
    EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument) << c.what;
  }
}

TEST(JoinToken, RefusesTextThatWasChanged) {
  const std::string good(SerializeJoinToken(MakeToken())->Expose());
  const struct {
    const char* what;
    std::string text;
  } cases[] = {
      {"empty", ""},
      {"another version", absl::StrReplaceAll(good, {{"token v1", "token v2"}})},
      {"another agent in the head", absl::StrReplaceAll(good, {{"agent: web-1", "agent: web-9"}})},
      {"another validator in the head",
       absl::StrReplaceAll(good, {{"192.0.2.10:7443", "192.0.2.66:7443"}})},
      {"another block", absl::StrReplaceAll(good, {{"NORROY JOIN TOKEN", "CERTIFICATE"}})},
      {"two blocks", absl::StrCat(good, good)},
      {"cut", good.substr(0, good.size() / 2)},
      {"over the cap", absl::StrCat(good, std::string(kMaxJoinTokenFile, ' '))},
  };
  for (const auto& c : cases) {
    const auto token = ParseJoinToken(c.text);
    EXPECT_EQ(token.status().code(), absl::StatusCode::kInvalidArgument) << c.what;
    EXPECT_EQ(ErrorReason(token.status()), "BAD_JOIN_TOKEN") << c.what;
  }
}

TEST(JoinToken, FileMustBePrivate) {
  const std::string path = absl::StrCat(testing::TempDir(), "/web-1.token");
  ASSERT_TRUE(WriteJoinToken(path, MakeToken()).ok());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_TRUE(ReadJoinToken(path).ok());

  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  const auto open_to_group = ReadJoinToken(path);
  EXPECT_TRUE(absl::StrContains(open_to_group.status().message(), "0640"))
      << open_to_group.status();
  EXPECT_EQ(ReadJoinToken(path + ".none").status().code(), absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadJoinToken(testing::TempDir()).ok());
}

TEST(JoinToken, FileOverTheCapIsRefused) {
  const std::string path = absl::StrCat(testing::TempDir(), "/big.token");
  std::ofstream(path) << std::string(kMaxJoinTokenFile + 1, 'x');
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(ErrorReason(ReadJoinToken(path).status()), "BAD_JOIN_TOKEN");
}

TEST(ValidatorAddress, Table) {
  const struct {
    const char* text;
    bool ok;
  } cases[] = {
      {"192.0.2.1:7443", true},
      {"validator.example.net:7443", true},
      {"[2001:db8::1]:443", true},
      {"localhost:1", true},
      {"", false},
      {":7443", false},
      {"192.0.2.1", false},
      {"192.0.2.1:", false},
      {"192.0.2.1:0", false},
      {"192.0.2.1:65536", false},
      {"192.0.2.1:+80", false},
      {"2001:db8::1:443", false},
      {"unix:/run/x", false},
      {"dns:///a.example:443", false},
      {"a b:443", false},
      {"[]:443", false},
  };
  for (const auto& c : cases) EXPECT_EQ(CheckValidatorAddress(c.text).ok(), c.ok) << c.text;
  EXPECT_FALSE(CheckValidatorAddress(absl::StrCat(std::string(300, 'a'), ":1")).ok());
}

}  // namespace
}  // namespace norroy::join
