#include "validator/preflight/lookup.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/dns/alias.h"
#include "validator/preflight/look_fixture.h"

namespace norroy::validator::preflight {
namespace {

std::string Texts(const dns::Message& message, const std::string& name) {
  std::string text;
  for (const dns::Record& record : FollowedAnswers(message, dns::TestName(name), dns::Type::kTxt)) {
    absl::StrAppend(&text, text.empty() ? "" : " ", record.text);
  }
  return text;
}

// RFC 1034 4.3.2 builds an answer along the CNAMEs; nothing says that it stays in that order.
TEST(FollowedAnswers, InWhateverOrderTheyCome) {
  dns::Message message;
  message.answers = {
      dns::CnameRecord("a.example", "b.example"), dns::CnameRecord("b.example", "C.example"),
      dns::TxtRecord("c.example", "right"), dns::TxtRecord("other.example", "foreign")};
  std::vector<size_t> order = {0, 1, 2, 3};
  const std::vector<dns::Record> records = message.answers;
  do {
    for (size_t i = 0; i < order.size(); ++i) message.answers[i] = records[order[i]];
    EXPECT_EQ(Texts(message, "a.example"), "right");
    EXPECT_EQ(Texts(message, "b.example"), "right");
    EXPECT_EQ(Texts(message, "x.example"), "");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(FollowedAnswers, NoCircleAndNoFurtherThanResolversGo) {
  dns::Message circle;
  circle.answers = {dns::CnameRecord("a.example", "b.example"),
                    dns::CnameRecord("b.example", "a.example")};
  EXPECT_EQ(Texts(circle, "a.example"), "");
  for (const int cnames : {1, dns::kMaxCnames, dns::kMaxCnames + 1}) {
    dns::Message chain;
    for (int i = 0; i < cnames; ++i) {
      chain.answers.push_back(
          dns::CnameRecord(absl::StrCat("n", i, ".example"), absl::StrCat("n", i + 1, ".example")));
    }
    chain.answers.push_back(dns::TxtRecord(absl::StrCat("n", cnames, ".example"), "end"));
    EXPECT_EQ(Texts(chain, "n0.example"), cnames <= dns::kMaxCnames ? "end" : "") << cnames;
  }
}

}  // namespace
}  // namespace norroy::validator::preflight
