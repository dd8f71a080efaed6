#include "agent/presenter/exec_hook/exec_hook.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "agent/presenter/dns/txt_writer_contract.h"
#include "common/error/error.h"
#include "common/program/test_world.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

using program::Eventually;
using program::NewFolder;
using program::TextOf;
using program::WriteProgram;

// Keeps the values of each owner as the lines of a file in $STORE.
constexpr char kStoring[] = R"(#!/bin/sh
file="$STORE/$2"
case "$1" in
  present) grep -qxF -- "$3" "$file" 2>/dev/null || printf '%s\n' "$3" >> "$file" ;;
  cleanup) [ -f "$file" ] || exit 0
           grep -vxF -- "$3" "$file" > "$file.new"
           mv "$file.new" "$file" ;;
  *) echo "no such verb: $1" >&2; exit 64 ;;
esac
)";

dns::Name Owner(const std::string& text = "_acme-challenge.example.com") {
  return *dns::Name::Parse(text);
}

ExecHookOptions OptionsFor(const std::string& script) {
  return {.argv = {WriteProgram(NewFolder(), "hook", script)},
          .zones = {*dns::Name::Parse("example.com")},
          .timeout = absl::Seconds(30)};
}

std::unique_ptr<TxtWriter> WriterFor(const ExecHookOptions& options) {
  auto writer = MakeExecHook(options);
  EXPECT_TRUE(writer.ok()) << writer.status();
  return *std::move(writer);
}

std::unique_ptr<TxtWriter> StoringWriter(const std::string& store) {
  ExecHookOptions options = OptionsFor(kStoring);
  options.environment = {"STORE=" + store};
  return WriterFor(options);
}

std::vector<std::string> ValuesIn(const std::string& store, const dns::Name& owner) {
  return absl::StrSplit(TextOf(absl::StrCat(store, "/", owner.absolute())), '\n',
                        absl::SkipEmpty());
}

class HookUnderTest final : public TxtWriterUnderTest {
 public:
  TxtWriter& writer() override { return *writer_; }
  std::set<std::string> Look(const dns::Name& owner) override {
    const auto values = ValuesIn(store_, owner);
    return std::set<std::string>(values.begin(), values.end());
  }
  bool PutAsStranger(const dns::Name& owner, const std::string& value) override {
    const std::string file = owner.absolute();
    WriteProgram(store_, file, absl::StrCat(TextOf(store_ + "/" + file), value, "\n"), 0600);
    return true;
  }

 private:
  const std::string store_ = NewFolder();
  const std::unique_ptr<TxtWriter> writer_ = StoringWriter(store_);
};

std::unique_ptr<TxtWriterUnderTest> MakeHookUnderTest() {
  return std::make_unique<HookUnderTest>();
}
INSTANTIATE_TEST_SUITE_P(ExecHook, TxtWriterContract, testing::Values(&MakeHookUnderTest));

TEST(ExecHook, CallsAsLegoDoes) {
  const std::string file = NewFolder() + "/calls";
  ExecHookOptions options =
      OptionsFor("#!/bin/sh\nprintf '<%s>' \"$@\" >> \"$FILE\"; echo >> \"$FILE\"\n");
  options.argv.insert(options.argv.end(), {"two words", "$(id)", "'\"\\;*"});
  options.environment = {"FILE=" + file};
  const auto writer = WriterFor(options);
  EXPECT_EQ(writer->kind(), "exec_hook");
  EXPECT_EQ(writer->place(), options.argv[0]);
  ASSERT_TRUE(writer->Add(Owner(), "-value_1").ok());
  ASSERT_TRUE(writer->Remove(Owner(), "a b$(id)`id`'\"").ok());
  EXPECT_EQ(TextOf(file),
            "<two words><$(id)><'\"\\;*><present><_acme-challenge.example.com.><-value_1>\n"
            "<two words><$(id)><'\"\\;*><cleanup><_acme-challenge.example.com.>"
            "<a b$(id)`id`'\">\n");
}

