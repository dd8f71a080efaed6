#include "cli/up.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/children.h"
#include "cli/join.h"
#include "cli/layout.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/server_info_service.grpc.pb.h"
#include "norroy/validator/v1/agent_admin_service.grpc.pb.h"
#include "norroy/validator/v1/server_info_service.grpc.pb.h"

namespace norroy::cli {
namespace {

// A daemon drains for at most 30 s; then it is not going to.
constexpr absl::Duration kStopGrace = absl::Seconds(35);
constexpr absl::Duration kStartLimit = absl::Seconds(30);
constexpr absl::Duration kPollPause = absl::Milliseconds(50);
constexpr absl::Duration kPollTimeout = absl::Seconds(2);
constexpr size_t kMaxAllowFile = 64 * 1024;
constexpr char kAgentName[] = "local";

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// Installed side by side, or as Bazel lays them out: cli/norroy, issuer/norroy-issuer.
absl::StatusOr<std::string> FindDaemon(const std::string& process) {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  const std::string name = absl::StrCat("norroy-", process);
  for (const auto& path : {self / name, self.parent_path() / process / name}) {
    if (access(path.c_str(), X_OK) == 0) return path.string();
  }
  return absl::FailedPreconditionError(
      absl::StrCat(name, " is neither in ", self.string(), " nor in ",
                   (self.parent_path() / process).string(), "; put it beside norroy"));
}

absl::Status Stopped() { return MakeError(absl::StatusCode::kCancelled, "STOPPED", "stopped"); }

// One run of the command: what is running, and how to wait without missing a signal or an end.
class Run {
 public:
  Run(Context& context, std::string dir)
      : context_(context), dir_(std::move(dir)), children_(context.clock()) {}

  absl::Status Everything();
  Children& children() { return children_; }

 private:
  std::string Path(absl::string_view name) const { return absl::StrCat(dir_, "/", name); }
  absl::Status StartDaemon(const std::string& process, absl::string_view config);
  // Looks at what came in; an error ends the run.
  absl::Status Attend(absl::Duration timeout);
  absl::Status WaitUntil(absl::string_view what, const std::function<absl::Status()>& probe);
  absl::Status Enroll();
  absl::Status RunEnrollment(const std::vector<std::string>& argv);
  absl::Status ProbeIssuer();
  absl::Status ProbeValidator();
  absl::Status ProbeAgent();

  Context& context_;
  const std::string dir_;
  Children children_;
};

absl::Status Run::StartDaemon(const std::string& process, absl::string_view config) {
  NORROY_ASSIGN_OR_RETURN(const std::string file, FindDaemon(process));
  return children_.Start(absl::StrCat("norroy-", process), {file, "--config", Path(config)});
}

absl::Status Run::Attend(absl::Duration timeout) {
  switch (children_.WaitEvent(timeout)) {
    case Event::kStop:
      return Stopped();
    case Event::kReload:
      children_.Signal(SIGHUP);
      break;
    default:
      break;
  }
  // Signals may merge, so this is asked each time.
  if (const auto ended = children_.Reap(); ended.has_value()) {
    return absl::InternalError(
        absl::StrCat(ended->name, " ended by itself (", ended->how, "); its log says why"));
  }
  return absl::OkStatus();
}

absl::Status Run::WaitUntil(absl::string_view what, const std::function<absl::Status()>& probe) {
  const absl::Duration end = context_.clock().Monotonic() + kStartLimit;
  while (true) {
    const absl::Status status = probe();
    if (status.ok()) return status;
    // A refusal does not get better by asking again.
    if (status.code() == absl::StatusCode::kPermissionDenied ||
        status.code() == absl::StatusCode::kUnauthenticated ||
        status.code() == absl::StatusCode::kInvalidArgument) {
      return WithContext(status, what);
    }
    if (context_.clock().Monotonic() > end) {
      return absl::DeadlineExceededError(absl::StrCat(what, " does not serve after ",
                                                      absl::FormatDuration(kStartLimit), ": ",
                                                      status.message()));
    }
    NORROY_RETURN_IF_ERROR(Attend(kPollPause));
  }
}

// A channel of its own each time: one that failed would wait before it dials again.
absl::Status Run::ProbeIssuer() {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context_.Issuer());
  grpc::ClientContext call;
  context_.SetDeadline(call, kPollTimeout);
  issuer::v1::GetServerInfoResponse response;
  return rpc::FromGrpc(
      issuer::v1::ServerInfoService::NewStub(channel)->GetServerInfo(&call, {}, &response));
}

absl::Status Run::ProbeValidator() {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context_.Validator());
  grpc::ClientContext call;
  context_.SetDeadline(call, kPollTimeout);
  validator::v1::GetServerInfoResponse response;
  return rpc::FromGrpc(
      validator::v1::ServerInfoService::NewStub(channel)->GetServerInfo(&call, {}, &response));
}

