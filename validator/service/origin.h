#ifndef NORROY_VALIDATOR_SERVICE_ORIGIN_H_
#define NORROY_VALIDATOR_SERVICE_ORIGIN_H_

// The audit log's entry of a call: who, from where and in which trace are the caller's.

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "common/audit/entry.h"
#include "common/rpc/caller.h"

namespace norroy::validator {

inline audit::Entry AuditOf(const rpc::Caller& caller, absl::string_view action = "",
                            absl::string_view agent = "", std::string detail = "") {
  return {.principal = caller.identity.Principal(),
          .action = std::string(action),
          .object = absl::StrCat("agent/", agent),
          .detail = std::move(detail),
          .peer = caller.peer,
          .trace_id = caller.trace_id};
}

}  // namespace norroy::validator

#endif  // NORROY_VALIDATOR_SERVICE_ORIGIN_H_
