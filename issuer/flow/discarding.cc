// Where the grant says "reuse: never", each name is proved for this very order: what the CA has
// valid from earlier orders is deactivated, and another CA order is placed. And what is valid from
// earlier orders where it may be used: noted, so that it can be withdrawn.

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "issuer/flow/deactivating.h"
#include "issuer/flow/failure.h"
#include "issuer/flow/steps.h"

namespace norroy::flow {
namespace {

// An order of another set may prove a shared name in between; a CA that ignores deactivation must
// not keep us busy.
constexpr size_t kMaxDiscarded = 2;

bool Contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

absl::Status KeepsReusing(const Order& order) {
  return MakeError(
      absl::StatusCode::kFailedPrecondition, "AUTHORIZATION_REUSED",
      absl::StrCat("the CA ", order.ca,
                   " keeps giving authorizations that are valid already although they were "
                   "deactivated, and the grant wants each name proved for this order (reuse: "
                   "never); try again when no other order has these names, or allow reuse"));
}

// Deactivates the next one, if it still can be.
absl::Status DiscardOne(Work& work, const Tools& tools, const std::string& url) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
  NORROY_ASSIGN_OR_RETURN(const bool done, Deactivate(*ca, url));
  if (!done) return absl::OkStatus();
  const Order& order = work.order;
  return tools.authorizations.Forget(
      url,
      {.principal = tools.authorizations.writer(),
       .action = "authorization.deactivate",
       .object = absl::StrCat("authorization/", url),
       .detail = absl::StrCat("ca=", order.ca, " REUSE_NEVER: in the way of order/", order.id),
       .policy_version = order.policy_version},
      tools.clock.Now());
}

NameProgress* ProgressOf(Order& order, const std::string& name) {
  for (NameProgress& progress : order.progress) {
    if (progress.name.text() == name) return &progress;
  }
  return nullptr;
}

}  // namespace

bool WantsFresh(const Order& order) { return order.reuse_never && !order.fresh; }

bool IsDiscarded(const Order& order) {
  return Contains(order.discarded_orders, order.ca_order_url);
}

Next RefuseDiscarded(Work& work, const Tools& tools) {
  return GiveUp(work, KeepsReusing(work.order), tools.clock.Now());
}

Next BeginDiscarding(Work& work, const Tools& tools) {
  Order& order = work.order;
  if (order.discarded_orders.size() >= kMaxDiscarded) return RefuseDiscarded(work, tools);
  log::Info("order", "the CA's order reuses authorizations; it is replaced",
            {{"order_id", order.id}, {"ca_order", order.ca_order_url}});
  order.discarded_orders.push_back(order.ca_order_url);
  work.discarded = 0;
  // Stored before anything is deactivated: a restart goes on from here.
  return Next::RunOn();
}

absl::StatusOr<Next> Discard(Work& work, const Tools& tools) {
  if (!work.ca_order.has_value()) {
    NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
    NORROY_ASSIGN_OR_RETURN(work.ca_order, ca->GetOrder(work.order.ca_order_url));
  }
  const std::vector<std::string>& urls = work.ca_order->authorizations;
  if (work.discarded < urls.size()) {
    NORROY_RETURN_IF_ERROR(DiscardOne(work, tools, urls[work.discarded]));
    ++work.discarded;
    return Next::RunOnUnsaved();
  }
  // Ours, not the caller's: it takes none of his tries.
  NORROY_RETURN_IF_ERROR(tools.authorizations.DoNotCount(work.order));
  return StartAnew(work, tools.clock.Now());
}

absl::Status LearnReused(Work& work, const Tools& tools) {
  Order& order = work.order;
  const std::vector<std::string>& urls = work.ca_order->authorizations;
  NORROY_ASSIGN_OR_RETURN(const std::vector<store::Authorization> known,
                          tools.authorizations.Find(order.ca, urls));
  std::set<std::string> named;
  for (const store::Authorization& authorization : known) {
    NameProgress* const progress = ProgressOf(order, authorization.name);
    if (progress != nullptr) progress->authorization_url = authorization.url;
    named.insert(authorization.url);
  }
  std::vector<store::Authorization> learnt;
  for (const std::string& url : urls) {
    if (named.count(url) > 0) continue;
    NORROY_ASSIGN_OR_RETURN(acme::Client* const ca, tools.Ca(work));
    const absl::StatusOr<acme::Authorization> read = ca->GetAuthorization(url);
    if (!read.ok() && IsWorthRepeating(read.status())) return read.status();
    if (!read.ok()) {
      log::Warning("order", "a reused authorization cannot be read",
                   {{"order_id", order.id}, {"authorization", url}});
      continue;
    }
    NameProgress* const progress = ProgressOf(order, read->name.text());
    if (progress != nullptr) progress->authorization_url = url;
    learnt.push_back(Known(order, *ca, *read, tools.clock.Now()));
  }
  return tools.authorizations.Note(learnt);
}

store::Authorization Known(const Order& order, const acme::Client& ca,
                           const acme::Authorization& authorization, absl::Time now) {
  return {.url = authorization.url,
          .ca = order.ca,
          .account_url = ca.account_url(),
          .name = authorization.name.text(),
          .expire_time = authorization.expires.value_or(now + store::kLongestAuthorization),
          .order_id = "",
          .reason = ""};
}

}  // namespace norroy::flow
