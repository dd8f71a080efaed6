#include "agent/journal/journal.h"

#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace norroy::agent {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1770000000);

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    static int count = 0;
    path_ = absl::StrCat(testing::TempDir(), "/journal-", getpid(), "-", ++count);
  }

  std::unique_ptr<Journal> OpenOrDie() {
    auto journal = Journal::Open(path_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return *std::move(journal);
  }

  std::string Bytes() {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void SetBytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::trunc) << bytes;
  }

  std::string path_;
};

JournalPresentation Presentation(const std::string& id, int64_t generation, int proofs = 1) {
  JournalPresentation presentation = {.id = id, .generation = generation, .proofs = {}};
  for (int i = 0; i < proofs; ++i) {
    types::v1::SealedProof proof;
    proof.set_body(absl::StrCat(id, "-", generation, "-", i));
    proof.set_signature(std::string(64, 's'));
    presentation.proofs.push_back({.sealed = proof, .spots = std::vector<Spot>()});
  }
  return presentation;
}

TEST_F(JournalTest, RemembersAcrossRestarts) {
  {
    auto journal = OpenOrDie();
    EXPECT_TRUE(journal->state().presented.empty());
    ASSERT_TRUE(journal->NotePresented(Presentation("a", 1, 3)).ok());
    ASSERT_TRUE(journal->NotePresented(Presentation("b", 1)).ok());
    ASSERT_TRUE(journal->NotePresented(Presentation("a", 2, 2)).ok());
    const Tombstone tombstone = {.id = "b", .generation = 1, .until = kNow};
    ASSERT_TRUE(journal->NoteGone("b", &tombstone).ok());
    ASSERT_TRUE(journal->NotePresented(Presentation("c", 1)).ok());
    ASSERT_TRUE(journal->NoteGone("c", nullptr).ok());
  }
  auto journal = OpenOrDie();
  const JournalState& state = journal->state();
  ASSERT_EQ(state.presented.size(), 1u);
  EXPECT_EQ(state.presented[0].id, "a");
  EXPECT_EQ(state.presented[0].generation, 2);
  ASSERT_EQ(state.presented[0].proofs.size(), 2u);
  EXPECT_EQ(state.presented[0].proofs[1].sealed.body(), "a-2-1");
  ASSERT_EQ(state.tombstones.size(), 1u);
  EXPECT_EQ(state.tombstones[0].id, "b");
  EXPECT_EQ(state.tombstones[0].generation, 1);
  EXPECT_EQ(state.tombstones[0].until, kNow);
  EXPECT_EQ(std::filesystem::status(path_).permissions(), std::filesystem::perms(0600));
}

TEST_F(JournalTest, RemembersWhereAProofIs) {
  const Spot listener = {.presenter = "http_listener", .location = ""};
  const Spot dns = {.presenter = "rfc2136 acme.example.net", .location = "x.acme.example.net"};
  JournalPresentation entry = Presentation("a", 1, 2);
  entry.proofs[0].spots = {listener};
  {
    auto journal = OpenOrDie();
    ASSERT_TRUE(journal->NotePresented(entry).ok());
    ASSERT_TRUE(journal->NoteSpot("a", 1, dns).ok());
    ASSERT_TRUE(journal->NoteSpot("a", 0, dns).ok());
    EXPECT_FALSE(journal->NoteSpot("a", 2, dns).ok()) << "no such proof";
    EXPECT_FALSE(journal->NoteSpot("b", 0, dns).ok()) << "no such presentation";
  }
  auto journal = OpenOrDie();
  ASSERT_EQ(journal->state().presented.size(), 1u);
  const JournalPresentation& read = journal->state().presented[0];
  EXPECT_EQ(read.proofs[0].spots, (std::vector<Spot>{listener, dns}));
  EXPECT_EQ(read.proofs[1].spots, std::vector<Spot>{dns});
}

TEST_F(JournalTest, AnOlderJournalDidNotSayWhere) {
  JournalPresentation old = Presentation("a", 1, 2);
  old.proofs[0].spots.reset();
  ASSERT_TRUE(OpenOrDie()->NotePresented(old).ok());
  auto journal = OpenOrDie();
  EXPECT_FALSE(journal->state().presented[0].proofs[0].spots.has_value());
  ASSERT_TRUE(journal->NotePresented(Presentation("a", 1, 2)).ok());
  journal.reset();
  EXPECT_TRUE(OpenOrDie()->state().presented[0].proofs[0].spots.has_value());
}

