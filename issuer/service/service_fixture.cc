#include "issuer/service/service_fixture.h"

#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/crypto/csr.h"
#include "common/crypto/encoding.h"
#include "common/crypto/signer.h"
#include "common/identity/issuing.h"

namespace norroy::service {
namespace {

constexpr char kDeployment[] = "test";

template <typename T>
T Need(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  NORROY_CHECK(value.ok());
  return *std::move(value);
}

fakes::FakeCaOptions CaOptions(Clock& clock) {
  fakes::FakeCaOptions options;
  options.clock = &clock;
  options.alternate_chains = 1;
  options.profiles = {{"classic", "90 days"}, {"short", "6 days"}};
  options.terms_of_service = "https://ca.test/terms";
  return options;
}

// The fake CA belongs to the fixture; each account wants a client of its own.
class Borrowed final : public http::Client {
 public:
  explicit Borrowed(http::Client& client) : client_(client) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    return client_.Send(request);
  }

 private:
  http::Client& client_;
};

config::v1::IssuerConfig Grants() {
  config::v1::IssuerConfig config;
  for (const char* ca : {"main", "second"}) config.add_cas()->set_name(ca);
  const auto grant = [&](const std::string& principal, const std::vector<std::string>& names) {
    config::v1::GrantConfig* const added = config.add_grants();
    added->set_principal(principal);
    for (const std::string& name : names) added->add_names(name);
    return added;
  };
  grant("operator/alice", {"."});
  auto* const web = grant("requester/web", {"www.example.com", ".example.com"});
  web->add_key_types("p256");
  web->add_key_types("p384");
  grant("requester/deploy", {".example.com"});
  grant("requester/other", {".example.com"});
  grant("requester/net", {"=192.0.2.0/24", "=2001:db8::/32"});
  return config;
}

std::vector<keys::CaSettings> CasAt(const std::string& directory_url, SimulatedClock& clock) {
  std::vector<keys::CaSettings> cas;
  for (const char* name : {"main", "second"}) {
    keys::CaSettings settings;
    settings.name = name;
    settings.acme.directory_url = directory_url;
    settings.acme.sleep = [&clock](absl::Duration time) { clock.Advance(time); };
    cas.push_back(settings);
  }
  cas.front().fail_over = {"second"};
  return cas;
}

// A folder of its own for each fixture.
std::string NewKeysDir() {
  static int count = 0;
  const char* const base = std::getenv("TEST_TMPDIR");
  return absl::StrCat(base == nullptr ? "/tmp" : base, "/service-keys-", ++count);
}

std::unique_ptr<solver::Sealer> NewSealer(absl::Time now) {
  const identity::Authority root =
      Need(identity::MakeRoot("core", kDeployment, now, absl::Hours(24 * 365)));
  crypto::PrivateKey key = Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  identity::LeafRequest request;
  request.identity.deployment = kDeployment;
  request.identity.role = types::v1::ROLE_SEAL;
  request.identity.name = "main";
  request.now = now;
  request.lifetime = absl::Hours(24 * 90);
  crypto::Certificate certificate = Need(identity::IssueLeaf(root, key.public_key(), request));
  return std::make_unique<solver::Sealer>(kDeployment, crypto::NewKeySigner(std::move(key)),
                                          std::move(certificate));
}

const crypto::PrivateKey& NewKey(crypto::KeyType type) {
  return *new crypto::PrivateKey(Need(crypto::PrivateKey::Generate(type)));
}

}  // namespace

rpc::Caller CallerOf(const std::string& principal) {
  const size_t slash = principal.find('/');
  rpc::Caller caller;
  caller.identity.deployment = kDeployment;
  caller.identity.role = Need(identity::ParseRole(principal.substr(0, slash)));
  caller.identity.name = principal.substr(slash + 1);
  caller.certificate_not_after = absl::InfiniteFuture();
  return caller;
}

challenge::Name NameOf(const std::string& text) { return Need(challenge::Name::Parse(text)); }

std::string CsrFor(const crypto::PrivateKey& key, const std::vector<std::string>& names) {
  return crypto::PemEncode("CERTIFICATE REQUEST",
                           Need(crypto::BuildCsr(key, Need(challenge::ParseNames(names)))));
}

const crypto::PrivateKey& KeyA() {
  static const crypto::PrivateKey& key = NewKey(crypto::KeyType::kP256);
  return key;
}
const crypto::PrivateKey& KeyB() {
  static const crypto::PrivateKey& key = NewKey(crypto::KeyType::kP256);
  return key;
}
const crypto::PrivateKey& RsaKey() {
  static const crypto::PrivateKey& key = NewKey(crypto::KeyType::kRsa2048);
  return key;
}