absl::Status Run::ProbeAgent() {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context_.Validator());
  grpc::ClientContext call;
  context_.SetDeadline(call, kPollTimeout);
  validator::v1::GetAgentRequest request;
  request.set_name(kAgentName);
  validator::v1::GetAgentResponse response;
  NORROY_RETURN_IF_ERROR(rpc::FromGrpc(
      validator::v1::AgentAdminService::NewStub(channel)->GetAgent(&call, request, &response)));
  if (response.agent().attached()) return absl::OkStatus();
  return absl::UnavailableError("it is not attached to the validator");
}

absl::Status Run::RunEnrollment(const std::vector<std::string>& argv) {
  NORROY_RETURN_IF_ERROR(children_.Start("norroy-agent enroll", argv));
  while (true) {
    const Event event = children_.WaitEvent(absl::Seconds(1));
    if (event == Event::kStop) return Stopped();
    const auto ended = children_.Reap();
    if (!ended.has_value()) continue;
    if (ended->name != "norroy-agent enroll" || !ended->ok) {
      return absl::InternalError(absl::StrCat(ended->name, " failed (", ended->how, ")"));
    }
    return absl::OkStatus();
  }
}

absl::Status Run::Enroll() {
  NORROY_ASSIGN_OR_RETURN(const std::string allow,
                          identity::ReadFile(Path(layout::kAgentAllow), kMaxAllowFile));
  const std::vector<std::string> patterns = absl::StrSplit(allow, '\n', absl::SkipWhitespace());
  Invitation invitation;
  invitation.agent = kAgentName;
  for (const std::string& pattern : patterns) invitation.grant.add_patterns(pattern);
  invitation.grant.add_types(types::v1::CHALLENGE_TYPE_HTTP_01);
  // There may have been one before whose state was deleted.
  invitation.replace = true;
  invitation.file = Path("agent/join.token");
  NORROY_RETURN_IF_ERROR(InviteAgent(context_, invitation).status());
  NORROY_ASSIGN_OR_RETURN(const std::string file, FindDaemon("agent"));
  std::vector<std::string> argv = {
      file,           "enroll",        "--config", Path(layout::kAgentConfig),
      "--token-file", invitation.file, "--allow"};
  argv.insert(argv.end(), patterns.begin(), patterns.end());
  const absl::Status status = RunEnrollment(argv);
  unlink(invitation.file.c_str());
  return status;
}

absl::Status Run::Everything() {
  NORROY_RETURN_IF_ERROR(StartDaemon("validator", layout::kValidatorConfig));
  NORROY_RETURN_IF_ERROR(WaitUntil("norroy-validator", [this] { return ProbeValidator(); }));
  const bool has_agent = Exists(Path(layout::kAgentAllow));
  if (has_agent) {
    if (!Exists(Path(layout::kAgentIdentity))) NORROY_RETURN_IF_ERROR(Enroll());
    NORROY_RETURN_IF_ERROR(StartDaemon("agent", layout::kAgentConfig));
  }
  // The issuer comes last, so that at the stop it can still release what it had put up.
  NORROY_RETURN_IF_ERROR(StartDaemon("issuer", layout::kIssuerConfig));
  NORROY_RETURN_IF_ERROR(WaitUntil("norroy-issuer", [this] { return ProbeIssuer(); }));
  if (has_agent) {
    NORROY_RETURN_IF_ERROR(WaitUntil("norroy-agent", [this] { return ProbeAgent(); }));
  }
  context_.output().Text("ready\n");
  while (true) NORROY_RETURN_IF_ERROR(Attend(absl::Hours(1)));
}

}  // namespace

absl::Status Up(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  if (!Exists(absl::StrCat(dir, "/", layout::kClientConfig))) {
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     absl::StrCat("no deployment in ", dir, "; run \"norroy init --dir ", dir,
                                  "\" or give another --dir"));
  }
  Children::BlockSignals();
  Run run(context, dir);
  const absl::Status status = run.Everything();
  for (const std::string& name : run.children().Stop(kStopGrace)) {
    context.output().Say(absl::StrCat(name, " did not stop in time and was killed"));
  }
  return ErrorReason(status) == "STOPPED" ? absl::OkStatus() : status;
}

}  // namespace norroy::cli
