#ifndef NORROY_VALIDATOR_PREFLIGHT_PERSIST_RECORD_H_
#define NORROY_VALIDATOR_PREFLIGHT_PERSIST_RECORD_H_

// The text of a dns-persist-01 record:
//
//   ca.example.net; accounturi=https://...; policy=wildcard; persistUntil=1790000000

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::validator::preflight {

struct PersistRecord {
  std::string issuer;  // lower case
  std::string account_uri;
  bool wildcard = false;         // policy=wildcard
  std::optional<int64_t> until;  // Unix seconds

  // Nothing: no such record. Unknown parameters are passed over.
  static std::optional<PersistRecord> Parse(absl::string_view text);
};

}  // namespace norroy::validator::preflight

#endif  // NORROY_VALIDATOR_PREFLIGHT_PERSIST_RECORD_H_
