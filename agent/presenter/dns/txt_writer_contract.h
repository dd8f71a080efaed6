#ifndef NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_CONTRACT_H_
#define NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_CONTRACT_H_

// What every TxtWriter must do, looked at where a CA's resolver looks. For a new writer, in its
// test:
//
//   INSTANTIATE_TEST_SUITE_P(PowerDns, TxtWriterContract, testing::Values(&MakePowerDnsUnderTest));

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "agent/presenter/dns/txt_writer.h"
#include "gtest/gtest.h"

namespace norroy::agent {

// A writer and its world. The first of its zones has no values at the names below.
class TxtWriterUnderTest {
 public:
  virtual ~TxtWriterUnderTest() = default;
  virtual TxtWriter& writer() = 0;
  // The TXT values that the zone's server answers now.
  virtual std::set<std::string> Look(const dns::Name& owner) = 0;
  // Puts a value there past the writer, as a person or another program does. False: nobody but the
  // writer can (a zone of the agent's own).
  virtual bool PutAsStranger(const dns::Name& owner, const std::string& value) = 0;
};

class TxtWriterContract : public testing::TestWithParam<std::unique_ptr<TxtWriterUnderTest> (*)()> {
 protected:
  using Values = std::set<std::string>;

  std::unique_ptr<TxtWriterUnderTest> subject_ = GetParam()();
  TxtWriter& writer_ = subject_->writer();
  const dns::Name owner_ = At("_acme-challenge.www");

  // A name in the first zone.
  dns::Name At(const std::string& labels) {
    return *dns::Name::Parse(labels + "." + writer_.zones()[0].text());
  }
  // 43 characters of base64url, as a digest is.
  static std::string Value(int i) {
    const std::string number = std::to_string(i);
    return "-" + std::string(41 - number.size(), 'v') + number + "_";
  }
};

TEST_P(TxtWriterContract, SaysWhoAndWhere) {
  EXPECT_FALSE(writer_.kind().empty());
  EXPECT_FALSE(writer_.place().empty());
  EXPECT_GE(writer_.zones().size(), 1u);
  EXPECT_LE(writer_.zones().size(), 100u);
}

TEST_P(TxtWriterContract, AddsAndRemoves) {
  for (int round = 0; round < 3; ++round) {
    const absl::Status added = writer_.Add(owner_, Value(1));
    ASSERT_TRUE(added.ok()) << added;
    EXPECT_EQ(subject_->Look(owner_), Values({Value(1)}));
    const absl::Status removed = writer_.Remove(owner_, Value(1));
    ASSERT_TRUE(removed.ok()) << removed;
    EXPECT_EQ(subject_->Look(owner_), Values());
  }
}

TEST_P(TxtWriterContract, TwiceIsOk) {
  ASSERT_TRUE(writer_.Add(owner_, Value(1)).ok());
  ASSERT_TRUE(writer_.Add(owner_, Value(1)).ok());
  EXPECT_EQ(subject_->Look(owner_), Values({Value(1)}));
  ASSERT_TRUE(writer_.Remove(owner_, Value(1)).ok());
  EXPECT_EQ(subject_->Look(owner_), Values());
  EXPECT_TRUE(writer_.Remove(owner_, Value(1)).ok());
}

TEST_P(TxtWriterContract, RemovingWhatWasNeverThereIsOk) {
  EXPECT_TRUE(writer_.Remove(At("_acme-challenge.never"), Value(1)).ok());
  ASSERT_TRUE(writer_.Add(owner_, Value(1)).ok());
  EXPECT_TRUE(writer_.Remove(owner_, Value(2)).ok());
  EXPECT_EQ(subject_->Look(owner_), Values({Value(1)}));
  EXPECT_TRUE(writer_.Remove(owner_, Value(1)).ok());
}

TEST_P(TxtWriterContract, ValuesOfAnOwnerCoexistAndGoOneByOne) {
  Values expected;
  for (int i = 0; i < 20; ++i) {
    const absl::Status added = writer_.Add(owner_, Value(i));
    ASSERT_TRUE(added.ok()) << i << ": " << added;
    expected.insert(Value(i));
    ASSERT_EQ(subject_->Look(owner_), expected);
  }
  for (int i = 0; i < 20; ++i) {
    const absl::Status removed = writer_.Remove(owner_, Value(i));
    ASSERT_TRUE(removed.ok()) << i << ": " << removed;
    expected.erase(Value(i));
    ASSERT_EQ(subject_->Look(owner_), expected);
  }
}

TEST_P(TxtWriterContract, OwnersAreApart) {
  const dns::Name other = At("_acme-challenge.mail");
  ASSERT_TRUE(writer_.Add(owner_, Value(1)).ok());
  ASSERT_TRUE(writer_.Add(other, Value(1)).ok());
  ASSERT_TRUE(writer_.Remove(owner_, Value(1)).ok());
  EXPECT_EQ(subject_->Look(owner_), Values());
  EXPECT_EQ(subject_->Look(other), Values({Value(1)}));
  ASSERT_TRUE(writer_.Remove(other, Value(1)).ok());
}

TEST_P(TxtWriterContract, ValuesOfStrangersStay) {
  const dns::Name owner = At("_acme-challenge.shared");
  const std::string strange = "v=spf1 \"quoted\" -all";
  if (!subject_->PutAsStranger(owner, strange)) GTEST_SKIP() << "nobody else can write there";
  ASSERT_TRUE(writer_.Add(owner, Value(1)).ok());
  EXPECT_EQ(subject_->Look(owner), Values({strange, Value(1)}));
  ASSERT_TRUE(subject_->PutAsStranger(owner, Value(2)));
  ASSERT_TRUE(writer_.Remove(owner, Value(1)).ok());
  EXPECT_EQ(subject_->Look(owner), Values({strange, Value(2)}));
}

TEST_P(TxtWriterContract, WritersAtOnceLoseNothing) {
  std::vector<std::thread> threads;
  std::vector<absl::Status> added(8);
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { added[i] = writer_.Add(owner_, Value(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  Values expected;
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(added[i].ok()) << added[i];
    expected.insert(Value(i));
  }
  EXPECT_EQ(subject_->Look(owner_), expected);
  threads.clear();
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] { added[i] = writer_.Remove(owner_, Value(i)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const absl::Status& removed : added) EXPECT_TRUE(removed.ok()) << removed;
  EXPECT_EQ(subject_->Look(owner_), Values());
}

TEST_P(TxtWriterContract, RefusesOwnersOutsideItsZones) {
  for (const char* outside : {"_acme-challenge.www.outside.invalid", "invalid"}) {
    const dns::Name owner = *dns::Name::Parse(outside);
    EXPECT_FALSE(writer_.Add(owner, Value(1)).ok()) << outside;
    EXPECT_FALSE(writer_.Remove(owner, Value(1)).ok()) << outside;
  }
}

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_DNS_TXT_WRITER_CONTRACT_H_
