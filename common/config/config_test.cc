#include "common/config/config.h"

#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "norroy/config/v1/agent.pb.h"
#include "norroy/config/v1/issuer.pb.h"
#include "norroy/types/v1/error_info.pb.h"
#include "norroy/types/v1/proof.pb.h"

namespace norroy::config {
namespace {

using google::protobuf::Message;
using google::protobuf::util::MessageDifferencer;
using v1::AgentConfig;
using v1::IssuerConfig;

IssuerConfig MustParse(absl::string_view text) {
  IssuerConfig config;
  const absl::Status status = ParseYaml(text, "issuer.yaml", config);
  EXPECT_TRUE(status.ok()) << status << "\n" << text;
  return config;
}

TEST(ParseYaml, ReadsAWholeFile) {
  const IssuerConfig config = MustParse(R"(# An issuer.
deployment: prod
listen: [0.0.0.0:8443, "[::]:8443"]
identity:
  identity_file: issuer.pem   # relative
  core_root_file: /etc/norroy/core-root.pem
workers: 64
reflection: true
cas:
  - name: letsencrypt
    directory_url: https://acme-v02.api.letsencrypt.org/directory
    contacts:
      - mailto:ops@example.com
    agree_tos: true
  - {name: "null", root_file: 'no', eab_kid: "007", bind_address: ''}
grants:
  - principal: operator/alice
    names: [".", "*.example.com"]
    key_types: []
log:
  level: warning
  format: json
limits: {failures_per_name_per_hour: 2147483647}
)");
  EXPECT_EQ(config.deployment(), "prod");
  ASSERT_EQ(config.listen_size(), 2);
  EXPECT_EQ(config.listen(1), "[::]:8443");
  EXPECT_EQ(config.identity().identity_file(), "issuer.pem");
  EXPECT_EQ(config.workers(), 64);
  EXPECT_TRUE(config.reflection());
  ASSERT_EQ(config.cas_size(), 2);
  EXPECT_TRUE(config.cas(0).agree_tos());
  EXPECT_EQ(config.cas(1).name(), "null");
  EXPECT_EQ(config.cas(1).root_file(), "no");
  EXPECT_EQ(config.cas(1).eab_kid(), "007");
  EXPECT_EQ(config.grants(0).names(1), "*.example.com");
  EXPECT_EQ(config.log().level(), v1::LOG_LEVEL_WARNING);
  EXPECT_EQ(config.log().format(), v1::LOG_FORMAT_JSON);
  EXPECT_EQ(config.limits().failures_per_name_per_hour(), 2147483647);
}

// The type comes from the schema: text stays text whatever it looks like.
TEST(ParseYaml, TextIsTakenAsWritten) {
  struct Case {
    std::string yaml, text;
  };
  const Case cases[] = {
      {"deployment: 007", "007"},
      {"deployment: 1e3", "1e3"},
      {"deployment: yes", "yes"},
      {"deployment: true", "true"},
      {"deployment: \"null\"", "null"},
      {"deployment: '~'", "~"},
      {"deployment: \"\"", ""},
      {"deployment: 0x10", "0x10"},
      {"deployment: 2026-03-01", "2026-03-01"},
      {"deployment: .example.com", ".example.com"},
      {"deployment: a:b", "a:b"},
      {"deployment: https://x/y#z", "https://x/y#z"},
      {"deployment: a # comment", "a"},
      {"deployment: 'it''s'", "it's"},
      {"deployment: \"a\\\"b\\\\c\\n\\u00e9\"", "a\"b\\c\n\xC3\xA9"},
      {"deployment: b\xC3\xBC"
       "cher",
       "b\xC3\xBC"
       "cher"},
      {"deployment: two words", "two words"},
      {"deployment: two\n  lines", "two lines"},
      {"deployment: |\n  a\n  b\n", "a\nb\n"},
      {"deployment: >-\n  a\n  b\n", "a b"},
      {"\"deployment\": a", "a"},
      {"? deployment\n: a", "a"},
      {"{deployment: a}", "a"},
      {"deployment: a\r\nreflection: true\r\n", "a"},
      {"\xEF\xBB\xBF"
       "deployment: a",
       "a"},
      {"---\ndeployment: a\n...\n", "a"},
      {"\n\n# c\n\ndeployment: a\n\n", "a"},
  };
  for (const Case& c : cases) EXPECT_EQ(MustParse(c.yaml).deployment(), c.text) << c.yaml;
  for (const char* empty : {"", "\n", "# only a comment\n", "---\n", "{}", "\xEF\xBB\xBF"}) {
    EXPECT_TRUE(MessageDifferencer::Equals(MustParse(empty), IssuerConfig())) << empty;
  }
}

// One row a mistake: where it is said to be, and what is said.
TEST(ParseYaml, MistakesHaveAPlaceAndARemedy) {
  struct Case {
    std::string yaml, place, error;
  };
  const Case cases[] = {
      // Keys.
      {"lisen: [a]", "1:1", "unknown key \"lisen\"; did you mean \"listen\"?"},
      {"deployment: a\nDatabase: b", "2:1", "did you mean \"database\"?"},
      {"seal-file: a", "1:1", "did you mean \"seal_file\"?"},
      {"sealFile: a", "1:1", "did you mean \"seal_file\"?"},
      {"frobnicate: 1", "1:1", "unknown key \"frobnicate\"; known are deployment, listen, "},
      {"identity:\n  file: a", "2:3", "unknown key \"file\" in identity; known are identity_file"},
      {"cas:\n  - name: a\n  - nam: b", "3:5", "in cas[1]; did you mean \"name\"?"},
      {"\"\\e[31m\": 1", "1:1", "unknown key \"\\x1b[31m\""},
      {std::string(5000, 'k') + ": 1", "1:5001", "is no YAML"},
      {"? " + std::string(5000, 'k') + "\n: 1", "1:3", "unknown key \"kkk"},
      {"deployment: a\ndeployment: a", "2:1", "key \"deployment\" appears twice"},
      {"log: {level: info, level: info}", "1:20", "key \"level\" appears twice"},
      {"\"log\": {}\nlog: {}", "2:1", "key \"log\" appears twice"},
      {"? [a]\n: b", "1:3", "a key is a word, not a list"},
      {"? {a: b}\n: c", "1:3", "a key is a word, not keys and values"},
      {": a", "1:1", "a key is a word, not nothing"},
      {"~: a", "1:1", "a key is a word, not nothing"},
      {"<<: {deployment: a}", "1:1", "unknown key \"<<\""},
      // Missing values.
      {"deployment:", "1:1", "deployment: has no value"},
      {"deployment:\nlog: {}", "1:1", "deployment: has no value"},
      {"deployment: ~", "1:1", "deployment: has no value"},
      {"deployment: null", "1:1", "deployment: has no value"},
      {"log:\n", "1:1", "log: has no value"},
      {"listen:\n", "1:1", "listen: has no value"},
      {"listen: [a, ~]", "1:13", "listen[1]: has no value"},
      {"listen: [a,, b]", "1:12", "listen[1]: has no value"},
      {"cas: [~]", "1:7", "cas[0]: has no value"},
      {"log: {level}", "1:7", "log.level: has no value"},
      // Kinds.
      {"a", "1:1", "the file: expected keys and values, as in \"key: value\", got a single value"},
      {"- a", "1:1", "the file: expected keys and values"},
      {"[]", "1:1", "got a list"},
      {"deployment: [a]", "1:13", "deployment: expected text, got a list"},
      {"deployment: {a: b}", "1:13", "deployment: expected text, got keys and values"},
      {"listen: a", "1:9", "listen: expected a list, as in"},
      {"listen: {a: b}", "1:9", "listen: expected a list"},
      {"listen: [[a]]", "1:10", "listen[0]: expected text, got a list"},
      {"log: info", "1:6", "log: expected keys and values"},
      {"log: [info]", "1:6", "log: expected keys and values"},
      {"cas: {name: a}", "1:6", "cas: expected a list"},
      {"cas: [a]", "1:7", "cas[0]: expected keys and values"},
      {"cas:\n- name: a\n  contacts: [a, {b: c}]", "3:17", "cas[0].contacts[1]: expected text"},
      // Booleans.
      {"reflection: yes", "1:13",
       "reflection: expected true or false, without quotes, got \"yes\""},
      {"reflection: True", "1:13", "expected true or false"},
      {"reflection: TRUE", "1:13", "expected true or false"},
      {"reflection: on", "1:13", "expected true or false"},
      {"reflection: 1", "1:13", "expected true or false"},
      {"reflection: \"true\"", "1:13", "got quoted \"true\""},
      {"reflection: [true]", "1:13", "got a list"},
      // Numbers.
      {"workers: -1", "1:10", "workers: expected a whole number, decimal, not negative"},
      {"workers: +1", "1:10", "expected a whole number"},
      {"workers: 1.0", "1:10", "expected a whole number"},
      {"workers: 1e2", "1:10", "expected a whole number"},
      {"workers: 0x10", "1:10", "expected a whole number"},
      {"workers: 010", "1:10", "expected a whole number"},
      {"workers: 1_000", "1:10", "expected a whole number"},
      {"workers: 1,000", "1:10", "expected a whole number"},
      {"workers: 32 # x\nworkers: a", "2:1", "appears twice"},
      {"workers: \"32\"", "1:10", "got quoted \"32\""},
      {"workers: many", "1:10", "got \"many\""},
      {"workers: .inf", "1:10", "expected a whole number"},
      {"workers: 2147483648", "1:10", "a number of at most 2147483647, got \"2147483648\""},
      {"workers: 18446744073709551616", "1:10", "a number of at most 2147483647"},
      {"workers: " + std::string(1000, '9'), "1:10", "a number of at most 2147483647"},
      {"workers: {}", "1:10", "got keys and values"},
      // Enums.
      {"log: {level: INFO}", "1:14",
       "log.level: expected one of debug, info, warning, error, got \"INFO\""},
      {"log: {level: LOG_LEVEL_INFO}", "1:14", "expected one of debug"},
      {"log: {level: log_level_info}", "1:14", "expected one of debug"},
      {"log: {level: unspecified}", "1:14", "expected one of debug"},
      {"log: {level: 2}", "1:14", "expected one of debug"},
      {"log: {level: warn}", "1:14", "expected one of debug"},
      {"log: {format: [json]}", "1:15", "expected one of text, json, got a list"},
      // YAML that is refused.
      {"deployment: &a b", "1:13", "anchors are not taken"},
      {"deployment: *a", "1:13", "is no YAML"},
      {"log: &a {}\nlimits: *a", "1:6", "anchors are not taken"},
      {"listen: [*.example.com]", "1:10", "is no YAML"},
      {"deployment: !!str a", "1:13", "tags are not taken"},
      {"deployment: ! a", "1:13", "tags are not taken"},
      {"deployment: !<?> a", "1:13", "tags are not taken"},
      {"log: !!map {}", "1:6", "tags are not taken"},
      {"listen: !x [a]", "1:9", "tags are not taken"},
      {"deployment: !!null", "1:13", "tags are not taken"},
      {"%YAML 1.2\n---\nlog: {}", "1:1", "directives are not taken"},
      {"%TAG ! !x\n---\nlog: {}", "1:1", "directives are not taken"},
      {"log: {}\n---\nlog: {}", "2:1", "a file holds one document"},
      {"log: {}\n...\nlog: {}", "3:1", "a file holds one document"},
      {"log: {}\n]", "2:1", "is no YAML"},
      {"log: {}\n---\n]", "2:1", "a file holds one document"},
      {",", "1:1", "a file holds one document"},
      {"\tdeployment: a", "1:1", "has a tab; use spaces"},
      {"log:\n\tlevel: info", "2:1", "has a tab"},
      {"deployment:\ta", "1:12", "has a tab"},
      {"deployment: b\xC3\xBC\tx", "1:15", "has a tab"},
      {"deployment: \"a\n", "1:13", "this quote is never closed"},
      {"deployment: \"a\\\"\n", "1:13", "this quote is never closed"},
      {"deployment: 'a''\n", "1:13", "this quote is never closed"},
      {"listen: [a", "1:11", "is no YAML"},
      {"log: {level: info", "1:18", "is no YAML"},
      {"deployment: a: b", "1:14", "is no YAML"},
      {"deployment: a\n  log: b", "2:6", "is no YAML"},
      {"deployment: @a", "1:13", "is no YAML"},
      {"deployment: `a`", "1:13", "is no YAML"},
      {"deployment: \"a", "1:15", "is no YAML"},
      {"deployment: \"a\nlog: {}\nworkers: 1\n", "1:13", "this quote is never closed"},
      {"deployment: \"\\q\"", "1:16", "is no YAML"},
      {"deployment: \"\\ud800\"", "1:20", "is no YAML"},
      {"deployment: \"a\\0\"", "1:13", "must not hold a NUL"},
      {"deployment: \"a\\x00\"", "1:13", "must not hold a NUL"},
      {std::string("deployment: a\0", 14), "1:14", "no printable UTF-8"},
      {"deployment: \x1b[31m", "1:13", "no printable UTF-8"},
      {"deployment: \xFF", "1:13", "no printable UTF-8"},
      {"deployment: \xC3\xBC\xC3(", "1:14", "no printable UTF-8"},
      {"deployment: \xED\xA0\x80", "1:13", "no printable UTF-8"},
      {"deployment: a\rlog: {}", "1:14", "no printable UTF-8"},
      {"\xFF\xFEl\0o\0", "1:1", "no printable UTF-8"},
      {std::string("l\0o\0g\0", 6), "1:2", "no printable UTF-8"},
      {std::string(400, '['), "1:", "nested too deeply"},
      {std::string(100000, '['), "1:", "nested too deeply"},
      {std::string(100000, '{'), "1:", "nested too deeply"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(Printable(c.yaml, 120));
    IssuerConfig config;
    config.set_deployment("before");
    const absl::Status status = ParseYaml(c.yaml, "issuer.yaml", config);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG");
    EXPECT_TRUE(absl::StartsWith(
        status.message(),
        absl::StrCat("issuer.yaml:", c.place, absl::EndsWith(c.place, ":") ? "" : ": ")))
        << status.message();
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << status.message();
    EXPECT_LT(status.message().size(), 1200u);
    EXPECT_EQ(config.deployment(), "before");
  }
}

TEST(ParseYaml, CapIsOneMebibyte) {
  IssuerConfig config;
  std::string text = "deployment: a\n#";
  text.resize((1 << 20) - 1, 'x');
  EXPECT_TRUE(ParseYaml(text, "f", config).ok());
  text += 'x';
  EXPECT_TRUE(ParseYaml(text, "f", config).ok());
  text += 'x';
  EXPECT_TRUE(absl::StrContains(ParseYaml(text, "f", config).message(), "larger than 1 MiB"));
  // The byte order mark is not counted.
  EXPECT_TRUE(ParseYaml("\xEF\xBB\xBF" + text.substr(0, 1 << 20), "f", config).ok());
}

// Whatever fills a file, an answer comes in time.
TEST(ParseYaml, BigOddFilesEnd) {
  const char* const units[] = {
      "[",    "{",          "- ",      "? ",       "a: ",      "a:\n",    "{a: ", "[a, ", "- - \n",
      "\"",   "'",          "!",       "&a ",      "*a ",      "#",       "a",    "a ",   "a\n",
      "a\n ", ",",          "]",       "}",        ":",        "-",       "|\n",  ">\n",  "&",
      "{a",   "[{",         ": ",      "--- \n",   "...\n",    "? a\n: ", "'' ",  "!a ",  "!<",
      "\\",   "a: |\n b\n", "\"\\x41", "\xC3\xBC", "log: {}\n"};
  for (const char* unit : units) {
    std::string text;
    while (text.size() < (1 << 17)) text += unit;
    IssuerConfig config;
    const absl::Status status = ParseYaml(text, "f", config);
    EXPECT_EQ(status.ok(), absl::string_view(unit) == "#" || absl::string_view(unit) == "...\n")
        << unit << " " << status;
  }
  std::string list = "listen:\n";
  while (list.size() < (1 << 20) - 16) list += "- a\n";
  IssuerConfig config;
  EXPECT_TRUE(ParseYaml(list, "f", config).ok());
  EXPECT_GT(config.listen_size(), 200000);
}

TEST(ParseYaml, WideNumbersAndFieldsThatNoFileSets) {
  types::v1::SealBody body;
  EXPECT_TRUE(ParseYaml("generation: 9223372036854775807", "f", body).ok());
  EXPECT_EQ(body.generation(), INT64_MAX);
  EXPECT_TRUE(absl::StrContains(ParseYaml("generation: 9223372036854775808", "f", body).message(),
                                "at most 9223372036854775807"));
  types::v1::SealedProof sealed;
  EXPECT_TRUE(
      absl::StrContains(ParseYaml("body: abc", "f", sealed).message(), "cannot be set in a file"));
}

class LoadYamlTest : public testing::Test {
 protected:
  std::string Path(absl::string_view name) {
    return absl::StrCat(testing::TempDir(), "/", getpid(), "-", name);
  }
  std::string Write(absl::string_view name, const std::string& text) {
    std::ofstream(Path(name), std::ios::binary) << text;
    return Path(name);
  }
};

TEST_F(LoadYamlTest, ReadsFilesAndNamesThemInErrors) {
  AgentConfig config;
  EXPECT_TRUE(LoadYaml(Write("good.yaml", "state_dir: x\n"), config).ok());
  EXPECT_EQ(config.state_dir(), "x");
  const std::string bad = Write("bad.yaml", "state_dir: x\nstate_dri: y\n");
  EXPECT_TRUE(absl::StartsWith(LoadYaml(bad, config).message(),
                               absl::StrCat(bad, ":2:1: unknown key \"state_dri\"")));
  const std::string big = Write("big.yaml", std::string((1 << 20) + 1, '\n'));
  EXPECT_TRUE(absl::StrContains(LoadYaml(big, config).message(), "larger than 1 MiB"));
  const std::string pipe = Path("pipe.yaml");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  struct Case {
    std::string path, error;
  };
  const Case cases[] = {
      {Path("absent.yaml"), "cannot be read: No such file"},
      {testing::TempDir(), "no regular file"},
      {"/dev/null", "no regular file"},
      {pipe, "no regular file"},
      {"", "cannot be read: No such file"},
      {std::string("a\0b", 3), "holds a NUL"},
  };
  for (const Case& c : cases) {
    const absl::Status status = LoadYaml(c.path, config);
    EXPECT_EQ(ErrorReason(status), "BAD_CONFIG");
    EXPECT_TRUE(absl::StrContains(status.message(), c.error)) << status;
  }
  EXPECT_EQ(config.state_dir(), "x");
}

TEST(ResolvePath, IsRelativeToTheFilesFolder) {
  struct Case {
    const char *config, *path, *resolved;
  };
  const Case cases[] = {
      {"/etc/norroy/issuer.yaml", "issuer.pem", "/etc/norroy/issuer.pem"},
      {"/etc/norroy/issuer.yaml", "/var/x.pem", "/var/x.pem"},
      {"/etc/norroy/issuer.yaml", "../x.pem", "/etc/norroy/../x.pem"},
      {"/etc/norroy/issuer.yaml", "", ""},
      {"issuer.yaml", "issuer.pem", "issuer.pem"},
      {"./issuer.yaml", "issuer.pem", "./issuer.pem"},
      {"d/issuer.yaml", "e/issuer.pem", "d/e/issuer.pem"},
      {"/issuer.yaml", "issuer.pem", "/issuer.pem"},
  };
  for (const Case& c : cases) EXPECT_EQ(ResolvePath(c.config, c.path), c.resolved) << c.config;
}

}  // namespace
}  // namespace norroy::config
