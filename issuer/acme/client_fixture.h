#ifndef NORROY_ISSUER_ACME_CLIENT_FIXTURE_H_
#define NORROY_ISSUER_ACME_CLIENT_FIXTURE_H_

// What the tests of the client share: a fake CA, a key, a client that does not sleep but notes how
// long it would have, and the way to a certificate.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "common/clock/clock.h"
#include "common/crypto/csr.h"
#include "common/crypto/random.h"
#include "common/crypto/signer.h"
#include "issuer/acme/client.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::acme {

class ClientFixture : public ::testing::Test {
 protected:
  ClientFixture();

  // A client with an account of its own, made by its own requests.
  std::unique_ptr<Client> NewClient();
  std::unique_ptr<Client> RegisteredClient();
  static std::vector<challenge::Name> Names(const std::vector<std::string>& texts);

  // From newOrder to the PEM chains; every step must work. Challenges that are pending are
  // answered.
  absl::StatusOr<std::vector<std::string>> Obtain(Client& client,
                                                  const std::vector<std::string>& names);
  absl::Status Validate(Client& client, const Order& order);
  std::string Csr(const std::vector<challenge::Name>& names) const;

  SimulatedClock clock_;
  fakes::FakeCa ca_;
  crypto::SeededRandom random_{7};
  std::unique_ptr<crypto::Signer> signer_;
  crypto::PrivateKey certificate_key_;
  std::vector<absl::Duration> sleeps_;
};

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_CLIENT_FIXTURE_H_
