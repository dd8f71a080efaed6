#include <gtest/gtest.h>

#include <set>

#include "common/crypto/der_builder.h"
#include "norroy/types/v1/problem.pb.h"
#include "tests/fuzz/der_mutator.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/poke.h"
#include "tests/fuzz/program.h"
#include "tests/fuzz/proto_mutator.h"

namespace norroy::fuzz {
namespace {

using crypto::Integer;
using crypto::OctetString;
using crypto::Seq;

TEST(MutatedDer, ReachesWhatIsInsideAndKeepsTheLengthsRight) {
  const std::string der =
      Seq({Integer(1), OctetString(Seq({Integer(2), OctetString(std::string(300, 'x'))}))});
  int whole = 0;
  std::set<std::string> results;
  for (unsigned seed = 1; seed <= 500; ++seed) {
    const std::string changed = MutatedDer(der, seed);
    results.insert(changed);
    // The one element that is outermost says the length of all.
    if (changed.size() > 4 && changed.substr(0, 2) == "\x30\x82") {
      const size_t length =
          static_cast<uint8_t>(changed[2]) << 8 | static_cast<uint8_t>(changed[3]);
      whole += length == changed.size() - 4 ? 1 : 0;
    }
  }
  EXPECT_GT(results.size(), 150u);
  EXPECT_GT(whole, 300);
}

TEST(MutatedDer, LeavesOtherBytesAlone) {
  EXPECT_EQ(MutatedDer("", 1), "");
  EXPECT_EQ(MutatedDer("\x30", 1), "\x30");
  EXPECT_EQ(MutatedDer("text", 1), "text");
  EXPECT_EQ(MutatedDer("\x30\x85\x01\x01\x01\x01\x01", 1), "\x30\x85\x01\x01\x01\x01\x01");
}

TEST(MutatedJson, ChangesStringsAndValuesAndKeepsTheRest) {
  const std::string json = R"({"a":["one","t\"wo"],"b":{"c":1}})";
  std::set<std::string> results;
  int whole = 0;
  bool second = false;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    const std::string changed = MutatedJson(json, seed);
    results.insert(changed);
    whole += changed.front() == '{' && changed.back() == '}' ? 1 : 0;
    second = second || changed == R"({"a":["one","one","t\"wo"],"b":{"c":1}})";
  }
  EXPECT_GT(results.size(), 100u);
  EXPECT_GT(whole, 250);
  EXPECT_TRUE(second);
  for (const char* text : {"", "{}", "\"", "{\"a", "1", "{\"\\"})
    EXPECT_EQ(MutatedJson(text, 1), text);
}

TEST(MutateOneField, ChangesValuesTextsAndLists) {
  types::v1::Problem problem;
  problem.set_type("about:blank");
  problem.set_status(403);
  problem.add_subproblems()->set_detail("first");
  std::set<int> counts;
  std::set<std::string> details;
  std::set<int> statuses;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    types::v1::Problem changed = problem;
    MutateOneField(changed, seed);
    counts.insert(changed.subproblems_size());
    statuses.insert(changed.status());
    for (const auto& subproblem : changed.subproblems()) details.insert(subproblem.detail());
  }
  EXPECT_EQ(counts, (std::set<int>{0, 1, 2}));
  EXPECT_GT(statuses.size(), 20u);
  EXPECT_GT(details.size(), 20u);
}

TEST(Program, EveryTextIsOneAndWhatIsWrittenReadsTheSame) {
  const std::vector<Operation> program = ReadProgram("a01 bZ_\nq\xff", "ab", 10);
  ASSERT_EQ(program.size(), 2u);
  EXPECT_EQ(program[0].verb, 'a');
  EXPECT_EQ(program[0].a, 0);
  EXPECT_EQ(program[0].b, 1);
  EXPECT_EQ(program[1].a, 61);
  EXPECT_EQ(program[1].b, 63);
  EXPECT_EQ(WriteProgram(program), "a01 bZ_");
  EXPECT_EQ(ReadProgram("xxx", "ab", 10).size(), 1u);
  EXPECT_EQ(ReadProgram("a00a00a00", "ab", 2).size(), 2u);
  std::set<std::string> results;
  for (unsigned seed = 1; seed <= 300; ++seed) {
    const std::string changed = WriteProgram(MutatedProgram(program, "ab", seed));
    EXPECT_EQ(WriteProgram(ReadProgram(changed, "ab", 10)), changed);
    results.insert(changed);
  }
  EXPECT_GT(results.size(), 150u);
  EXPECT_FALSE(MutatedProgram({}, "ab", 1).empty());
}

TEST(Poke, ReachesEveryFieldAndChangesOneAtATime) {
  types::v1::Problem base;
  base.set_type("t");
  std::set<std::string> whats;
  bool nested = false, many = false;
  for (const Poke& poke : PokesOf(base)) {
    EXPECT_TRUE(whats.insert(poke.what).second) << poke.what;
    const auto& problem = static_cast<const types::v1::Problem&>(*poke.message);
    nested = nested || (problem.subproblems_size() == 1 && !problem.subproblems(0).type().empty());
    many = many || problem.subproblems_size() == 10001;
    if (poke.what.rfind("type:", 0) != 0) {
      EXPECT_EQ(problem.type(), "t") << poke.what;
    }
  }
  EXPECT_TRUE(nested);
  EXPECT_TRUE(many);
}

}  // namespace
}  // namespace norroy::fuzz
