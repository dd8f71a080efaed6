#ifndef NORROY_ISSUER_SOLVER_LOOK_CONVERT_H_
#define NORROY_ISSUER_SOLVER_LOOK_CONVERT_H_

// A look as the validator's API writes it. Pure functions. What a validator answers is checked and
// made fit to keep and print: at most 8 findings, texts of at most 512 bytes.

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "issuer/solver/solver.h"
#include "norroy/validator/v1/preflight_service.pb.h"

namespace norroy::solver {

inline constexpr int kMaxFindings = 8;
inline constexpr size_t kMaxFindingText = 512;
inline constexpr size_t kMaxViewpoint = 128;

validator::v1::LookRequest ToLookRequest(const LookOrder& order);

// One view of each of `proofs`, in their order. INTERNAL, reason VALIDATOR_PROTOCOL, for another
// number of views or a verdict that is none. A view without a viewpoint's name gets `address`.
absl::StatusOr<std::vector<NameView>> FromProto(const std::vector<challenge::Proof>& proofs,
                                                const validator::v1::LookResponse& response,
                                                const std::string& address);

validator::v1::LookPersistRequest ToLookRequest(const PersistLook& look);
// As above.
absl::StatusOr<types::v1::View> FromProto(const validator::v1::LookPersistResponse& response,
                                          const std::string& address);

// What is noted of a validator that could not be asked: verdict UNKNOWN, finding
// VIEWPOINT_UNREACHABLE.
types::v1::View Unseen(const std::string& address, const absl::Status& why, absl::Time now);
std::vector<NameView> Unseen(const std::vector<challenge::Proof>& proofs,
                             const std::string& address, const absl::Status& why, absl::Time now);

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_LOOK_CONVERT_H_
