#include "cli/exit_code.h"

#include <string>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "norroy/types/v1/problem.pb.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxMessage = 8192;
constexpr char kAnswerPayload[] = "norroy/exit-code";

// What the CA said, as a quotation: its text is never ours.
std::string ProblemText(const absl::Status& status) {
  const auto payload = status.GetPayload(kProblemPayload);
  types::v1::Problem problem;
  if (!payload.has_value() || !problem.ParseFromString(std::string(*payload))) return "";
  std::string text = absl::StrCat("\n  the CA says: \"", Printable(problem.detail()), "\" (",
                                  Printable(problem.type()), ")");
  for (const types::v1::Subproblem& subproblem : problem.subproblems()) {
    absl::StrAppend(&text, "\n    ", Printable(subproblem.identifier().value()), ": \"",
                    Printable(subproblem.detail()), "\" (", Printable(subproblem.type()), ")");
  }
  return text;
}

}  // namespace

absl::Status ExitWith(int code) {
  if (code == 0) return absl::OkStatus();
  absl::Status status = absl::UnknownError(absl::StrCat("exit code ", code));
  status.SetPayload(kAnswerPayload, absl::Cord(absl::StrCat(code)));
  return status;
}

bool IsAnswer(const absl::Status& status) { return status.GetPayload(kAnswerPayload).has_value(); }

ExitCode ExitCodeOf(const absl::Status& status) {
  const auto answer = status.GetPayload(kAnswerPayload);
  int code = kExitFailed;
  if (answer.has_value() && absl::SimpleAtoi(std::string(*answer), &code)) {
    return static_cast<ExitCode>(code);
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return kExitNotAuthorised;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kDeadlineExceeded:
      return kExitTimedOut;
    case absl::StatusCode::kResourceExhausted:
      return kExitRateLimited;
    default:
      return kExitFailed;
  }
}

std::string Explain(const absl::Status& status) {
  // Line by line: our own messages have lines, and no other control characters get through.
  std::vector<std::string> lines;
  for (const absl::string_view line :
       absl::StrSplit(status.message().substr(0, kMaxMessage), '\n')) {
    lines.push_back(Printable(line, kMaxMessage));
  }
  std::string text = absl::StrJoin(lines, "\n");
  if (text.empty()) text = absl::StatusCodeToString(status.code());
  const std::string reason = ErrorReason(status);
  if (!reason.empty()) absl::StrAppend(&text, " (", Printable(reason), ")");
  absl::StrAppend(&text, ProblemText(status));
  const ErrorMetadata metadata = ErrorMetadataOf(status);
  const auto retry = metadata.find("retry_at");
  if (retry != metadata.end()) {
    absl::StrAppend(&text, "\n  try again at ", Printable(retry->second));
  }
  return text;
}

}  // namespace norroy::cli
