#ifndef NORROY_TESTS_E2E_SYNC_WORLD_H_
#define NORROY_TESTS_E2E_SYNC_WORLD_H_

// A deployment with Pebble, an agent for every name below example.test, and a host's identity that
// may order them: what `norroy sync` needs. Servers that serve what it keeps.

#include <memory>
#include <string>
#include <vector>

#include "tests/harness/deployment.h"
#include "tests/harness/pebble.h"
#include "tests/harness/process.h"

namespace norroy::harness {

class SyncWorld {
 public:
  explicit SyncWorld(const PebbleOptions& options = {});

  const std::string& dir() const { return dir_; }
  Pebble& pebble() { return *pebble_; }
  Deployment& norroy() { return *norroy_; }
  // Where Pebble looks for HTTP-01.
  int http_port() const { return http_port_; }

  // The lines of sync.yaml before `certificates:`.
  std::string Preamble(const std::string& state_dir) const;
  std::string identity_file() const { return dir_ + "/host.pem"; }
  std::string core_root_file() const { return norroy_->dir() + "/operator/core-root.pem"; }

  // `norroy` with these words, as the host, without the operator's directory.
  static Output Run(const std::vector<std::string>& words,
                    absl::Duration timeout = absl::Seconds(90));
  static std::vector<std::string> Argv(const std::vector<std::string>& words);

 private:
  const std::string dir_;
  const int http_port_;
  std::unique_ptr<Pebble> pebble_;
  std::unique_ptr<Deployment> norroy_;
};

// nginx with a master that reloads on SIGHUP, as machines run it.
std::unique_ptr<Process> StartReloadableNginx(const std::string& dir, const std::string& http);

}  // namespace norroy::harness

#endif  // NORROY_TESTS_E2E_SYNC_WORLD_H_
