#include "issuer/service/doctor_findings.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"

namespace norroy::service {
namespace {

using challenge::ChallengeType;
using challenge::Name;
using types::v1::Finding;
using types::v1::Verdict;

constexpr size_t kMaxText = 1024;

Finding Of(types::v1::Severity severity, absl::string_view code, absl::string_view message,
           absl::string_view advice) {
  Finding finding;
  finding.set_severity(severity);
  finding.set_code(std::string(code));
  finding.set_message(Printable(message, kMaxText));
  finding.set_advice(Printable(advice, kMaxText));
  return finding;
}

Finding Error(absl::string_view code, absl::string_view message, absl::string_view advice) {
  return Of(types::v1::SEVERITY_ERROR, code, message, advice);
}

// As `norroy agent token create --answer` takes it.
std::string PatternFor(const Name& name) {
  if (name.identifier().type() == challenge::IdentifierType::kDns) return name.text();
  const bool v6 = name.text().find(':') != std::string::npos;
  return absl::StrCat("=", name.text(), v6 ? "/128" : "/32");
}

std::string TokenLine(const Name& name, std::optional<ChallengeType> type) {
  if (!type.has_value() && name.wildcard()) type = ChallengeType::kDns01;
  std::string line =
      absl::StrCat("norroy agent token create AGENT --answer '", PatternFor(name), "'");
  if (type.has_value()) absl::StrAppend(&line, " --type ", challenge::ChallengeTypeName(*type));
  return line;
}

std::string Agents(const std::vector<std::string>& agents) {
  return absl::StrCat(agents.size() == 1 ? "agent " : "agents ", absl::StrJoin(agents, ", "));
}

Finding AgentMissing(const std::vector<std::string>& missing, absl::string_view message) {
  return Error("AGENT_MISSING", message,
               absl::StrCat("start ", Agents(missing), " (norroy agent show ", missing.front(),
                            " says when it was last seen), or state that its host gets no "
                            "traffic: norroy agent drain ",
                            missing.front()));
}

// What to do about an agent's refusal, by its reason.
struct Refusal {
  absl::string_view reason;
  absl::string_view code;
  absl::string_view advice;
};
constexpr Refusal kRefusals[] = {
    {"OUT_OF_SCOPE", "AGENT_REFUSED",
     "the agent's own scope on its host does not have the name, and nobody can change that from "
     "here: add it to the scope file there and restart the agent, or enroll it anew with "
     "norroy-agent enroll --token-file FILE --allow NAME"},
    {"FOREIGN_ZONE", "FOREIGN_ZONE",
     "the CNAME leads to a zone this agent does not serve: point it into one of the agent's zones, "
     "or configure a presenter for the zone it leads to"},
    {"CNAME_LOOP", "CNAME_LOOP", "remove one of the CNAME records of the circle"},
    {"CNAME_TOO_LONG", "CNAME_TOO_LONG", "point the first CNAME at the last name"},
    {"DNSSEC_BOGUS", "DNSSEC_BOGUS",
     "sign the zone anew, or correct or remove the DS record at its parent: CAs validate DNSSEC"},
    {"UNSUPPORTED_TYPE", "AGENT_REFUSED",
     "configure a presenter of this type on the agent's host, or take the type out of its grant"},
    // The seal was made a moment ago.
    {"EXPIRED", "CLOCK_SKEW", "set the clock of the agent's host, by NTP say: it is ahead"},
    {"NOT_YET_VALID", "CLOCK_SKEW", "set the clock of the agent's host, by NTP say: it is behind"},
    {"CLOCK_SKEW", "CLOCK_SKEW", "set the clock of the host that is named, by NTP say"},
    {"REJECTED_SEAL", "AGENT_REFUSED",
     "the agent belongs to another deployment or core root: enroll it anew; if it does not, its "
     "clock may be so far off that the seal's certificate is not valid there"},
    {"PRESENTER_FAILED", "PRESENTER_FAILED",
     "mend on the agent's host what the message names: a listener, a folder, a DNS server, a "
     "credential"},
};

}  // namespace

bool Suits(const Name& name, ChallengeType type) {
  if (name.wildcard()) return type == ChallengeType::kDns01;
  // RFC 8738 7: "dns-01" MUST NOT be used for addresses.
  return name.identifier().type() == challenge::IdentifierType::kDns ||
         type != ChallengeType::kDns01;
}

Finding NoGrant(const Name& name, std::optional<ChallengeType> type) {
  const std::string by =
      type.has_value() ? absl::StrCat(" by ", challenge::ChallengeTypeName(*type)) : "";
  return Error(
      "NO_GRANT",
      absl::StrCat("no enrolled, undrained agent has a challenge grant for ", name.text(), by),
      absl::StrCat("give one the grant: ", TokenLine(name, type), ", then enroll it on its host"));
}

Finding NoCaType(const Name& name, std::optional<ChallengeType> type) {
  const absl::string_view rule =
      name.wildcard() ? "CAs prove wildcards by dns-01 alone" : "CAs prove no address by dns-01";
  const std::string which =
      type.has_value() ? absl::StrCat(challenge::ChallengeTypeName(*type), " proves nothing about ")
                       : "no type that the grants name proves anything about ";
  const std::string advice =
      type.has_value()
          ? (name.wildcard() ? "rehearse it by dns-01" : "rehearse it by http-01 or tls-alpn-01")
          : absl::StrCat(
                "give an agent such a grant: ",
                TokenLine(name, name.wildcard() ? ChallengeType::kDns01 : ChallengeType::kHttp01));
  return Error("NO_CA_TYPE", absl::StrCat(which, name.text(), ": ", rule), advice);
}

Finding NotServed(const solver::PresentedName& presented) {
  const std::string& reason = presented.error_reason;
  if (reason == "NO_GRANT") return NoGrant(presented.name, presented.type);
  const auto known = std::find_if(std::begin(kRefusals), std::end(kRefusals),
                                  [&](const Refusal& refusal) { return refusal.reason == reason; });
  if (known != std::end(kRefusals)) return Error(known->code, presented.error, known->advice);
  if (reason.empty() && !presented.missing.empty()) {
    return AgentMissing(presented.missing,
                        presented.error.empty()
                            ? absl::StrCat(Agents(presented.missing), " did not answer")
                            : presented.error);
  }
  return Error("AGENT_REFUSED", presented.error,
               "the message says why; the agent's own log says more");
}

Finding NotInTime(const solver::PresentedName* presented, absl::Duration waited) {
  const std::string span = absl::FormatDuration(waited);
  if (presented != nullptr && !presented->missing.empty()) {
    return AgentMissing(presented->missing, absl::StrCat(Agents(presented->missing),
                                                         " did not serve the proof within ", span));
  }
  return NoValidator(absl::UnavailableError(
      absl::StrCat("no validator said within ", span, " whether the proof is served")));
}

Finding NoValidator(const absl::Status& why) {
  if (absl::IsUnavailable(why)) {
    return Error("VALIDATOR_UNREACHABLE", why.message(),
                 "start the validator, and look at the addresses under validators in the issuer's "
                 "configuration");
  }
  return Error("VALIDATOR_REFUSED", why.message(),
               "issuer and validator do not agree: the message and the validator's log say why");
}

Finding NotLookedAt(absl::string_view why) {
  return Of(types::v1::SEVERITY_WARNING, "NOT_LOOKED_AT",
            absl::StrCat("the proof was served, and nobody could tell what it looks like from "
                         "outside: ",
                         why),
            "rehearse again, with fewer names if there were many");
}

Finding CaUnreachable(absl::string_view ca, absl::string_view why) {
  return Of(types::v1::SEVERITY_INFO, "CA_UNREACHABLE",
            absl::StrCat("the directory of CA ", ca,
                         " could not be read, so CAA records are shown "
                         "and not judged: ",
                         why),
            "a rehearsal needs no CA; an order does");
}

Finding NoAccount(absl::string_view ca, absl::string_view why) {
  return Of(types::v1::SEVERITY_WARNING, "NO_ACCOUNT",
            absl::StrCat("CAA records are shown and not judged: ", why),
            absl::StrCat("an order needs an account: norroy account create ", ca));
}

Verdict Worse(Verdict a, Verdict b) {
  for (const Verdict verdict :
       {types::v1::VERDICT_FAIL, types::v1::VERDICT_WAIT, types::v1::VERDICT_UNKNOWN}) {
    if (a == verdict || b == verdict) return verdict;
  }
  return types::v1::VERDICT_PASS;
}

Verdict VerdictOf(const Finding& finding) {
  if (finding.severity() == types::v1::SEVERITY_ERROR) return types::v1::VERDICT_FAIL;
  return finding.code() == "NOT_LOOKED_AT" ? types::v1::VERDICT_UNKNOWN : types::v1::VERDICT_PASS;
}

}  // namespace norroy::service
