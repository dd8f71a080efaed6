#include "cli/init_plan.h"

#include <pwd.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cli/free_ports.h"
#include "cli/known_cas.h"
#include "cli/layout.h"
#include "common/crypto/certificate.h"
#include "common/crypto/encoding.h"
#include "common/crypto/random.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

constexpr size_t kMaxCaRoot = 256 * 1024;
constexpr size_t kMaxEabKey = 4096;
constexpr size_t kMaxUrl = 2048;
// As good as no limit.
constexpr int kTestCaLimit = 100000;

absl::Status Usage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE", message);
}

// "issuer/seal.pem" -> "seal.pem": configurations name files relative to their own folder.
std::string FileName(absl::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

absl::StatusOr<std::string> OperatorName(const std::string& option) {
  if (!option.empty()) {
    NORROY_RETURN_IF_ERROR(identity::CheckResourceName("--operator", option));
    return option;
  }
  const passwd* user = getpwuid(geteuid());
  const std::string login = user == nullptr ? "" : absl::AsciiStrToLower(user->pw_name);
  return identity::CheckResourceName("operator", login).ok() ? login : "admin";
}

absl::StatusOr<config::v1::CaConfig> PlanCa(const InitOptions& options) {
  config::v1::CaConfig ca;
  const KnownCa* const known = FindKnownCa(options.ca);
  if (known != nullptr) {
    ca.set_name(options.ca);
    ca.set_directory_url(std::string(known->directory_url));
    if (!known->eab_from.empty() && options.eab_kid.empty()) {
      return Usage(absl::StrCat("--ca ", options.ca, ": ", known->title,
                                " serves accounts of its customers only: give --eab-kid and "
                                "--eab-key-file, which come from ",
                                known->eab_from));
    }
  } else if (absl::StartsWith(options.ca, "https://") && options.ca.size() <= kMaxUrl) {
    ca.set_name("ca");
    ca.set_directory_url(options.ca);
  } else {
    return Usage(absl::StrCat("--ca: \"", Printable(options.ca), "\" is none of ", KnownCaNames(),
                              " and the https URL of a CA's directory"));
  }
  if (!options.contact.empty()) {
    absl::string_view mail = options.contact;
    absl::ConsumePrefix(&mail, "mailto:");
    const size_t at = mail.find('@');
    if (at == 0 || at == absl::string_view::npos || at + 1 == mail.size() || mail.size() > 254 ||
        mail.find_first_of(" ,?\r\n\t") != absl::string_view::npos) {
      return Usage(absl::StrCat("--contact: \"", Printable(mail),
                                "\" is no mail address; give one, for example "
                                "certificates@example.com"));
    }
    ca.add_contacts(absl::StrCat("mailto:", mail));
  }
  if (options.test_ca && known != nullptr && !known->staging) {
    return Usage(
        absl::StrCat("--test-ca: ", known->title, " is none; its limits are for all its users"));
  }
  ca.set_agree_tos(options.agree_tos);
  return ca;
}

absl::Status PlanCaFiles(const InitOptions& options, InitPlan& plan) {
  if (!options.ca_root.empty()) {
    NORROY_ASSIGN_OR_RETURN(plan.ca_root_pem, identity::ReadFile(options.ca_root, kMaxCaRoot));
    const auto root = crypto::Certificate::ParsePem(plan.ca_root_pem);
    if (!root.ok()) {
      return Usage(absl::StrCat("--ca-root ", Printable(options.ca_root),
                                " is no PEM certificate: ", root.status().message()));
    }
    plan.ca.set_root_file(FileName(layout::kIssuerCaRoot));
  }
  if (options.eab_kid.empty() != options.eab_key_file.empty()) {
    return Usage("--eab-kid and --eab-key-file go together: give both or none");
  }
  if (options.eab_kid.empty()) return absl::OkStatus();
  NORROY_ASSIGN_OR_RETURN(std::string key, identity::ReadFile(options.eab_key_file, kMaxEabKey));
  absl::StripAsciiWhitespace(&key);
  // RFC 8555 7.3.4: CAs hand the key out as base64url.
  if (key.empty() || !crypto::Base64UrlDecode(key).ok()) {
    return Usage(absl::StrCat("--eab-key-file ", Printable(options.eab_key_file),
                              " must hold the key that the CA gave, in base64url without padding "
                              "(A-Z a-z 0-9 - _)"));
  }
  plan.eab_key = crypto::Secret::Take(key);
  plan.ca.set_eab_kid(options.eab_kid);
  plan.ca.set_eab_key_file(FileName(layout::kIssuerEabKey));
  return absl::OkStatus();
}

absl::Status PlanAgent(const InitOptions& options, InitPlan& plan) {
  NORROY_ASSIGN_OR_RETURN(plan.allow, challenge::ParsePatterns(options.allow));
  for (const challenge::Pattern& pattern : plan.allow) {
    if (pattern.is_universal()) {
      return Usage(
          "--allow: \".\" (every name) is too wide for an agent; give the names that this host "
          "serves, for example www.example.com or .example.com");
    }
  }
  const bool has_agent = !plan.allow.empty();
  if (!has_agent && !(options.http_listen.empty() && options.webroot.empty())) {
    return Usage(
        "--http-listen and --webroot are for this machine's agent, which --allow PATTERN... sets "
        "up: say which names it may answer for");
  }
  if (!options.webroot.empty()) {
    std::error_code error;
    if (!std::filesystem::is_directory(options.webroot, error)) {
      return Usage(absl::StrCat("--webroot: ", Printable(options.webroot), " is no folder"));
    }
    plan.webroot = std::filesystem::absolute(options.webroot, error).lexically_normal().string();
  }
  plan.http_listen = options.http_listen;
  if (plan.http_listen.empty() && plan.webroot.empty() && has_agent) {
    plan.http_listen = "0.0.0.0:80";
  }
  if (!plan.http_listen.empty() && !absl::StartsWith(plan.http_listen, "unix:")) {
    NORROY_RETURN_IF_ERROR(ParseAddress("--http-listen", plan.http_listen).status());
  }
  return absl::OkStatus();
}

absl::Status PlanAddresses(const InitOptions& options, InitPlan& plan) {
  NORROY_ASSIGN_OR_RETURN(const std::vector<int> ports, FindFreePorts(3));
  struct Wanted {
    const char* what;
    const std::string& option;
    Address& address;
  };
  const Wanted all[] = {{"--issuer-listen", options.issuer_listen, plan.issuer_listen},
                        {"--validator-listen", options.validator_listen, plan.validator_listen},
                        {"--agent-listen", options.agent_listen, plan.agent_listen}};
  for (size_t i = 0; i < ports.size(); ++i) {
    if (all[i].option.empty()) {
      all[i].address = Address{"127.0.0.1", ports[i]};
      continue;
    }
    NORROY_ASSIGN_OR_RETURN(all[i].address, ParseAddress(all[i].what, all[i].option));
  }
  return absl::OkStatus();
}

std::string HostName() {
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0') return "localhost";
  return absl::AsciiStrToLower(name);
}

}  // namespace

