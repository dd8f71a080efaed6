#include "issuer/store/store_fixture.h"

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/sql/transact.h"

namespace norroy::store {
namespace {

std::string Text(absl::Time time) {
  return absl::StrCat(absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone()), "+",
                      absl::FormatDuration(time - absl::UnixEpoch()));
}

std::string Text(const std::vector<challenge::Name>& names) { return challenge::SetKey(names); }

std::string Text(const std::vector<std::string>& texts) {
  return absl::StrCat(texts.size(), "[", absl::StrJoin(texts, "|"), "]");
}

std::string Text(const std::map<std::string, std::string>& map) {
  return absl::StrCat(map.size(), "{", absl::StrJoin(map, "|", absl::PairFormatter("=")), "}");
}

std::string Text(const std::optional<flow::OrderError>& error) {
  if (!error.has_value()) return "none";
  return absl::StrCat(static_cast<int>(error->code), "/", error->reason, "/", error->message, "/",
                      Text(error->metadata), "/", error->problem);
}

std::string Text(const flow::NameProgress& progress) {
  std::string text = absl::StrCat(
      progress.name.text(), "/", static_cast<int>(progress.state), "/", progress.authorization_url,
      "/", progress.reused ? "reused" : "new", "/",
      progress.type.has_value() ? challenge::ChallengeTypeName(*progress.type) : "no type", "/",
      Text(progress.agents), "/", Text(progress.error));
  for (const auto& offer : progress.offers) {
    absl::StrAppend(&text, " (", challenge::ChallengeTypeName(offer.type), ",", offer.url, ",",
                    offer.token, ")");
  }
  for (const types::v1::View& view : progress.views) {
    absl::StrAppend(&text, " {", view.ShortDebugString(), "}");
  }
  return text;
}

}  // namespace

void StoreContract::Reopen() {
  store_.reset();
  database_.reset();
  auto opened = sql::OpenForThisTest(GetParam());
  ASSERT_TRUE(opened.ok()) << opened.status();
  database_ = *std::move(opened);
  const absl::Status migrated = sql::Migrate(*database_, Store::Migrations());
  ASSERT_TRUE(migrated.ok()) << migrated;
  store_ = Store::Make(*database_);
}

flow::Order StoreContract::Create(const flow::Order& order) {
  absl::StatusOr<flow::Order> created = store_->CreateOrder(order, now_);
  EXPECT_TRUE(created.ok()) << created.status();
  return created.ok() ? *std::move(created) : order;
}

Leased StoreContract::Take(const std::string& id, const std::string& owner) {
  absl::StatusOr<std::optional<Leased>> leased = store_->TakeOrder(id, owner, now_, kLease);
  EXPECT_TRUE(leased.ok()) << leased.status();
  EXPECT_TRUE(leased.ok() && leased->has_value()) << id;
  if (!leased.ok() || !leased->has_value()) return {};
  return **std::move(leased);
}

void StoreContract::Finish(const flow::Order& order, const flow::StoredCertificate& certificate) {
  Create(order);
  const Leased leased = Take(order.id);
  const absl::Status finished = store_->FinishOrder(leased.order, leased.lease, certificate);
  EXPECT_TRUE(finished.ok()) << finished;
}

void StoreContract::Tamper(const std::string& sql) {
  const absl::Status done = database_->Write([&](sql::Connection& connection) {
    return connection.Execute(sql::InWordsOf(GetParam(), sql), {}).status();
  });
  EXPECT_TRUE(done.ok()) << done;
}

int64_t StoreContract::Count(const std::string& sql) {
  const auto rows = sql::ReadFor<std::vector<sql::Row>>(
      *database_, [&](sql::Connection& connection) { return connection.Query(sql, {}); });
  EXPECT_TRUE(rows.ok()) << rows.status();
  return rows.ok() && !rows->empty() ? rows->front().Int(0) : -1;
}

std::vector<challenge::Name> Names(const std::vector<std::string>& texts) {
  auto names = challenge::ParseNames(texts);
  EXPECT_TRUE(names.ok()) << names.status();
  return names.ok() ? *names : std::vector<challenge::Name>();
}

flow::Order NewOrder(const std::string& id, absl::Time now, const std::vector<std::string>& names) {
  flow::Order order;
  order.id = id;
  order.creator = "operator/alice";
  order.names = Names(names);
  order.ca = "letsencrypt";
  order.create_time = now;
  order.update_time = now;
  order.state_time = now;
  order.due_time = now;
  order.expire_time = now + absl::Hours(24 * 7);
  return order;
}

