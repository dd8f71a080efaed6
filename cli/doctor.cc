#include "cli/doctor.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/text.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "norroy/issuer/v1/doctor_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using issuer::v1::Rehearsal;
using issuer::v1::RehearseResponse;
using types::v1::Finding;
using Service = issuer::v1::DoctorService;

// The issuer answers within 90 s.
constexpr absl::Duration kRehearseTimeout = absl::Seconds(100);
constexpr size_t kMaxText = 2048;
constexpr size_t kMaxTxtString = 255;

absl::StatusOr<std::unique_ptr<Service::Stub>> Connect(Context& context) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, context.Issuer());
  return Service::NewStub(channel);
}

absl::StatusOr<issuer::v1::RehearseRequest> RequestOf(const DoctorOptions& options) {
  issuer::v1::RehearseRequest request;
  for (const std::string& name : options.names) request.add_names(name);
  request.set_ca(options.ca);
  for (const std::string& text : options.types) {
    NORROY_ASSIGN_OR_RETURN(const auto type, ParseEnum<types::v1::ChallengeType>("--type", text));
    request.add_types(type);
  }
  return request;
}

absl::StatusOr<RehearseResponse> Rehearse(Context& context,
                                          const issuer::v1::RehearseRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const auto stub, Connect(context));
  grpc::ClientContext call;
  context.SetDeadline(call, kRehearseTimeout);
  RehearseResponse response;
  const grpc::Status status = stub->Rehearse(&call, request, &response);
  if (status.ok()) return response;
  const absl::Status error = Context::FromCall(status);
  if (status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED) return error;
  return absl::UnavailableError(
      absl::StrCat("the issuer did not answer within ", absl::FormatDuration(kRehearseTimeout)));
}

// "pass", "fail", "wait", "unknown"
std::string Word(types::v1::Verdict verdict) { return EnumText(verdict); }

struct Said {
  std::string by;  // the viewpoint; empty: the rehearsal itself
  Finding finding;
};

// Errors first; without `verbose` warnings and errors alone.
std::vector<Said> WhatIsSaid(const Rehearsal& rehearsal, bool verbose) {
  std::vector<Said> all;
  for (const Finding& finding : rehearsal.findings()) all.push_back({"", finding});
  for (const types::v1::View& view : rehearsal.views()) {
    for (const Finding& finding : view.findings()) all.push_back({view.viewpoint(), finding});
    if (!view.findings().empty() || (!verbose && view.verdict() == types::v1::VERDICT_PASS)) {
      continue;
    }
    Finding nothing;
    nothing.set_severity(types::v1::SEVERITY_INFO);
    nothing.set_message(Word(view.verdict()));
    all.push_back({view.viewpoint(), nothing});
  }
  if (!verbose) {
    const auto quiet = [](const Said& said) {
      return said.finding.severity() == types::v1::SEVERITY_INFO;
    };
    all.erase(std::remove_if(all.begin(), all.end(), quiet), all.end());
  }
  std::stable_sort(all.begin(), all.end(), [](const Said& a, const Said& b) {
    return a.finding.severity() > b.finding.severity();
  });
  return all;
}

void AppendSaid(const Said& said, std::string& text) {
  const Finding& finding = said.finding;
  absl::StrAppend(&text, "  ");
  if (!said.by.empty()) absl::StrAppend(&text, Printable(said.by, kMaxText), ": ");
  absl::StrAppend(&text, Printable(finding.message(), kMaxText));
  if (!finding.code().empty()) {
    absl::StrAppend(&text, " (", Printable(finding.code(), kMaxText), ")");
  }
  absl::StrAppend(&text, "\n");
  if (!finding.advice().empty()) {
    absl::StrAppend(&text, "    -> ", Printable(finding.advice(), kMaxText), "\n");
  }
}

