#include "issuer/policy/policy.h"

#include <utility>

#include "common/status_macros.h"
#include "issuer/policy/grant_table.h"

namespace norroy::policy {
namespace {

GrantText TextOf(const config::v1::GrantConfig& config) {
  return {.principal = config.principal(),
          .names = {config.names().begin(), config.names().end()},
          .key_types = {config.key_types().begin(), config.key_types().end()},
          .cas = {config.cas().begin(), config.cas().end()},
          .profiles = {config.profiles().begin(), config.profiles().end()},
          .orders_per_day = config.quota().orders_per_day(),
          .orders_per_domain_per_day = config.quota().orders_per_domain_per_day(),
          .reuse_never = config.reuse() == config::v1::REUSE_CONFIG_NEVER};
}

class ConfigPolicy final : public Policy {
 public:
  explicit ConfigPolicy(std::vector<Grant> grants) : table_(0, std::move(grants)) {}
  absl::StatusOr<Decision> Check(const Question& question) const override {
    return table_.Check(question);
  }

 private:
  const GrantTable table_;
};

}  // namespace

absl::StatusOr<ConfiguredGrants> ReadConfiguredGrants(const config::v1::IssuerConfig& config) {
  ConfiguredGrants configured;
  for (const config::v1::CaConfig& ca : config.cas()) configured.cas.push_back(ca.name());
  for (const config::v1::GrantConfig& grant : config.grants()) {
    configured.texts.push_back(TextOf(grant));
  }
  NORROY_ASSIGN_OR_RETURN(configured.grants, ParseGrants(configured.texts, "grants"));
  NORROY_RETURN_IF_ERROR(CheckCas(configured.texts, configured.cas, "grants"));
  return configured;
}

absl::StatusOr<std::unique_ptr<Policy>> MakeConfigPolicy(const config::v1::IssuerConfig& config) {
  NORROY_ASSIGN_OR_RETURN(ConfiguredGrants configured, ReadConfiguredGrants(config));
  return std::make_unique<ConfigPolicy>(std::move(configured.grants));
}

}  // namespace norroy::policy
