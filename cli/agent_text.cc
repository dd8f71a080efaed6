#include "cli/agent_text.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "common/challenge/pattern.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using validator::v1::Agent;
using validator::v1::ChallengeGrant;

std::string TypesText(const google::protobuf::RepeatedField<int>& types) {
  std::vector<std::string> texts;
  for (const int type : types) {
    texts.push_back(EnumText(static_cast<types::v1::ChallengeType>(type)));
  }
  return ListText(texts);
}

std::string DuplicateText(const Agent& agent) {
  if (!agent.has_duplicate_time()) return "";
  return absl::StrCat("seen ", TimeText(agent.duplicate_time()), " from ",
                      ListText(agent.duplicate_peers()),
                      ": two processes have this identity; was the machine copied?");
}

std::string BanText(const Agent& agent) {
  if (!agent.has_ban_time()) return "";
  return absl::StrCat(TimeText(agent.ban_time()), " ", agent.ban_reason());
}

std::string RefusedText(const Agent& agent) {
  // A map of protobuf has no order of its own.
  const std::map<std::string, int64_t> refused(agent.refused().begin(), agent.refused().end());
  std::vector<std::string> texts;
  for (const auto& [reason, times] : refused) texts.push_back(absl::StrCat(reason, " ", times));
  return texts.empty() ? "" : ListText(texts);
}

std::string LastErrorText(const validator::v1::AgentPresenter& presenter) {
  if (presenter.last_error().empty()) return "-";
  return absl::StrCat(TimeText(presenter.last_error_time()), " ", presenter.last_error());
}

std::string PresentersText(const Agent& agent) {
  std::vector<std::vector<std::string>> rows;
  for (const validator::v1::AgentPresenter& presenter : agent.presenters()) {
    rows.push_back({presenter.name(), EnumText(presenter.type()), ListText(presenter.zones()),
                    absl::StrCat(presenter.put_up()), absl::StrCat(presenter.taken_down()),
                    absl::StrCat(presenter.failed()), absl::StrCat(presenter.served()),
                    absl::StrCat(presenter.unknown()), LastErrorText(presenter)});
  }
  return TableText({"PRESENTER", "TYPE", "ZONES", "PUT UP", "TAKEN DOWN", "FAILED", "SERVED",
                    "UNKNOWN", "LAST ERROR"},
                   rows);
}

}  // namespace

std::string GrantText(const ChallengeGrant& grant) {
  std::string text = absl::StrCat(ListText(grant.patterns()), " by ", TypesText(grant.types()));
  if (grant.responders() != validator::v1::RESPONDERS_UNSPECIFIED) {
    absl::StrAppend(&text, ", responders ", EnumText(grant.responders()));
  }
  return text;
}

std::string GrantsText(const google::protobuf::RepeatedPtrField<ChallengeGrant>& grants) {
  std::string text;
  for (const ChallengeGrant& grant : grants) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", GrantText(grant));
  }
  return text;
}

absl::StatusOr<ChallengeGrant> ParseGrant(const std::vector<std::string>& patterns,
                                          const std::vector<std::string>& types,
                                          const std::string& responders) {
  ChallengeGrant grant;
  NORROY_ASSIGN_OR_RETURN(const auto parsed, challenge::ParsePatterns(patterns));
  for (const auto& pattern : parsed) grant.add_patterns(pattern.text());
  for (const std::string& text : types) {
    NORROY_ASSIGN_OR_RETURN(const auto type, ParseEnum<types::v1::ChallengeType>("--type", text));
    grant.add_types(type);
  }
  if (responders.empty()) return grant;
  NORROY_ASSIGN_OR_RETURN(const auto who,
                          ParseEnum<validator::v1::Responders>("--responders", responders));
  grant.set_responders(who);
  return grant;
}

std::string StateText(const Agent& agent) {
  std::string text = EnumText(agent.state());
  if (agent.state() == validator::v1::AGENT_STATE_ENROLLED) {
    absl::StrAppend(&text, agent.attached() ? ", attached" : ", not attached");
  }
  const bool banned = agent.state() == validator::v1::AGENT_STATE_BANNED;
  if (agent.has_ban_time() && !banned) absl::StrAppend(&text, ", banned");
  if (agent.drained()) absl::StrAppend(&text, ", drained");
  if (agent.has_duplicate_time()) absl::StrAppend(&text, ", duplicate");
  return text;
}

void ShowAgent(Output& output, const Agent& agent) {
  Fields fields = {{"agent", agent.name()},
                   {"state", StateText(agent)},
                   {"banned", BanText(agent)},
                   {"duplicate", DuplicateText(agent)}};
  for (const ChallengeGrant& grant : agent.grants()) {
    fields.emplace_back("may answer", GrantText(grant));
  }
  const std::string version =
      agent.grants_version() == 0 ? "" : absl::StrCat(agent.grants_version());
  const Fields rest = {{"grants version", version},
                       {"allows itself", ListText(agent.scope())},
                       {"can do", TypesText(agent.types())},
                       {"presented", absl::StrCat(agent.presented())},
                       {"version", agent.version()},
                       {"enrollment", agent.enrollment_id()},
                       {"enrolled", TimeText(agent.enroll_time())},
                       {"last seen", TimeText(agent.last_seen_time())},
                       {"identity ends", TimeText(agent.identity_expire_time())},
                       {"clock offset", absl::StrCat(agent.clock_offset_ms(), " ms")},
                       {"refused", RefusedText(agent)}};
  fields.insert(fields.end(), rest.begin(), rest.end());
  output.Object(agent, fields);
  if (output.json() || agent.presenters().empty()) return;
  output.Text(absl::StrCat("\n", PresentersText(agent)));
}

}  // namespace norroy::cli
