// Account objects: what parses has a status that we know and few contacts.

#include <cstddef>
#include <cstdint>

#include "common/check.h"
#include "common/error/error.h"
#include "issuer/acme/account.h"
#include "tests/fuzz/json_mutator.h"

using norroy::acme::Account;

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateJsonInput(data, size, max_size, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<Account> account = Account::Parse(text, "https://ca.example/account/1");
  if (!account.ok()) {
    const absl::string_view message = account.status().message();
    NORROY_CHECK(!norroy::ErrorReason(account.status()).empty());
    NORROY_CHECK(norroy::Printable(message, 8192) == message);
    return 0;
  }
  NORROY_CHECK(account->url == "https://ca.example/account/1");
  NORROY_CHECK(account->status == "valid" || account->status == "deactivated" ||
               account->status == "revoked");
#ifdef PLANTED
  for (const std::string& contact : account->contacts) {
    NORROY_CHECK(contact.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos);
  }
#endif
  NORROY_CHECK(account->contacts.size() <= 32);
  return 0;
}
