#ifndef NORROY_ISSUER_SERVICE_FIELDS_H_
#define NORROY_ISSUER_SERVICE_FIELDS_H_

// What is said of a request's fields, and names as people write them into one.

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"

namespace norroy::service {

// INVALID_ARGUMENT, reason BAD_FIELD, metadata field: "<field> <what>".
absl::Status BadField(absl::string_view field, absl::string_view what);

// As ToAscii, then as challenge::Name::Parse.
absl::StatusOr<challenge::Name> ParseName(absl::string_view text);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_FIELDS_H_
