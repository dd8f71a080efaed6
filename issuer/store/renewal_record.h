#ifndef NORROY_ISSUER_STORE_RENEWAL_RECORD_H_
#define NORROY_ISSUER_STORE_RENEWAL_RECORD_H_

// Renewals as rows: what several files of the store do with them.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/sql/database.h"
#include "issuer/store/renewals.h"

namespace norroy::store {

// What ReadRenewal takes, of a table "renewals r".
inline constexpr char kRenewalColumns[] =
    "r.certificate_id, r.renewal_time, r.poll_time, r.ended, r.change_time, r.record";
inline constexpr int kRenewalColumnCount = 6;

// DATA_LOSS, reason BAD_RECORD, for bytes that are none of ours.
absl::StatusOr<Renewal> ReadRenewal(const sql::Row& row);
absl::StatusOr<std::optional<Renewal>> FindRenewal(sql::Connection& connection,
                                                   absl::string_view certificate_id);
absl::Status InsertRenewal(sql::Connection& connection, const Renewal& renewal);
absl::Status WriteRenewal(sql::Connection& connection, const Renewal& renewal);

}  // namespace norroy::store

#endif  // NORROY_ISSUER_STORE_RENEWAL_RECORD_H_
