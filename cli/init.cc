#include "cli/init.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "cli/authorities.h"
#include "cli/layout.h"
#include "common/config/config.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

// What this command makes at the top of the directory.
constexpr const char* kEntries[] = {layout::kCore,        layout::kEdge, "issuer",
                                    "validator",          "operator",    "agent",
                                    layout::kClientConfig};

absl::Status CheckFresh(const std::string& dir) {
  for (const char* entry : kEntries) {
    std::error_code error;
    const std::string path = absl::StrCat(dir, "/", entry);
    if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) continue;
    return MakeError(absl::StatusCode::kInvalidArgument, "ALREADY_INITIALISED",
                     absl::StrCat(path,
                                  " is there already, and init never overwrites a "
                                  "deployment; choose another --dir"));
  }
  return absl::OkStatus();
}

// Writes below one directory; the first failure is kept and ends all that follows.
class Maker {
 public:
  Maker(const std::string& dir, const InitPlan& plan, absl::Time now)
      : dir_(dir), plan_(plan), now_(now) {}

  void File(absl::string_view name, absl::string_view bytes, int mode) {
    if (status_.ok()) status_ = identity::WriteFileAtomically(Path(name), bytes, mode);
  }
  void Yaml(absl::string_view name, absl::string_view comment,
            const google::protobuf::Message& message) {
    File(name, absl::StrCat("# ", comment, "\n", config::ToYaml(message)), 0600);
  }
  void Folder(absl::string_view name) {
    if (status_.ok()) status_ = MakeFolder(Path(name));
  }
  void Identity(types::v1::Role role, const std::string& name, std::vector<std::string> hosts,
                absl::string_view file) {
    if (!status_.ok()) return;
    status_ =
        IssueIdentity(
            dir_, {{plan_.deployment, role, name, ""}, std::move(hosts), kIdentityDays, Path(file)},
            now_)
            .status();
  }
  void EdgeAuthority(const std::string& validator, absl::string_view file) {
    if (!status_.ok()) return;
    status_ = IssueEdgeAuthority(dir_, validator, Path(file), now_).status();
  }
  std::string Root(absl::string_view domain) {
    if (!status_.ok()) return "";
    const auto root = CreateRoot(dir_, domain, plan_.deployment, now_);
    status_ = root.status();
    return root.ok() ? root->certificate.ToPem() : "";
  }
  const absl::Status& status() const { return status_; }

 private:
  std::string Path(absl::string_view name) const { return absl::StrCat(dir_, "/", name); }

  const std::string& dir_;
  const InitPlan& plan_;
  const absl::Time now_;
  absl::Status status_;
};

void MakeIssuer(Maker& maker, const InitPlan& plan, const std::string& core_root) {
  maker.Folder("issuer");
  maker.Folder(layout::kIssuerKeys);
  maker.Identity(types::v1::ROLE_ISSUER, "issuer", InitPlan::HostsOf(plan.issuer_listen),
                 layout::kIssuerIdentity);
  maker.Identity(types::v1::ROLE_SEAL, "issuer", {}, layout::kIssuerSeal);
  maker.File(layout::kIssuerCoreRoot, core_root, 0644);
  if (!plan.ca_root_pem.empty()) maker.File(layout::kIssuerCaRoot, plan.ca_root_pem, 0644);
  if (!plan.eab_key.empty()) {
    maker.File(layout::kIssuerEabKey, absl::StrCat(plan.eab_key.Expose(), "\n"), 0600);
  }
  maker.Yaml(layout::kIssuerConfig, "The issuer's configuration: config/v1/issuer.proto.",
             plan.Issuer());
}

void MakeValidator(Maker& maker, const InitPlan& plan, const std::string& core_root,
                   const std::string& edge_root) {
  maker.Folder("validator");
  std::vector<std::string> hosts = InitPlan::HostsOf(plan.validator_listen);
  for (const std::string& host : InitPlan::HostsOf(plan.agent_listen)) {
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  }
  maker.Identity(types::v1::ROLE_VALIDATOR, "validator", hosts, layout::kValidatorIdentity);
  maker.EdgeAuthority("validator", layout::kValidatorEdgeCa);
  maker.File(layout::kValidatorCoreRoot, core_root, 0644);
  maker.File(layout::kValidatorEdgeRoot, edge_root, 0644);
  maker.Yaml(layout::kValidatorConfig, "The validator's configuration: config/v1/validator.proto.",
             plan.Validator());
}

