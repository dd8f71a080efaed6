#include "cli/output.h"

#include <gtest/gtest.h>

#include "cli/result.pb.h"

namespace norroy::cli {
namespace {

// A file that remembers what was written.
class Capture {
 public:
  Capture() : file_(std::tmpfile()) {}
  ~Capture() { std::fclose(file_); }
  FILE* file() { return file_; }
  std::string text() {
    std::string text(static_cast<size_t>(std::ftell(file_)), '\0');
    std::rewind(file_);
    EXPECT_EQ(std::fread(text.data(), 1, text.size(), file_), text.size());
    return text;
  }

 private:
  FILE* const file_;
};

JoinTokenFile Token(const std::string& agent) {
  JoinTokenFile token;
  token.set_agent(agent);
  return token;
}

TEST(ParseFormat, Table) {
  EXPECT_EQ(*ParseFormat("table"), Format::kTable);
  EXPECT_EQ(*ParseFormat("json"), Format::kJson);
  EXPECT_FALSE(ParseFormat("yaml").ok());
  EXPECT_FALSE(ParseFormat("").ok());
}

TEST(TableText, ColumnsByCharactersNothingRaw) {
  EXPECT_EQ(TableText({"NAME", "STATE"}, {{"b\xc3\xbc"
                                           "cher",
                                           "ok"},
                                          {"x", "a\x1b[2Jb"},
                                          {""}}),
            "NAME    STATE\n"
            "b\xc3\xbc"
            "cher  ok\n"
            "x       a\\x1b[2Jb\n"
            "-       \n");
}

TEST(Output, ObjectAsTableOrJson) {
  Capture data, talk;
  Output table(Format::kTable, data.file(), talk.file(), false, false);
  table.Object(Token("web1"), {{"agent", "web1"}, {"none", ""}, {"good until", "-"}});
  Output json(Format::kJson, data.file(), talk.file(), false, false);
  json.Object(Token("web1"), {});
  EXPECT_EQ(data.text(),
            "agent       web1\n"
            "good until  -\n"
            "{\"tokenId\":\"\",\"agent\":\"web1\",\"file\":\"\"}\n");
  EXPECT_EQ(talk.text(), "");
}

TEST(List, AnArrayOrATable) {
  const struct {
    Format format;
    std::vector<std::string> agents;
    const char* want;
  } cases[] = {
      {Format::kTable, {}, "AGENT\n"},
      {Format::kTable, {"web1", "w"}, "AGENT\nweb1\nw\n"},
      {Format::kJson, {}, "[]\n"},
      {Format::kJson,
       {"a", "b"},
       "[{\"tokenId\":\"\",\"agent\":\"a\",\"file\":\"\"},\n"
       " {\"tokenId\":\"\",\"agent\":\"b\",\"file\":\"\"}]\n"},
  };
  for (const auto& c : cases) {
    Capture data, talk;
    Output output(c.format, data.file(), talk.file(), false, false);
    List list(output, {"AGENT"});
    for (const std::string& agent : c.agents) list.Add(Token(agent), {agent});
    list.Finish();
    EXPECT_EQ(data.text(), c.want);
  }
}

TEST(List, WithoutItsEndItIsNoArray) {
  Capture data, talk;
  Output output(Format::kJson, data.file(), talk.file(), false, false);
  List(output, {"AGENT"}).Add(Token("a"), {"a"});
  EXPECT_EQ(data.text(), "[{\"tokenId\":\"\",\"agent\":\"a\",\"file\":\"\"}");
}

TEST(Output, ProgressOverwritesOnATerminalOnly) {
  const struct {
    bool terminal;
    bool quiet;
    const char* want;
  } cases[] = {
      {false, false, "one\ntwo\nsaid\n"},
      {true, false, "\r\033[Kone\r\033[Ktwo\r\033[Ksaid\n"},
      {true, true, ""},
  };
  for (const auto& c : cases) {
    Capture data, talk;
    Output output(Format::kTable, data.file(), talk.file(), c.terminal, c.quiet);
    output.Progress("one");
    output.Progress("one");
    output.Progress("two");
    output.Say("said");
    EXPECT_EQ(talk.text(), c.want);
    EXPECT_EQ(data.text(), "");
  }
}

}  // namespace
}  // namespace norroy::cli