absl::StatusOr<InitPlan> InitPlan::Make(const InitOptions& options) {
  InitPlan plan;
  plan.deployment = options.deployment;
  if (plan.deployment.empty()) {
    plan.deployment = absl::StrCat("d", crypto::SystemRandom().Id().substr(0, 9));
  }
  NORROY_RETURN_IF_ERROR(identity::CheckDeployment(plan.deployment));
  NORROY_ASSIGN_OR_RETURN(plan.operator_name, OperatorName(options.operator_name));
  NORROY_ASSIGN_OR_RETURN(plan.ca, PlanCa(options));
  plan.test_ca = options.test_ca;
  NORROY_RETURN_IF_ERROR(PlanCaFiles(options, plan));
  NORROY_RETURN_IF_ERROR(PlanAgent(options, plan));
  NORROY_RETURN_IF_ERROR(PlanAddresses(options, plan));
  plan.reflection = options.reflection;
  return plan;
}

std::string InitPlan::DialText(const Address& listen) {
  return listen.is_any() ? Address{HostName(), listen.port}.text() : listen.text();
}

std::vector<std::string> InitPlan::HostsOf(const Address& listen) {
  if (!listen.is_any()) return {listen.host};
  return {HostName(), "127.0.0.1"};
}

config::v1::IssuerConfig InitPlan::Issuer() const {
  config::v1::IssuerConfig config;
  config.set_deployment(deployment);
  config.add_listen(issuer_listen.text());
  config.mutable_identity()->set_identity_file(FileName(layout::kIssuerIdentity));
  config.mutable_identity()->set_core_root_file(FileName(layout::kIssuerCoreRoot));
  config.set_seal_file(FileName(layout::kIssuerSeal));
  config.add_validators(DialText(validator_listen));
  config.set_database("issuer.db");
  config.set_keys_dir(FileName(layout::kIssuerKeys));
  *config.add_cas() = ca;
  config::v1::GrantConfig* grant = config.add_grants();
  grant->set_principal(absl::StrCat("operator/", operator_name));
  grant->add_names(".");
  // "." covers neither wildcards nor addresses: those are granted where the agent may have them.
  for (const challenge::Pattern& pattern : allow) {
    if (absl::StartsWith(pattern.text(), "*") || absl::StartsWith(pattern.text(), "=")) {
      grant->add_names(pattern.text());
    }
  }
  config.set_reflection(reflection);
  if (test_ca) {
    grant->mutable_quota()->set_orders_per_day(kTestCaLimit);
    grant->mutable_quota()->set_orders_per_domain_per_day(kTestCaLimit);
    config.mutable_limits()->set_new_orders_per_set_per_hour(kTestCaLimit);
    config.mutable_limits()->set_certificates_per_set_per_week(kTestCaLimit);
    config.mutable_limits()->set_failures_per_name_per_hour(kTestCaLimit);
    // A test CA looks at ports and asks DNS servers of its own.
    config::v1::PreflightConfig* const preflight = config.add_preflight();
    preflight->add_names(".");
    preflight->set_grade(config::v1::PREFLIGHT_GRADE_OFF);
  }
  return config;
}

