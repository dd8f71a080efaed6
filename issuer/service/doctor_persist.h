#ifndef NORROY_ISSUER_SERVICE_DOCTOR_PERSIST_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_PERSIST_H_

// The record of dns-persist-01 (draft-ietf-acme-dns-persist): a TXT record that names a CA and an
// account, and stands instead of challenges. A function of CA, account and name: another account
// is another record.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/challenge/identifier.h"

namespace norroy::service {

struct PersistRecord {
  std::string owner;  // "_validation-persist.example.com"
  // "ca.example; accounturi=https://ca.example/acct/1; policy=wildcard; persistUntil=1790000000"
  std::string value;
};

// `persist_until`: Unix seconds; 0: without an end. `issuer_domain` and `account_url` are the CA's
// words: FAILED_PRECONDITION, reason BAD_CA_FACT, if they do not fit into the record's form. An
// address has no such record: INVALID_ARGUMENT, reason BAD_FIELD.
absl::StatusOr<PersistRecord> DescribePersist(const challenge::Name& name,
                                              absl::string_view issuer_domain,
                                              absl::string_view account_url, int64_t persist_until);

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_PERSIST_H_
