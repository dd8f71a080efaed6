#include <gtest/gtest.h>

#include <set>

#include "common/crypto/der_builder.h"
#include "norroy/types/v1/problem.pb.h"
#include "tests/fuzz/der_mutator.h"
#include "tests/fuzz/json_mutator.h"
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

}  // namespace
}  // namespace norroy::fuzz