void MakeAgent(Maker& maker, const InitPlan& plan) {
  if (plan.allow.empty()) return;
  maker.Folder("agent");
  std::string allow;
  for (const challenge::Pattern& pattern : plan.allow)
    absl::StrAppend(&allow, pattern.text(), "\n");
  maker.File(layout::kAgentAllow, allow, 0600);
  maker.Yaml(layout::kAgentConfig, "This machine's agent: config/v1/agent.proto.", plan.Agent());
}

InitResult ResultOf(const std::string& dir, const InitPlan& plan) {
  InitResult result;
  result.set_dir(dir);
  result.set_deployment(plan.deployment);
  result.set_principal(absl::StrCat("operator/", plan.operator_name));
  result.set_ca(plan.ca.name());
  result.set_directory_url(plan.ca.directory_url());
  result.set_issuer(plan.issuer_listen.text());
  result.set_validator(plan.validator_listen.text());
  result.add_agent_addresses(InitPlan::DialText(plan.agent_listen));
  for (const challenge::Pattern& pattern : plan.allow) result.add_allow(pattern.text());
  return result;
}

void TellNext(Output& output, const std::string& dir, const InitPlan& plan) {
  const std::string flag = absl::StrCat("--dir ", dir);
  output.Say("");
  output.Say(absl::StrCat("The roots' keys are ", dir, "/core/root.key and ", dir,
                          "/edge/root.key: keep a copy safe; both may be moved offline."));
  if (!plan.ca.agree_tos()) {
    output.Say(absl::StrCat("The CA's terms are not agreed to yet: set agree_tos in ", dir, "/",
                            layout::kIssuerConfig,
                            ", or run \"norroy account create --agree-tos\" once it is up."));
  }
  if (plan.allow.empty()) {
    output.Say(
        "No agent was set up here. On each web host: \"norroy agent token create NAME --answer "
        "PATTERN...\" makes a token, \"norroy-agent enroll --token-file F --allow PATTERN...\" "
        "takes it.");
  }
  output.Say(absl::StrCat("Next: norroy up ", flag, "    then: norroy issue ", flag, " ",
                          plan.allow.empty() ? "NAME" : plan.allow.front().text()));
}

}  // namespace

absl::StatusOr<InitResult> MakeDeployment(const std::string& dir, const InitPlan& plan,
                                          absl::Time now) {
  NORROY_RETURN_IF_ERROR(CheckFresh(dir));
  NORROY_RETURN_IF_ERROR(MakeFolder(dir));
  Maker maker(dir, plan, now);
  const std::string core_root = maker.Root(layout::kCore);
  const std::string edge_root = maker.Root(layout::kEdge);
  MakeIssuer(maker, plan, core_root);
  MakeValidator(maker, plan, core_root, edge_root);
  maker.Folder("operator");
  maker.Identity(types::v1::ROLE_OPERATOR, plan.operator_name, {}, layout::kOperatorIdentity);
  maker.File(layout::kOperatorCoreRoot, core_root, 0644);
  MakeAgent(maker, plan);
  maker.Yaml(layout::kClientConfig, "Where the norroy command finds this deployment.",
             plan.Client());
  if (maker.status().ok()) return ResultOf(dir, plan);
  // CheckFresh saw that none of these was there: whatever is there now is ours.
  for (const char* entry : kEntries) {
    std::error_code error;
    std::filesystem::remove_all(absl::StrCat(dir, "/", entry), error);
  }
  return maker.status();
}

absl::Status Init(Context& context, const InitOptions& options) {
  NORROY_ASSIGN_OR_RETURN(const std::string dir, context.Dir());
  NORROY_RETURN_IF_ERROR(CheckFresh(dir));
  NORROY_ASSIGN_OR_RETURN(const InitPlan plan, InitPlan::Make(options));
  NORROY_ASSIGN_OR_RETURN(const InitResult result,
                          MakeDeployment(dir, plan, context.clock().Now()));
  context.output().Object(result, {{"directory", dir},
                                   {"deployment", result.deployment()},
                                   {"you are", result.principal()},
                                   {"CA", absl::StrCat(result.ca(), " ", result.directory_url())},
                                   {"issuer", result.issuer()},
                                   {"validator", result.validator()},
                                   {"agents dial", ListText(result.agent_addresses())},
                                   {"agent allows", ListText(result.allow())}});
  TellNext(context.output(), dir, plan);
  return absl::OkStatus();
}

}  // namespace norroy::cli
