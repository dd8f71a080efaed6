#include "agent/presenter/exec_hook/exec_hook.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "agent/presenter/dns/owner_turns.h"
#include "agent/presenter/exec_hook/child.h"
#include "agent/presenter/exec_hook/program.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr char kPath[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
constexpr size_t kMaxZones = 100;
constexpr absl::Duration kMaxTimeout = absl::Seconds(60);
// Shorter values ("1", "yes") are no secrets, and would spoil messages.
constexpr size_t kMinHidden = 8;

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("exec_hook: ", message));
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
  if (variable.size() > kMaxHookString ||
      variable.find_first_of("\n\r\0", 0, 3) != std::string::npos) {
    return BadConfig(absl::StrCat("environment: ", name,
                                  " is longer than 4096 bytes or has a line break in it"));
  }
  return absl::OkStatus();
}

// The program, and what files its arguments name.
absl::Status CheckFiles(const std::vector<std::string>& argv) {
  NORROY_RETURN_IF_ERROR(WithContext(CheckProgram(argv[0]), "exec_hook"));
  for (size_t i = 1; i < argv.size(); ++i) {
    const absl::Status safe = CheckArgument(argv[i]);
    if (!safe.ok()) return WithContext(safe, absl::StrCat("exec_hook: argv[", i, "]"));
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const std::vector<std::string>& argv) {
  if (argv.empty()) return BadConfig("argv: the program's path is missing");
  if (argv.size() > kMaxHookArguments) return BadConfig("argv: at most 32 arguments");
  for (const std::string& argument : argv) {
    if (argument.size() > kMaxHookString || argument.find('\0') != std::string::npos) {
      return BadConfig("argv: an argument is longer than 4096 bytes or has a NUL in it");
    }
  }
  return CheckFiles(argv);
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

class ExecHook final : public TxtWriter {
 public:
  explicit ExecHook(ExecHookOptions options)
      : options_(std::move(options)),
        place_(Printable(options_.argv[0])),
        hidden_(HiddenIn(options_.environment)),
        environment_(options_.environment) {
    environment_.push_back(kPath);
  }

  absl::string_view kind() const override { return "exec_hook"; }
  const std::string& place() const override { return place_; }
  const std::vector<dns::Name>& zones() const override { return options_.zones; }

  absl::Status Add(const dns::Name& owner, const std::string& value) override;
  absl::Status Remove(const dns::Name& owner, const std::string& value) override;

 private:
  absl::Status Check(const dns::Name& owner, const std::string& value) const;
  absl::Status Busy() const;
  // Ends by `end` of the monotonic clock.
  absl::Status Run(const std::string& verb, const dns::Name& owner, const std::string& value,
                   absl::Duration end);
  absl::Status Failed(const std::string& verb, const dns::Name& owner, const ChildEnd& end,
                      absl::Duration timeout) const;

  const ExecHookOptions options_;
  const std::string place_;
  const std::vector<std::pair<std::string, std::string>> hidden_;
  std::vector<std::string> environment_;
  SystemClock clock_;
  OwnerTurns turns_{kMaxHooksAtOnce};
};

absl::Status ExecHook::Check(const dns::Name& owner, const std::string& value) const {
  if (ZoneOf(options_.zones, owner) == nullptr) {
    return MakeError(absl::StatusCode::kInvalidArgument, "FOREIGN_ZONE",
                     absl::StrCat(owner.text(), " is in no zone of exec_hook ", place_));
  }
  // Whatever zones there are: programs take it for an option.
  if (absl::StartsWith(owner.text(), "-")) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_OWNER",
                     absl::StrCat(owner.text(), " begins with \"-\", which exec_hook ", place_,
                                  " would take for an option: give it another name"));
  }
  if (value.empty() || value.size() > 255 ||
      !std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; })) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_TXT_VALUE",
                     "a TXT value has 1 to 255 printable ASCII characters");
  }
  return absl::OkStatus();
}

absl::Status ExecHook::Busy() const {
  return MakeError(absl::StatusCode::kDeadlineExceeded, "EXEC_HOOK_TIMEOUT",
                   absl::StrCat("exec_hook ", place_, ": other calls of it were waited for over ",
                                absl::FormatDuration(options_.timeout / 2)));
}

