// Whether somebody may answer for an order's names: asked before anything is spent at the CA, and
// again at the moment of finalize, since the CA would reuse authorizations of names that nobody may
// answer for any more.

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/steps.h"
#include "issuer/flow/withdrawal.h"

namespace norroy::flow {
namespace {

// What the solver said counts as said now.
constexpr absl::Duration kPlanHolds = absl::Seconds(2);
constexpr size_t kMaxNamed = 10;

absl::Status NobodyAnswers(const std::vector<std::string>& names) {
  std::vector<std::string> named(names.begin(), names.begin() + std::min(names.size(), kMaxNamed));
  const std::string listed = absl::StrJoin(named, ", ");
  const std::string more =
      names.size() > kMaxNamed ? absl::StrCat(" and ", names.size() - kMaxNamed, " more") : "";
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_RESPONDER",
                   absl::StrCat("no agent may answer for ", listed, more,
                                "; give one a challenge grant, for example: norroy agent token "
                                "create HOST --answer ",
                                names.front()),
                   {{"name", absl::StrJoin(named, ",")}});
}

// What the CA has valid for these names must go (RFC 8555 7.5.2). Withdrawal does it, and finds
// them by itself where not every validator can be asked now.
absl::Status WithdrawNames(Work& work, const Tools& tools,
                           const std::vector<challenge::Name>& names) {
  const absl::StatusOr<std::vector<challenge::Name>> nobody = tools.solver.Unanswerable(names);
  if (!nobody.ok()) {
    log::Warning("order", "authorizations stay until every validator can be asked",
                 {{"order_id", work.order.id}, {"error", nobody.status().message()}});
    return absl::OkStatus();
  }
  std::vector<std::string> texts;
  for (const challenge::Name& name : *nobody) texts.push_back(name.text());
  NORROY_RETURN_IF_ERROR(
      tools.authorizations.Withdraw(texts, kNobodyMayAnswer, tools.clock.Now()).status());
  for (NameProgress& progress : work.order.progress) {
    const bool withdrawn =
        std::find(nobody->begin(), nobody->end(), progress.name) != nobody->end();
    // Not this order's any more: saving it must not bring back what is deactivated meanwhile.
    if (withdrawn && progress.state == NameState::kValid) progress.authorization_url.clear();
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status AskPlan(Work& work, const Tools& tools) {
  const absl::Duration asked_at = tools.clock.Monotonic();
  NORROY_ASSIGN_OR_RETURN(work.plan, tools.solver.Plan(work.order.names));
  work.plan_at = asked_at;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Next>> RefuseUnanswerable(Work& work, const Tools& tools) {
  std::vector<challenge::Name> names;
  std::vector<std::string> texts;
  for (const solver::NamePlan& plan : *work.plan) {
    if (!plan.types.empty()) continue;
    names.push_back(plan.name);
    texts.push_back(plan.name.text());
  }
  if (names.empty()) return std::optional<Next>();
  NORROY_RETURN_IF_ERROR(WithdrawNames(work, tools, names));
  return std::optional<Next>(GiveUp(work, NobodyAnswers(texts), tools.clock.Now()));
}

absl::StatusOr<std::optional<Next>> ConfirmGrants(Work& work, const Tools& tools) {
  const bool holds = work.plan.has_value() && tools.clock.Monotonic() - work.plan_at <= kPlanHolds;
  if (!holds) NORROY_RETURN_IF_ERROR(AskPlan(work, tools));
  return RefuseUnanswerable(work, tools);
}

}  // namespace norroy::flow
