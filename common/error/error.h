#ifndef NORROY_COMMON_ERROR_ERROR_H_
#define NORROY_COMMON_ERROR_ERROR_H_

// Errors that programs can tell apart. The status code says what the caller can do, the reason
// (UPPER_SNAKE_CASE, stable) says which error it is, the message tells a human what, where and
// what would make it pass. Reason and metadata travel as a payload of the absl::Status and as a
// norroy.types.v1.ErrorInfo on the wire.

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace norroy {

using ErrorMetadata = std::map<std::string, std::string>;

absl::Status MakeError(absl::StatusCode code, absl::string_view reason, absl::string_view message,
                       const ErrorMetadata& metadata = {});

// Empty if the status has none.
std::string ErrorReason(const absl::Status& status);
ErrorMetadata ErrorMetadataOf(const absl::Status& status);

// The same error with "<context>: " before its message; code, reason and payloads stay.
absl::Status WithContext(const absl::Status& status, absl::string_view context);

// Text from elsewhere (a CA, a peer, a file) made fit to print: control characters and bytes that
// are not UTF-8 escaped as \xNN, at most `max` bytes, "..." where cut.
std::string Printable(absl::string_view text, size_t max = 512);

// Payload type URLs.
inline constexpr char kErrorInfoPayload[] = "type.googleapis.com/norroy.types.v1.ErrorInfo";
inline constexpr char kProblemPayload[] = "type.googleapis.com/norroy.types.v1.Problem";

}  // namespace norroy

#endif  // NORROY_COMMON_ERROR_ERROR_H_
