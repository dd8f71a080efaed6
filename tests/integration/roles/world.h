#ifndef NORROY_TESTS_INTEGRATION_ROLES_WORLD_H_
#define NORROY_TESTS_INTEGRATION_ROLES_WORLD_H_

// A deployment of real processes, and a certificate of every role that its own authorities can
// sign: whoever may or may not call, be called, or connect.

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "common/identity/issuing.h"
#include "tests/harness/deployment.h"

namespace norroy::roles {

struct Listener {
  std::string name;  // "issuer", "core", "agents"
  std::string address;
  identity::Role server;
};

class World {
 public:
  // With one enrolled agent, "web1".
  World();

  const std::vector<Listener>& listeners() const { return listeners_; }
  const std::string& deployment() const { return deployment_name_; }
  harness::Deployment& norroy() { return *norroy_; }
  std::string core_root_file() const { return norroy_->dir() + "/core/root.pem"; }
  std::string edge_root_file() const { return norroy_->dir() + "/edge/root.pem"; }

  // A file with a new key and a certificate, signed by the authority that the role belongs to.
  // Agents and bootstraps get the enrollment of a real one. `when` moves its life in time.
  std::string Identity(identity::Role role, absl::Duration when = absl::ZeroDuration());
  // Of a foreign root that calls itself this deployment's, or "elsewhere"'s.
  std::string Foreign(identity::Role role, const std::string& deployment);

 private:
  void SwitchReflectionOff();
  std::string Write(const identity::Authority& authority, const identity::Identity& who,
                    const std::vector<crypto::Certificate>& chain, absl::Duration when);

  const std::string dir_;
  std::unique_ptr<harness::Pebble> pebble_;
  std::unique_ptr<harness::Deployment> norroy_;
  std::string deployment_name_;
  std::vector<Listener> listeners_;
  int files_ = 0;
};

}  // namespace norroy::roles

#endif  // NORROY_TESTS_INTEGRATION_ROLES_WORLD_H_
