#include "issuer/service/orders.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/crypto/chain.h"
#include "common/error/error.h"
#include "issuer/service/limits.h"
#include "issuer/service/orders_fixture.h"

namespace norroy::service {
namespace {

using issuer::v1::CreateOrderRequest;
using issuer::v1::FinalizeOrderRequest;
using issuer::v1::Order;

TEST_F(OrdersTest, ASplitOrderBecomesACertificate) {
  const Order created = Create(kWeb, For({"www.example.com", "a.example.com"}));
  EXPECT_EQ(created.state(), issuer::v1::ORDER_STATE_PENDING);
  EXPECT_EQ(created.creator(), "requester/web");
  EXPECT_EQ(created.ca(), "main");
  ASSERT_EQ(created.names_size(), 2);
  EXPECT_EQ(created.names(0).name(), "a.example.com");
  EXPECT_EQ(created.names(0).state(), issuer::v1::NAME_STATE_PENDING);

  f_.Work();
  const Order ready = f_.Get(created.id());
  EXPECT_EQ(ready.state(), issuer::v1::ORDER_STATE_READY) << ready.DebugString();
  EXPECT_NE(ready.etag(), created.etag());
  EXPECT_FALSE(ready.has_next_attempt_time());

  const std::string csr = CsrFor(KeyA(), {"www.example.com", "a.example.com"});
  const auto accepted = f_.orders().Finalize(kWeb, HandIn(created.id(), csr));
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  EXPECT_EQ(accepted->order().state(), issuer::v1::ORDER_STATE_PROCESSING);

  f_.Work();
  const Order valid = f_.Get(created.id());
  EXPECT_EQ(valid.state(), issuer::v1::ORDER_STATE_VALID) << valid.DebugString();
  EXPECT_FALSE(valid.certificate_id().empty());

  // The answer was lost: the same CSR again gives the certificate, another one does not.
  const auto again = f_.orders().Finalize(kWeb, HandIn(created.id(), csr));
  ASSERT_TRUE(again.ok()) << again.status();
  const auto chain = crypto::CertificateChain::ParsePem(again->certificate_pem());
  ASSERT_TRUE(chain.ok()) << chain.status();
  EXPECT_EQ(chain->leaf().spki_sha256(), KeyA().public_key().spki_sha256());
  EXPECT_EQ(
      Finalize(kWeb, HandIn(created.id(), CsrFor(KeyB(), {"www.example.com", "a.example.com"}))),
      "FAILED_PRECONDITION ORDER_NOT_READY");
  EXPECT_EQ(f_.ca().certificates_issued(), 1);
}

TEST_F(OrdersTest, WithACsrAtCreationItRunsThrough) {
  CreateOrderRequest request = For({"www.example.com"});
  request.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  request.set_preferred_chain("nothing is called that");
  const Order created = Create(kWeb, request);
  EXPECT_EQ(created.state(), issuer::v1::ORDER_STATE_PENDING);
  f_.Work();
  EXPECT_EQ(f_.Get(created.id()).state(), issuer::v1::ORDER_STATE_VALID);
}

TEST_F(OrdersTest, BadRequestsAreRefusedAndStoreNothing) {
  const std::string csr = CsrFor(KeyA(), {"www.example.com"});
  struct Case {
    std::string title;
    std::function<void(CreateOrderRequest&)> change;
    std::string reason;
    std::string message;
  };
  const auto labels = [](int count, size_t key, size_t value) {
    return [=](CreateOrderRequest& r) {
      for (int i = 0; i < count; ++i) {
        const std::string suffix = absl::StrCat(i);
        (*r.mutable_labels())[std::string(key - suffix.size(), 'k') + suffix] =
            std::string(value, 'v');
      }
    };
  };
  const Case cases[] = {
      {"no names", [](auto& r) { r.clear_names(); }, "BAD_FIELD", "names is empty"},
      {"101 names",
       [](auto& r) {
         for (int i = 0; i < 100; ++i) r.add_names(absl::StrCat("n", i, ".example.com"));
       },
       "BAD_FIELD", "names"},
      {"bad name", [](auto& r) { r.add_names("a b.example.com"); }, "BAD_NAME", "names[1]"},
      {"empty name", [](auto& r) { r.add_names(""); }, "BAD_NAME", "names[1]"},
      {"bad U-label", [](auto& r) { r.add_names("☃.example.com"); }, "BAD_NAME", "names[1]"},
      {"wildcard inside", [](auto& r) { r.add_names("a.*.example.com"); }, "BAD_NAME", "names[1]"},
      {"unknown CA", [](auto& r) { r.set_ca("nobody"); }, "CA_UNKNOWN", "main, second"},
      {"CA without account", [](auto& r) { r.set_ca("second"); }, "NO_ACCOUNT", "account create"},
      {"unknown profile", [](auto& r) { r.set_profile("weekly"); }, "PROFILE_UNKNOWN",
       "classic, short"},
      {"long profile", [](auto& r) { r.set_profile(std::string(65, 'p')); }, "BAD_FIELD",
       "profile"},
      {"request_id", [](auto& r) { r.set_request_id("a b"); }, "BAD_FIELD", "request_id"},
      {"long request_id", [](auto& r) { r.set_request_id(std::string(65, 'a')); }, "BAD_FIELD",
       "request_id"},
      {"no CSR", [](auto& r) { r.set_csr("hello"); }, "BAD_CSR", "csr"},
      {"CSR of others", [](auto& r) { r.set_csr(CsrFor(KeyA(), {"b.example.com"})); }, "BAD_CSR",
       "missing: www.example.com; not ordered: b.example.com"},
      {"CSR with more",
       [](auto& r) {
         r.set_csr(CsrFor(KeyA(), {"www.example.com", "b.example.com"}));
       },
       "BAD_CSR", "not ordered: b.example.com"},
      {"other key",
       [&](auto& r) {
         r.set_csr(csr);
         r.set_public_key_sha256(KeyB().public_key().spki_sha256());
       },
       "KEY_MISMATCH", "csr"},
      {"key not granted", [](auto& r) { r.set_csr(CsrFor(RsaKey(), {"www.example.com"})); },
       "KEY_TYPE_NOT_GRANTED", "rsa2048"},
      {"key hash", [](auto& r) { r.set_public_key_sha256(std::string(64, 'A')); }, "BAD_FIELD",
       "public_key_sha256"},
      {"33 labels", labels(33, 5, 1), "BAD_FIELD", "labels"},
      {"label key", labels(1, 65, 1), "BAD_FIELD", "labels"},
      {"label value", labels(1, 5, 257), "BAD_FIELD", "labels"},
      {"empty label key", [](auto& r) { (*r.mutable_labels())[""] = "x"; }, "BAD_FIELD", "labels"},
      {"label with escape", [](auto& r) { (*r.mutable_labels())["k"] = "\x1b[2J"; }, "BAD_FIELD",
       "labels"},
      {"finalizer", [](auto& r) { r.add_finalizers("agent/web1"); }, "BAD_FIELD", "finalizers[0]"},
      {"finalizer's name", [](auto& r) { r.add_finalizers("requester/a b"); }, "BAD_FIELD",
       "finalizers[0]"},
      {"33 finalizers",
       [](auto& r) {
         for (int i = 0; i < 33; ++i) r.add_finalizers(absl::StrCat("requester/r", i));
       },
       "BAD_FIELD", "finalizers"},
      {"past", [&](auto& r) { r.mutable_expire_time()->set_seconds(1'772'366'400); }, "BAD_FIELD",
       "expire_time"},
      {"31 days",
       [&](auto& r) { r.mutable_expire_time()->set_seconds(1'772'366'400 + 30 * 86400 + 1); },
       "BAD_FIELD", "expire_time"},
      {"no time at all", [](auto& r) { r.mutable_expire_time()->set_seconds(INT64_MAX); },
       "BAD_FIELD", "expire_time"},
      {"odd nanos",
       [](auto& r) {
         r.mutable_expire_time()->set_seconds(1'772'366'500);
         r.mutable_expire_time()->set_nanos(-1);
       },
       "BAD_FIELD", "expire_time"},
      {"preferred_chain", [](auto& r) { r.set_preferred_chain(std::string(257, 'c')); },
       "BAD_FIELD", "preferred_chain"},
      {"name not granted", [](auto& r) { r.add_names("www.example.org"); }, "NAME_NOT_GRANTED",
       "www.example.org"},
      {"wildcard not granted", [](auto& r) { r.add_names("*.example.com"); }, "NAME_NOT_GRANTED",
       "*.example.com"},
  };
  for (const Case& row : cases) {
    SCOPED_TRACE(row.title);
    CreateOrderRequest request = For({"www.example.com"});
    row.change(request);
    const absl::Status status = f_.orders().Create(kWeb, request).status();
    EXPECT_EQ(ErrorReason(status), row.reason) << status;
    EXPECT_NE(status.message().find(row.message), absl::string_view::npos) << status;
  }
  EXPECT_TRUE(f_.store().ListOrders({}, {}, 10)->empty());
  EXPECT_EQ(f_.ca().count(fakes::Endpoint::kNewOrder), 0);
}

TEST_F(OrdersTest, WhatIsJustAllowed) {
  CreateOrderRequest request;
  for (int i = 0; i < 100; ++i) request.add_names(absl::StrCat("N", i, ".Example.com."));
  request.set_request_id(std::string(64, 'a'));
  for (int i = 0; i < 32; ++i) {
    (*request.mutable_labels())[absl::StrCat(std::string(62, 'k'), 10 + i)] = std::string(256, 'v');
  }
  for (int i = 0; i < 32; ++i) request.add_finalizers(absl::StrCat("requester/r", i));
  request.mutable_expire_time()->set_seconds(1'772'366'400 + 30 * 86400);
  request.set_preferred_chain(std::string(256, 'c'));
  request.set_profile("short");
  request.set_public_key_sha256(std::string(64, 'a'));
  const Order order = Create(kWeb, request);
  EXPECT_EQ(order.names_size(), 100);
  EXPECT_EQ(order.labels_size(), 32);
  EXPECT_EQ(order.finalizers_size(), 32);
  EXPECT_EQ(order.profile(), "short");
}

TEST_F(OrdersTest, ULabelsAndSpellingsCollapse) {
  const Order order =
      Create(kWeb, For({"Bücher.Example.com", "xn--bcher-kva.example.com", "BÜCHER.example.com."}));
  ASSERT_EQ(order.names_size(), 1);
  EXPECT_EQ(order.names(0).name(), "xn--bcher-kva.example.com");
}

// RFC 8738: addresses all the way from the grant to the certificate.
TEST_F(OrdersTest, AddressesAreOrderedLikeNames) {
  const rpc::Caller net = CallerOf("requester/net");
  const std::vector<std::string> addresses = {"192.0.2.7", "2001:db8::7"};
  CreateOrderRequest request = For({"2001:DB8:0::7", "192.0.2.7"});
  request.set_csr(CsrFor(KeyA(), addresses));
  const Order order = Create(net, request);
  f_.Work();
  const Order done = f_.Get(order.id());
  ASSERT_EQ(done.state(), issuer::v1::ORDER_STATE_VALID) << done.ShortDebugString();
  ASSERT_EQ(done.names_size(), 2);
  EXPECT_EQ(done.names(0).challenge_type(), types::v1::CHALLENGE_TYPE_HTTP_01);
  const auto stored = f_.store().GetCertificate(done.certificate_id());
  ASSERT_TRUE(stored.ok()) << stored.status();
  const auto leaf = crypto::Certificate::ParsePem(stored->chains_pem[0]);
  ASSERT_TRUE(leaf.ok()) << leaf.status();
  ASSERT_EQ(stored->names.size(), 2u);
  EXPECT_EQ(stored->names[0].text(), "192.0.2.7");
  EXPECT_EQ(stored->names[1].text(), "2001:db8::7");

  const struct {
    std::string name;
    std::vector<std::string> in_csr;
    std::string reason;
  } cases[] = {
      {"192.0.3.7", {}, "PERMISSION_DENIED NAME_NOT_GRANTED"},
      {"2001:db9::7", {}, "PERMISSION_DENIED NAME_NOT_GRANTED"},
      {"192.0.2.7", {"192.0.2.8"}, "INVALID_ARGUMENT BAD_CSR"},
      {"192.0.2.7", {"192.0.2.7", "2001:db8::7"}, "INVALID_ARGUMENT BAD_CSR"},
      {"2001:db8::7", {"2001:db8::8"}, "INVALID_ARGUMENT BAD_CSR"},
  };
  for (const auto& row : cases) {
    CreateOrderRequest refused = For({row.name});
    if (!row.in_csr.empty()) refused.set_csr(CsrFor(KeyB(), row.in_csr));
    EXPECT_EQ(ReasonOf(f_.orders().Create(net, refused).status()), row.reason) << row.name;
  }
}

TEST_F(OrdersTest, RequestIdMakesItIdempotent) {
  CreateOrderRequest request = For({"www.example.com"});
  request.set_request_id("build-17");
  const Order first = Create(kWeb, request);
  f_.clock().Advance(absl::Minutes(1));
  request.mutable_expire_time()->set_seconds(1'772'366'400 + 86400);
  EXPECT_EQ(Create(kWeb, request).id(), first.id());
  EXPECT_NE(Create(kOther, request).id(), first.id());
  request.add_names("b.example.com");
  EXPECT_EQ(ReasonOf(f_.orders().Create(kWeb, request).status()),
            "ALREADY_EXISTS REQUEST_ID_REUSED");
}

TEST_F(OrdersTest, ABadCsrLeavesTheOrderReady) {
  CreateOrderRequest create = For({"www.example.com"});
  create.set_public_key_sha256(KeyA().public_key().spki_sha256());
  const Order created = Create(kWeb, create);
  EXPECT_EQ(Finalize(kWeb, HandIn(created.id(), CsrFor(KeyA(), {"www.example.com"}))),
            "FAILED_PRECONDITION ORDER_NOT_READY");
  f_.Work();
  const Order ready = f_.Get(created.id());
  ASSERT_EQ(ready.state(), issuer::v1::ORDER_STATE_READY);
  const std::string good = CsrFor(KeyA(), {"www.example.com"});
  FinalizeOrderRequest stale = HandIn(created.id(), good);
  stale.set_etag(created.etag());
  const struct {
    FinalizeOrderRequest request;
    std::string reason;
  } cases[] = {
      {HandIn(created.id(), ""), "INVALID_ARGUMENT BAD_CSR"},
      {HandIn(created.id(), "-----BEGIN CERTIFICATE REQUEST-----"), "INVALID_ARGUMENT BAD_CSR"},
      {HandIn(created.id(), good.substr(0, 200)), "INVALID_ARGUMENT BAD_CSR"},
      {HandIn(created.id(), CsrFor(KeyA(), {"a.example.com"})), "INVALID_ARGUMENT BAD_CSR"},
      {HandIn(created.id(), CsrFor(KeyB(), {"www.example.com"})), "INVALID_ARGUMENT KEY_MISMATCH"},
      {stale, "ABORTED ETAG_MISMATCH"},
  };
  for (const auto& row : cases) EXPECT_EQ(Finalize(kWeb, row.request), row.reason);
  EXPECT_EQ(f_.Get(created.id()).etag(), ready.etag());
  FinalizeOrderRequest fresh = HandIn(created.id(), good);
  fresh.set_etag(ready.etag());
  EXPECT_EQ(Finalize(kWeb, fresh), "");
}

TEST_F(OrdersTest, GrantsAreCheckedAtFinalize) {
  const Order ready = Ready({"www.example.com"});
  EXPECT_EQ(Finalize(kWeb, HandIn(ready.id(), CsrFor(RsaKey(), {"www.example.com"}))),
            "PERMISSION_DENIED KEY_TYPE_NOT_GRANTED");
  EXPECT_EQ(Finalize(kDeploy, HandIn(ready.id(), CsrFor(RsaKey(), {"www.example.com"}))), "");
}

TEST_F(OrdersTest, AnExpiredOrderTakesNoCsr) {
  const Order ready = Ready({"www.example.com"});
  f_.clock().Advance(absl::Hours(24 * 7));
  EXPECT_EQ(Finalize(kWeb, HandIn(ready.id(), CsrFor(KeyA(), {"www.example.com"}))),
            "FAILED_PRECONDITION EXPIRED");
}

TEST_F(OrdersTest, RepeatsGetTheStoredCertificate) {
  CreateOrderRequest request = For({"www.example.com"});
  request.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  const Order first = Create(kWeb, request);
  f_.Work();
  const std::string certificate = f_.Get(first.id()).certificate_id();
  ASSERT_FALSE(certificate.empty());
  const auto get = WithId<issuer::v1::GetCertificateRequest>(certificate);
  EXPECT_EQ(ReasonOf(f_.certificates().Get(kOther, get).status()), "NOT_FOUND NOT_FOUND");

  // At creation, by somebody else with the key: becomes a reader.
  const auto repeat = f_.orders().Create(kOther, request);
  ASSERT_TRUE(repeat.ok()) << repeat.status();
  EXPECT_EQ(repeat->order().state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_EQ(repeat->order().certificate_id(), certificate);
  EXPECT_EQ(repeat->order().names(0).state(), issuer::v1::NAME_STATE_VALID);
  EXPECT_NE(repeat->order().id(), first.id());
  EXPECT_FALSE(repeat->certificate_pem().empty());
  EXPECT_EQ(ReasonOf(f_.certificates().Get(kOther, get).status()), "");

  // At finalize.
  const Order ready = Ready({"www.example.com"});
  const auto finalized = f_.orders().Finalize(kDeploy, HandIn(ready.id(), request.csr()));
  ASSERT_TRUE(finalized.ok()) << finalized.status();
  EXPECT_EQ(finalized->order().certificate_id(), certificate);
  EXPECT_FALSE(finalized->certificate_pem().empty());
  EXPECT_EQ(ReasonOf(f_.certificates().Get(kDeploy, get).status()), "");
  EXPECT_EQ(f_.ca().certificates_issued(), 1);

  // Another key, another profile, or force_new: a new certificate.
  request.set_force_new(true);
  const Order forced = Create(kWeb, request);
  f_.Work();
  EXPECT_EQ(f_.Get(forced.id()).state(), issuer::v1::ORDER_STATE_VALID);
  EXPECT_EQ(f_.ca().certificates_issued(), 2);
}

TEST_F(OrdersTest, ARepeatGetsTheChainThatItPrefers) {
  CreateOrderRequest request = For({"www.example.com"});
  request.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  const Order first = Create(kWeb, request);
  f_.Work();
  const auto stored = f_.store().GetCertificate(f_.Get(first.id()).certificate_id());
  ASSERT_TRUE(stored.ok());
  ASSERT_EQ(stored->chains_pem.size(), 2u);
  for (const std::string& pem : stored->chains_pem) {
    request.set_preferred_chain(crypto::CertificateChain::ParsePem(pem)->top_issuer());
    const auto repeat = f_.orders().Create(kWeb, request);
    ASSERT_TRUE(repeat.ok()) << repeat.status();
    EXPECT_EQ(repeat->certificate_pem(), pem);
  }
}

TEST_F(OrdersTest, CancelEndsWhatIsNotSent) {
  const Order ready = Ready({"www.example.com"});
  const auto request = WithId<issuer::v1::CancelOrderRequest>(ready.id());
  auto cancelled = f_.orders().Cancel(kWeb, request);
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->order().state(), issuer::v1::ORDER_STATE_CANCELLED);
  f_.Work();
  EXPECT_EQ(f_.Get(ready.id()).step(), "CANCELLED");
  EXPECT_EQ(ReasonOf(f_.orders().Cancel(kWeb, request).status()), "");
  EXPECT_EQ(Finalize(kWeb, HandIn(ready.id(), CsrFor(KeyA(), {"www.example.com"}))),
            "FAILED_PRECONDITION ORDER_NOT_READY");
  EXPECT_EQ(
      ReasonOf(f_.orders().Retry(kWeb, WithId<issuer::v1::RetryOrderRequest>(ready.id())).status()),
      "FAILED_PRECONDITION ORDER_FINAL");

  CreateOrderRequest create = For({"b.example.com"});
  create.set_csr(CsrFor(KeyA(), {"b.example.com"}));
  const Order done = Create(kWeb, create);
  f_.Work();
  EXPECT_EQ(
      ReasonOf(
          f_.orders().Cancel(kWeb, WithId<issuer::v1::CancelOrderRequest>(done.id())).status()),
      "FAILED_PRECONDITION ORDER_FINAL");
}

TEST_F(OrdersTest, AfterTheFinalizeWasSentItCannotBeCancelled) {
  f_.ca().Change([](fakes::FakeCaOptions& options) { options.finalize_polls = 1000; });
  CreateOrderRequest create = For({"www.example.com"});
  create.set_csr(CsrFor(KeyA(), {"www.example.com"}));
  const Order order = Create(kWeb, create);
  f_.Work();
  ASSERT_EQ(f_.Get(order.id()).step(), "FINALIZING");
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_PROCESSING);
  EXPECT_EQ(
      ReasonOf(
          f_.orders().Cancel(kWeb, WithId<issuer::v1::CancelOrderRequest>(order.id())).status()),
      "FAILED_PRECONDITION FINALIZE_SENT");
}

TEST_F(OrdersTest, RetryStartsAnInvalidOrderAnew) {
  f_.solver().SetPlan(NameOf("www.example.com"), {});
  const Order order = Create(kWeb, For({"www.example.com"}));
  f_.Work();
  const Order failed = f_.Get(order.id());
  ASSERT_EQ(failed.state(), issuer::v1::ORDER_STATE_INVALID) << failed.DebugString();
  EXPECT_EQ(failed.error().info().reason(), "NO_RESPONDER");
  EXPECT_FALSE(failed.has_next_attempt_time());

  f_.solver().SetPlan(NameOf("www.example.com"),
                      {{challenge::ChallengeType::kHttp01, {"web1"}, {}}});
  const auto retry = WithId<issuer::v1::RetryOrderRequest>(order.id());
  const auto retried = f_.orders().Retry(kWeb, retry);
  ASSERT_TRUE(retried.ok()) << retried.status();
  EXPECT_EQ(retried->order().state(), issuer::v1::ORDER_STATE_PENDING);
  EXPECT_FALSE(retried->order().has_error());
  f_.Work();
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_READY);
  // READY: nothing to try.
  const std::string etag = f_.Get(order.id()).etag();
  EXPECT_EQ(f_.orders().Retry(kWeb, retry)->order().etag(), etag);

  f_.clock().Advance(absl::Hours(24 * 8));
  f_.Work();
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_INVALID);
  EXPECT_EQ(ReasonOf(f_.orders().Retry(kWeb, retry).status()), "FAILED_PRECONDITION EXPIRED");
}

TEST_F(OrdersTest, RetryLiftsWhatWaitsForAHuman) {
  f_.ca().PauseIdentifier("www.example.com");
  const Order order = Create(kWeb, For({"www.example.com"}));
  f_.Work();
  const Order paused = f_.Get(order.id());
  ASSERT_EQ(paused.state(), issuer::v1::ORDER_STATE_INVALID) << paused.DebugString();
  EXPECT_EQ(paused.error().info().reason(), "CA_PAUSED");
  const std::string visit = paused.error().info().metadata().at("visit");
  EXPECT_EQ(visit.rfind("https://ca.test/sfe/v1/unpause?jwt=", 0), 0u) << visit;
  EXPECT_NE(paused.error().message().find(visit), std::string::npos);

  // The human was there, but did not say so: nobody asks the CA.
  f_.ca().Unpause("www.example.com");
  const int asked = f_.ca().count(fakes::Endpoint::kNewOrder);
  const Order next = Create(kWeb, For({"www.example.com"}));
  f_.Work();
  EXPECT_EQ(f_.Get(next.id()).error().info().reason(), "CA_PAUSED");
  EXPECT_EQ(f_.ca().count(fakes::Endpoint::kNewOrder), asked);

  ASSERT_TRUE(f_.orders().Retry(kWeb, WithId<issuer::v1::RetryOrderRequest>(order.id())).ok());
  f_.Work();
  EXPECT_EQ(f_.Get(order.id()).state(), issuer::v1::ORDER_STATE_READY);
}

TEST_F(OrdersTest, RetryDoesNotWait) {
  f_.solver().SetPlan(NameOf("www.example.com"),
                      {{challenge::ChallengeType::kHttp01, {}, {"web2"}}});
  const Order order = Create(kWeb, For({"www.example.com"}));
  f_.Work(absl::Minutes(5));
  const Order waiting = f_.Get(order.id());
  ASSERT_EQ(waiting.state(), issuer::v1::ORDER_STATE_PENDING);
  EXPECT_EQ(waiting.waiting_for(), "agent web2");
  ASSERT_TRUE(waiting.has_next_attempt_time());
  f_.solver().SetPlan(NameOf("www.example.com"),
                      {{challenge::ChallengeType::kHttp01, {"web2"}, {}}});
  ASSERT_TRUE(f_.orders().Retry(kWeb, WithId<issuer::v1::RetryOrderRequest>(order.id())).ok());
  f_.Work(absl::ZeroDuration());
  EXPECT_NE(f_.Get(order.id()).step(), "QUEUED");
}

TEST_F(OrdersTest, ValidateOnlySpendsAndStoresNothing) {
  CreateOrderRequest request = For({"www.example.com", "b.example.com"});
  request.set_validate_only(true);
  auto fine = f_.orders().Create(kWeb, request);
  ASSERT_TRUE(fine.ok()) << fine.status();
  EXPECT_EQ(fine->order().id(), "");
  EXPECT_EQ(fine->order().names_size(), 2);

  f_.solver().SetPlan(NameOf("b.example.com"),
                      {{challenge::ChallengeType::kHttp01, {"web1"}, {"web2"}}});
  absl::Status status = f_.orders().Create(kWeb, request).status();
  EXPECT_EQ(ReasonOf(status), "FAILED_PRECONDITION AGENT_NOT_ATTACHED");
  EXPECT_NE(status.message().find("b.example.com (http-01: not attached: web2)"),
            absl::string_view::npos)
      << status;
  f_.solver().SetPlan(NameOf("b.example.com"), {});
  status = f_.orders().Create(kWeb, request).status();
  EXPECT_EQ(ReasonOf(status), "FAILED_PRECONDITION NO_RESPONDER");
  f_.solver().FailCalls(absl::UnavailableError("no validator"));
  EXPECT_TRUE(absl::IsUnavailable(f_.orders().Create(kWeb, request).status()));
  EXPECT_TRUE(f_.store().ListOrders({}, {}, 10)->empty());
}

}  // namespace
}  // namespace norroy::service
