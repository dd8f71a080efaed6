// Exported logs, examined without a server: whatever was changed on the way is named.

#include "common/audit/export_file.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "common/audit/test_signer.h"
#include "common/error/error.h"

namespace norroy::audit {
namespace {

class ExportFileTest : public ::testing::Test {
 protected:
  ExportFileTest()
      : signer_(deployment_.Issue(types::v1::ROLE_ISSUER, "main")),
        main_(MakeChain("issuer/main", 12)),
        two_(MakeChain("issuer/two", 4)) {
    checkpoints_.push_back(MakeCheckpoint(signer_, 1, {HeadOf(main_[4])}, nullptr));
    checkpoints_.push_back(
        MakeCheckpoint(signer_, 2, {HeadOf(main_[9]), HeadOf(two_[3])}, &checkpoints_[0]));
  }

  static std::string PathOf(const std::string& name) {
    return absl::StrCat(::testing::TempDir(), "/",
                        ::testing::UnitTest::GetInstance()->current_test_info()->name(), "-", name);
  }
  static ExportHeader Header() {
    ExportHeader header;
    header.set_version(kExportVersion);
    header.set_deployment("test");
    header.set_process("issuer/main");
    return header;
  }
  // Of the first records of each chain.
  std::string Write(const std::string& name, size_t checkpoints, size_t main, size_t two) {
    const std::string path = PathOf(name);
    auto writer = ExportWriter::Create(path, Header());
    EXPECT_TRUE(writer.ok()) << writer.status();
    for (size_t i = 0; i < checkpoints; ++i) EXPECT_TRUE((*writer)->Add(checkpoints_[i]).ok());
    for (size_t i = 0; i < main; ++i) EXPECT_TRUE((*writer)->Add(main_[i]).ok());
    for (size_t i = 0; i < two; ++i) EXPECT_TRUE((*writer)->Add(two_[i]).ok());
    EXPECT_TRUE((*writer)->Finish().ok());
    return path;
  }
  absl::StatusOr<ExaminedExport> Examine(const std::string& path, const std::string& older = "") {
    return ExamineExport(path, older, deployment_.trust());
  }
  static std::vector<std::string> Lines(const std::string& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    std::vector<std::string> lines = absl::StrSplit(text.str(), '\n');
    lines.pop_back();
    return lines;
  }
  static std::string Rewrite(const std::string& name, const std::vector<std::string>& lines) {
    const std::string path = PathOf(name);
    std::ofstream(path) << absl::StrJoin(lines, "\n") << "\n";
    return path;
  }

