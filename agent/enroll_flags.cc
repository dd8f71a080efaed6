#include "agent/enroll_flags.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

absl::Status BadFlag(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_FLAG", message);
}

bool IsFlag(absl::string_view argument) { return absl::StartsWith(argument, "--"); }

// Where a flag's values go; null if it takes none or is unknown.
std::string* ValueOf(absl::string_view name, EnrollFlags& flags) {
  if (name == "--token-file") return &flags.token_file;
  if (name == "--state-dir") return &flags.state_dir;
  if (name == "--config") return &flags.config;
  return nullptr;
}

// Takes one flag and its values; `at` is left on the last of them.
absl::Status TakeFlag(const std::vector<std::string>& arguments, size_t& at, EnrollFlags& flags) {
  const absl::string_view argument = arguments[at];
  if (argument == "--replace") {
    flags.replace = true;
    return absl::OkStatus();
  }
  if (argument == "--help" || argument == "-h") {
    flags.help = true;
    return absl::OkStatus();
  }
  const size_t equals = argument.find('=');
  const absl::string_view name = argument.substr(0, equals);
  std::vector<std::string> values;
  if (equals != absl::string_view::npos) values.emplace_back(argument.substr(equals + 1));
  std::string* const value = ValueOf(name, flags);
  if (value == nullptr && name != "--allow") {
    return BadFlag(absl::StrCat("unknown argument \"", Printable(argument), "\"\n", EnrollUsage()));
  }
  const size_t most = value != nullptr ? 1 : arguments.size();
  while (equals == absl::string_view::npos && values.size() < most && at + 1 < arguments.size() &&
         !IsFlag(arguments[at + 1])) {
    values.push_back(arguments[++at]);
  }
  if (values.empty() || values[0].empty()) {
    return BadFlag(absl::StrCat(name, ": a value must follow"));
  }
  if (value != nullptr) {
    *value = values[0];
    return absl::OkStatus();
  }
  flags.allow.insert(flags.allow.end(), values.begin(), values.end());
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<EnrollFlags> ParseEnrollFlags(const std::vector<std::string>& arguments) {
  EnrollFlags flags;
  for (size_t at = 0; at < arguments.size(); ++at) {
    NORROY_RETURN_IF_ERROR(TakeFlag(arguments, at, flags));
  }
  if (flags.help) return flags;
  if (flags.token_file.empty()) return BadFlag("--token-file FILE is missing");
  if (flags.allow.empty()) {
    return BadFlag(
        "--allow PATTERN is missing: the names that this host may answer for, say "
        "\"www.example.com\" or \".example.com\"");
  }
  return flags;
}

std::string EnrollUsage() {
  return absl::StrCat(
      "Usage: norroy-agent enroll --token-file FILE --allow PATTERN...\n"
      "  --token-file FILE  from `norroy agent token create`\n"
      "  --allow PATTERN... the names that this host will ever answer for:\n"
      "                     www.example.com, .example.com, *.example.com, =192.0.2.0/24\n"
      "  --state-dir DIR    where to keep identity and scope (default: the configuration's\n"
      "                     state_dir, else ",
      kDefaultStateDir,
      ")\n"
      "  --config FILE      the agent's configuration\n"
      "  --replace          although an agent is enrolled here already\n");
}

}  // namespace norroy::agent