TEST_F(JournalTest, WhatIsReleasedStaysUntilItIsGone) {
  const Tombstone tombstone = {.id = "a", .generation = 1, .until = kNow};
  {
    auto journal = OpenOrDie();
    ASSERT_TRUE(journal->NotePresented(Presentation("a", 1)).ok());
    ASSERT_TRUE(journal->NoteReleased(tombstone).ok());
  }
  auto journal = OpenOrDie();
  EXPECT_EQ(journal->state().presented.size(), 1u);
  EXPECT_EQ(journal->state().tombstones.size(), 1u);
  ASSERT_TRUE(journal->NoteGone("a", &tombstone).ok());
  journal.reset();
  journal = OpenOrDie();
  EXPECT_TRUE(journal->state().presented.empty());
  EXPECT_EQ(journal->state().tombstones.size(), 1u);
}

TEST_F(JournalTest, ATornEndIsDroppedAtEveryByte) {
  std::string before;
  std::string whole;
  {
    auto journal = OpenOrDie();
    ASSERT_TRUE(journal->NotePresented(Presentation("a", 1)).ok());
    before = Bytes();
    ASSERT_TRUE(journal->NotePresented(Presentation("b", 1)).ok());
    whole = Bytes();
  }
  for (size_t size = before.size(); size < whole.size(); ++size) {
    SetBytes(whole.substr(0, size));
    auto journal = OpenOrDie();
    ASSERT_EQ(journal->state().presented.size(), 1u) << size;
    // And what is written next is read next time.
    ASSERT_TRUE(journal->NotePresented(Presentation("c", 1)).ok());
    journal.reset();
    EXPECT_EQ(OpenOrDie()->state().presented.size(), 2u) << size;
  }
}

TEST_F(JournalTest, DamageIsRefusedWithThePath) {
  {
    auto journal = OpenOrDie();
    ASSERT_TRUE(journal->NotePresented(Presentation("a", 1)).ok());
    ASSERT_TRUE(journal->NotePresented(Presentation("b", 1)).ok());
  }
  std::string bytes = Bytes();
  bytes[30] ^= 1;
  SetBytes(bytes);
  const auto journal = Journal::Open(path_);
  EXPECT_EQ(journal.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_TRUE(absl::StrContains(journal.status().message(), path_)) << journal.status();
  EXPECT_EQ(Bytes(), bytes) << "a damaged journal must be left for people to look at";

  SetBytes("this is no journal at all, but a text file");
  EXPECT_FALSE(Journal::Open(path_).ok());
  EXPECT_FALSE(Journal::Open(testing::TempDir()).ok());
  EXPECT_FALSE(Journal::Open("/nonexistent/journal").ok());
}

TEST_F(JournalTest, IsRewrittenWhenItHasGrown) {
  {
    auto journal = OpenOrDie();
    const Tombstone kept = {.id = "kept", .generation = 3, .until = kNow + absl::Hours(1)};
    ASSERT_TRUE(journal->NoteGone("kept", &kept).ok());
    ASSERT_TRUE(journal->NotePresented(Presentation("kept", 4)).ok());
    uintmax_t largest = 0;
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(journal->NotePresented(Presentation("big", i, 100)).ok());
      largest = std::max(largest, std::filesystem::file_size(path_));
    }
    EXPECT_LT(largest, 400u * 1024);
  }
  auto journal = OpenOrDie();
  ASSERT_EQ(journal->state().presented.size(), 2u);
  EXPECT_EQ(journal->state().presented[0].id, "kept");
  EXPECT_EQ(journal->state().presented[1].generation, 199);
  ASSERT_EQ(journal->state().tombstones.size(), 1u);
  EXPECT_EQ(journal->state().tombstones[0].generation, 3);
}

TEST_F(JournalTest, SweepForgetsOldTombstones) {
  auto journal = OpenOrDie();
  const Tombstone old = {.id = "old", .generation = 1, .until = kNow};
  const Tombstone young = {.id = "young", .generation = 1, .until = kNow + absl::Seconds(1)};
  ASSERT_TRUE(journal->NoteGone("old", &old).ok());
  ASSERT_TRUE(journal->NoteGone("young", &young).ok());
  ASSERT_TRUE(journal->Sweep(kNow).ok());
  ASSERT_EQ(journal->state().tombstones.size(), 1u);
  EXPECT_EQ(journal->state().tombstones[0].id, "young");
}

TEST_F(JournalTest, AFullDiskIsAnErrorAndLosesNothing) {
  auto journal = OpenOrDie();
  ASSERT_TRUE(journal->NotePresented(Presentation("a", 1)).ok());
  // The file may not grow beyond a little more than it is.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = std::filesystem::file_size(path_) + 20;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status full = journal->NotePresented(Presentation("b", 1));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_FALSE(full.ok());
  EXPECT_TRUE(absl::StrContains(full.message(), path_)) << full;
  EXPECT_EQ(journal->state().presented.size(), 1u);
  ASSERT_TRUE(journal->NotePresented(Presentation("c", 1)).ok());
  journal.reset();
  EXPECT_EQ(OpenOrDie()->state().presented.size(), 2u);
}

}  // namespace
}  // namespace norroy::agent
