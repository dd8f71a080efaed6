#include "agent/journal/replay.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/journal/frame.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

void SetSpot(size_t proof, const Spot& spot, journal::Spot& record) {
  record.set_proof(static_cast<uint32_t>(proof));
  record.set_presenter(spot.presenter);
  record.set_location(spot.location);
}

}  // namespace

journal::Record PresentedRecord(const JournalPresentation& presentation) {
  journal::Record record;
  journal::Presented& presented = *record.mutable_presented();
  presented.set_id(presentation.id);
  presented.set_generation(presentation.generation);
  presented.set_located(
      std::all_of(presentation.proofs.begin(), presentation.proofs.end(),
                  [](const JournalProof& proof) { return proof.spots.has_value(); }));
  for (size_t i = 0; i < presentation.proofs.size(); ++i) {
    presented.add_proofs(presentation.proofs[i].sealed.SerializeAsString());
    if (!presentation.proofs[i].spots.has_value()) continue;
    for (const Spot& spot : *presentation.proofs[i].spots) {
      SetSpot(i, spot, *presented.add_spots());
    }
  }
  return record;
}

journal::Record PlacedRecord(const std::string& id, size_t proof, const Spot& spot) {
  journal::Record record;
  record.mutable_placed()->set_id(id);
  SetSpot(proof, spot, *record.mutable_placed()->mutable_spot());
  return record;
}

journal::Record GoneRecord(const std::string& id, const Tombstone* tombstone) {
  journal::Record record;
  record.mutable_gone()->set_id(id);
  if (tombstone != nullptr) {
    journal::Refusal& refusal = *record.mutable_gone()->mutable_refusal();
    refusal.set_generation(tombstone->generation);
    refusal.set_until_unix_millis(absl::ToUnixMillis(tombstone->until));
  }
  return record;
}

namespace {

class Replay {
 public:
  static absl::Status Apply(const journal::Record& record, JournalState& state) {
    if (record.has_presented()) return Presented(record.presented(), state);
    if (record.has_placed()) return Placed(record.placed(), state);
    if (!record.has_gone()) return absl::DataLossError("a record of an unknown kind");
    const journal::Gone& gone = record.gone();
    if (!gone.taking_down()) Forget(state.presented, gone.id());
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
      JournalProof& proof = entry.proofs.emplace_back();
      if (!proof.sealed.ParseFromString(bytes)) {
        return absl::DataLossError("a proof does not read");
      }
      if (presented.located()) proof.spots.emplace();
    }
    for (const journal::Spot& spot : presented.spots()) {
      NORROY_RETURN_IF_ERROR(AddSpot(spot, entry));
    }
    Forget(state.presented, entry.id);
    state.presented.push_back(std::move(entry));
    return absl::OkStatus();
  }

  static absl::Status Placed(const journal::Placed& placed, JournalState& state) {
    const auto entry =
        std::find_if(state.presented.begin(), state.presented.end(),
                     [&placed](const JournalPresentation& p) { return p.id == placed.id(); });
    if (entry == state.presented.end()) return absl::DataLossError("a spot of no presentation");
    return AddSpot(placed.spot(), *entry);
  }

  static absl::Status AddSpot(const journal::Spot& spot, JournalPresentation& entry) {
    if (spot.proof() >= entry.proofs.size()) return absl::DataLossError("a spot of no proof");
    std::optional<std::vector<Spot>>& spots = entry.proofs[spot.proof()].spots;
    if (!spots.has_value()) spots.emplace();
    if (spots->size() >= kMaxSpots) return absl::DataLossError("a proof at too many spots");
    spots->push_back({.presenter = spot.presenter(), .location = spot.location()});
    return absl::OkStatus();
  }
};

}  // namespace

absl::Status Apply(const journal::Record& record, JournalState& state) {
  return Replay::Apply(record, state);
}

std::string LiveBytes(const JournalState& state) {
  std::string bytes;
  // Tombstones first: such a record says that its presentation is gone, and a later generation of
  // it may be up.
  for (const auto& tombstone : state.tombstones) {
    absl::StrAppend(&bytes, Frame(GoneRecord(tombstone.id, &tombstone).SerializeAsString()));
  }
  for (const auto& presentation : state.presented) {
    absl::StrAppend(&bytes, Frame(PresentedRecord(presentation).SerializeAsString()));
  }
  return bytes;
}

absl::StatusOr<JournalBytes> ReadJournal(absl::string_view bytes) {
  NORROY_ASSIGN_OR_RETURN(const Frames frames, ReadFrames(bytes));
  JournalBytes read;
  for (const absl::string_view payload : frames.payloads) {
    journal::Record record;
    if (!record.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
      return absl::DataLossError("a record does not parse");
    }
    NORROY_RETURN_IF_ERROR(Apply(record, read.state));
  }
  read.good_bytes = frames.good_bytes;
  return read;
}

}  // namespace norroy::agent