TEST(ExecHook, GivesACleanEnvironmentAndUmask) {
  const std::string folder = NewFolder();
  setenv("NORROY_LEAK", "secret", 1);
  ExecHookOptions options = OptionsFor(
      absl::StrCat("#!/bin/sh\n/usr/bin/env > '", folder, "/env'; pwd > '", folder, "/pwd'\n"));
  options.environment = {"TOKEN=a b=c", "EMPTY="};
  ASSERT_TRUE(WriterFor(options)->Add(Owner(), "v").ok());
  std::vector<std::string> lines = absl::StrSplit(TextOf(folder + "/env"), '\n', absl::SkipEmpty());
  // The shell's own.
  lines.erase(std::remove_if(lines.begin(), lines.end(),
                             [](const std::string& line) {
                               return absl::StartsWith(line, "PWD=") ||
                                      absl::StartsWith(line, "OLDPWD=") ||
                                      absl::StartsWith(line, "SHLVL=") ||
                                      absl::StartsWith(line, "_=");
                             }),
              lines.end());
  std::sort(lines.begin(), lines.end());
  EXPECT_EQ(lines, (std::vector<std::string>{"EMPTY=", "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                             "TOKEN=a b=c"}));
  EXPECT_EQ(TextOf(folder + "/pwd"), "/\n");
  struct stat is;
  ASSERT_EQ(stat((folder + "/env").c_str(), &is), 0);
  EXPECT_EQ(is.st_mode & 0777, 0600u);
}

TEST(ExecHook, FailuresSayWhatTheProgramSaid) {
  const struct {
    std::string script;
    std::string text;
    std::string reason;
  } cases[] = {
      {"echo one; echo 'no such zone' >&2; exit 3", "exited with 3: no such zone",
       "EXEC_HOOK_FAILED"},
      {"exit 1", "exited with 1", "EXEC_HOOK_FAILED"},
      {"printf 'bad\\033[31m\\n\\n'; exit 9", "exited with 9: bad\\x1b[31m", "EXEC_HOOK_FAILED"},
      {"kill -9 $$", "ended by signal 9", "EXEC_HOOK_FAILED"},
      {"echo 'still asking'; exec sleep 1000", "killed: it still ran after", "EXEC_HOOK_TIMEOUT"},
  };
  for (const auto& c : cases) {
    ExecHookOptions options = OptionsFor("#!/bin/sh\n[ $1 = cleanup ] && exit 0\n" + c.script);
    options.timeout = absl::Seconds(2);
    const absl::Status status = WriterFor(options)->Add(Owner(), "v");
    EXPECT_EQ(ErrorReason(status), c.reason) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), c.text)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), options.argv[0])) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "present _acme-challenge.example.com."))
        << status;
  }
}

TEST(ExecHook, AFailedPresentIsCleanedUp) {
  const std::string store = NewFolder();
  // Writes, then fails.
  ExecHookOptions options =
      OptionsFor(absl::StrCat(kStoring, "[ \"$1\" = cleanup ] || { echo no; exit 1; }\n"));
  options.environment = {"STORE=" + store};
  const absl::Status status = WriterFor(options)->Add(Owner(), "v");
  EXPECT_EQ(ErrorReason(status), "EXEC_HOOK_FAILED");
  EXPECT_FALSE(absl::StrContains(status.message(), "left behind")) << status;
  EXPECT_TRUE(ValuesIn(store, Owner()).empty());

  const absl::Status left = WriterFor(OptionsFor("#!/bin/sh\nexit 1\n"))->Add(Owner(), "v");
  EXPECT_TRUE(absl::StrContains(left.message(), "may have been left behind")) << left;
}

TEST(ExecHook, FiftyCallsAtOnce) {
  const std::string store = NewFolder();
  const auto writer = StoringWriter(store);
  std::vector<std::thread> threads;
  for (int i = 0; i < 50; ++i) {
    threads.emplace_back([&, i] {
      const dns::Name owner = Owner(absl::StrCat("n", i % 10, ".example.com"));
      const absl::Status status = writer->Add(owner, absl::StrCat("value", i));
      EXPECT_TRUE(status.ok()) << status;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ValuesIn(store, Owner(absl::StrCat("n", i, ".example.com"))).size(), 5u);
  }
}

TEST(ExecHook, WaitsForItsTurnNoLongerThanHalfItsTime) {
  const std::string file = NewFolder() + "/started";
  ExecHookOptions options = OptionsFor("#!/bin/sh\necho yes > \"$FILE\"\nexec sleep 1000\n");
  options.environment = {"FILE=" + file};
  options.timeout = absl::Seconds(3);
  const auto writer = WriterFor(options);
  std::thread first([&] { EXPECT_FALSE(writer->Remove(Owner(), "v").ok()); });
  EXPECT_TRUE(Eventually([&] { return TextOf(file) == "yes\n"; }));
  const absl::Status status = writer->Remove(Owner(), "w");
  EXPECT_EQ(ErrorReason(status), "EXEC_HOOK_TIMEOUT");
  EXPECT_TRUE(absl::StrContains(status.message(), "waited for")) << status;
  first.join();
}

TEST(ExecHook, TheProgramIsLookedAtBeforeEachCall) {
  const ExecHookOptions options = OptionsFor("#!/bin/sh\nexit 0\n");
  const auto writer = WriterFor(options);
  ASSERT_TRUE(writer->Add(Owner(), "v").ok());
  ASSERT_EQ(chmod(options.argv[0].c_str(), 0720), 0);
  EXPECT_EQ(ErrorReason(writer->Add(Owner(), "v")), "UNSAFE_PROGRAM");
  EXPECT_EQ(ErrorReason(writer->Remove(Owner(), "v")), "UNSAFE_PROGRAM");
  ASSERT_EQ(unlink(options.argv[0].c_str()), 0);
  const absl::Status status = writer->Add(Owner(), "v");
  EXPECT_TRUE(absl::StrContains(status.message(), "No such file")) << status;
}

TEST(ExecHook, OptionsAreChecked) {
  const ExecHookOptions good = OptionsFor("#!/bin/sh\nexit 0\n");
  EXPECT_TRUE(CheckExecHook(good).ok());
  const struct {
    std::string what;
    void (*spoil)(ExecHookOptions&);
  } cases[] = {
      {"argv", [](ExecHookOptions& o) { o.argv.clear(); }},
      {"absolute", [](ExecHookOptions& o) { o.argv[0] = "hook"; }},
      {"No such file", [](ExecHookOptions& o) { o.argv[0] += "x"; }},
      {"argv", [](ExecHookOptions& o) { o.argv.resize(33); }},
      {"argv", [](ExecHookOptions& o) { o.argv.push_back(std::string(4097, 'a')); }},
      {"argv", [](ExecHookOptions& o) { o.argv.push_back(std::string("a\0b", 3)); }},
      {"zones", [](ExecHookOptions& o) { o.zones.clear(); }},
      {"environment", [](ExecHookOptions& o) { o.environment.resize(33, "A=b"); }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"=secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"1A=secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"A B=secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"PATH=/tmp/secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {"A=b\nLD_PRELOAD=secret"}; }},
      {"environment", [](ExecHookOptions& o) { o.environment = {std::string("A=b\0", 4)}; }},
      {"timeout", [](ExecHookOptions& o) { o.timeout = absl::ZeroDuration(); }},
      {"timeout", [](ExecHookOptions& o) { o.timeout = absl::Seconds(61); }},
  };
  for (const auto& c : cases) {
    ExecHookOptions options = good;
    c.spoil(options);
    const absl::Status status = CheckExecHook(options);
    EXPECT_FALSE(status.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(status.message(), c.what)) << status;
    EXPECT_TRUE(absl::StrContains(status.message(), "exec_hook")) << status;
    EXPECT_FALSE(absl::StrContains(status.message(), "secret")) << status;
    EXPECT_FALSE(MakeExecHook(options).ok());
  }
  ExecHookOptions most = good;
  most.environment.resize(32, "A=b");
  most.argv.resize(32);
  EXPECT_TRUE(CheckExecHook(most).ok());
}

