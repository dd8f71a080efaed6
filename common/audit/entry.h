#ifndef NORROY_COMMON_AUDIT_ENTRY_H_
#define NORROY_COMMON_AUDIT_ENTRY_H_

// What an audit log says of one decision or one change of state: who, from where, what, by which
// policy, with what outcome. A value; protos/norroy/audit/v1 shows the same to callers.

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace norroy::audit {

inline constexpr char kOk[] = "ok";
inline constexpr char kDenied[] = "denied";
inline constexpr char kFailed[] = "failed";

struct Entry {
  std::string principal;  // who: "operator/alice"; the writer's name for what nobody asked for
  std::string action;     // "order.create", "agent.ban": <object's kind>.<verb>
  std::string object;     // "order/<id>", "agent/web-1"
  std::string detail = {};
  // Unset: as the call says; else the changed object's newest time, else that of the entry before.
  absl::Time time = absl::InfinitePast();
  std::string peer = {};  // from where; empty for what nobody asked for
  std::string outcome = kOk;
  int64_t policy_version = 0;
  std::string request_id = {};
  std::string trace_id = {};
};

// The last entry of one writer's chain.
struct Head {
  std::string writer;
  int64_t seq = 0;   // also the number of its entries
  std::string hash;  // lower-case hexadecimal

  bool operator==(const Head&) const = default;
};

}  // namespace norroy::audit

#endif  // NORROY_COMMON_AUDIT_ENTRY_H_
