// A journal's file, whole, torn or damaged: what Open accepts reads the same when it is opened
// again, a torn end is dropped, damage is refused; see journal.h. The input is what happens to the
// file, where, and records, each after two bytes of length.

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "agent/journal/frame.h"
#include "agent/journal/journal.h"
#include "agent/journal/record.pb.h"
#include "agent/journal/replay.h"
#include "common/check.h"
#include "tests/fuzz/proto_mutator.h"

namespace {

using norroy::agent::Journal;
using norroy::agent::JournalState;
using norroy::agent::LiveBytes;
using Opened = absl::StatusOr<std::unique_ptr<Journal>>;

constexpr size_t kHead = 3;

// Memory where there is such a file system, for journals are synced.
const std::string& Path() {
  static const auto* const path = [] {
    const char* const tmp = std::getenv("TEST_TMPDIR");
    const std::string folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm"
                               : tmp != nullptr              ? tmp
                                                             : "/tmp";
    return new std::string(absl::StrCat(folder, "/norroy-journal-fuzz-", getpid()));
  }();
  return *path;
}

struct FileGone {
  ~FileGone() { unlink(Path().c_str()); }
};

void WriteFile(const std::string& bytes) {
  std::ofstream file(Path(), std::ios::binary | std::ios::trunc);
  file << bytes;
  file.close();
  NORROY_CHECK(file.good());
}

std::string FileBytes() {
  std::ifstream file(Path(), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> Records(absl::string_view rest) {
  std::vector<std::string> records;
  while (rest.size() >= 2) {
    const size_t length = static_cast<uint8_t>(rest[0]) | static_cast<uint8_t>(rest[1]) << 8;
    records.emplace_back(rest.substr(2, length));
    rest.remove_prefix(2 + records.back().size());
  }
  return records;
}

std::string Framed(const std::vector<std::string>& records) {
  std::string bytes;
  for (const std::string& record : records) absl::StrAppend(&bytes, norroy::agent::Frame(record));
  return bytes;
}

void CheckSame(const JournalState& state, const JournalState& other) {
  NORROY_CHECK(LiveBytes(state) == LiveBytes(other));
}

// What is noted down is there at the next start.
void CheckNotes(Journal& journal) {
  if (journal.state().presented.empty()) return;
  const std::string id = journal.state().presented.front().id;
  const norroy::agent::Tombstone tombstone = {
      .id = id, .generation = 7, .until = absl::FromUnixSeconds(1772366400)};
  NORROY_CHECK(journal.NoteReleased(tombstone).ok());
  NORROY_CHECK(journal.state().presented.front().id == id);
  NORROY_CHECK(journal.NoteGone(id, nullptr).ok());
  for (const auto& entry : journal.state().presented) NORROY_CHECK(entry.id != id);
  const Opened again = Journal::Open(Path());
  NORROY_CHECK(again.ok());
  CheckSame((*again)->state(), journal.state());
  for (const auto& entry : (*again)->state().presented) NORROY_CHECK(entry.id != id);
}

void CheckOpens(const std::string& file, const std::string& good) {
  WriteFile(file);
  const auto read = norroy::agent::ReadJournal(good);
  const Opened journal = Journal::Open(Path());
  NORROY_CHECK(journal.ok() == read.ok());
  if (!journal.ok()) {
    NORROY_CHECK(journal.status().code() == absl::StatusCode::kDataLoss);
    // An operator looks at it as it was.
    NORROY_CHECK(FileBytes() == file);
    return;
  }
  NORROY_CHECK(FileBytes() == good);
  CheckSame((*journal)->state(), read->state);
  const Opened again = Journal::Open(Path());
  NORROY_CHECK(again.ok());
  CheckSame((*again)->state(), (*journal)->state());
#ifdef PLANTED
  // Torn, and a later generation is up than the one that is refused.
  for (const auto& entry : read->state.presented) {
    for (const auto& tombstone : read->state.tombstones) {
      NORROY_CHECK(file == good || tombstone.id != entry.id ||
                   tombstone.generation >= entry.generation);
    }
  }
#endif
  CheckNotes(**again);
}

}  // namespace

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

// Mostly a record stays one, with one field changed, or comes twice, or goes.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  if (size <= kHead || seed % 4 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> records = Records(input.substr(kHead));
  if (records.empty()) return LLVMFuzzerMutate(data, size, max_size);
  const size_t one = seed / 16 % records.size();
  const size_t other = seed / 1024 % records.size();
  norroy::agent::journal::Record record;
  if (seed / 4 % 4 != 0 && record.ParseFromString(records[one])) {
    norroy::fuzz::MutateOneField(record, seed);
    records[one] = record.SerializeAsString();
  } else if (seed % 3 == 0) {
    records.push_back(records[one]);
  } else if (seed % 3 == 1) {
    std::swap(records[one], records[other]);
  } else {
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(one));
  }
  std::string bytes(input.substr(0, kHead));
  for (const std::string& text : records) {
    if (text.size() > 0xffff) return LLVMFuzzerMutate(data, size, max_size);
    bytes.push_back(static_cast<char>(text.size() & 0xff));
    bytes.push_back(static_cast<char>(text.size() >> 8));
    bytes += text;
  }
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < kHead) return -1;
  const FileGone at_the_end;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> records = Records(input.substr(kHead));
  const size_t where = data[1] | static_cast<size_t>(data[2]) << 8;
  const std::string whole = Framed(records);
  if (data[0] % 3 == 0 || records.empty()) {
    CheckOpens(whole, whole);
    return 0;
  }
  records.pop_back();
  const std::string before = Framed(records);
  if (data[0] % 3 == 1) {
    // Somewhere in the last frame the machine stopped, and zeros may have come instead.
    const size_t kept = where % (whole.size() - before.size());
    CheckOpens(whole.substr(0, before.size() + kept), before);
    CheckOpens(before + std::string(kept, '\0'), before);
    return 0;
  }
  if (before.empty()) return 0;
  std::string damaged = whole;
  char& byte = damaged[where % before.size()];
  byte = static_cast<char>(byte ^ (1 << (data[0] / 3 % 8)));
  WriteFile(damaged);
  const Opened journal = Journal::Open(Path());
  NORROY_CHECK(journal.status().code() == absl::StatusCode::kDataLoss);
  NORROY_CHECK(FileBytes() == damaged);
  return 0;
}
