#include "issuer/service/fields.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/idna.h"

namespace norroy::service {

absl::Status BadField(absl::string_view field, absl::string_view what) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FIELD", absl::StrCat(field, " ", what),
                   {{"field", std::string(field)}});
}

absl::StatusOr<challenge::Name> ParseName(absl::string_view text) {
  NORROY_ASSIGN_OR_RETURN(const std::string ascii, ToAscii(text));
  return challenge::Name::Parse(ascii);
}

}  // namespace norroy::service
