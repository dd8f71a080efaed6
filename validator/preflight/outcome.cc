#include "validator/preflight/outcome.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "validator/preflight/deadline.h"

namespace norroy::validator::preflight {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(3);

Outcome Make(Seen seen, absl::string_view code, absl::string_view message,
             absl::string_view advice) {
  return {seen, {Severity::kError, std::string(code), std::string(message), std::string(advice)}};
}

Outcome OfFault(DialFault fault, const std::string& whose, const std::string& place) {
  switch (fault) {
    case DialFault::kRefused:
      return Make(Seen::kUnreached, "PORT_CLOSED",
                  absl::StrCat(place, ", an address of ", whose, ", refuses connections"),
                  "start the web server or the agent's listener there, or correct the address in "
                  "DNS");
    case DialFault::kUnreachable:
      return Make(Seen::kUnreached, "PORT_FILTERED",
                  absl::StrCat("routers say that ", place, ", an address of ", whose,
                               ", cannot be reached"),
                  "correct the address in DNS, or the routing and firewall in front of it");
    case DialFault::kNoRoute:
      return Make(Seen::kNoRoute, "NO_ROUTE",
                  absl::StrCat("this validator has no route to ", place, ", an address of ", whose,
                               ", so it cannot tell what the CA will see there"),
                  "give the validator's host IPv6, or look from one that has it");
    default:
      return Make(Seen::kUnreached, "PORT_FILTERED",
                  absl::StrCat("nothing answers at ", place, ", an address of ", whose, ", within ",
                               absl::FormatDuration(kConnectTimeout)),
                  "open the port in every firewall and security group for everybody (CAs do not "
                  "publish their addresses), or correct the address in DNS");
  }
}

bool AnyRight(const Outcomes& outcomes, bool v6) {
  return std::any_of(outcomes.begin(), outcomes.end(), [v6](const auto& one) {
    return one.first.is_v6() == v6 && one.second.seen == Seen::kRight;
  });
}

// An address whose family fails while the other one works.
void JudgeV6(const std::string& name, const Address& address, const Outcome& outcome,
             Sight& sight) {
  const std::string cause = absl::StrCat(outcome.finding.code, ": ", outcome.finding.message);
  if (outcome.seen == Seen::kUnreached) {
    sight.Warning(
        "IPV6_FAILS", absl::StrCat("IPv6 of ", name, " fails where IPv4 works. ", cause),
        "serve IPv6, too, or remove the AAAA record: a CA tries IPv6 first, and not every "
        "one falls back");
    return;
  }
  sight.Fail(
      "IPV6_FAILS",
      absl::StrCat("the AAAA record of ", name, " (", address.text(),
                   ") leads to a server that answers wrongly, where IPv4 is right. ", cause),
      "point the AAAA record at the right host, or remove it: a CA tries IPv6 first and does "
      "not fall back after an answer");
}

void JudgeOne(const std::string& name, const Address& address, const Outcome& outcome,
              bool right_v4, bool right_v6, Sight& sight) {
  const Finding& finding = outcome.finding;
  switch (outcome.seen) {
    case Seen::kRight:
      return;
    case Seen::kForbidden:
    case Seen::kCutShort:
      sight.Unknown(finding.code, finding.message, finding.advice);
      return;
    case Seen::kNoRoute:
      // Most validators without IPv6 are fine for names whose IPv4 works.
      if (right_v4 || right_v6) {
        sight.Warning(finding.code, finding.message, finding.advice);
      } else {
        sight.Unknown(finding.code, finding.message, finding.advice);
      }
      return;
    case Seen::kUnreached:
    case Seen::kWrong:
      if (address.is_v6() && right_v4 && !right_v6) {
        JudgeV6(name, address, outcome, sight);
      } else if (!address.is_v6() && right_v6) {
        sight.Warning(finding.code, finding.message, finding.advice);
      } else {
        sight.Fail(finding.code, finding.message, finding.advice);
      }
      return;
  }
}

}  // namespace

Outcome Wrong(absl::string_view code, absl::string_view message, absl::string_view advice) {
  return Make(Seen::kWrong, code, message, advice);
}

Outcome CutShort(absl::string_view what) { return {Seen::kCutShort, CutShortFinding(what)}; }

Connected Connect(const Viewpoint& viewpoint, const std::string& whose, const Address& address,
                  int port, const Deadline& deadline) {
  Connected connected;
  const absl::string_view why = viewpoint.guard.WhyForbidden(address);
  if (!why.empty()) {
    connected.outcome = Make(
        Seen::kForbidden, "ADDRESS_FORBIDDEN",
        absl::StrCat(address.text(), ", an address of ", whose, ", is ", why,
                     ": this validator does not connect there"),
        absl::StrCat("a public CA cannot reach it either: correct DNS. If your CA can, put its "
                     "network into dns.allow_networks of validator.yaml"));
    return connected;
  }
  const Deadline until = deadline.Within(kConnectTimeout);
  Dialled dialled = DialTcp(address, port, until);
  connected.stream = std::move(dialled.stream);
  if (connected.stream != nullptr) return connected;
  const std::string place = address.WithPort(port);
  const bool cut = dialled.fault == DialFault::kTimedOut && until.cut_short();
  connected.outcome =
      cut ? CutShort(absl::StrCat(place, ", an address of ", whose, ", took a connection"))
          : OfFault(dialled.fault, whose, place);
  return connected;
}

void Judge(const std::string& name, const Outcomes& outcomes, Sight& sight) {
  const bool right_v4 = AnyRight(outcomes, false);
  const bool right_v6 = AnyRight(outcomes, true);
  for (const auto& [address, outcome] : outcomes) {
    JudgeOne(name, address, outcome, right_v4, right_v6, sight);
  }
}

Sight LookAtEach(const Viewpoint& viewpoint, const std::string& name,
                 const std::vector<Address>& addresses,
                 const std::function<Outcome(const Address&)>& look) {
  Sight sight;
  if (addresses.empty()) {
    sight.Fail("NO_ADDRESS", absl::StrCat(name, " has neither an A nor an AAAA record"),
               "add the address of the server that answers for it to DNS");
    return sight;
  }
  std::vector<Outcome> seen(addresses.size());
  viewpoint.crew.Each(addresses.size(), [&](size_t i) { seen[i] = look(addresses[i]); });
  Outcomes outcomes;
  for (size_t i = 0; i < addresses.size(); ++i) {
    outcomes.emplace_back(addresses[i], std::move(seen[i]));
  }
  Judge(name, outcomes, sight);
  sight.Info("ADDRESSES",
             absl::StrCat(name, " is at ",
                          absl::StrJoin(addresses, ", ", [](std::string* out, const Address& one) {
                            out->append(one.text());
                          })));
  return sight;
}

}  // namespace norroy::validator::preflight
