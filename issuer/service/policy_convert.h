#ifndef NORROY_ISSUER_SERVICE_POLICY_CONVERT_H_
#define NORROY_ISSUER_SERVICE_POLICY_CONVERT_H_

// Grants and versions of the policy as callers see them, and as the policy does.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/policy/grant.h"
#include "issuer/store/policies.h"
#include "norroy/issuer/v1/policy_service.pb.h"

namespace norroy::service {

// As written, but for patterns with U-labels, which become A-labels: "*.Bücher.example". Errors are
// INVALID_ARGUMENT and name the place below `where`.
absl::StatusOr<policy::GrantText> GrantTextOf(const issuer::v1::IssuanceGrant& grant,
                                              absl::string_view where);

issuer::v1::IssuanceGrant ToProto(const policy::GrantText& grant);
// Without its grants.
issuer::v1::Policy ToProto(const store::PolicyVersion& version);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_POLICY_CONVERT_H_
