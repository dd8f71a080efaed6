#include "agent/presenter/exec_hook/exec_hook.h"

#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "agent/presenter/dns/owner_turns.h"
#include "common/clock/clock.h"
#include "common/error/error.h"
#include "common/program/child.h"
#include "common/program/command.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxZones = 100;
constexpr absl::Duration kMaxTimeout = absl::Seconds(60);

absl::Status BadConfig(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_CONFIG",
                   absl::StrCat("exec_hook: ", message));
}

class ExecHook final : public TxtWriter {
 public:
  explicit ExecHook(ExecHookOptions options)
      : options_(std::move(options)),
        place_(Printable(options_.argv[0])),
        command_{options_.argv, options_.environment},
        environment_(options_.environment) {
    environment_.push_back(program::kPath);
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
  absl::Status Failed(const std::string& verb, const dns::Name& owner, const program::ChildEnd& end,
                      absl::Duration timeout) const;

  const ExecHookOptions options_;
  const std::string place_;
  const program::Command command_;
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
  NORROY_RETURN_IF_ERROR(WithContext(program::CheckFiles(command_), "exec_hook"));
  std::vector<std::string> argv = options_.argv;
  argv.insert(argv.end(), {verb, owner.absolute(), value});
  const absl::Duration timeout = end - clock_.Monotonic();
  const auto child = program::RunChild(argv, environment_, timeout);
  if (!child.ok()) {
    return MakeError(absl::StatusCode::kUnavailable, "EXEC_HOOK_FAILED",
                     absl::StrCat("exec_hook: ", child.status().message()));
  }
  if (!child->timed_out && child->exit_code == 0) return absl::OkStatus();
  return Failed(verb, owner, *child, timeout);
}

absl::Status ExecHook::Failed(const std::string& verb, const dns::Name& owner,
                              const program::ChildEnd& end, absl::Duration timeout) const {
  const std::string message = absl::StrCat("exec_hook: ", place_, " ", verb, " ", owner.absolute(),
                                           " ", program::EndText(command_, end, timeout));
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
  NORROY_RETURN_IF_ERROR(
      WithContext(program::CheckCommand({options.argv, options.environment}), "exec_hook"));
  if (options.zones.empty() || options.zones.size() > kMaxZones) {
    return BadConfig("zones: 1 to 100 of them");
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
