#include "validator/settings.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "absl/time/clock.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/rpc/test_deployment.h"
#include "norroy/config/v1/validator.pb.h"

namespace norroy::validator {
namespace {

using config::v1::ValidatorConfig;

class SettingsTest : public testing::Test {
 protected:
  SettingsTest() {
    EXPECT_TRUE(
        identity::WriteIdentityFile(deployment_.directory() + "/edge-ca.pem",
                                    {deployment_.edge().key, {deployment_.edge().certificate}})
            .ok());
    deployment_.WriteIdentity(types::v1::ROLE_VALIDATOR, "main");
    deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "main");
  }

  ValidatorConfig Good() {
    ValidatorConfig config;
    config.set_deployment("test");
    config.add_listen("127.0.0.1:7442");
    config.add_agent_listen("127.0.0.1:7443");
    config.mutable_identity()->set_identity_file("validator-main.pem");
    config.mutable_identity()->set_core_root_file("core-root.pem");
    config.set_edge_root_file("edge-root.pem");
    config.set_edge_ca_file("edge-ca.pem");
    config.set_database("validator.db");
    return config;
  }

  absl::StatusOr<Settings> Load(const ValidatorConfig& config, absl::Time now = absl::Now()) {
    const std::string path = deployment_.directory() + "/validator.yaml";
    EXPECT_TRUE(identity::WriteFileAtomically(path, config::ToYaml(config), 0644).ok());
    return LoadSettings(path, now);
  }

  rpc::TestDeployment deployment_;
};

TEST_F(SettingsTest, DefaultsAndPaths) {
  const auto settings = Load(Good());
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->name, "main");
  EXPECT_EQ(settings->database, deployment_.directory() + "/validator.db");
  EXPECT_EQ(settings->agent_identity_lifetime, absl::Hours(168));
  EXPECT_TRUE(settings->agent_addresses.empty());
  EXPECT_EQ(settings->log_level, log::Level::kInfo);
  EXPECT_FALSE(settings->reflection);
}

TEST_F(SettingsTest, WhatIsWrongIsNamed) {
  struct Case {
    const char* what;
    std::function<void(ValidatorConfig&)> change;
    const char* error;
  };
  const Case cases[] = {
      {"deployment", [](auto& c) { c.set_deployment("No!"); }, "deployment"},
      {"listen", [](auto& c) { c.clear_listen(); }, "listen must have"},
      {"no port", [](auto& c) { c.set_agent_listen(0, "127.0.0.1"); }, "agent_listen[0]"},
      {"wildcard", [](auto& c) { c.set_agent_listen(0, "0.0.0.0:7443"); },
       "agent_addresses is missing"},
      {"port 0 to dial", [](auto& c) { c.add_agent_addresses("validator.example.net:0"); },
       "agent_addresses[0]"},
      {"four to dial",
       [](auto& c) {
         for (int i = 0; i < 4; ++i) c.add_agent_addresses("v.example.net:7443");
       },
       "agent_addresses must have 1 to 3"},
      {"no identity", [](auto& c) { c.clear_identity(); }, "identity.identity_file is missing"},
      {"no file", [](auto& c) { c.mutable_identity()->set_identity_file("none.pem"); }, "none.pem"},
      {"another role", [](auto& c) { c.mutable_identity()->set_identity_file("issuer-main.pem"); },
       "role validator"},
      {"another root", [](auto& c) { c.mutable_identity()->set_core_root_file("edge-root.pem"); },
       "validator-main.pem"},
      {"edge root", [](auto& c) { c.set_edge_root_file("core-root.pem"); },
       "does not lead to the root"},
      {"edge CA is no CA", [](auto& c) { c.set_edge_ca_file("validator-main.pem"); },
       "validator-main.pem"},
      {"hours", [](auto& c) { c.set_agent_identity_hours(24 * 90 + 1); }, "agent_identity_hours"},
      {"database", [](auto& c) { c.clear_database(); }, "database is missing"},
      {"password in the URL",
       [](auto& c) { c.set_database("postgresql://norroy:secret@127.0.0.1/validator"); },
       "has a password in it"},
      {"resolver", [](auto& c) { c.mutable_dns()->add_resolvers("ns.example.com"); },
       "dns.resolvers"},
      {"nine resolvers",
       [](auto& c) {
         for (int i = 0; i < 9; ++i) c.mutable_dns()->add_resolvers("192.0.2.53");
       },
       "dns.resolvers"},
      {"network", [](auto& c) { c.mutable_dns()->add_allow_networks("10.0.0.1/8"); },
       "dns.allow_networks[0]: network \"10.0.0.1/8\" has bits beyond"},
      {"101 networks",
       [](auto& c) {
         for (int i = 0; i < 101; ++i) c.mutable_dns()->add_allow_networks("10.0.0.0/8");
       },
       "dns.allow_networks has over 100"},
      {"HTTP port", [](auto& c) { c.mutable_preflight()->set_http_port(65536); },
       "preflight.http_port is 65536"},
      {"TLS port", [](auto& c) { c.mutable_preflight()->set_tls_port(65537); },
       "preflight.tls_port is 65537"},
      {"DNS port", [](auto& c) { c.mutable_preflight()->set_dns_port(100000); },
       "preflight.dns_port is 100000"},
  };
  for (const Case& c : cases) {
    ValidatorConfig config = Good();
    c.change(config);
    const auto settings = Load(config);
    ASSERT_FALSE(settings.ok()) << c.what;
    const std::string message(settings.status().message());
    EXPECT_NE(message.find(c.error), std::string::npos) << c.what << ": " << message;
    EXPECT_NE(message.find("validator.yaml"), std::string::npos) << c.what << ": " << message;
  }
  EXPECT_FALSE(Load(Good(), absl::Now() + absl::Hours(25)).ok()) << "everything has expired";
}

TEST_F(SettingsTest, PreflightAsConfigured) {
  ValidatorConfig config = Good();
  config.mutable_dns()->add_resolvers("192.0.2.53");
  config.mutable_dns()->add_resolvers("[2001:db8::53]:5353");
  config.mutable_dns()->add_allow_networks("10.20.0.0/16");
  config.mutable_preflight()->set_http_port(5002);
  const auto settings = Load(config);
  ASSERT_TRUE(settings.ok()) << settings.status();
  const preflight::PreflightOptions& options = settings->preflight;
  EXPECT_EQ(options.viewpoint, "main");
  ASSERT_EQ(options.resolvers.size(), 2u);
  EXPECT_EQ(options.resolvers[0].text(), "192.0.2.53:53");
  EXPECT_EQ(options.resolvers[1].text(), "[2001:db8::53]:5353");
  ASSERT_EQ(options.allow_networks.size(), 1u);
  EXPECT_EQ(options.allow_networks[0].text(), "10.20.0.0/16");
  EXPECT_EQ(options.ports.http, 5002);
  EXPECT_EQ(options.ports.tls, 443);
  EXPECT_EQ(options.ports.dns, 53);
}

TEST_F(SettingsTest, AWildcardNeedsAddresses) {
  ValidatorConfig config = Good();
  config.set_agent_listen(0, "[::]:7443");
  config.add_agent_addresses("validator.example.net:7443");
  const auto settings = Load(config);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->agent_addresses, (std::vector<std::string>{"validator.example.net:7443"}));
}

}  // namespace
}  // namespace norroy::validator
