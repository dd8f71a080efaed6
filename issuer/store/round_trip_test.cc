// Whatever an order, a certificate or an account holds is there when it is read again.

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "issuer/store/store_fixture.h"

namespace norroy::store {
namespace {

// Values at random, the same for the same seed.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}

  int Below(int end) { return static_cast<int>(engine_() % static_cast<uint64_t>(end)); }
  bool Coin() { return Below(2) == 0; }

  std::string Bytes(int max = 40) {
    std::string bytes(static_cast<size_t>(Below(max)), '\0');
    for (char& byte : bytes) byte = static_cast<char>(Below(256));
    return bytes;
  }

  // Of any characters but NUL, which PostgreSQL has no place for.
  std::string Text() {
    static constexpr const char* kPieces[] = {"a",    "Z",      "0",      " ",         "'",  "\"",
                                              "\\",   "%",      "_",      ";",         "\n", "\x01",
                                              "\x7f", "\u00e4", "\u20ac", "\U0001f600"};
    std::string text;
    for (int i = Below(20); i > 0; --i) text += kPieces[Below(std::size(kPieces))];
    return text;
  }

  absl::Time Moment() {
    switch (Below(8)) {
      case 0:
        return absl::InfiniteFuture();
      case 1:
        return absl::InfinitePast();
      case 2:
        return absl::FromUnixSeconds(253402300799) + absl::Nanoseconds(1);  // year 9999
      case 3:
        return absl::UnixEpoch() - absl::Nanoseconds(Below(1000)) / 4;
      default:
        return absl::FromUnixNanos(static_cast<int64_t>(engine_() >> 2)) +
               absl::Nanoseconds(Below(4)) / 4;
    }
  }

  std::vector<std::string> Texts() {
    std::vector<std::string> texts(static_cast<size_t>(Below(4)));
    for (std::string& text : texts) text = Text();
    return texts;
  }

  std::map<std::string, std::string> Map() {
    std::map<std::string, std::string> map;
    for (int i = Below(4); i > 0; --i) map[Text()] = Text();
    return map;
  }

  std::vector<challenge::Name> SomeNames() {
    static const std::vector<std::string> kPool = {
        "example.com",        "*.example.com",   "192.0.2.1",
        "2001:db8::1",        "www.example.com", "xn--bcher-kva.example.org",
        "a.b.c.d.example.net"};
    std::vector<std::string> texts = {kPool[static_cast<size_t>(Below(7))]};
    for (const std::string& text : kPool) {
      if (Below(3) == 0) texts.push_back(text);
    }
    return Names(texts);
  }

  std::optional<flow::OrderError> Error() {
    if (Coin()) return std::nullopt;
    return flow::OrderError{.code = static_cast<absl::StatusCode>(1 + Below(16)),
                            .reason = Bytes(),
                            .message = Bytes(2000),
                            .metadata = Map(),
                            .problem = Bytes(200)};
  }

  challenge::ChallengeType Type() { return static_cast<challenge::ChallengeType>(Below(3)); }

