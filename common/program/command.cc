#include "common/program/command.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/error/error.h"
#include "common/program/program.h"
#include "common/status_macros.h"

namespace norroy::program {
namespace {

// Shorter values ("1", "yes") are no secrets, and would spoil messages.
constexpr size_t kMinHidden = 8;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG", message);
}

// NAME=value, a name as shells have them.
absl::Status CheckVariable(const std::string& variable) {
  const size_t equals = variable.find('=');
  const absl::string_view name = absl::string_view(variable).substr(0, equals);
  const bool named = equals != std::string::npos && !name.empty() &&
                     !absl::ascii_isdigit(static_cast<unsigned char>(name[0])) &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
                     });
  // Values may be secrets: they are not repeated.
  if (!named) return BadConfig("environment: an entry is not NAME=value");
  if (name == "PATH") return BadConfig("environment: PATH is set already");
  if (variable.size() > kMaxString || variable.find_first_of("\n\r\0", 0, 3) != std::string::npos) {
    return BadConfig(absl::StrCat("environment: ", name,
                                  " is longer than 4096 bytes or has a line break in it"));
  }
  return absl::OkStatus();
}

// "NAME=value" -> {value, "[NAME]"}, the longest first: one may begin as another does.
std::vector<std::pair<std::string, std::string>> HiddenIn(
    const std::vector<std::string>& environment) {
  std::vector<std::pair<std::string, std::string>> hidden;
  for (const std::string& variable : environment) {
    const size_t equals = variable.find('=');
    std::string value = variable.substr(equals + 1);
    if (value.size() < kMinHidden) continue;
    hidden.emplace_back(std::move(value), absl::StrCat("[", variable.substr(0, equals), "]"));
  }
  std::sort(hidden.begin(), hidden.end(),
            [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  return hidden;
}

// The last line that says something, for a message.
std::string LastLine(absl::string_view output,
                     const std::vector<std::pair<std::string, std::string>>& hidden) {
  const bool cut = output.size() >= kMaxChildOutput;
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(output);
  const size_t newline = text.rfind('\n');
  std::string line(newline == absl::string_view::npos ? text : text.substr(newline + 1));
  // It may begin in the middle of a value.
  if (cut && newline == absl::string_view::npos && !hidden.empty()) {
    line.erase(0, std::min(line.size(), hidden.front().first.size()));
  }
  for (const auto& [value, name] : hidden) line = absl::StrReplaceAll(line, {{value, name}});
  return Printable(line);
}

}  // namespace

absl::Status CheckFiles(const Command& command) {
  NORROY_RETURN_IF_ERROR(CheckProgram(command.argv[0]));
  for (size_t i = 1; i < command.argv.size(); ++i) {
    const absl::Status safe = CheckArgument(command.argv[i]);
    if (!safe.ok()) return WithContext(safe, absl::StrCat("argv[", i, "]"));
  }
  return absl::OkStatus();
}

absl::Status CheckCommand(const Command& command) {
  if (command.argv.empty()) return BadConfig("argv: the program's path is missing");
  if (command.argv.size() > kMaxArguments) return BadConfig("argv: at most 32 arguments");
  for (const std::string& argument : command.argv) {
    if (argument.size() > kMaxString || argument.find('\0') != std::string::npos) {
      return BadConfig("argv: an argument is longer than 4096 bytes or has a NUL in it");
    }
  }
  if (command.environment.size() > kMaxVariables) {
    return BadConfig("environment: at most 32 entries");
  }
  for (const std::string& variable : command.environment) {
    NORROY_RETURN_IF_ERROR(CheckVariable(variable));
  }
  return CheckFiles(command);
}

std::string EndText(const Command& command, const ChildEnd& end, absl::Duration timeout) {
  std::string text;
  if (end.timed_out) {
    text = absl::StrCat("was killed: it still ran after ",
                        absl::FormatDuration(absl::Trunc(timeout, absl::Milliseconds(100))));
  } else if (end.exit_code >= 0) {
    text = absl::StrCat("exited with ", end.exit_code);
  } else {
    text = absl::StrCat("was ended by signal ", end.signal);
  }
  const std::string line = LastLine(end.output, HiddenIn(command.environment));
  if (!line.empty()) absl::StrAppend(&text, ": ", line);
  return text;
}

}  // namespace norroy::program
