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
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

// Much more than 1000 presentations of 100 proofs.
constexpr size_t kMaxFile = 64 * 1024 * 1024;
// Rewritten when it is over this, and over four times what was live when it was last looked at.
constexpr size_t kRewriteAt = 256 * 1024;

journal::Record ToRecord(const JournalPresentation& presentation) {
  journal::Record record;
  journal::Presented& presented = *record.mutable_presented();
  presented.set_id(presentation.id);
  presented.set_generation(presentation.generation);
  for (const auto& proof : presentation.proofs) {
    presented.add_proofs(proof.SerializeAsString());
  }
  return record;
}

journal::Record ToRecord(const std::string& id, const Tombstone* tombstone) {
  journal::Record record;
  record.mutable_gone()->set_id(id);
  if (tombstone != nullptr) {
    journal::Refusal& refusal = *record.mutable_gone()->mutable_refusal();
    refusal.set_generation(tombstone->generation);
    refusal.set_until_unix_millis(absl::ToUnixMillis(tombstone->until));
  }
  return record;
}

// What a record does to the state.
class Replay {
 public:
  static absl::Status Apply(const journal::Record& record, JournalState& state) {
    if (record.has_presented()) return Presented(record.presented(), state);
    if (!record.has_gone()) return absl::DataLossError("a record of an unknown kind");
    const journal::Gone& gone = record.gone();
    Forget(state.presented, gone.id());
    if (gone.has_refusal()) {
      Forget(state.tombstones, gone.id());
      state.tombstones.push_back(
          {.id = gone.id(),
           .generation = gone.refusal().generation(),
           .until = absl::FromUnixMillis(gone.refusal().until_unix_millis())});
    }
    return absl::OkStatus();
  }

 private:
  template <typename T>
  static void Forget(std::vector<T>& entries, const std::string& id) {
    entries.erase(std::remove_if(entries.begin(), entries.end(),
                                 [&id](const T& entry) { return entry.id == id; }),
                  entries.end());
  }

  static absl::Status Presented(const journal::Presented& presented, JournalState& state) {
    JournalPresentation entry;
    entry.id = presented.id();
    entry.generation = presented.generation();
    for (const std::string& bytes : presented.proofs()) {
      types::v1::SealedProof proof;
      if (!proof.ParseFromString(bytes)) return absl::DataLossError("a proof does not read");
      entry.proofs.push_back(std::move(proof));
    }
    Forget(state.presented, entry.id);
    state.presented.push_back(std::move(entry));
    return absl::OkStatus();
  }
};

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
    auto frames = ReadFrames(bytes);
    if (!frames.ok()) return Damaged(frames.status().message());
    for (const absl::string_view payload : frames->payloads) {
      journal::Record record;
      if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
        return Damaged("a record does not parse");
      }
      const absl::Status applied = Replay::Apply(record, state_);
      if (!applied.ok()) return Damaged(applied.message());
    }
    size_ = frames->good_bytes;
    if (ftruncate(fd_, static_cast<off_t>(size_)) != 0 || fdatasync(fd_) != 0) {
      return Failed("cut off a torn record");
    }
    return absl::OkStatus();
  }

  const JournalState& state() const override { return state_; }

  absl::Status NotePresented(const JournalPresentation& presentation) override {
    return Append(ToRecord(presentation));
  }

  absl::Status NoteGone(const std::string& id, const Tombstone* tombstone) override {
    return Append(ToRecord(id, tombstone));
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
    NORROY_RETURN_IF_ERROR(Replay::Apply(record, state_));
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
    const std::string bytes = Live();
    rewrite_at_ = std::max(kRewriteAt, 4 * bytes.size());
    if (size_ < rewrite_at_) return absl::OkStatus();
    NORROY_RETURN_IF_ERROR(identity::WriteFileAtomically(path_, bytes, 0600));
    close(fd_);
    size_ = bytes.size();
    const absl::Status reopened = OpenFile();
    broken_ = !reopened.ok();
    return reopened;
  }

  std::string Live() const {
    std::string bytes;
    // Tombstones first: such a record says that its presentation is gone, and a later generation
    // of it may be up.
    for (const auto& tombstone : state_.tombstones) {
      absl::StrAppend(&bytes, Frame(ToRecord(tombstone.id, &tombstone).SerializeAsString()));
    }
    for (const auto& presentation : state_.presented) {
      absl::StrAppend(&bytes, Frame(ToRecord(presentation).SerializeAsString()));
    }
    return bytes;
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
