#include "cli/sync_test_ca.h"

#include <stdlib.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"

namespace norroy::cli {
namespace {

std::string AlternativeName(const std::string& name) {
  const bool address = name.find_first_not_of("0123456789.") == std::string::npos;
  return absl::StrCat(address ? "IP:" : "DNS:", name);
}

}  // namespace

SyncTestCa::SyncTestCa()
    : root_(crypto::MakeTestCa("root", nullptr)),
      intermediate_(crypto::MakeTestCa("intermediate", &root_)) {}

std::string SyncTestCa::Sign(const crypto::PublicKey& key, const LeafWish& wish) const {
  crypto::TestDraft draft;
  draft.public_key = key;
  draft.alternative_names =
      absl::StrJoin(wish.names, ",", [](std::string* out, const std::string& name) {
        absl::StrAppend(out, AlternativeName(name));
      });
  draft.extended_key_usage = "serverAuth";
  draft.not_before = wish.not_before;
  draft.not_after = wish.not_before + wish.life;
  return crypto::MakeTestCertificate(draft, &intermediate_).certificate.ToPem() +
         intermediate_.certificate.ToPem();
}

CertificateSet SyncTestCa::Issue(const LeafWish& wish, crypto::KeyType key_type) const {
  const auto key = crypto::PrivateKey::Generate(key_type);
  NORROY_CHECK(key.ok());
  const auto chain = crypto::CertificateChain::ParsePem(Sign(key->public_key(), wish));
  NORROY_CHECK(chain.ok());
  return {*chain, *key};
}

WantedCertificate Wanted(const std::vector<std::string>& domains) {
  config::v1::SyncConfig config;
  config.set_state_dir("/unused");
  auto& entry = *config.add_certificates();
  for (const std::string& domain : domains) entry.add_domains(domain);
  const auto settings = CheckSyncConfig(config, "/unused/sync.yaml");
  NORROY_CHECK(settings.ok());
  return settings->certificates.front();
}

std::string NewSyncFolder() {
  const char* const base = getenv("TEST_TMPDIR");
  std::string path = absl::StrCat(base == nullptr ? "/tmp" : base, "/sync-XXXXXX");
  NORROY_CHECK(mkdtemp(path.data()) != nullptr);
  return path;
}

}  // namespace norroy::cli
