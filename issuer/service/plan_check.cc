#include "issuer/service/plan_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"

namespace norroy::service {
namespace {

constexpr size_t kShownNames = 5;

bool WouldAnswer(const solver::TypePlan& plan) {
  return !plan.agents.empty() && plan.missing.empty();
}

// "www.example.com (http-01: agent web2 is not attached)"
std::string Lack(const solver::NamePlan& plan) {
  std::vector<std::string> types;
  for (const solver::TypePlan& type : plan.types) {
    const absl::string_view name = challenge::ChallengeTypeName(type.type);
    types.push_back(
        type.missing.empty()
            ? absl::StrCat(name, ": no agent")
            : absl::StrCat(name, ": not attached: ", absl::StrJoin(type.missing, ", ")));
  }
  return absl::StrCat(plan.name.text(), types.empty() ? "" : " (", absl::StrJoin(types, "; "),
                      types.empty() ? "" : ")");
}

std::string Lacks(const std::vector<const solver::NamePlan*>& plans) {
  const size_t shown = std::min(plans.size(), kShownNames);
  std::string text =
      absl::StrJoin(plans.begin(), plans.begin() + shown, ", ",
                    [](std::string* out, const solver::NamePlan* plan) { *out += Lack(*plan); });
  if (plans.size() > shown) absl::StrAppend(&text, " and ", plans.size() - shown, " more");
  return text;
}

}  // namespace

absl::Status CheckPlans(const std::vector<solver::NamePlan>& plans) {
  std::vector<const solver::NamePlan*> nobody;
  std::vector<const solver::NamePlan*> missing;
  for (const solver::NamePlan& plan : plans) {
    if (std::any_of(plan.types.begin(), plan.types.end(), WouldAnswer)) continue;
    (plan.types.empty() ? nobody : missing).push_back(&plan);
  }
  if (!nobody.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "NO_RESPONDER",
                     absl::StrCat("no agent may answer for ", Lacks(nobody),
                                  ": give one a challenge grant (norroy agent token create NAME "
                                  "--answer PATTERN)"),
                     {{"name", nobody.front()->name.text()}});
  }
  if (!missing.empty()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "AGENT_NOT_ATTACHED",
                     absl::StrCat("nobody would answer for ", Lacks(missing),
                                  ": start the agent, or drain it (norroy agent drain NAME) if its "
                                  "host gets no traffic"),
                     {{"name", missing.front()->name.text()}});
  }
  return absl::OkStatus();
}

}  // namespace norroy::service