config::v1::ValidatorConfig InitPlan::Validator() const {
  config::v1::ValidatorConfig config;
  config.set_deployment(deployment);
  config.add_listen(validator_listen.text());
  config.add_agent_listen(agent_listen.text());
  if (agent_listen.is_any()) config.add_agent_addresses(DialText(agent_listen));
  config.mutable_identity()->set_identity_file(FileName(layout::kValidatorIdentity));
  config.mutable_identity()->set_core_root_file(FileName(layout::kValidatorCoreRoot));
  config.set_edge_root_file(FileName(layout::kValidatorEdgeRoot));
  config.set_edge_ca_file(FileName(layout::kValidatorEdgeCa));
  config.set_database("validator.db");
  config.set_reflection(reflection);
  return config;
}

config::v1::AgentConfig InitPlan::Agent() const {
  config::v1::AgentConfig config;
  config.set_state_dir(FileName(layout::kAgentState));
  if (!http_listen.empty()) config.mutable_http_listener()->add_listen(http_listen);
  if (!webroot.empty()) config.mutable_webroot()->set_directory(webroot);
  return config;
}

ClientConfig InitPlan::Client() const {
  ClientConfig config;
  config.set_issuer(DialText(issuer_listen));
  config.set_validator(DialText(validator_listen));
  config.set_identity_file(layout::kOperatorIdentity);
  config.set_core_root_file(layout::kOperatorCoreRoot);
  return config;
}

}  // namespace norroy::cli