  const TestSigner deployment_;
  const identity::IdentityFile signer_;
  std::vector<Record> main_;
  std::vector<Record> two_;
  std::vector<Checkpoint> checkpoints_;
};

TEST_F(ExportFileTest, AWholeOneIsFine) {
  const auto examined = Examine(Write("log", 2, 12, 4));
  ASSERT_TRUE(examined.ok()) << examined.status();
  EXPECT_EQ(examined->header.process(), "issuer/main");
  EXPECT_EQ(examined->findings.records, 16);
  EXPECT_EQ(examined->findings.checkpoints, 2);
  EXPECT_EQ(examined->findings.newest->statement.number, 2);
  EXPECT_EQ(examined->findings.unsigned_records, 2);
  ASSERT_EQ(examined->findings.heads.size(), 2u);
  EXPECT_EQ(examined->findings.heads[0], HeadOf(main_[11]));
}

// Every byte of every record and checkpoint line counts.
TEST_F(ExportFileTest, EveryChangedValueIsFound) {
  const std::vector<std::string> lines = Lines(Write("log", 2, 12, 4));
  struct Case {
    size_t line;  // from 1
    const char* from;
    const char* to;
  };
  const Case cases[] = {
      {4, "operator/alice", "operator/mary"},
      {5, "order.create", "order.cancel"},
      {6, "order/3", "order/9"},
      {7, "192.0.2.7:51000", "192.0.2.8:51000"},
      {8, "www.example.com", "wwv.example.com"},
      {9, "\"ok\"", "\"denied\""},
      {10, "\"policyVersion\":\"3\"", "\"policyVersion\":\"4\""},
      {11, "\"requestId\":\"r8\"", "\"requestId\":\"r9\""},
      {12, "aaaaaaaa", "aaaaaaab"},
      {13, "\"seq\":\"10\"", "\"seq\":\"11\""},
      {14, "issuer/main", "issuer/maim"},
      {15, ".012", ".013"},
      {16, "\"format\":2", "\"format\":1"},
      {2, "\"signature\":\"", "\"signature\":\"AA"},
      {3, "\"body\":\"", "\"body\":\"AAAA"},
  };
  for (const Case& c : cases) {
    std::vector<std::string> changed = lines;
    std::string& line = changed[c.line - 1];
    const size_t at = line.find(c.from);
    ASSERT_NE(at, std::string::npos) << c.line << " " << c.from << "\n" << line;
    line.replace(at, std::string(c.from).size(), c.to);
    const std::string path = Rewrite("changed", changed);
    const absl::Status status = Examine(path).status();
    EXPECT_FALSE(status.ok()) << c.line << " " << c.from;
    EXPECT_TRUE(absl::StartsWith(status.message(), absl::StrCat(path, ":", c.line, ": ")))
        << c.from << ": " << status;
  }
}

TEST_F(ExportFileTest, DroppedReorderedAndCutOffIsFound) {
  const std::vector<std::string> lines = Lines(Write("log", 2, 12, 4));
  ASSERT_EQ(lines.size(), 20u);  // header, 2, 12, 4, end
  struct Case {
    const char* what;
    std::vector<std::string> lines;
    const char* says;
  };
  const auto without = [&](std::vector<size_t> dropped, const char* end) {
    std::vector<std::string> left;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (std::find(dropped.begin(), dropped.end(), i + 1) == dropped.end())
        left.push_back(lines[i]);
    }
    if (end != nullptr) left.back() = end;
    return left;
  };
  std::vector<std::string> swapped = lines;
  std::swap(swapped[5], swapped[6]);
  std::vector<std::string> swapped_checkpoints = lines;
  std::swap(swapped_checkpoints[1], swapped_checkpoints[2]);
  std::vector<std::string> twice = lines;
  twice.insert(twice.begin() + 6, lines[5]);
  const Case cases[] = {
      {"a record", without({6}, nullptr), "entry 3"},
      {"the first record", without({4}, nullptr), "entry 1"},
      {"a chain's end, below a checkpoint",
       without({13, 14, 15}, R"({"end":{"checkpoints":"2","records":"13"}})"),
       "checkpoint 2 saw it up to entry 10"},
      {"a whole chain", without({16, 17, 18, 19}, R"({"end":{"checkpoints":"2","records":"12"}})"),
       "issuer/two"},
      {"a checkpoint", without({2}, nullptr), "checkpoint 1"},
      {"records, honestly counted elsewhere", without({15}, nullptr), "there were 2 and 16"},
      {"the end", without({20}, nullptr), "cut off"},
      {"the header", without({1}, nullptr), "first line"},
      {"records swapped", swapped, "entry 3"},
      {"checkpoints swapped", swapped_checkpoints, "checkpoint 1"},
      {"a record twice", twice, "entry 4"},
      {"nothing", {}, ""},
  };
  for (const Case& c : cases) {
    const absl::Status status = Examine(Rewrite("changed", c.lines)).status();
    EXPECT_FALSE(status.ok()) << c.what;
    EXPECT_TRUE(absl::StrContains(status.message(), c.says)) << c.what << ": " << status;
  }
}

// Whoever holds the database can write a chain of his own, with good hashes: what a checkpoint saw
// is another.
TEST_F(ExportFileTest, ARewrittenChainIsNotWhatWasSigned) {
  main_[2].entry.detail = "nothing happened";
  for (size_t i = 2; i < main_.size(); ++i) {
    main_[i].previous_hash = main_[i - 1].hash;
    Rehash(main_[i]);
  }
  const absl::Status status = Examine(Write("log", 2, 12, 4)).status();
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN");
  EXPECT_EQ(ErrorMetadataOf(status)["seq"], "5") << status;
  EXPECT_TRUE(absl::StrContains(status.message(), "checkpoint 1")) << status;
}

TEST_F(ExportFileTest, AnOlderOneShowsWhatWasCutOffSince) {
  const std::string older = Write("older", 1, 12, 4);
  EXPECT_TRUE(Examine(Write("log", 2, 12, 4), older).ok());
  // Without the older one nothing is to be seen of what the newest checkpoint did not cover.
  const std::string cut = Write("cut", 2, 11, 4);
  EXPECT_TRUE(Examine(cut).ok());
  absl::Status status = Examine(cut, older).status();
  EXPECT_EQ(ErrorReason(status), "AUDIT_BROKEN") << status;
  EXPECT_EQ(ErrorMetadataOf(status)["seq"], "12") << status;
  // Cut off together with its checkpoint.
  const std::string before = Write("before", 2, 12, 4);
  const std::string without = Write("without", 1, 9, 4);
  EXPECT_TRUE(Examine(without).ok());
  status = Examine(without, before).status();
  EXPECT_EQ(ErrorReason(status), "CHECKPOINT_BROKEN") << status;
  // Who holds the key too signs another history; the older one knows better.
  main_[11].entry.detail = "nothing happened";
  Rehash(main_[11]);
  checkpoints_.push_back(
      MakeCheckpoint(signer_, 3, {HeadOf(main_[11]), HeadOf(two_[3])}, &checkpoints_[1]));
  const std::string forged = Write("forged", 3, 12, 4);
  EXPECT_TRUE(Examine(forged).ok());
  EXPECT_EQ(ErrorReason(Examine(forged, older).status()), "AUDIT_BROKEN");
  // Of another process: nothing to compare.
  ExportHeader header = Header();
  header.set_process("validator/one");
  auto writer = ExportWriter::Create(PathOf("other"), header);
  ASSERT_TRUE((*writer)->Finish().ok());
  EXPECT_EQ(ErrorReason(Examine(older, PathOf("other")).status()), "BAD_EXPORT");
}

TEST_F(ExportFileTest, RefusesWhatIsNoExport) {
  const std::string header = Lines(Write("log", 0, 0, 0))[0];
  const std::string end = R"({"end":{}})";
  const std::vector<std::vector<std::string>> cases = {
      {"hello"},
      {header, "{\"record\":{\"sequence\":1}}", end},
      {header, "{\"record\":[]}", end},
      {header, "{\"record\":{}", end},
      {header, header, end},
      {header, end, end},
      {header, "{\"checkpoint\":{}}", end},
      {absl::StrReplaceAll(header, {{"\"version\":1", "\"version\":2"}}), end},
      {header, std::string(kMaxExportLine + 1, 'x'), end},
      {header, ""},
  };
  for (const auto& lines : cases) {
    const absl::Status status = Examine(Rewrite("bad", lines)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument)
        << absl::StrJoin(lines, "\n").substr(0, 200) << "\n"
        << status;
  }
  EXPECT_FALSE(Examine(PathOf("none")).ok());
}

TEST_F(ExportFileTest, IsThereWholeOrNotAtAll) {
  const std::string path = Write("log", 1, 1, 0);
  {
    auto writer = ExportWriter::Create(path, Header());
    ASSERT_TRUE((*writer)->Add(main_[0]).ok());
  }  // given up midway
  EXPECT_EQ(Lines(path).size(), 4u);
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
  EXPECT_FALSE(ExportWriter::Create("/nonexistent/log", Header()).ok());
}

}  // namespace
}  // namespace norroy::audit
