#include "issuer/keys/ca_settings.h"

#include <gtest/gtest.h>

#include <functional>

#include "common/error/error.h"

namespace norroy::keys {
namespace {

using config::v1::CaConfig;
using config::v1::IssuerConfig;

CaConfig Good(const std::string& name) {
  CaConfig ca;
  ca.set_name(name);
  ca.set_directory_url("https://ca.test/directory");
  return ca;
}

TEST(ReadCaSettings, TakesWhatStandsThere) {
  IssuerConfig config;
  CaConfig& ca = *config.add_cas();
  ca = Good("le");
  ca.set_root_file("roots/ca.pem");
  ca.add_contacts("mailto:ops@example.com");
  ca.set_agree_tos(true);
  ca.set_eab_kid("kid");
  ca.set_eab_key_file("/etc/norroy/eab.key");
  ca.set_proxy("http://proxy.test:3128");
  ca.add_extra_hosts("acme.test:8443");
  ca.set_bind_address("192.0.2.7");
  ca.add_caa_identities("ca.test");
  ca.add_fail_over("staging");
  *config.add_cas() = Good("staging");
  const auto settings = ReadCaSettings(config, "/etc/norroy/issuer.yaml");
  ASSERT_TRUE(settings.ok()) << settings.status();
  ASSERT_EQ(settings->size(), 2u);
  EXPECT_EQ((*settings)[0].http.root_file, "/etc/norroy/roots/ca.pem");
  EXPECT_EQ((*settings)[0].eab_key_file, "/etc/norroy/eab.key");
  EXPECT_EQ((*settings)[0].http.proxy, "http://proxy.test:3128");
  EXPECT_EQ((*settings)[0].http.bind_address, "192.0.2.7");
  EXPECT_EQ((*settings)[0].acme.extra_hosts, std::vector<std::string>{"acme.test:8443"});
  EXPECT_EQ((*settings)[0].acme.caa_identities, std::vector<std::string>{"ca.test"});
  EXPECT_TRUE((*settings)[0].agree_tos);
  EXPECT_EQ((*settings)[0].fail_over, std::vector<std::string>{"staging"});
  EXPECT_EQ((*settings)[1].http.root_file, "");
  EXPECT_FALSE((*settings)[1].agree_tos);
}

TEST(ReadCaSettings, ErrorsNameThePlace) {
  struct Case {
    std::string place;
    std::function<void(IssuerConfig&)> change;
  };
  const auto second = [](std::function<void(CaConfig&)> change) {
    return [change](IssuerConfig& config) { change(*config.mutable_cas(1)); };
  };
  const Case cases[] = {
      {"cas is empty", [](IssuerConfig& c) { c.clear_cas(); }},
      {"cas: at most",
       [](IssuerConfig& c) {
         for (int i = 0; i < 40; ++i) *c.add_cas() = Good("x");
       }},
      {"cas[1].name: \"a\" stands there twice", second([](CaConfig& ca) { ca.set_name("a"); })},
      {"cas[1]", second([](CaConfig& ca) { ca.set_name(""); })},
      {"cas[1]", second([](CaConfig& ca) { ca.set_name("Let's"); })},
      {"cas[1]: directory_url", second([](CaConfig& ca) { ca.set_directory_url(""); })},
      {"cas[1]: directory_url",
       second([](CaConfig& ca) { ca.set_directory_url("http://ca.test/directory"); })},
      {"cas[1]: directory_url",
       second([](CaConfig& ca) { ca.set_directory_url("https://u:p@ca.test/directory"); })},
      {"cas[1]: contacts[1]", second([](CaConfig& ca) {
         ca.add_contacts("mailto:a@example.com");
         ca.add_contacts("ops@example.com");
       })},
      {"cas[1]: contacts[0]",
       second([](CaConfig& ca) { ca.add_contacts("mailto:a@example.com?subject=x"); })},
      {"cas[1]: contacts", second([](CaConfig& ca) {
         for (int i = 0; i < 3; ++i) ca.add_contacts("mailto:a@example.com");
       })},
      {"cas[1]: eab_kid", second([](CaConfig& ca) { ca.set_eab_kid("kid"); })},
      {"cas[1]: eab_kid", second([](CaConfig& ca) { ca.set_eab_key_file("eab.key"); })},
      {"cas[1]: fail_over[0]: \"c\"", second([](CaConfig& ca) { ca.add_fail_over("c"); })},
      {"cas[1]: fail_over[0]", second([](CaConfig& ca) { ca.add_fail_over("b"); })},
      {"cas[1]: fail_over[1]", second([](CaConfig& ca) {
         ca.add_fail_over("a");
         ca.add_fail_over("a");
       })},
      {"cas[1]: fail_over: at most", second([](CaConfig& ca) {
         for (int i = 0; i < 9; ++i) ca.add_fail_over("a");
       })},
      {"cas[1]: limits.new_orders_per_account.count", second([](CaConfig& ca) {
         ca.mutable_limits()->mutable_new_orders_per_account()->set_per_minutes(180);
       })},
      {"cas[1]: limits.certificates_per_domain.per_minutes", second([](CaConfig& ca) {
         ca.mutable_limits()->mutable_certificates_per_domain()->set_count(50);
       })},
      {"cas[1]: proxy", second([](CaConfig& ca) { ca.set_proxy("socks5://p.test:1"); })},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.place);
    IssuerConfig config;
    *config.add_cas() = Good("a");
    *config.add_cas() = Good("b");
    row.change(config);
    const absl::Status status = ReadCaSettings(config, "issuer.yaml").status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_NE(status.message().find(row.place), absl::string_view::npos) << status;
  }
}

TEST(CaSettings, LimitsArePublishedOrConfigured) {
  IssuerConfig config;
  *config.add_cas() = Good("a");
  *config.add_cas() = Good("le");
  config.mutable_cas(1)->set_directory_url("https://acme-v02.api.letsencrypt.org/directory");
  config::v1::RateLimitConfig& raised =
      *config.mutable_cas(1)->mutable_limits()->mutable_new_orders_per_account();
  raised.set_count(3000);
  raised.set_per_minutes(180);
  const auto settings = ReadCaSettings(config, "issuer.yaml");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_FALSE((*settings)[0].limits.new_orders_per_account.has_value());
  const limits::CaLimits& limits = (*settings)[1].limits;
  EXPECT_EQ(limits.new_orders_per_account->count, 3000);
  EXPECT_EQ(limits.new_orders_per_account->per, absl::Hours(3));
  EXPECT_EQ(limits.certificates_per_domain->count, 50);
  EXPECT_TRUE(limits.renewals_are_free);
}

}  // namespace
}  // namespace norroy::keys
