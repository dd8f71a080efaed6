#ifndef NORROY_CLI_INIT_PLAN_H_
#define NORROY_CLI_INIT_PLAN_H_

// What `norroy init` is going to make: its options, checked and completed, and the configuration
// files that follow from them. Writes nothing.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cli/client_config.pb.h"
#include "cli/text.h"
#include "common/challenge/pattern.h"
#include "common/crypto/secret.h"
#include "norroy/config/v1/agent.pb.h"
#include "norroy/config/v1/issuer.pb.h"
#include "norroy/config/v1/validator.pb.h"

namespace norroy::cli {

// As given on the command line; empty: not given.
struct InitOptions {
  std::string deployment;     // made up
  std::string operator_name;  // the login name
  std::string ca = "letsencrypt-staging";
  std::string ca_root;  // file
  std::string contact;
  bool agree_tos = false;
  bool test_ca = false;  // our own guards towards it are off
  std::string eab_kid;
  std::string eab_key_file;
  std::vector<std::string> allow;
  std::string http_listen;  // 0.0.0.0:80, unless there is a webroot
  std::string webroot;
  // A free port of 127.0.0.1.
  std::string issuer_listen;
  std::string validator_listen;
  std::string agent_listen;
  bool reflection = false;
};

struct InitPlan {
  std::string deployment;
  std::string operator_name;
  config::v1::CaConfig ca;
  bool test_ca = false;
  std::string ca_root_pem;  // empty: the system's CAs
  crypto::Secret eab_key;   // empty: none
  std::vector<challenge::Pattern> allow;
  Address issuer_listen;
  Address validator_listen;
  Address agent_listen;
  std::string http_listen;  // empty: no listener
  std::string webroot;      // empty: no webroot
  bool reflection = false;

  // Reads the files that the options name and looks for free ports.
  static absl::StatusOr<InitPlan> Make(const InitOptions& options);

  // Where others dial an address that we listen on, and what a server certificate says.
  static std::string DialText(const Address& listen);
  static std::vector<std::string> HostsOf(const Address& listen);

  config::v1::IssuerConfig Issuer() const;
  config::v1::ValidatorConfig Validator() const;
  config::v1::AgentConfig Agent() const;
  ClientConfig Client() const;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_INIT_PLAN_H_
