#include "issuer/service/doctor_persist.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::service {
namespace {

constexpr size_t kMaxPart = 1024;

// RFC 8659 4.2: a value of such a record has no white space and no semicolon.
absl::Status CheckFits(absl::string_view what, absl::string_view text) {
  const bool fits = std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isgraph(c) && c != ';' && c != '"' && c != '\\';
  });
  if (fits && !text.empty() && text.size() <= kMaxPart) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "BAD_CA_FACT",
                   absl::StrCat("the CA's ", what, " \"", Printable(text, 128),
                                "\" does not fit into a TXT record of dns-persist-01"));
}

}  // namespace

absl::StatusOr<PersistRecord> DescribePersist(const challenge::Name& name,
                                              absl::string_view issuer_domain,
                                              absl::string_view account_url,
                                              int64_t persist_until) {
  if (name.identifier().type() != challenge::IdentifierType::kDns) {
    return MakeError(
        absl::StatusCode::kInvalidArgument, "BAD_FIELD",
        absl::StrCat("name is the address ", name.text(), "; dns-persist-01 is for DNS names"),
        {{"field", "name"}});
  }
  NORROY_RETURN_IF_ERROR(CheckFits("issuer domain name", issuer_domain));
  NORROY_RETURN_IF_ERROR(CheckFits("account URL", account_url));
  PersistRecord record;
  record.owner = absl::StrCat("_validation-persist.", name.identifier().value());
  record.value = absl::StrCat(issuer_domain, "; accounturi=", account_url);
  if (name.wildcard()) absl::StrAppend(&record.value, "; policy=wildcard");
  if (persist_until != 0) absl::StrAppend(&record.value, "; persistUntil=", persist_until);
  return record;
}

}  // namespace norroy::service
