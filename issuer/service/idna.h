#ifndef NORROY_ISSUER_SERVICE_IDNA_H_
#define NORROY_ISSUER_SERVICE_IDNA_H_

// Names as people write them, turned into A-labels. This edge is the only place where U-labels are
// known: behind it names are ASCII.

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::service {

// RFC 5891 5 (IDNA2008), non-transitional, after UTS 46 mapping: "*.Bücher.example" is
// "*.xn--bcher-kva.example". A-labels must decode to what encodes to them again. Plain ASCII comes
// back as it is: whether it is a name at all is challenge::Name's to say. INVALID_ARGUMENT, reason
// BAD_NAME.
absl::StatusOr<std::string> ToAscii(absl::string_view name);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_IDNA_H_
