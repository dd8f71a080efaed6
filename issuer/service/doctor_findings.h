#ifndef NORROY_ISSUER_SERVICE_DOCTOR_FINDINGS_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_FINDINGS_H_

// What a rehearsal finds by itself, before (or although) viewpoints look, in words for operators.
// What viewpoints find is the validators' to say. Each code stands in docs/doctor.md. Pure
// functions.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/challenge/proof.h"
#include "issuer/solver/solver.h"
#include "norroy/types/v1/view.pb.h"

namespace norroy::service {

// Wildcards are proved by dns-01 alone (the CA/Browser Forum's Baseline Requirements), addresses
// never (RFC 8738 7).
bool Suits(const challenge::Name& name, challenge::ChallengeType type);

// No challenge grant covers the name (by that type, if one is given).
types::v1::Finding NoGrant(const challenge::Name& name,
                           std::optional<challenge::ChallengeType> type);
// No CA proves the name by that type; unset: by any type that is granted.
types::v1::Finding NoCaType(const challenge::Name& name,
                            std::optional<challenge::ChallengeType> type);
// Why the proof is not served, as the validator tells it.
types::v1::Finding NotServed(const solver::PresentedName& presented);
// Nobody said in time whether the proof is served.
types::v1::Finding NotInTime(const solver::PresentedName* presented, absl::Duration waited);
// The validators cannot be asked (UNAVAILABLE), or refuse.
types::v1::Finding NoValidator(const absl::Status& why);
// The proof is served and no viewpoint has said what it sees.
types::v1::Finding NotLookedAt(absl::string_view why);
// Of the CA nothing is known: CAA records are shown, not judged.
types::v1::Finding CaUnreachable(absl::string_view ca, absl::string_view why);
types::v1::Finding NoAccount(absl::string_view ca, absl::string_view why);

// The worse of the two: FAIL, WAIT, UNKNOWN, PASS.
types::v1::Verdict Worse(types::v1::Verdict a, types::v1::Verdict b);
// What a finding of ours does to the verdict.
types::v1::Verdict VerdictOf(const types::v1::Finding& finding);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_FINDINGS_H_
