#include "issuer/service/access.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace norroy::service {
namespace {

bool Has(const std::vector<std::string>& principals, const std::string& principal) {
  return std::find(principals.begin(), principals.end(), principal) != principals.end();
}

}  // namespace

std::optional<std::string> ReaderOf(const rpc::Caller& caller) {
  const identity::Role role = caller.identity.role;
  if (role == types::v1::ROLE_OPERATOR || role == types::v1::ROLE_AUDITOR) return std::nullopt;
  return caller.identity.Principal();
}

bool Sees(const rpc::Caller& caller, const flow::Order& order) {
  const std::optional<std::string> reader = ReaderOf(caller);
  return !reader.has_value() || order.creator == *reader || Has(order.finalizers, *reader);
}

bool Sees(const rpc::Caller& caller, const flow::StoredCertificate& certificate) {
  const std::optional<std::string> reader = ReaderOf(caller);
  return !reader.has_value() || certificate.creator == *reader || Has(certificate.readers, *reader);
}

absl::Status CheckMayFinalize(const rpc::Caller& caller, const flow::Order& order) {
  const std::string principal = caller.identity.Principal();
  if (order.creator == principal || Has(order.finalizers, principal)) return absl::OkStatus();
  return MakeError(
      absl::StatusCode::kPermissionDenied, "NOT_A_FINALIZER",
      absl::StrCat("order ", order.id, " may be finalized by its creator ", order.creator,
                   " and the finalizers named when it was created, not by ", principal));
}

absl::Status CheckOwns(const rpc::Caller& caller, absl::string_view what,
                       absl::string_view creator) {
  const std::string principal = caller.identity.Principal();
  if (caller.identity.role == types::v1::ROLE_OPERATOR || creator == principal) {
    return absl::OkStatus();
  }
  return MakeError(
      absl::StatusCode::kPermissionDenied, "NOT_OWNER",
      absl::StrCat("the ", what, " belongs to ", creator, "; only it and operators may do that"));
}

absl::Status NoSuch(absl::string_view what, absl::string_view id) {
  return MakeError(absl::StatusCode::kNotFound, "NOT_FOUND",
                   absl::StrCat("there is no ", what, " \"", Printable(id, 64), "\" that you see"));
}

store::AuditEntry AuditOf(const rpc::Caller& caller, absl::string_view action, std::string object,
                          std::string detail) {
  return {.principal = caller.identity.Principal(),
          .action = std::string(action),
          .object = std::move(object),
          .detail = std::move(detail),
          .peer = caller.peer,
          .trace_id = caller.trace_id};
}

}  // namespace norroy::service
