#ifndef NORROY_COMMON_RPC_TEST_DEPLOYMENT_H_
#define NORROY_COMMON_RPC_TEST_DEPLOYMENT_H_

// A deployment's roots and identities as files in a folder of its own, for tests that speak mTLS.

#include <string>

#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/rpc/credentials.h"

namespace norroy::rpc {

class TestDeployment {
 public:
  explicit TestDeployment(const std::string& name = "test");

  // Writes a new key and certificate (again, by rename) and returns the file's path. Core and CI
  // roles are signed by the core root, agents and bootstraps by the edge intermediate. Issuers and
  // validators get the host 127.0.0.1.
  std::string WriteIdentity(identity::Role role, const std::string& identity_name,
                            const std::string& enrollment_id = "");
  // A server's files: its identity, and the root that its clients lead to.
  TlsFiles CoreFiles(const std::string& identity_file) const;
  TlsFiles EdgeFiles(const std::string& identity_file) const;

  const std::string& name() const { return name_; }
  const std::string& directory() const { return directory_; }
  const std::string& core_root_file() const { return core_root_file_; }
  const std::string& edge_root_file() const { return edge_root_file_; }
  const identity::Authority& core_root() const { return core_root_; }
  const identity::Authority& edge() const { return edge_; }  // the intermediate

 private:
  const std::string name_;
  const std::string directory_;
  const identity::Authority core_root_;
  const identity::Authority edge_root_;
  const identity::Authority edge_;
  const std::string core_root_file_;
  const std::string edge_root_file_;
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_TEST_DEPLOYMENT_H_