ServiceFixture::ServiceFixture()
    : clock_(absl::FromUnixSeconds(1'772'366'400)), ca_(CaOptions(clock_)), solver_(clock_) {
  database_ = Need(sql::OpenSqlite(":memory:"));
  NORROY_CHECK(sql::Migrate(*database_, store::Store::Migrations()).ok());
  store_ = store::Store::Make(*database_);
  authorizations_ = std::make_unique<store::Authorizations>(*database_, "issuer");
  ca_.SetValidator([this](const fakes::Attempt& attempt) {
    const std::optional<std::string> served = solver_.Served(attempt.token);
    if (served == attempt.key_authorization) return absl::OkStatus();
    return absl::NotFoundError("404 from the host");
  });
  accounts_ = Need(keys::MakeAccounts(
      {.cas = CasAt(ca_.directory_url(), clock_),
       .keys_dir = NewKeysDir(),
       .store = *store_,
       .clock = clock_,
       .random = random_,
       .new_http = [this](const keys::CaSettings&) { return std::make_unique<Borrowed>(ca_); }}));
  Need(accounts_->Register("main", /*agree_tos=*/true));
  configured_ = Need(policy::ReadConfiguredGrants(Grants()));
  policies_ = std::make_unique<store::Policies>(*database_, "issuer");
  quotas_ = std::make_unique<store::Quotas>(*database_);
  policy_ = std::make_unique<policy::LivePolicy>(configured_.grants, *policies_);
  sealer_ = NewSealer(clock_.Now());
  engine_ = flow::Engine::Make({.store = *store_,
                                .accounts = *accounts_,
                                .solver = solver_,
                                .sealer = *sealer_,
                                .clock = clock_,
                                .random = random_,
                                .events = events_,
                                .authorizations = *authorizations_,
                                .limits = {1000, 1000, 1000},
                                .owner = "test"});
  orders_ = std::make_unique<Orders>(OrdersOptions{*store_, *policy_, solver_, *accounts_, *engine_,
                                                   events_, clock_, random_, *quotas_});
  certificates_ = std::make_unique<Certificates>(*store_, *accounts_, clock_);
  audit_log_ = std::make_unique<audit::Log>(audit::LogOptions{.database = *database_,
                                                              .clock = clock_,
                                                              .deployment = "test",
                                                              .writer = "issuer",
                                                              .identity_file = ""});
  evidence_ = std::make_unique<EvidenceRoom>(*store_, *audit_log_);
  account_admin_ = std::make_unique<AccountAdmin>(*store_, *accounts_, clock_);
  policy_admin_ = std::make_unique<PolicyAdmin>(*policies_, configured_, clock_);
  renewal_rows_ = std::make_unique<store::Renewals>(*database_, "issuer");
  MakeKeepers();
}

void ServiceFixture::MakeKeepers() {
  const auto announce = [this](const flow::Order& order) { engine_->Wake(order.id); };
  keeper_ = renewal::Keeper::Make({.renewals = *renewal_rows_,
                                   .store = *store_,
                                   .accounts = *accounts_,
                                   .policy = *policy_,
                                   .clock = clock_,
                                   .random = random_,
                                   .announce = announce});
  renewals_ = std::make_unique<Renewals>(
      RenewalsOptions{*renewal_rows_, *store_, *keeper_, *policy_, timers_, clock_});
  warm_rows_ = std::make_unique<store::WarmNames>(*database_, "issuer");
  warmer_ = renewal::Warmer::Make({.warm_names = *warm_rows_,
                                   .store = *store_,
                                   .authorizations = *authorizations_,
                                   .accounts = *accounts_,
                                   .policy = *policy_,
                                   .clock = clock_,
                                   .random = random_,
                                   .announce = announce});
  warm_names_ = std::make_unique<WarmNames>(WarmNamesOptions{
      *warm_rows_, *store_, *accounts_, *policy_, clock_, [this] { warmer_->Wake(); }});
}

ServiceFixture::~ServiceFixture() = default;

void ServiceFixture::Work(absl::Duration time) {
  const absl::Time end = clock_.Now() + time;
  engine_->RunDue();
  while (clock_.Now() < end) {
    clock_.Advance(absl::Milliseconds(500));
    engine_->RunDue();
  }
}

issuer::v1::Order ServiceFixture::Get(const std::string& id) {
  issuer::v1::GetOrderRequest request;
  request.set_id(id);
  return Need(orders_->Get(CallerOf("operator/alice"), request)).order();
}

}  // namespace norroy::service
