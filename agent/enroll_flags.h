#ifndef NORROY_AGENT_ENROLL_FLAGS_H_
#define NORROY_AGENT_ENROLL_FLAGS_H_

// The command line of `norroy-agent enroll`.

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace norroy::agent {

// Where the state is if neither --state-dir nor --config says it.
inline constexpr char kDefaultStateDir[] = "/var/lib/norroy/agent";

struct EnrollFlags {
  std::string token_file;
  std::vector<std::string> allow;
  std::string state_dir;
  std::string config;
  bool replace = false;
  bool help = false;
};

// `arguments`: those after "enroll". "--flag value" and "--flag=value"; --allow takes all values up
// to the next flag, and may come again.
absl::StatusOr<EnrollFlags> ParseEnrollFlags(const std::vector<std::string>& arguments);

// What --help prints.
std::string EnrollUsage();

}  // namespace norroy::agent

#endif  // NORROY_AGENT_ENROLL_FLAGS_H_