  types::v1::View View() {
    types::v1::View view;
    view.set_viewpoint(absl::StrCat("validator-", Below(9)));
    view.set_verdict(static_cast<types::v1::Verdict>(1 + Below(4)));
    for (int i = Below(9); i > 0; --i) {
      types::v1::Finding& finding = *view.add_findings();
      finding.set_severity(static_cast<types::v1::Severity>(1 + Below(3)));
      finding.set_code(absl::StrCat("CODE_", Below(100)));
      finding.set_message(std::string(static_cast<size_t>(Below(512)), 'm'));
      finding.set_advice(absl::StrCat("do ", Below(100)));
    }
    view.mutable_look_time()->set_seconds(Below(1'000'000));
    view.set_again_after_ms(Below(60'000));
    return view;
  }

  flow::NameProgress Progress(const challenge::Name& name) {
    flow::NameProgress progress{.name = name};
    progress.state = static_cast<flow::NameState>(Below(5));
    progress.authorization_url = Bytes();
    progress.reused = Coin();
    for (int i = Below(4); i > 0; --i) progress.offers.push_back({Type(), Bytes(), Bytes()});
    if (Coin()) progress.type = Type();
    progress.agents = Texts();
    progress.error = Error();
    for (int i = Below(9); i > 0; --i) progress.views.push_back(View());
    progress.responded = Coin();
    return progress;
  }

 private:
  std::mt19937_64 engine_;
};

flow::Order RandomOrder(Dice& dice, const std::string& id) {
  flow::Order order;
  order.id = id;
  order.creator = dice.Text();
  order.request_hash = dice.Text();
  order.names = dice.SomeNames();
  order.ca = dice.Text();
  order.profile = dice.Text();
  order.labels = dice.Map();
  order.finalizers = dice.Texts();
  order.public_key_sha256 = dice.Text();
  order.preferred_chain = dice.Text();
  order.force_new = dice.Coin();
  order.create_time = dice.Moment();
  order.expire_time = dice.Moment();
  order.state = static_cast<flow::State>(dice.Below(10));
  order.update_time = dice.Moment();
  order.state_time = dice.Moment();
  order.due_time = dice.Moment();
  order.attempt = dice.Below(100);
  order.csr = dice.Bytes(3000);
  order.csr_key_sha256 = dice.Text();
  order.finalize_requested = dice.Coin();
  order.ca_order_url = dice.Text();
  order.ca_finalize_url = dice.Text();
  order.finalize_intent_url = dice.Text();
  for (const challenge::Name& name : order.names) order.progress.push_back(dice.Progress(name));
  order.generation = dice.Below(1000);
  order.lease_not_after = dice.Moment();
  order.poll_time = dice.Moment();
  order.released = dice.Coin();
  order.ending = static_cast<flow::State>(dice.Below(10));
  order.certificate_id = dice.Text();
  order.waiting_for = dice.Text();
  order.error = dice.Error();
  for (const challenge::Name& name : order.names) {
    if (dice.Coin()) order.failed_types.push_back({name, dice.Type()});
  }
  order.policy_version = dice.Below(1000);
  order.reuse_never = dice.Coin();
  order.finalizer = dice.Text();
  order.finalize_policy_version = dice.Below(1000);
  order.beginnings = dice.Below(5);
  order.restarts = dice.Below(5);
  order.retries = dice.Below(3);
  order.renews = dice.Text();
  order.auto_renew_until = dice.Moment();
  order.replaces_refused = dice.Coin();
  order.fresh = dice.Coin();
  order.discarded_orders = dice.Texts();
  order.next_cas = dice.Texts();
  order.ca_open = dice.Coin();
  if (dice.Coin()) {
    order.failed_cas.push_back(
        {dice.Text(), dice.Error().value_or(flow::OrderError{}), dice.Moment()});
  }
  return order;
}

flow::StoredCertificate RandomCertificate(Dice& dice, const std::string& id,
                                          const std::string& order_id) {
  flow::StoredCertificate certificate;
  certificate.id = id;
  certificate.order_id = order_id;
  certificate.creator = dice.Text();
  certificate.readers = dice.Texts();
  certificate.names = dice.SomeNames();
  certificate.ca = dice.Text();
  certificate.account_url = dice.Text();
  certificate.profile = dice.Text();
  certificate.serial = dice.Text();
  certificate.public_key_sha256 = dice.Text();
  certificate.key_type = dice.Text();
  certificate.not_before = dice.Moment();
  certificate.not_after = dice.Moment();
  certificate.chains_pem = dice.Texts();
  certificate.labels = dice.Map();
  certificate.revoke_time = dice.Moment();
  certificate.revocation_reason = dice.Below(11);
  certificate.create_time = dice.Moment();
  return certificate;
}

TEST_P(StoreContract, OrdersComeBackAsTheyWere) {
  Dice dice(20261123);
  for (int i = 0; i < 200; ++i) {
    const flow::Order order = RandomOrder(dice, absl::StrCat("order", i));
    Create(order);
    const auto read = store_->GetOrder(order.id);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(Describe(*read), Describe(order)) << i;
    for (const flow::NameProgress& progress : read->progress) EXPECT_FALSE(progress.responded);
  }
}

TEST_P(StoreContract, CertificatesComeBackAsTheyWere) {
  Dice dice(7);
  for (int i = 0; i < 100; ++i) {
    const flow::Order order = NewOrder(absl::StrCat("order", i), now_);
    const auto certificate = RandomCertificate(dice, absl::StrCat("certificate", i), order.id);
    Finish(order, certificate);
    const auto read = store_->GetCertificate(certificate.id);
    ASSERT_TRUE(read.ok()) << read.status();
    ASSERT_EQ(Describe(*read), Describe(certificate)) << i;
  }
}

TEST_P(StoreContract, AccountsComeBackAsTheyWere) {
  EXPECT_TRUE(absl::IsNotFound(store_->GetAccount("letsencrypt").status()));
  AccountRecord account = {.ca = "letsencrypt",
                           .directory_url = "https://acme.example/directory",
                           .url = "",
                           .status = "",
                           .contacts = {"mailto:a@example.com", "mailto:b@example.com"},
                           .key_thumbprint = "thumb",
                           .eab_kid = "kid",
                           .terms_of_service = "https://acme.example/terms",
                           .create_time = now_ + absl::Nanoseconds(1)};
  ASSERT_TRUE(store_->PutAccount(account).ok());
  account.url = "https://acme.example/account/1";
  account.status = "valid";
  ASSERT_TRUE(store_->PutAccount(account).ok());
  ASSERT_TRUE(store_->PutAccount({.ca = "another"}).ok());
  const auto read = store_->GetAccount("letsencrypt");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->directory_url, account.directory_url);
  EXPECT_EQ(read->url, account.url);
  EXPECT_EQ(read->status, account.status);
  EXPECT_EQ(read->contacts, account.contacts);
  EXPECT_EQ(read->key_thumbprint, account.key_thumbprint);
  EXPECT_EQ(read->eab_kid, account.eab_kid);
  EXPECT_EQ(read->terms_of_service, account.terms_of_service);
  EXPECT_EQ(read->create_time, account.create_time);
  const auto all = store_->ListAccounts();
  ASSERT_TRUE(all.ok()) << all.status();
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ(all->front().ca, "another");
}

// A row that cannot be read says so, and keeps no other order from being worked on.
TEST_P(StoreContract, ADamagedRowStopsNobodyElse) {
  Create(NewOrder("bad1", now_ - absl::Hours(3)));
  Create(NewOrder("bad2", now_ - absl::Hours(2)));
  Create(NewOrder("good", now_ - absl::Hours(1)));
  Tamper("UPDATE orders SET record = x'ffff' WHERE id = 'bad1'");
  Tamper("UPDATE orders SET record = x'' WHERE id = 'bad2'");
  const absl::Status read = store_->GetOrder("bad1").status();
  EXPECT_EQ(read.code(), absl::StatusCode::kDataLoss) << read;
  EXPECT_EQ(ErrorReason(read), "BAD_RECORD");
  EXPECT_NE(read.message().find("bad1"), absl::string_view::npos);
  const auto leased = store_->TakeDue("one", now_, kLease);
  ASSERT_TRUE(leased.ok()) << leased.status();
  ASSERT_TRUE(leased->has_value());
  EXPECT_EQ((*leased)->order.id, "good");
  const auto next = store_->NextDue(now_);
  ASSERT_TRUE(next.ok());
  EXPECT_GT(*next, now_);
}

TEST_P(StoreContract, ARestartFindsEverything) {
  if (!GetParam().durable) GTEST_SKIP() << "lives only as long as its object";
  Create(NewOrder("a", now_));
  Create(NewOrder("b", now_, {"b.example.com"}));
  const Leased held = Take("b", "before");
  ASSERT_TRUE(store_->SetHold("ca/letsencrypt", now_ + absl::Hours(1)).ok());
  const flow::Order done = NewOrder("c", now_, {"c.example.com"});
  Finish(done, NewCertificate("cert", done, now_));
  Reopen();
  EXPECT_TRUE(store_->GetOrder("a").ok());
  EXPECT_TRUE(store_->GetCertificate("cert").ok());
  EXPECT_EQ(*store_->GetHold("ca/letsencrypt"), now_ + absl::Hours(1));
  EXPECT_EQ((*store_->TakeDue("after", now_, kLease))->order.id, "a");
  // The lease of before ends by its time; then its holder's token is stale.
  EXPECT_FALSE(store_->TakeDue("after", now_, kLease)->has_value());
  const absl::Time later = now_ + kLease;
  EXPECT_EQ((*store_->TakeDue("after", later, kLease))->order.id, "a");
  EXPECT_EQ((*store_->TakeDue("after", later, kLease))->order.id, "b");
  EXPECT_EQ(ErrorReason(store_->SaveOrder(held.order, held.lease, true)), "LEASE_LOST");
  EXPECT_TRUE(store_->VerifyAudit().ok());
}

TEST_P(StoreContract, ANewerSchemaIsRefused) {
  Tamper("INSERT INTO schema_version (version) VALUES (999)");
  const absl::Status status = sql::Migrate(*database_, Store::Migrations());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  EXPECT_EQ(ErrorReason(status), "NEWER_SCHEMA");
}

}  // namespace
}  // namespace norroy::store
