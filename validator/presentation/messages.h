#ifndef NORROY_VALIDATOR_PRESENTATION_MESSAGES_H_
#define NORROY_VALIDATOR_PRESENTATION_MESSAGES_H_

// The messages to an agent, cut to what the link takes.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/protobuf/timestamp.pb.h"
#include "norroy/agent/v1/agent_link_service.pb.h"
#include "validator/presentation/wish.h"

namespace norroy::validator {

inline constexpr int kMaxPutUpProofs = 100;
inline constexpr size_t kMaxPutUpBytes = 200 * 1000;

// A PutUp and which of the wish's proofs are in it, in order.
struct PutUpMessage {
  agent::v1::AttachResponse message;
  std::vector<size_t> proofs;
};
std::vector<PutUpMessage> PutUpMessages(const Wish& wish, const std::vector<size_t>& proofs);

agent::v1::AttachResponse TakeDownMessage(absl::string_view id, int64_t generation,
                                          absl::Time tombstone_until);

google::protobuf::Timestamp ToTimestamp(absl::Time time);
// Of what protobuf calls valid (years 1 to 9999); InfinitePast for anything else.
absl::Time FromTimestamp(const google::protobuf::Timestamp& timestamp);

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_PRESENTATION_MESSAGES_H_
