#include "agent/presenter/powerdns/zone_api.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::agent {
namespace {

constexpr size_t kMaxErrorText = 300;
constexpr int kTries = 3;
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);

}  // namespace

absl::Status ZoneApi::Error(absl::StatusCode code, absl::string_view reason,
                            const std::string& message) const {
  return MakeError(code, reason,
                   absl::StrCat("PowerDNS at ", client_->url().text(), ": ", message));
}

std::string ZoneApi::ZonePath(const dns::Name& zone) const {
  // Nothing in a dns::Name needs escaping in a path but '*', and no zone begins with that.
  return absl::StrCat("/servers/", server_id_, "/zones/", zone.absolute());
}

absl::StatusOr<ApiReply> ZoneApi::Send(const ApiRequest& request, Budget& budget) {
  if (budget.addresses.empty()) {
    NORROY_ASSIGN_OR_RETURN(budget.addresses, client_->Addresses());
  }
  const absl::Duration left = budget.left();
  if (left <= absl::ZeroDuration()) {
    return Error(absl::StatusCode::kDeadlineExceeded, "POWERDNS_TIMEOUT",
                 "the time for this change is over");
  }
  return client_->Send(budget.addresses, request, left);
}

absl::Status ZoneApi::Refusal(const ApiReply& reply, const std::string& what) const {
  const auto precondition = absl::StatusCode::kFailedPrecondition;
  // A server that echoes the key must not bring it into a log.
  const std::string key(client_->api_key().Expose());
  const std::string text =
      Printable(absl::StrReplaceAll(ErrorOf(reply.body), {{key, "(the API key)"}}), kMaxErrorText);
  const std::string said = absl::StrCat(what, ": ", reply.status, " \"", text, "\"");
  if (reply.status >= 300 && reply.status < 400) {
    return Error(precondition, "POWERDNS_REDIRECT",
                 absl::StrCat(what, ": redirects (", reply.status, ") to \"",
                              Printable(reply.location, kMaxErrorText),
                              "\", which is not followed: give the url where its API answers"));
  }
  switch (reply.status) {
    case 401:
      return Error(precondition, "POWERDNS_API_KEY",
                   absl::StrCat(said, ": the API key is not the one of its api-key setting"));
    case 404:
      return Error(precondition, "POWERDNS_NO_ZONE",
                   absl::StrCat(said, ": it has no such zone, or its server id is not \"",
                                server_id_, "\""));
    case 422:
      return Error(precondition, "POWERDNS_REFUSED", said);
    default:
      break;
  }
  if (reply.status >= 400 && reply.status < 500) {
    return Error(precondition, "POWERDNS_REFUSED", said);
  }
  if (reply.status >= 500) return Error(absl::StatusCode::kUnavailable, "POWERDNS_FAILED", said);
  return Error(absl::StatusCode::kUnavailable, "POWERDNS_BAD_REPLY",
               absl::StrCat(said, ": that status is not one of PowerDNS's API"));
}

absl::StatusOr<bool> ZoneApi::Extends(Budget& budget) {
  const Knowledge known = extends_;
  if (known != Knowledge::kUnknown) return known == Knowledge::kYes;
  NORROY_ASSIGN_OR_RETURN(const ApiReply reply,
                          Send({.target = absl::StrCat("/servers/", server_id_)}, budget));
  if (reply.status == 401) return Refusal(reply, "asked for its version");
  // A proxy may let zones through alone: then the old way, which every server knows.
  if (reply.status != 200) return false;
  const bool extends = ServerExtends(reply.body);
  extends_ = extends ? Knowledge::kYes : Knowledge::kNo;
  return extends;
}

absl::StatusOr<TxtSet> ZoneApi::Read(const dns::Name& zone, const dns::Name& owner,
                                     Budget& budget) {
  // Servers that do not know this filter send the whole zone.
  return ReadFrom(absl::StrCat(ZonePath(zone), "?rrset_name=", owner.absolute(), "&rrset_type=TXT"),
                  zone, owner, budget);
}

absl::StatusOr<TxtSet> ZoneApi::ReadAll(const dns::Name& zone, const dns::Name& owner,
                                        Budget& budget) {
  auto set = ReadFrom(ZonePath(zone), zone, owner, budget);
  if (ErrorReason(set.status()) != "POWERDNS_REPLY_TOO_LARGE") return set;
  return Read(zone, owner, budget);
}

absl::StatusOr<TxtSet> ZoneApi::ReadFrom(const std::string& target, const dns::Name& zone,
                                         const dns::Name& owner, Budget& budget) {
  const std::string what = absl::StrCat("reading TXT ", owner.text(), " in zone ", zone.text());
  NORROY_ASSIGN_OR_RETURN(const ApiReply reply,
                          Send({.target = target, .max_reply = kMaxZoneReply}, budget));
  if (reply.status != 200) return Refusal(reply, what);
  auto set = ReadTxtSet(reply.body, owner);
  if (set.ok()) return set;
  return Error(absl::StatusCode::kUnavailable, "POWERDNS_BAD_REPLY",
               absl::StrCat(what, ": ", set.status().message()));
}

absl::StatusOr<ApiReply> ZoneApi::SendAgainOn5xx(const ApiRequest& request, Budget& budget) {
  absl::Duration pause = kFirstPause;
  for (int tries = 1;; ++tries, pause *= 3) {
    NORROY_ASSIGN_OR_RETURN(ApiReply reply, Send(request, budget));
    if (reply.status < 500 || tries == kTries || pause >= budget.left()) return reply;
    absl::SleepFor(pause);
  }
}

absl::Status ZoneApi::Patch(const dns::Name& zone, const std::string& body, Budget& budget) {
  // Whatever the zone: it is the server's database that is one.
  const OwnerTurn turn(patching_, dns::Name(), budget.left());
  if (!turn.taken()) {
    return Error(absl::StatusCode::kDeadlineExceeded, "POWERDNS_TIMEOUT",
                 "other changes took all the time there was");
  }
  NORROY_ASSIGN_OR_RETURN(
      const ApiReply reply,
      SendAgainOn5xx({.patch = true, .target = ZonePath(zone), .body = body}, budget));
  if (reply.status == 204 || reply.status == 200) return absl::OkStatus();
  return Refusal(reply, absl::StrCat("changing zone ", zone.text()));
}

}  // namespace norroy::agent
