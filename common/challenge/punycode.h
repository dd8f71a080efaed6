#ifndef NORROY_COMMON_CHALLENGE_PUNYCODE_H_
#define NORROY_COMMON_CHALLENGE_PUNYCODE_H_

// The form of A-labels (RFC 5890 2.3.2.1), "xn--" and Punycode (RFC 3492). Whether the characters
// make a good name (IDNA 2008) is asked where people write U-labels, not here.

#include "absl/strings/string_view.h"

namespace norroy::challenge {

// `label` is lower case. True if it is "xn--" and Punycode for characters of which at least one is
// not ASCII.
bool IsALabel(absl::string_view label);

}  // namespace norroy::challenge

#endif  // NORROY_COMMON_CHALLENGE_PUNYCODE_H_