TEST(ExecHook, SecretsOfItsEnvironmentAreNoPartOfErrors) {
  ExecHookOptions options = OptionsFor("#!/bin/sh\necho \"bad $TOKEN, $LONGER, $SHORT\"; exit 1\n");
  options.environment = {"TOKEN=geheimnis", "LONGER=geheimnis-2", "SHORT=kurz"};
  const absl::Status status = WriterFor(options)->Add(Owner(), "v");
  EXPECT_TRUE(absl::EndsWith(status.message(), ": bad [TOKEN], [LONGER], kurz")) << status;
  // So much that a value is cut.
  options = OptionsFor("#!/bin/sh\nprintf 'x%s' \"$TOKEN\"; printf '%4090s' y; exit 1\n");
  options.environment = {"TOKEN=geheimnis"};
  const absl::Status cut = WriterFor(options)->Add(Owner(), "v");
  EXPECT_FALSE(absl::StrContains(cut.message(), "heimnis")) << cut;
  EXPECT_FALSE(absl::StrContains(cut.message(), "nis")) << cut;
}

TEST(ExecHook, FilesAmongItsArgumentsAreLookedAtBeforeEachCall) {
  ExecHookOptions options = OptionsFor("#!/bin/sh\n. \"$1\"\n");
  const std::string script = WriteProgram(NewFolder(), "settings", "exit 0\n", 0600);
  options.argv.push_back(script);
  const auto writer = WriterFor(options);
  EXPECT_TRUE(writer->Add(Owner(), "v").ok());
  ASSERT_EQ(chmod(script.c_str(), 0666), 0);
  const absl::Status status = writer->Add(Owner(), "v");
  EXPECT_EQ(ErrorReason(status), "UNSAFE_PROGRAM");
  EXPECT_TRUE(absl::StrContains(status.message(), "argv[1]")) << status;
  EXPECT_EQ(ErrorReason(CheckExecHook(options)), "UNSAFE_PROGRAM");
}

TEST(ExecHook, OwnersAndValuesAreChecked) {
  const std::string store = NewFolder();
  const auto writer = StoringWriter(store);
  for (const char* bad : {"-rf.example.com", "-.example.com", "--help.example.com"}) {
    EXPECT_EQ(ErrorReason(writer->Add(Owner(bad), "v")), "BAD_OWNER") << bad;
    EXPECT_EQ(ErrorReason(writer->Remove(Owner(bad), "v")), "BAD_OWNER") << bad;
  }
  EXPECT_EQ(ErrorReason(writer->Add(Owner("example.org"), "v")), "FOREIGN_ZONE");
  for (const std::string& bad : {std::string(), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string(256, 'a'), std::string("\x80")}) {
    EXPECT_EQ(ErrorReason(writer->Add(Owner(), bad)), "BAD_TXT_VALUE");
    EXPECT_EQ(ErrorReason(writer->Remove(Owner(), bad)), "BAD_TXT_VALUE");
  }
}

}  // namespace
}  // namespace norroy::agent