absl::Status ExecHook::Run(const std::string& verb, const dns::Name& owner,
                           const std::string& value, absl::Duration end) {
  NORROY_RETURN_IF_ERROR(CheckFiles(options_.argv));
  std::vector<std::string> argv = options_.argv;
  argv.insert(argv.end(), {verb, owner.absolute(), value});
  const absl::Duration timeout = end - clock_.Monotonic();
  const auto child = RunChild(argv, environment_, timeout);
  if (!child.ok()) return WithContext(child.status(), "exec_hook");
  if (!child->timed_out && child->exit_code == 0) return absl::OkStatus();
  return Failed(verb, owner, *child, timeout);
}

absl::Status ExecHook::Failed(const std::string& verb, const dns::Name& owner, const ChildEnd& end,
                              absl::Duration timeout) const {
  std::string message = absl::StrCat("exec_hook: ", place_, " ", verb, " ", owner.absolute());
  if (end.timed_out) {
    absl::StrAppend(&message, " was killed: it still ran after ",
                    absl::FormatDuration(absl::Trunc(timeout, absl::Milliseconds(100))));
  } else if (end.exit_code >= 0) {
    absl::StrAppend(&message, " exited with ", end.exit_code);
  } else {
    absl::StrAppend(&message, " was ended by signal ", end.signal);
  }
  const std::string line = LastLine(end.output, hidden_);
  if (!line.empty()) absl::StrAppend(&message, ": ", line);
  return end.timed_out
             ? MakeError(absl::StatusCode::kDeadlineExceeded, "EXEC_HOOK_TIMEOUT", message)
             : MakeError(absl::StatusCode::kUnavailable, "EXEC_HOOK_FAILED", message);
}

absl::Status ExecHook::Add(const dns::Name& owner, const std::string& value) {
  NORROY_RETURN_IF_ERROR(Check(owner, value));
  const absl::Duration end = clock_.Monotonic() + options_.timeout;
  const OwnerTurn turn(turns_, owner, options_.timeout / 2);
  if (!turn.taken()) return Busy();
  const absl::Status status = Run("present", owner, value, end - options_.timeout / 6);
  const std::string reason = ErrorReason(status);
  if (reason != "EXEC_HOOK_FAILED" && reason != "EXEC_HOOK_TIMEOUT") return status;
  // It may have come as far as that: nothing must stay behind.
  const absl::Status cleaned = Run("cleanup", owner, value, end);
  if (cleaned.ok()) return status;
  return WithContext(status, absl::StrCat("TXT ", owner.text(), " may have been left behind (",
                                          cleaned.message(), ")"));
}

absl::Status ExecHook::Remove(const dns::Name& owner, const std::string& value) {
  NORROY_RETURN_IF_ERROR(Check(owner, value));
  const absl::Duration end = clock_.Monotonic() + options_.timeout;
  const OwnerTurn turn(turns_, owner, options_.timeout / 2);
  if (!turn.taken()) return Busy();
  return Run("cleanup", owner, value, end);
}

}  // namespace

absl::Status CheckExecHook(const ExecHookOptions& options) {
  NORROY_RETURN_IF_ERROR(CheckArguments(options.argv));
  if (options.zones.empty() || options.zones.size() > kMaxZones) {
    return BadConfig("zones: 1 to 100 of them");
  }
  if (options.environment.size() > kMaxHookEnvironment) {
    return BadConfig("environment: at most 32 entries");
  }
  for (const std::string& variable : options.environment) {
    NORROY_RETURN_IF_ERROR(CheckVariable(variable));
  }
  if (options.timeout <= absl::ZeroDuration() || options.timeout > kMaxTimeout) {
    return BadConfig("timeout: more than 0 and at most 60 s");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<TxtWriter>> MakeExecHook(ExecHookOptions options) {
  NORROY_RETURN_IF_ERROR(CheckExecHook(options));
  umask(077);
  return std::make_unique<ExecHook>(std::move(options));
}

}  // namespace norroy::agent
