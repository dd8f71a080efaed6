#include "agent/journal/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/journal/frame.h"
#include "agent/journal/record.pb.h"
#include "agent/journal/replay.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

// Much more than 1000 presentations of 100 proofs.
constexpr size_t kMaxFile = 64 * 1024 * 1024;
// Rewritten when it is over this, and over four times what was live when it was last looked at.
constexpr size_t kRewriteAt = 256 * 1024;

class FileJournal final : public Journal {
 public:
  explicit FileJournal(std::string path) : path_(std::move(path)) {}
  ~FileJournal() override {
    if (fd_ >= 0) close(fd_);
  }

  absl::Status Load() {
    struct stat info;
    if (lstat(path_.c_str(), &info) != 0 && errno == ENOENT) {
      NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path_, "", 0600));
    }
    NORROY_RETURN_IF_ERROR(OpenFile());
    NORROY_ASSIGN_OR_RETURN(const std::string bytes, identity::ReadFile(path_, kMaxFile));
    auto read = ReadJournal(bytes);
    if (!read.ok()) return Damaged(read.status().message());
    state_ = std::move(read->state);
    size_ = read->good_bytes;
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0 || fdatasync(fd_) != 0) {
      return Failed("cut off a torn record");
    }
    return absl::OkStatus();
  }

  const JournalState& state() const override { return state_; }

  absl::Status NotePresented(const JournalPresentation& presentation) override {
    return Append(PresentedRecord(presentation));
  }

  absl::Status NoteSpot(const std::string& id, size_t proof, const Spot& spot) override {
    // What does not read must not be written.
    const auto entry = std::find_if(state_.presented.begin(), state_.presented.end(),
                                    [&id](const JournalPresentation& p) { return p.id == id; });
    const absl::Status no_room =
        absl::InternalError(absl::StrCat(path_, ": no room for a spot of ", id));
    if (entry == state_.presented.end() || proof >= entry->proofs.size()) return no_room;
    JournalPresentation grown = *entry;
    std::optional<std::vector<Spot>>& spots = grown.proofs[proof].spots;
    if (!spots.has_value()) spots.emplace();
    spots->push_back(spot);
    if (spots->size() > kMaxSpots || PresentedRecord(grown).ByteSizeLong() > kMaxFramePayload) {
      return no_room;
    }
    return Append(PlacedRecord(id, proof, spot));
  }

  absl::Status NoteReleased(const Tombstone& tombstone) override {
    journal::Record record = GoneRecord(tombstone.id, &tombstone);
    record.mutable_gone()->set_taking_down(true);
    return Append(record);
  }

  absl::Status NoteGone(const std::string& id, const Tombstone* tombstone) override {
    return Append(GoneRecord(id, tombstone));
  }

  absl::Status Sweep(absl::Time now) override {
    auto& tombstones = state_.tombstones;
    tombstones.erase(std::remove_if(tombstones.begin(), tombstones.end(),
                                    [now](const Tombstone& t) { return t.until <= now; }),
                     tombstones.end());
    return RewriteIfGrown();
  }

 private:
  absl::Status Failed(absl::string_view verb) const {
    const int error = errno;
    return absl::FailedPreconditionError(
        absl::StrCat(path_, ": cannot ", verb, ": ", std::strerror(error)));
  }

  absl::Status Damaged(absl::string_view what) const {
    return absl::DataLossError(
        absl::StrCat(path_, ": ", what, "; look at it, then move it away and start again"));
  }

  absl::Status OpenFile() {
    fd_ = open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
    if (fd_ < 0) return Failed("open");
    struct stat info;
    if (fstat(fd_, &info) != 0) return Failed("stat");
    if (!S_ISREG(info.st_mode)) return Damaged("not a regular file");
    return absl::OkStatus();
  }

  absl::Status Append(const journal::Record& record) {
    const std::string payload = record.SerializeAsString();
    if (payload.size() > kMaxFramePayload) {
      return absl::InvalidArgumentError(absl::StrCat(path_, ": a record over 1 MiB"));
    }
    NORROY_RETURN_IF_ERROR(Write(Frame(payload)));
    NORROY_RETURN_IF_ERROR(Apply(record, state_));
    // It is on disk; that the file could not be made smaller is no reason to fail.
    const absl::Status rewritten = RewriteIfGrown();
    if (!rewritten.ok()) {
      log::Warning("journal", "could not be made smaller", {{"error", rewritten.message()}});
    }
    return absl::OkStatus();
  }

  absl::Status Write(const std::string& bytes) {
    if (broken_) return absl::FailedPreconditionError(absl::StrCat(path_, ": damaged; restart"));
    size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t put =
          pwrite(fd_, bytes.data() + done, bytes.size() - done, static_cast<off_t>(size_ + done));
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return TakeBack(Failed("write"));
      done += put;
    }
    if (fdatasync(fd_) != 0) return TakeBack(Failed("sync"));
    size_ += bytes.size();
    return absl::OkStatus();
  }

  // Half a record in the middle of the file would be damage at the next start.
  absl::Status TakeBack(absl::Status why) {
    broken_ = ftruncate(fd_, static_cast<off_t>(size_)) != 0;
    return why;
  }

  absl::Status RewriteIfGrown() {
    if (size_ < rewrite_at_) return absl::OkStatus();
    const std::string bytes = LiveBytes(state_);
    rewrite_at_ = std::max(kRewriteAt, 4 * bytes.size());
    if (size_ < rewrite_at_) return absl::OkStatus();
    NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path_, bytes, 0600));
    close(fd_);
    size_ = bytes.size();
    const absl::Status reopened = OpenFile();
    broken_ = !reopened.ok();
    return reopened;
  }

  const std::string path_;
  int fd_ = -1;
  size_t size_ = 0;
  size_t rewrite_at_ = kRewriteAt;
  bool broken_ = false;
  JournalState state_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& path) {
  auto journal = std::make_unique<FileJournal>(path);
  NORROY_RETURN_IF_ERROR(journal->Load());
  return journal;
}

}  // namespace norroy::agent
