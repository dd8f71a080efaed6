#ifndef NORROY_CLI_SYNC_TEST_CA_H_
#define NORROY_CLI_SYNC_TEST_CA_H_

// A CA for the tests of `norroy sync`: root, intermediate, and leaves as they are asked for.

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/sync_lineage.h"
#include "cli/sync_settings.h"
#include "common/crypto/key.h"
#include "common/crypto/test_certificate.h"

namespace norroy::cli {

struct LeafWish {
  std::vector<std::string> names = {"www.example.com"};
  absl::Time not_before;
  absl::Duration life = absl::Hours(24 * 90);
};

class SyncTestCa {
 public:
  SyncTestCa();
  // Leaf and intermediate, PEM.
  std::string Sign(const crypto::PublicKey& key, const LeafWish& wish) const;
  CertificateSet Issue(const LeafWish& wish,
                       crypto::KeyType key_type = crypto::KeyType::kP256) const;

 private:
  crypto::TestCertificate root_;
  crypto::TestCertificate intermediate_;
};

// An entry of sync.yaml with these names and nothing else.
WantedCertificate Wanted(const std::vector<std::string>& domains = {"www.example.com"});
// A new folder of this test's own.
std::string NewSyncFolder();

}  // namespace norroy::cli

#endif  // NORROY_CLI_SYNC_TEST_CA_H_
