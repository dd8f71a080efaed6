#include "validator/presentation/messages.h"

namespace norroy::validator {
namespace {

constexpr int64_t kMinSeconds = -62135596800;  // 0001-01-01T00:00:00Z
constexpr int64_t kMaxSeconds = 253402300799;  // 9999-12-31T23:59:59Z

}  // namespace

std::vector<PutUpMessage> PutUpMessages(const Wish& wish, const std::vector<size_t>& proofs) {
  std::vector<PutUpMessage> messages;
  size_t bytes = 0;
  for (const size_t place : proofs) {
    const types::v1::SealedProof& sealed = wish.proofs[place].sealed;
    const size_t more = sealed.ByteSizeLong();
    if (messages.empty() || messages.back().proofs.size() >= kMaxPutUpProofs ||
        bytes + more > kMaxPutUpBytes) {
      messages.emplace_back();
      bytes = 0;
    }
    *messages.back().message.mutable_put_up()->add_proofs() = sealed;
    messages.back().proofs.push_back(place);
    bytes += more;
  }
  return messages;
}

agent::v1::AttachResponse TakeDownMessage(absl::string_view id, int64_t generation,
                                          absl::Time tombstone_until) {
  agent::v1::AttachResponse message;
  agent::v1::TakeDown* take_down = message.mutable_take_down();
  take_down->set_presentation_id(std::string(id));
  take_down->set_generation(generation);
  *take_down->mutable_tombstone_until() = ToTimestamp(tombstone_until);
  return message;
}

google::protobuf::Timestamp ToTimestamp(absl::Time time) {
  google::protobuf::Timestamp timestamp;
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp.set_seconds(seconds);
  timestamp.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return timestamp;
}

absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() < kMinSeconds || timestamp.seconds() > kMaxSeconds ||
      timestamp.nanos() < 0 || timestamp.nanos() > 999999999) {
    return absl::InfinitePast();
  }
  return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
}

}  // namespace norroy::validator
