#ifndef NORROY_ISSUER_KEYS_ACCOUNTS_FIXTURE_H_
#define NORROY_ISSUER_KEYS_ACCOUNTS_FIXTURE_H_

// What the tests of accounts share: a fake CA, a store, a keys_dir, one CA called "main".

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "common/clock/clock.h"
#include "common/crypto/random.h"
#include "common/sql/database.h"
#include "issuer/keys/accounts.h"
#include "issuer/store/store.h"
#include "tests/fakes/ca/fake_ca.h"

namespace norroy::keys {

class AccountsFixture : public ::testing::Test {
 protected:
  AccountsFixture();

  // As a start does it.
  absl::StatusOr<std::unique_ptr<Accounts>> Make();
  std::string KeyFile() const { return dir_ + "/account-main.pem"; }
  std::string NextKeyFile() const { return dir_ + "/account-main.next.pem"; }
  static bool Exists(const std::string& path);
  // A key of its own file, not in keys_dir.
  KeyLocation NewKeyElsewhere(const std::string& name);
  std::string WriteEabKey(const std::string& text, int mode);
  static absl::StatusOr<acme::Order> NewOrder(Accounts& accounts, const std::string& name);

  SimulatedClock clock_;
  crypto::SeededRandom random_{5};
  fakes::FakeCa ca_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<store::Store> store_;
  std::string dir_;
  CaSettings settings_;
  std::function<absl::Status(absl::string_view)> after_step_;
  absl::Duration verdicts_limit_ = absl::Milliseconds(50);
  int other_issuers_ = 0;
  int eab_files_ = 0;
};

}  // namespace norroy::keys

#endif  // NORROY_ISSUER_KEYS_ACCOUNTS_FIXTURE_H_
