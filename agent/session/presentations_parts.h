#ifndef NORROY_AGENT_SESSION_PRESENTATIONS_PARTS_H_
#define NORROY_AGENT_SESSION_PRESENTATIONS_PARTS_H_

// What the two source files of presentations.h share.

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/challenge/proof.h"
#include "common/log/log.h"

namespace norroy::agent {

inline void LogIfFailed(absl::string_view what, const std::string& id, const absl::Status& status) {
  if (status.ok()) return;
  log::Warning("session", what, {{"presentation_id", id}, {"error", status.message()}});
}

template <typename Entries>
auto FindProof(Entries& entries, const challenge::Proof& proof) {
  return std::find_if(entries.begin(), entries.end(),
                      [&proof](const auto& entry) { return entry.proof == proof; });
}

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SESSION_PRESENTATIONS_PARTS_H_