void AppendRehearsal(const Rehearsal& rehearsal, bool verbose, std::string& text) {
  absl::StrAppend(&text, Printable(rehearsal.name(), kMaxText));
  if (rehearsal.challenge_type() != types::v1::CHALLENGE_TYPE_UNSPECIFIED) {
    absl::StrAppend(&text, "  ", EnumText(rehearsal.challenge_type()));
  }
  absl::StrAppend(&text, "  ", Word(rehearsal.verdict()));
  if (!rehearsal.agents().empty()) {
    absl::StrAppend(&text, "  served by ", Printable(ListText(rehearsal.agents()), kMaxText));
  }
  if (!rehearsal.missing().empty()) {
    absl::StrAppend(&text, "  missing ", Printable(ListText(rehearsal.missing()), kMaxText));
  }
  absl::StrAppend(&text, "\n");
  for (const Said& said : WhatIsSaid(rehearsal, verbose)) AppendSaid(said, text);
}

absl::Status Outcome(const RehearseResponse& response) {
  if (response.passed()) return absl::OkStatus();
  int bad = 0;
  for (const Rehearsal& rehearsal : response.rehearsals()) {
    bad += rehearsal.verdict() != types::v1::VERDICT_PASS;
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "REHEARSAL_FAILED",
                   absl::StrCat(bad, " of ", response.rehearsals_size(),
                                " rehearsals did not pass; no CA was asked"));
}

absl::StatusOr<int64_t> ParseUntil(const std::string& text) {
  if (text.empty()) return 0;
  absl::Time time;
  std::string error;
  if (absl::ParseTime("%Y-%m-%d", text, &time, &error) ||
      absl::ParseTime(absl::RFC3339_sec, text, &time, &error)) {
    return absl::ToUnixSeconds(time);
  }
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   absl::StrCat("--until: \"", Printable(text, 64),
                                "\" is no date; write 2027-01-31 or 2027-01-31T12:00:00Z"));
}

// One string of a master file: RFC 1035 5.1.
std::string Quoted(absl::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      absl::StrAppend(&text, "\\", std::string(1, c));
    } else if (byte < 0x20 || byte > 0x7e) {
      absl::StrAppend(&text, "\\", absl::Dec(byte, absl::kZeroPad3));
    } else {
      text += c;
    }
  }
  return text + "\"";
}

}  // namespace

std::string RehearsalText(const RehearseResponse& response, bool verbose) {
  std::string text;
  for (const Rehearsal& rehearsal : response.rehearsals()) {
    AppendRehearsal(rehearsal, verbose, text);
  }
  return text;
}

std::string TxtRecordText(absl::string_view owner, absl::string_view value) {
  std::string text = absl::StrCat(Printable(owner, kMaxText), ". IN TXT");
  do {
    absl::StrAppend(&text, " ", Quoted(value.substr(0, kMaxTxtString)));
    value.remove_prefix(std::min(value.size(), kMaxTxtString));
  } while (!value.empty());
  return text;
}

absl::Status Doctor(Context& context, const DoctorOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const auto request, RequestOf(options));
  context.output().Progress("rehearsing, up to 90 s");
  NORROY_ASSIGN_OR_RETURN(const RehearseResponse response, Rehearse(context, request));
  if (context.output().json()) {
    context.output().Object(response, {});
  } else {
    context.output().Text(RehearsalText(response, options.verbose));
  }
  return Outcome(response);
}

absl::Status DnsPersist(Context& context, const DnsPersistOptions& options) {
  issuer::v1::DescribePersistRecordRequest request;
  request.set_name(options.name);
  request.set_ca(options.ca);
  NORROY_ASSIGN_OR_RETURN(const int64_t until, ParseUntil(options.until));
  request.set_persist_until(until);
  NORROY_ASSIGN_OR_RETURN(const auto stub, Connect(context));
  NORROY_ASSIGN_OR_RETURN(const auto response,
                          context.Call(*stub, &Service::Stub::DescribePersistRecord, request));
  if (context.output().json()) {
    context.output().Object(response, {});
    return absl::OkStatus();
  }
  context.output().Text(absl::StrCat(TxtRecordText(response.owner(), response.value()), "\n"));
  std::string published;
  for (const types::v1::View& view : response.views()) {
    absl::StrAppend(&published, Printable(view.viewpoint(), kMaxText), ": ", Word(view.verdict()),
                    "\n");
    for (const Finding& finding : view.findings()) AppendSaid({"", finding}, published);
  }
  if (!published.empty()) context.output().Text(published);
  return absl::OkStatus();
}

}  // namespace norroy::cli
