#include "issuer/service/api.h"

#include "common/rpc/audit_service.h"
#include "common/rpc/credentials.h"
#include "issuer/service/account_admin.h"
#include "issuer/service/account_service.h"
#include "issuer/service/api_token_admin.h"
#include "issuer/service/api_token_service.h"
#include "issuer/service/certificate_service.h"
#include "issuer/service/certificates.h"
#include "issuer/service/doctor.h"
#include "issuer/service/doctor_service.h"
#include "issuer/service/evidence.h"
#include "issuer/service/order_service.h"
#include "issuer/service/orders.h"
#include "issuer/service/policy_admin.h"
#include "issuer/service/policy_service.h"
#include "issuer/service/rate_limit_service.h"
#include "issuer/service/rate_limits.h"
#include "issuer/service/renewal_service.h"
#include "issuer/service/renewals.h"
#include "issuer/service/server_info_service.h"
#include "issuer/service/warm_name_service.h"
#include "issuer/service/warm_names.h"

namespace norroy::service {
namespace {

class IssuerApi final : public Api {
 public:
  explicit IssuerApi(const ApiOptions& o)
      : orders_({o.store, o.policy, o.solver, o.accounts, o.engine, o.events, o.clock, o.random,
                 o.quotas}),
        certificates_(o.store, o.accounts, o.clock, &o.audit.refusals()),
        account_admin_(o.store, o.accounts, o.clock),
        api_token_admin_(o.api_tokens, o.random, o.clock),
        doctor_({o.store, o.policy, o.solver, o.sealer, o.accounts, o.timers, o.clock, o.random}),
        policy_admin_(o.policies, o.grants, o.clock),
        evidence_(o.store, o.audit.log()),
        renewals_({o.renewals, o.store, o.keeper, o.policy, o.timers, o.clock}),
        warm_names_({o.warm_names, o.store, o.accounts, o.policy, o.clock,
                     [&warmer = o.warmer] { warmer.Wake(); }}),
        rate_limits_({o.ledger, o.store, o.accounts, o.policy, o.cas, o.clock}),
        order_service_(o.env, orders_),
        policy_service_(o.env, policy_admin_),
        certificate_service_(o.env, certificates_, evidence_),
        account_service_(o.env, account_admin_),
        api_token_service_(o.env, api_token_admin_),
        doctor_service_(o.env, doctor_),
        renewal_service_(o.env, renewals_),
        warm_name_service_(o.env, warm_names_),
        rate_limit_service_(o.env, rate_limits_),
        audit_service_(o.env, o.audit.log()),
        info_service_(o.env, {o.version, rpc::TlsLibraryVersion(), o.start_time}) {}

  std::vector<grpc::Service*> services() override {
    return {&order_service_,  &policy_service_,    &certificate_service_, &account_service_,
            &doctor_service_, &renewal_service_,   &api_token_service_,   &audit_service_,
            &info_service_,   &warm_name_service_, &rate_limit_service_};
  }
  void Stop() override { doctor_.Stop(); }

 private:
  Orders orders_;
  Certificates certificates_;
  AccountAdmin account_admin_;
  ApiTokenAdmin api_token_admin_;
  Doctor doctor_;
  PolicyAdmin policy_admin_;
  EvidenceRoom evidence_;
  Renewals renewals_;
  WarmNames warm_names_;
  RateLimits rate_limits_;
  OrderService order_service_;
  PolicyService policy_service_;
  CertificateService certificate_service_;
  AccountService account_service_;
  ApiTokenService api_token_service_;
  DoctorService doctor_service_;
  RenewalService renewal_service_;
  WarmNameService warm_name_service_;
  RateLimitService rate_limit_service_;
  rpc::AuditService audit_service_;
  ServerInfoService info_service_;
};

}  // namespace

std::unique_ptr<Api> Api::Make(const ApiOptions& options) {
  return std::make_unique<IssuerApi>(options);
}

}  // namespace norroy::service
