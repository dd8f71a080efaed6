#ifndef NORROY_AGENT_PRESENTER_POWERDNS_TXT_SET_H_
#define NORROY_AGENT_PRESENTER_POWERDNS_TXT_SET_H_

// The TXT records of one owner as PowerDNS's API has them, and the JSON that reads and changes
// them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/dns/name.h"

namespace norroy::agent {

// More records in one set are refused.
inline constexpr size_t kMaxTxtRecords = 512;

// A value.
struct TxtSet {
  struct Record {
    // As the API has it: quoted strings ("\"a\" \"b\"").
    std::string content;
    bool disabled = false;  // kept, but not served
    auto operator<=>(const Record&) const = default;
  };
  uint32_t ttl = 0;
  std::vector<Record> records;  // empty: there is no such set

  // Is this value there at all / served?
  bool Has(absl::string_view value) const;
  bool Serves(absl::string_view value) const;
  bool HasDisabled() const;
  // The set with the value as a served one; `new_ttl` if the set is new.
  TxtSet With(absl::string_view value, uint32_t new_ttl) const;
  TxtSet Without(absl::string_view value) const;
};

// Fit to be written: 1 to 255 printable ASCII characters.
bool IsTxtValue(absl::string_view value);
// "\"value\"", with \ before quotes and backslashes.
std::string QuotedTxt(absl::string_view value);
// The strings of a content, joined; also \DDD (RFC 1035 5.1). Nothing if it is not well formed.
std::optional<std::string> UnquotedTxt(absl::string_view content);

// The owner's TXT set in a reply to GET zone, be it filtered by the server or whole. The status has
// a message alone.
absl::StatusOr<TxtSet> ReadTxtSet(absl::string_view json, const dns::Name& owner);

// Bodies for PATCH zone. An empty set is deleted; comments stay else.
std::string ReplaceBody(const dns::Name& owner, const TxtSet& set);
// Adds or removes one value, where the server can do that by itself (5.0.2 or newer).
std::string ExtendBody(const dns::Name& owner, absl::string_view value, uint32_t ttl);
std::string PruneBody(const dns::Name& owner, absl::string_view value, uint32_t ttl);

// Can a server that describes itself so (GET server) EXTEND and PRUNE?
bool ServerExtends(absl::string_view json);

// PowerDNS's own words in an error's body; the body itself if it is not JSON. Not yet printable.
std::string ErrorOf(absl::string_view body);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_POWERDNS_TXT_SET_H_
