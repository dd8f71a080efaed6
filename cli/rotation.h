#ifndef NORROY_CLI_ROTATION_H_
#define NORROY_CLI_ROTATION_H_

// One root follows another without a failed call, in three steps that each may be run again if they
// were cut short. In between the operator waits until every host has what was written.
//
//   prepare   makes the next root and what proves that it follows; every bundle holds both
//   activate  the new root signs; all identities made from here are made anew
//   retire    the old root leaves every bundle
//
// Files in <dir>/core and <dir>/edge (cli/layout.h); bundles that `norroy init` put beside the
// servers' configuration are written, too, where they are still there. No server is asked.

#include <set>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "cli/rotation.pb.h"

namespace norroy::cli {

// After `activate`: the longest life of a seal (24 h), and of agents' identities by default (7
// days).
inline constexpr absl::Duration kCoreRetireAfter = absl::Hours(24);
inline constexpr absl::Duration kEdgeRetireAfter = absl::Hours(24 * 7);

// `domain` is "core" or "edge". FAILED_PRECONDITION, reason WRONG_STAGE, out of turn.
absl::StatusOr<RotationReport> PrepareRoot(const std::string& dir, absl::string_view domain,
                                           absl::Time now);
absl::StatusOr<RotationReport> ActivateRoot(const std::string& dir, absl::string_view domain,
                                            absl::Time now);
// FAILED_PRECONDITION, reason TOO_EARLY, while something the old root vouches for may still be in
// use; `force` retires it all the same.
absl::StatusOr<RotationReport> RetireRoot(const std::string& dir, absl::string_view domain,
                                          bool force, absl::Time now);
absl::StatusOr<RotationReport> RotationOf(const std::string& dir, absl::string_view domain,
                                          absl::Time now);

// In one step: who believes the root believes the new one.
absl::StatusOr<RotationReport> RotateCi(const std::string& dir, absl::Time now);
absl::StatusOr<RotationReport> RotateSeal(const std::string& dir, absl::Time now);

// "good", "superseded", "expired", "revoked", "old root".
std::string StatusOf(const IdentityRecord& record, absl::string_view root_sha256,
                     const std::set<std::string>& revoked, absl::Time now);

}  // namespace norroy::cli

#endif  // NORROY_CLI_ROTATION_H_
