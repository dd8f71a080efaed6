#ifndef NORROY_ISSUER_SERVICE_ACCESS_H_
#define NORROY_ISSUER_SERVICE_ACCESS_H_

// Who sees what. Operators and auditors see everything; a requester sees what it created, may
// finalize or was made a reader of. What somebody does not see does not exist for it: NOT_FOUND,
// never PERMISSION_DENIED.

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "common/rpc/caller.h"
#include "issuer/flow/certificate.h"
#include "issuer/flow/order.h"
#include "issuer/store/store.h"

namespace norroy::service {

// For lists: the principal whose view it is; unset: everything.
std::optional<std::string> ReaderOf(const rpc::Caller& caller);

bool Sees(const rpc::Caller& caller, const flow::Order& order);
bool Sees(const rpc::Caller& caller, const flow::StoredCertificate& certificate);

// The creator or one of the order's finalizers. PERMISSION_DENIED, reason NOT_A_FINALIZER.
absl::Status CheckMayFinalize(const rpc::Caller& caller, const flow::Order& order);
// An operator or the creator. PERMISSION_DENIED, reason NOT_OWNER.
absl::Status CheckOwns(const rpc::Caller& caller, absl::string_view what,
                       absl::string_view creator);

absl::Status NoSuch(absl::string_view what, absl::string_view id);

// What the audit log says of a call's outcome: who, from where and in which trace are the caller's.
store::AuditEntry AuditOf(const rpc::Caller& caller, absl::string_view action, std::string object,
                          std::string detail = "");

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_ACCESS_H_
