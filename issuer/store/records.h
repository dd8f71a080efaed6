#ifndef NORROY_ISSUER_STORE_RECORDS_H_
#define NORROY_ISSUER_STORE_RECORDS_H_

// Orders, certificates and accounts as the bytes of a row, and back without loss (but for
// NameProgress::responded, which is not stored). Reading bytes that are none of ours is DATA_LOSS,
// reason BAD_RECORD.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/order.h"
#include "issuer/store/store.h"

namespace norroy::store {

// The number that stands for a state in columns and records. Never changes.
int64_t StateColumn(flow::State state);

std::string OrderBytes(const flow::Order& order);
absl::StatusOr<flow::Order> ParseOrder(absl::string_view bytes);

std::string CertificateBytes(const flow::StoredCertificate& certificate);
absl::StatusOr<flow::StoredCertificate> ParseCertificate(absl::string_view bytes);

std::string AccountBytes(const AccountRecord& account);
absl::StatusOr<AccountRecord> ParseAccount(absl::string_view bytes);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_RECORDS_H_
