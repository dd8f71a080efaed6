#include "issuer/policy/next_cas.h"

namespace norroy::policy {
namespace {

bool Allows(const Policy& policy, const Question& question, const flow::Order& order) {
  const absl::StatusOr<Decision> decision = policy.Check(question);
  return decision.ok() && (order.reuse_never || !decision->reuse_never);
}

}  // namespace

std::vector<std::string> GrantedCas(const std::vector<std::string>& cas, const flow::Order& order,
                                    const std::string& finalizer,
                                    std::optional<crypto::KeyType> key_type, const Policy& policy,
                                    keys::Accounts& accounts) {
  std::vector<std::string> granted;
  for (const std::string& ca : cas) {
    const bool own_key = finalizer.empty() || finalizer == order.creator;
    Question question{order.creator, order.names, ca, order.profile,
                      own_key ? key_type : std::nullopt};
    bool allowed = Allows(policy, question, order);
    if (allowed && !own_key) {
      question.principal = finalizer;
      question.key_type = key_type;
      allowed = Allows(policy, question, order);
    }
    if (allowed && accounts.ClientFor(ca).ok()) granted.push_back(ca);
  }
  return granted;
}

std::vector<std::string> NextCas(const flow::Order& order, const std::string& finalizer,
                                 std::optional<crypto::KeyType> key_type, const Policy& policy,
                                 keys::Accounts& accounts) {
  if (!order.ca_open || !order.profile.empty()) return {};
  return GrantedCas(accounts.NextCas(order.ca), order, finalizer, key_type, policy, accounts);
}

}  // namespace norroy::policy
