#include "common/audit/test_signer.h"

#include "absl/strings/str_cat.h"
#include "common/crypto/encoding.h"

namespace norroy::audit {

TestSigner::TestSigner()
    : root_(identity::MakeRoot("core", "test", kTestNow - absl::Hours(24 * 365 * 5),
                               absl::Hours(24 * 365 * 10))
                .value()) {}

identity::IdentityFile TestSigner::Issue(identity::Role role, const std::string& name,
                                         absl::Duration lifetime,
                                         const std::string& deployment) const {
  crypto::PrivateKey key = crypto::PrivateKey::Generate(crypto::KeyType::kP256).value();
  identity::Authority authority = root_;
  if (deployment != "test") {
    authority = identity::MakeRoot("core", deployment, kTestNow, lifetime).value();
  }
  identity::LeafRequest request;
  request.identity.deployment = deployment;
  request.identity.role = role;
  request.identity.name = name;
  request.now = kTestNow;
  request.lifetime = lifetime;
  if (role == types::v1::ROLE_ISSUER || role == types::v1::ROLE_VALIDATOR) {
    request.hosts = {"127.0.0.1"};
  }
  crypto::Certificate leaf = identity::IssueLeaf(authority, key.public_key(), request).value();
  return {std::move(key), {std::move(leaf)}};
}

std::vector<Record> MakeChain(const std::string& writer, int count) {
  std::vector<Record> records;
  std::string previous(32, '\0');
  for (int i = 1; i <= count; ++i) {
    Record record{.writer = writer,
                  .seq = i,
                  .format = 2,
                  .entry = {.principal = "operator/alice",
                            .action = "order.create",
                            .object = absl::StrCat("order/", i),
                            .detail = "names=www.example.com",
                            .time = kTestNow + absl::Milliseconds(i),
                            .peer = "192.0.2.7:51000",
                            .outcome = kOk,
                            .policy_version = 3,
                            .request_id = absl::StrCat("r", i),
                            .trace_id = std::string(32, 'a')},
                  .previous_hash = previous,
                  .hash = ""};
    Rehash(record);
    previous = record.hash;
    records.push_back(record);
  }
  return records;
}

void Rehash(Record& record) { record.hash = HashOf(record); }

Head HeadOf(const Record& record) {
  return {.writer = record.writer, .seq = record.seq, .hash = crypto::Hex(record.hash)};
}

Checkpoint MakeCheckpoint(const identity::IdentityFile& signer, int64_t number,
                          const std::vector<Head>& heads, const Checkpoint* previous,
                          absl::Time time) {
  const Statement statement{
      .deployment = "test",
      .number = number,
      .time = time,
      .heads = heads,
      .previous_sha256 = previous == nullptr ? "" : crypto::Sha256(previous->body)};
  return SignCheckpoint(statement, signer).value();
}

}  // namespace norroy::audit
