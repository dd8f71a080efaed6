#include "common/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "common/crypto/secret.h"

namespace norroy::log {
namespace {

static_assert(!std::is_constructible_v<Field, absl::string_view, crypto::Secret>,
              "a secret must not be loggable");

// Gathers lines while it lives.
class Lines {
 public:
  explicit Lines(Level level = Level::kDebug, Format format = Format::kText) {
    Configure(level, format);
    SetSink([this](absl::string_view line) { lines_.emplace_back(line); });
  }
  ~Lines() {
    SetSink(nullptr);
    Configure(Level::kInfo, Format::kText);
  }
  const std::vector<std::string>& get() const { return lines_; }
  // The last line without its time.
  std::string Last() const { return lines_.empty() ? "" : lines_.back().substr(25); }

 private:
  std::vector<std::string> lines_;
};

TEST(Log, TextLines) {
  Lines lines;
  Info("order", "authorization valid", {{"order_id", "o1"}, {"name", "www.example.test"}});
  ASSERT_EQ(lines.get().size(), 1u);
  EXPECT_THAT(lines.get()[0],
              testing::MatchesRegex(
                  "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z INFO order: "
                  "authorization valid order_id=o1 name=www\\.example\\.test"));
  Debug("a", "b");
  EXPECT_EQ(lines.Last(), "DEBUG a: b");
  Warning("a", "b", {{"n", 42}});
  EXPECT_EQ(lines.Last(), "WARNING a: b n=42");
  Error("a", "b", {{"d", 1.5}, {"e", ""}});
  EXPECT_EQ(lines.Last(), "ERROR a: b d=1.5 e=\"\"");
}

TEST(Log, ValuesCannotForgeLinesOrFields) {
  struct Case {
    std::string value, text;
  };
  const Case cases[] = {
      {"plain", "plain"},
      {"two words", "\"two words\""},
      {"a=b", "\"a=b\""},
      {"say \"hi\"", "\"say \\\"hi\\\"\""},
      {"a\n2026-03-01T12:00:00.000Z INFO order: forged",
       "\"a\\x0a2026-03-01T12:00:00.000Z INFO "
       "order: forged\""},
      {"\x1b[2J", "\\x1b[2J"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\r", "\\x0d"},
      {"\xC2\x9B", "\\xc2\\x9b"},
      {"\xFF", "\\xff"},
      {"b\xC3\xBC"
       "cher",
       "b\xC3\xBC"
       "cher"},
  };
  for (const Case& c : cases) {
    Lines lines;
    Info("c", "m", {{"v", c.value}});
    EXPECT_EQ(lines.Last(), "INFO c: m v=" + c.text);
    Info("c", c.value);
    EXPECT_EQ(lines.Last().find('\n'), std::string::npos);
    EXPECT_EQ(lines.Last().find('\x1b'), std::string::npos);
    Info(c.value, "m", {{c.value, "v"}});
    EXPECT_EQ(lines.Last().find_first_of(std::string("\n\x1b\0\r", 4)), std::string::npos);
  }
}

TEST(Log, LongValuesAreCut) {
  Lines lines;
  Info("c", "m", {{"v", std::string(10 << 20, 'x')}});
  EXPECT_EQ(lines.Last(), "INFO c: m v=" + std::string(2048, 'x') + "...");
  Info("c", std::string(10 << 20, '\n'));
  EXPECT_LT(lines.Last().size(), 2200u);
}

TEST(Log, JsonLinesParse) {
  Lines lines(Level::kDebug, Format::kJson);
  const std::string nasty = "a\"b\\c\n\x1b</script>\xFF \xC3\xBC {0} %d";
  Warning("order", nasty, {{"order_id", "o1"}, {"n", 7}, {nasty, nasty}, {"msg", "x"}, {"", "y"}});
  ASSERT_EQ(lines.get().size(), 1u);
  const auto json = nlohmann::json::parse(lines.get()[0], nullptr, false);
  ASSERT_TRUE(json.is_object()) << lines.get()[0];
  EXPECT_EQ(json["level"], "warning");
  EXPECT_EQ(json["component"], "order");
  EXPECT_EQ(json["msg"], "a\"b\\c\\x0a\\x1b</script>\\xff \xC3\xBC {0} %d");
  EXPECT_EQ(json["order_id"], "o1");
  EXPECT_EQ(json["n"], "7");
  EXPECT_EQ(json["msg_"], "x");
  EXPECT_EQ(json["_"], "y");
  EXPECT_EQ(json["ts"].get<std::string>().size(), 24u);
  EXPECT_EQ(json.size(), 9u);
}

TEST(Log, LevelsBelowTheConfiguredOneAreOff) {
  constexpr Level kLevels[] = {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError};
  for (const Level configured : kLevels) {
    Lines lines(configured);
    size_t expected = 0;
    for (const Level level : kLevels) {
      EXPECT_EQ(Enabled(level), level >= configured);
      Write(level, "c", "m", {});
      expected += level >= configured ? 1 : 0;
    }
    EXPECT_EQ(lines.get().size(), expected);
  }
}

TEST(Log, GoesToStderrWithoutASink) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_GE(dup2(ends[1], STDERR_FILENO), 0);
  Info("c", "to stderr", {{"k", "v"}});
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(ends[1]);
  char buffer[256];
  const ssize_t size = read(ends[0], buffer, sizeof(buffer));
  close(ends[0]);
  ASSERT_GT(size, 25);
  EXPECT_EQ(std::string(buffer + 25, size - 25), "INFO c: to stderr k=v\n");
}

TEST(Log, LinesOfManyThreadsStayWhole) {
  constexpr int kThreads = 4;
  constexpr int kLines = 250;
  Lines lines;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < kLines; ++i) Info("c", "m", {{"t", t}, {"i", i}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(lines.get().size(), static_cast<size_t>(kThreads * kLines));
  for (const std::string& line : lines.get()) {
    EXPECT_THAT(line.substr(25), testing::MatchesRegex("INFO c: m t=[0-9]+ i=[0-9]+"));
  }
}

}  // namespace
}  // namespace norroy::log
