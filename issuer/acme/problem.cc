#include "issuer/acme/problem.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"
#include "issuer/acme/json.h"
#include "norroy/types/v1/problem.pb.h"

namespace norroy::acme {
namespace {

constexpr size_t kMaxTextBytes = 1024;
constexpr size_t kMaxPageBytes = 512;
constexpr size_t kMaxSubproblems = 100;
// Beyond these an error text names only how many there are.
constexpr size_t kMaxShownSubproblems = 5;
constexpr absl::string_view kAcmePrefix = "urn:ietf:params:acme:error:";

std::string Text(const JsonObject& object, absl::string_view name) {
  const absl::StatusOr<std::string> text = object.OptionalString(name);
  return text.ok() ? Printable(*text, kMaxTextBytes) : "";
}

absl::string_view AcmeType(absl::string_view type) {
  return absl::ConsumePrefix(&type, kAcmePrefix) ? type : "";
}

Subproblem ReadSubproblem(const JsonObject& object) {
  Subproblem subproblem;
  subproblem.type = Text(object, "type");
  subproblem.detail = Text(object, "detail");
  const auto identifier = object.OptionalObject("identifier");
  if (identifier.ok() && identifier->has_value()) {
    subproblem.identifier_type = Text(**identifier, "type");
    subproblem.identifier_value = Text(**identifier, "value");
  }
  return subproblem;
}

types::v1::Problem ToProto(const Problem& problem) {
  types::v1::Problem proto;
  proto.set_type(problem.type);
  proto.set_detail(problem.detail);
  proto.set_status(problem.status);
  for (const Subproblem& subproblem : problem.subproblems) {
    types::v1::Subproblem& out = *proto.add_subproblems();
    out.set_type(subproblem.type);
    out.set_detail(subproblem.detail);
    if (subproblem.identifier_value.empty()) continue;
    out.mutable_identifier()->set_type(
        subproblem.identifier_type == "dns"  ? types::v1::IDENTIFIER_TYPE_DNS
        : subproblem.identifier_type == "ip" ? types::v1::IDENTIFIER_TYPE_IP
                                             : types::v1::IDENTIFIER_TYPE_UNSPECIFIED);
    out.mutable_identifier()->set_value(subproblem.identifier_value);
  }
  return proto;
}

Problem FromProto(const types::v1::Problem& proto) {
  Problem problem;
  problem.type = proto.type();
  problem.detail = proto.detail();
  problem.status = proto.status();
  for (const types::v1::Subproblem& in : proto.subproblems()) {
    Subproblem subproblem;
    subproblem.type = in.type();
    subproblem.detail = in.detail();
    subproblem.identifier_value = in.identifier().value();
    if (in.identifier().type() == types::v1::IDENTIFIER_TYPE_DNS) {
      subproblem.identifier_type = "dns";
    }
    if (in.identifier().type() == types::v1::IDENTIFIER_TYPE_IP) subproblem.identifier_type = "ip";
    problem.subproblems.push_back(std::move(subproblem));
  }
  return problem;
}

// RFC 8555 6.7: what each type of error asks of the caller. Types that are not here are
// FAILED_PRECONDITION.
struct TypeRow {
  absl::string_view type;
  absl::StatusCode code;
};
constexpr TypeRow kTypes[] = {
    {"accountDoesNotExist", absl::StatusCode::kPermissionDenied},
    {"unauthorized", absl::StatusCode::kPermissionDenied},
    {"rejectedIdentifier", absl::StatusCode::kInvalidArgument},
    {"unsupportedIdentifier", absl::StatusCode::kInvalidArgument},
    {"malformed", absl::StatusCode::kInvalidArgument},
    {"badCSR", absl::StatusCode::kInvalidArgument},
    {"badPublicKey", absl::StatusCode::kInvalidArgument},
    {"badRevocationReason", absl::StatusCode::kInvalidArgument},
    {"badSignatureAlgorithm", absl::StatusCode::kInvalidArgument},
    {"invalidContact", absl::StatusCode::kInvalidArgument},
    {"unsupportedContact", absl::StatusCode::kInvalidArgument},
    {"invalidProfile", absl::StatusCode::kInvalidArgument},
};

struct Verdict {
  absl::StatusCode code;
  absl::string_view reason;
};

// The first https address in a text.
std::string AddressIn(absl::string_view text) {
  const size_t begin = text.find("https://");
  if (begin == absl::string_view::npos) return "";
  text.remove_prefix(begin);
  return std::string(text.substr(0, text.find_first_of(" \t\"'<>\\")));
}

// No RFC has a type for names that are paused after very many failures; Boulder says rateLimited,
// with no time but with the address where a human may lift it.
bool IsPaused(const Problem& problem) {
  return problem.acme_type() == "rateLimited" && !problem.retry_after.has_value() &&
         absl::StrContains(AddressIn(problem.detail), "unpause");
}

// RFC 8555 7.3.6 has 401 for a deactivated account; Boulder says 403, in words.
bool IsAboutTheAccount(const Problem& problem) {
  if (problem.acme_type() == "accountDoesNotExist") return true;
  if (problem.acme_type() != "unauthorized") return false;
  const std::string detail = absl::AsciiStrToLower(problem.detail);
  const bool of_account = absl::StrContains(detail, "account");
  const bool over = absl::StrContains(detail, "deactivated") ||
                    absl::StrContains(detail, "revoked") || absl::StrContains(detail, "blocked");
  return problem.status == 401 || (of_account && over);
}

Verdict Judge(const Problem& problem) {
  const absl::string_view type = problem.acme_type();
  if (IsPaused(problem)) return {absl::StatusCode::kFailedPrecondition, "CA_PAUSED"};
  if (IsAboutTheAccount(problem)) {
    return {absl::StatusCode::kPermissionDenied, "ACCOUNT_REFUSED"};
  }
  if (type == "userActionRequired") {
    return {absl::StatusCode::kFailedPrecondition, "USER_ACTION_REQUIRED"};
  }
  if (type == "rateLimited" || problem.status == 429) {
    return {absl::StatusCode::kResourceExhausted, "CA_RATE_LIMITED"};
  }
  if (type == "serverInternal" || problem.status >= 500) {
    return {absl::StatusCode::kUnavailable, "CA_UNAVAILABLE"};
  }
  for (const TypeRow& row : kTypes) {
    if (row.type == type) return {row.code, "CA_REFUSED"};
  }
  return {absl::StatusCode::kFailedPrecondition, "CA_REFUSED"};
}

// What would make it pass, where that is for a human to do.
std::string Advice(absl::string_view reason, const std::string& visit) {
  if (reason == "CA_PAUSED") {
    return "; lift the pause at that address, then `norroy order retry`";
  }
  if (reason == "ACCOUNT_REFUSED") {
    return "; nothing is sent to this CA until an account is there that it takes: see `norroy "
           "account show`, and `norroy account create` for a new one, then `norroy order retry`";
  }
  if (reason != "USER_ACTION_REQUIRED") return "";
  return absl::StrCat("; do what it asks", visit.empty() ? "" : absl::StrCat(" at ", visit),
                      ", then `norroy order retry`");
}

}  // namespace

absl::string_view Problem::acme_type() const { return AcmeType(type); }

std::string Problem::ToString() const {
  const absl::string_view known = acme_type();
  std::string text = known.empty() ? (type.empty() ? "about:blank" : type) : std::string(known);
  if (known.empty() && status != 0) absl::StrAppend(&text, " (HTTP ", status, ")");
  if (!detail.empty()) absl::StrAppend(&text, ": ", detail);
  if (subproblems.empty()) return text;
  const size_t shown = std::min(subproblems.size(), kMaxShownSubproblems);
  absl::StrAppend(&text, " (");
  for (size_t i = 0; i < shown; ++i) {
    const Subproblem& subproblem = subproblems[i];
    absl::StrAppend(&text, i == 0 ? "" : "; ");
    if (!subproblem.identifier_value.empty()) {
      absl::StrAppend(&text, subproblem.identifier_value, ": ");
    }
    absl::StrAppend(&text, subproblem.detail.empty() ? subproblem.type : subproblem.detail);
  }
  if (shown < subproblems.size()) {
    absl::StrAppend(&text, "; and ", subproblems.size() - shown, " more");
  }
  return absl::StrCat(text, ")");
}

Problem ReadProblem(const JsonObject& object) {
  Problem problem;
  problem.type = Text(object, "type");
  // RFC 7807 3.1: without a type it is "about:blank".
  if (problem.type.empty()) problem.type = "about:blank";
  problem.detail = Text(object, "detail");
  if (problem.detail.empty()) problem.detail = Text(object, "title");
  problem.instance = Text(object, "instance");
  problem.status = object.IntegerOrZero("status");
  if (problem.status < 100 || problem.status > 599) problem.status = 0;
  // RFC 8555 6.7.1.
  const auto subproblems = object.Objects("subproblems", kMaxJsonBytes);
  if (!subproblems.ok()) return problem;
  for (const JsonObject& subproblem : *subproblems) {
    if (problem.subproblems.size() >= kMaxSubproblems) break;
    problem.subproblems.push_back(ReadSubproblem(subproblem));
  }
  return problem;
}

Problem ProblemOfReply(const http::Response& reply, absl::Time now) {
  Problem problem;
  const absl::StatusOr<JsonObject> object = JsonObject::Parse("problem", reply.body);
  if (object.ok()) {
    problem = ReadProblem(*object);
  } else {
    problem.type = "about:blank";
    problem.detail = Printable(reply.body, kMaxPageBytes);
  }
  // RFC 7807 3.1: the member is advisory, the reply's own status counts.
  problem.status = reply.status;
  // RFC 8555 6.6.
  problem.retry_after = http::RetryAfterOf(reply, now);
  return problem;
}

std::string RetryAtText(absl::Time time) {
  const absl::Time up = time + absl::Seconds(1) - absl::Nanoseconds(1);
  return absl::FormatTime(absl::RFC3339_sec, up, absl::UTCTimeZone());
}

absl::Status ToStatus(const Problem& problem) {
  const Verdict verdict = Judge(problem);
  ErrorMetadata metadata;
  if (!problem.acme_type().empty()) metadata["acme_type"] = std::string(problem.acme_type());
  if (problem.retry_after.has_value()) {
    metadata["retry_at"] = RetryAtText(*problem.retry_after);
  }
  const std::string visit = verdict.reason == "CA_PAUSED"              ? AddressIn(problem.detail)
                            : verdict.reason == "USER_ACTION_REQUIRED" ? problem.instance
                                                                       : "";
  if (!visit.empty()) metadata["visit"] = visit;
  absl::Status status = MakeError(
      verdict.code, verdict.reason,
      absl::StrCat("the CA says ", problem.ToString(), Advice(verdict.reason, visit)), metadata);
  status.SetPayload(kProblemPayload, absl::Cord(ToProto(problem).SerializeAsString()));
  return status;
}

std::optional<Problem> ProblemOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kProblemPayload);
  if (!payload.has_value()) return std::nullopt;
  types::v1::Problem proto;
  if (!proto.ParseFromString(std::string(*payload))) return std::nullopt;
  Problem problem = FromProto(proto);
  const ErrorMetadata metadata = ErrorMetadataOf(status);
  const auto retry_at = metadata.find("retry_at");
  absl::Time time;
  if (retry_at != metadata.end() &&
      absl::ParseTime(absl::RFC3339_full, retry_at->second, &time, nullptr)) {
    problem.retry_after = time;
  }
  return problem;
}

}  // namespace norroy::acme
