#ifndef NORROY_AGENT_SETTINGS_H_
#define NORROY_AGENT_SETTINGS_H_

// The agent's configuration (norroy.config.v1.AgentConfig) made ready to use: checked, defaults
// filled in, paths resolved, key files read. Opens no sockets and asks nobody. Addresses may still
// name inherited sockets ("fd:http", inherited_sockets.h).
//
// The zones here are all that the agent ever writes to: like its scope they come from this host
// alone, and nothing that a validator says adds one. The file may name programs to run
// (exec_hook), so nobody but root and the agent's own user may be able to write it or its folder;
// with a program's environment in it, which may hold a credential, others must not read it.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "agent/presenter/delegated_zone/delegated_zone.h"
#include "agent/presenter/exec_hook/exec_hook.h"
#include "agent/presenter/http/http_listener.h"
#include "agent/presenter/powerdns/powerdns.h"
#include "agent/presenter/rfc2136/rfc2136.h"
#include "agent/presenter/tls_alpn/tls_alpn.h"
#include "common/dns/client.h"
#include "common/log/log.h"

namespace norroy::agent {

inline constexpr int kMaxPresenters = 32;
inline constexpr int kMaxZonesPerPresenter = 100;

struct Settings {
  std::string state_dir;
  std::vector<std::string> validators;  // empty: those of the join token
  std::optional<HttpListenerOptions> http_listener;
  std::string webroot;  // empty: none
  std::optional<TlsAlpnOptions> tls_alpn;
  std::vector<dns::Server> resolvers;  // at least one if anything below is configured
  std::optional<DelegatedZoneOptions> delegated_zone;
  std::vector<Rfc2136Options> rfc2136;
  std::vector<PowerdnsOptions> powerdns;
  std::vector<ExecHookOptions> exec_hooks;
  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kText;

  bool answers_dns() const {
    return delegated_zone.has_value() || !rfc2136.empty() || !powerdns.empty() ||
           !exec_hooks.empty();
  }
};

// INVALID_ARGUMENT, reason BAD_CONFIG; FAILED_PRECONDITION, reason UNSAFE_FILE (this file, its
// folder, or a key file), UNSAFE_PROGRAM. The file is opened once: what was checked is what counts.
absl::StatusOr<Settings> LoadSettings(const std::string& path);

// Its state_dir alone: for what must not need the agent's keys.
absl::StatusOr<std::string> LoadStateDir(const std::string& path);

// What the agent would answer by, one line a presenter: type, name, place and zones.
std::vector<std::string> DescribePresenters(const Settings& settings);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_SETTINGS_H_