flow::StoredCertificate NewCertificate(const std::string& id, const flow::Order& order,
                                       absl::Time now, const std::string& key) {
  flow::StoredCertificate certificate;
  certificate.id = id;
  certificate.order_id = order.id;
  certificate.creator = order.creator;
  certificate.readers = order.finalizers;
  certificate.names = order.names;
  certificate.ca = order.ca;
  certificate.profile = order.profile;
  certificate.serial = absl::StrCat("5e", id);
  certificate.public_key_sha256 = key;
  certificate.key_type = "p256";
  certificate.not_before = now;
  certificate.not_after = now + absl::Hours(24 * 90);
  certificate.chains_pem = {"-----BEGIN CERTIFICATE-----\n"};
  certificate.create_time = now;
  return certificate;
}

std::string Describe(const flow::Order& o) {
  std::string text = absl::StrJoin({o.id,
                                    o.creator,
                                    o.request_id,
                                    o.request_hash,
                                    Text(o.names),
                                    o.ca,
                                    o.profile,
                                    Text(o.labels),
                                    Text(o.finalizers),
                                    o.public_key_sha256,
                                    o.preferred_chain,
                                    std::string(o.force_new ? "force" : "any"),
                                    Text(o.create_time),
                                    Text(o.expire_time),
                                    std::string(flow::StateName(o.state)),
                                    Text(o.update_time),
                                    Text(o.state_time),
                                    Text(o.due_time),
                                    absl::StrCat(o.attempt),
                                    o.csr,
                                    o.csr_key_sha256,
                                    std::string(o.finalize_requested ? "requested" : "not"),
                                    o.ca_order_url,
                                    o.ca_finalize_url,
                                    o.finalize_intent_url,
                                    absl::StrCat(o.generation),
                                    Text(o.lease_not_after),
                                    Text(o.poll_time),
                                    std::string(o.released ? "released" : "presented"),
                                    std::string(flow::StateName(o.ending)),
                                    o.certificate_id,
                                    o.waiting_for,
                                    Text(o.error)},
                                   "\n");
  for (const flow::NameProgress& progress : o.progress) {
    absl::StrAppend(&text, "\n", Text(progress));
  }
  for (const flow::FailedType& failed : o.failed_types) {
    absl::StrAppend(&text, "\nfailed ", failed.name.text(), " ",
                    challenge::ChallengeTypeName(failed.type));
  }
  absl::StrAppend(&text, "\n", o.beginnings, "/", o.restarts, "/", o.retries);
  absl::StrAppend(&text, "\n", o.policy_version, o.reuse_never ? " anew " : " any ", o.finalizer,
                  " ", o.finalize_policy_version);
  absl::StrAppend(&text, "\n", o.renews, " ", Text(o.auto_renew_until),
                  o.replaces_refused ? " refused" : " may replace");
  absl::StrAppend(&text, "\n", o.fresh ? "fresh " : "old ", Text(o.discarded_orders));
  absl::StrAppend(&text, "\n", o.ca_open ? "open " : "named ", Text(o.next_cas));
  for (const flow::FailedCa& failed : o.failed_cas) {
    absl::StrAppend(&text, "\nnot by ", failed.ca, " ", Text(failed.error), Text(failed.time));
  }
  return text;
}

std::string Describe(const flow::StoredCertificate& c) {
  return absl::StrJoin(
      {c.id, c.order_id, c.creator, Text(c.readers), Text(c.names), c.ca, c.account_url, c.profile,
       c.serial, c.public_key_sha256, c.key_type, Text(c.not_before), Text(c.not_after),
       Text(c.chains_pem), Text(c.labels), Text(c.revoke_time), absl::StrCat(c.revocation_reason),
       c.replaced_by, Text(c.create_time)},
      "\n");
}

void Race(int threads, const std::function<void(int)>& work) {
  std::atomic<int> ready = 0;
  std::vector<std::thread> running;
  running.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    running.emplace_back([&, i] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      work(i);
    });
  }
  for (std::thread& thread : running) thread.join();
}

std::vector<std::string> IdsOf(const std::vector<flow::Order>& orders) {
  std::vector<std::string> ids;
  for (const flow::Order& order : orders) ids.push_back(order.id);
  return ids;
}

INSTANTIATE_TEST_SUITE_P(On, StoreContract, testing::ValuesIn(sql::TestedKinds()), sql::KindName);

}  // namespace norroy::store
