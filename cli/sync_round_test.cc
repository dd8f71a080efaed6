// Runs of `norroy sync` against a small issuer over mTLS: what is ordered, what is installed, what
// is run, and that nothing is replaced by anything worse.

#include "cli/sync_round.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "cli/sync_lineage.h"
#include "cli/sync_test_ca.h"
#include "cli/text.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/program/test_world.h"
#include "common/rpc/server.h"
#include "common/rpc/status.h"
#include "common/rpc/test_deployment.h"
#include "common/sync/mutex.h"
#include "norroy/issuer/v1/certificate_service.grpc.pb.h"
#include "norroy/issuer/v1/order_service.grpc.pb.h"

namespace norroy::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The machine's clock, and some way ahead of it.
class ShiftedClock final : public Clock {
 public:
  absl::Time Now() override { return system_.Now() + shift; }
  absl::Duration Monotonic() override { return system_.Monotonic(); }
  absl::Duration shift = absl::ZeroDuration();

 private:
  SystemClock system_;
};

// Orders are what their request id says. What becomes of them is set from outside.
class SmallIssuer final : public issuer::v1::OrderService::Service,
                          public issuer::v1::CertificateService::Service {
 public:
  struct Manner {
    bool hang = false;                          // orders stay PENDING
    bool fail = false;                          // they end INVALID
    std::vector<std::string> names;             // of the certificates, if other than ordered
    bool other_key = false;                     // certificates are for some other key
    absl::Duration age = absl::ZeroDuration();  // of the certificates
    absl::Duration life = absl::Hours(24 * 90);
    bool revoked = false;
    absl::Status refusal;
  };

  grpc::Status CreateOrder(grpc::ServerContext*, const issuer::v1::CreateOrderRequest* request,
                           issuer::v1::CreateOrderResponse* response) override {
    MutexLock lock(&mutex_);
    if (!manner_.refusal.ok()) return rpc::ToGrpc(manner_.refusal);
    created_.push_back(*request);
    if (request->validate_only()) return grpc::Status::OK;
    auto& stored = orders_[request->request_id()];
    if (stored.id().empty()) {
      stored.set_id(absl::StrCat("order", orders_.size()));
      requests_[stored.id()] = *request;
    }
    Advance(stored);
    *response->mutable_order() = stored;
    if (stored.state() == issuer::v1::ORDER_STATE_VALID) {
      response->set_certificate_pem(pems_[stored.id()]);
    }
    return grpc::Status::OK;
  }
  grpc::Status WatchOrder(grpc::ServerContext* context,
                          const issuer::v1::WatchOrderRequest* request,
                          grpc::ServerWriter<issuer::v1::WatchOrderResponse>* writer) override {
    issuer::v1::WatchOrderResponse response;
    response.mutable_order()->set_id(request->id());
    response.mutable_order()->set_state(issuer::v1::ORDER_STATE_PENDING);
    writer->Write(response);
    MutexLock lock(&mutex_);
    while (!context->IsCancelled()) pause_.WaitFor(&mutex_, absl::Milliseconds(5));
    return grpc::Status::OK;
  }
  grpc::Status ListCertificates(grpc::ServerContext*, const issuer::v1::ListCertificatesRequest*,
                                issuer::v1::ListCertificatesResponse* response) override {
    MutexLock lock(&mutex_);
    for (const auto& [id, pem] : pems_) *response->add_certificates() = Describe(id);
    return grpc::Status::OK;
  }
  grpc::Status GetCertificate(grpc::ServerContext*,
                              const issuer::v1::GetCertificateRequest* request,
                              issuer::v1::GetCertificateResponse* response) override {
    MutexLock lock(&mutex_);
    *response->mutable_certificate() = Describe(request->id().substr(5));
    return grpc::Status::OK;
  }

  void Behave(Manner manner) {
    MutexLock lock(&mutex_);
    manner_ = std::move(manner);
  }
  std::vector<issuer::v1::CreateOrderRequest> created() {
    MutexLock lock(&mutex_);
    return created_;
  }

 private:
  void Advance(issuer::v1::Order& order) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (manner_.hang) {
      order.set_state(issuer::v1::ORDER_STATE_PENDING);
      return;
    }
    if (manner_.fail) {
      order.set_state(issuer::v1::ORDER_STATE_INVALID);
      order.mutable_error()->set_message("no luck");
      return;
    }
    if (order.state() == issuer::v1::ORDER_STATE_VALID) return;
    const auto& request = requests_[order.id()];
    const auto csr = crypto::Csr::Parse(request.csr());
    LeafWish wish;
    wish.names = manner_.names;
    if (wish.names.empty()) wish.names.assign(request.names().begin(), request.names().end());
    wish.not_before = absl::Now() - manner_.age;
    wish.life = manner_.life;
    const auto key = manner_.other_key
                         ? crypto::PrivateKey::Generate(crypto::KeyType::kP256)->public_key()
                         : csr->public_key();
    pems_[order.id()] = ca_.Sign(key, wish);
    order.set_state(issuer::v1::ORDER_STATE_VALID);
    order.set_certificate_id(absl::StrCat("cert-", order.id()));
  }
  issuer::v1::Certificate Describe(const std::string& order_id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    issuer::v1::Certificate certificate;
    const auto leaf = crypto::Certificate::ParsePem(pems_[order_id]);
    if (!leaf.ok()) return certificate;
    certificate.set_id("cert-" + order_id);
    certificate.set_serial(leaf->serial());
    certificate.set_public_key_sha256(leaf->spki_sha256());
    if (manner_.revoked) *certificate.mutable_revoke_time() = ToProto(absl::Now());
    return certificate;
  }

  const SyncTestCa ca_;
  Mutex mutex_;
  CondVar pause_;
  Manner manner_ ABSL_GUARDED_BY(mutex_);
  std::vector<issuer::v1::CreateOrderRequest> created_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, issuer::v1::Order> orders_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, issuer::v1::CreateOrderRequest> requests_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> pems_ ABSL_GUARDED_BY(mutex_);
};

class RoundTest : public testing::Test {
 protected:
  RoundTest() : folder_(program::NewFolder()) {
    rpc::ServerOptions server;
    server.listen = {"127.0.0.1:0"};
    server.tls = deployment_.CoreFiles(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "issuer"));
    server.services = {static_cast<issuer::v1::OrderService::Service*>(&issuer_),
                       static_cast<issuer::v1::CertificateService::Service*>(&issuer_)};
    server_ = *rpc::Server::Start(server);
    settings_.issuers = {absl::StrCat("127.0.0.1:", server_->ports()[0])};
    settings_.identity_file = deployment_.WriteIdentity(types::v1::ROLE_OPERATOR, "alice");
    settings_.core_root_file = deployment_.core_root_file();
    settings_.state_dir = folder_;
    settings_.certificates = {Wanted()};
  }
  ~RoundTest() override { std::fclose(talk_); }

  absl::Status Run(RoundOptions options = {}) {
    Output output(Format::kTable, talk_, talk_, false, true);
    Context context(Options{.dir = folder_}, output, clock_);
    SyncStateFile state(folder_);
    return RunRound(context, settings_, options, state);
  }
  SyncCertificateState State(const std::string& name = "www.example.com") {
    SyncStateFile state(folder_);
    return state.Of(name);
  }
  // The installed leaf's fingerprint; "" if there is none.
  std::string Installed(const std::string& name = "www.example.com") {
    const auto set = Lineage(folder_, name).Read();
    EXPECT_TRUE(set.ok()) << set.status();
    return set.ok() && set->has_value() ? (*set)->chain.leaf().fingerprint() : "";
  }
  std::string KeyFile() {
    return *identity::ReadFile(Lineage(folder_, "www.example.com").File("privkey"), 10000);
  }
  void AddHook(const std::string& script) {
    settings_.certificates[0].hooks.push_back(
        {{{program::WriteProgram(folder_, "hook", script)}, {"MINE=yes"}}, absl::Seconds(20)});
  }

  rpc::TestDeployment deployment_;
  const std::string folder_;
  SmallIssuer issuer_;
  std::unique_ptr<rpc::Server> server_;
  SyncSettings settings_;
  ShiftedClock clock_;
  FILE* const talk_ = std::tmpfile();
};

TEST_F(RoundTest, AMissingCertificateIsOrderedInstalledAndAnnounced) {
  AddHook("#!/bin/sh\nenv >> \"${RENEWED_LINEAGE%/live/*}/told\"\n");
  settings_.certificates[0].domain_texts = {"www.example.com"};
  const absl::Status status = Run();
  ASSERT_TRUE(status.ok()) << status;
  const std::string installed = Installed();
  EXPECT_NE(installed, "");
  EXPECT_EQ(State().outcome(), SYNC_OUTCOME_INSTALLED);
  EXPECT_EQ(State().message(), "there is none yet");
  EXPECT_EQ(State().certificate_id(), "cert-order1");
  EXPECT_EQ(State().deployed_fingerprint(), installed);
  const std::string told = program::TextOf(folder_ + "/told");
  const std::string live = folder_ + "/live/www.example.com";
  for (const std::string& line :
       {"RENEWED_LINEAGE=" + live, std::string("RENEWED_DOMAINS=www.example.com"),
        std::string("FAILED_DOMAINS="), std::string("LEGO_CERT_DOMAIN=www.example.com"),
        "LEGO_CERT_PATH=" + live + "/fullchain.pem", "LEGO_CERT_KEY_PATH=" + live + "/privkey.pem",
        "NORROY_LIVE=" + live, "NORROY_FINGERPRINT=" + installed, std::string("MINE=yes"),
        std::string("PATH=/usr/sbin:/usr/bin:/sbin:/bin")}) {
    EXPECT_THAT(told, HasSubstr(line + "\n"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/pending/www.example.com.pem"));
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 1u);
  EXPECT_EQ(KeyFile().find("CERTIFICATE"), std::string::npos);

  // A second run has nothing to do.
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Installed(), installed);
  EXPECT_EQ(issuer_.created().size(), 1u);
  EXPECT_EQ(program::TextOf(folder_ + "/told"), told);
  EXPECT_EQ(State().outcome(), SYNC_OUTCOME_CURRENT);
}

TEST_F(RoundTest, AWaitThatEndsIsTakenUpWithTheSameOrder) {
  issuer_.Behave({.hang = true});
  EXPECT_EQ(Run({.timeout = absl::Milliseconds(300)}).code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(State().outcome(), SYNC_OUTCOME_WAITING);
  EXPECT_EQ(Installed(), "");
  issuer_.Behave({});
  ASSERT_TRUE(Run().ok());
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 2u);
  EXPECT_EQ(created[0].request_id(), created[1].request_id());
  EXPECT_EQ(created[0].SerializeAsString(), created[1].SerializeAsString());
  EXPECT_NE(Installed(), "");
}

TEST_F(RoundTest, ARenewalHasANewKeyAndAnotherOrder) {
  ASSERT_TRUE(Run().ok());
  const std::string before = Installed();
  const std::string key = KeyFile();
  ASSERT_TRUE(Run({.force = {"www.example.com"}}).ok());
  EXPECT_NE(Installed(), before);
  EXPECT_NE(KeyFile(), key);
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 2u);
  EXPECT_NE(created[0].request_id(), created[1].request_id());
  EXPECT_FALSE(created[1].force_new());
}

TEST_F(RoundTest, TheKeyStaysIfThatIsWantedUnlessTheCertificateWasRevoked) {
  settings_.certificates[0].reuse_key = true;
  ASSERT_TRUE(Run().ok());
  const std::string first = Installed();
  const std::string key = KeyFile();
  ASSERT_TRUE(Run({.force = {"www.example.com"}}).ok());
  const std::string second = Installed();
  EXPECT_NE(second, first);
  EXPECT_EQ(KeyFile(), key);
  EXPECT_TRUE(issuer_.created()[1].force_new());
  issuer_.Behave({.revoked = true});
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(State().message(), "it is revoked");
  EXPECT_NE(Installed(), second);
  EXPECT_NE(KeyFile(), key);
}

TEST_F(RoundTest, NothingIsReplacedByAnythingWorse) {
  ASSERT_TRUE(Run().ok());
  const std::string good = Installed();
  const std::string key = KeyFile();
  const struct {
    SmallIssuer::Manner manner;
    std::string says;
  } cases[] = {
      {{.names = {"other.example.com"}}, "it is for other.example.com"},
      {{.names = {"www.example.com", "other.example.com"}}, "ordered were www.example.com"},
      {{.other_key = true}, "another key"},
      {{.age = absl::Hours(1)}, "no newer than the installed one"},
      {{.age = absl::Hours(1), .life = absl::Minutes(30)}, "it ended at"},
      {{.fail = true}, "no luck"},
      {{.refusal = MakeError(absl::StatusCode::kPermissionDenied, "NO_GRANT", "not allowed")},
       "not allowed"},
  };
  for (const auto& c : cases) {
    issuer_.Behave(c.manner);
    const absl::Status status = Run({.force = {"www.example.com"}});
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.says));
    EXPECT_EQ(Installed(), good) << c.says;
    EXPECT_EQ(KeyFile(), key) << c.says;
    EXPECT_EQ(State().outcome(), SYNC_OUTCOME_FAILED);
  }
  // And then it goes well again.
  issuer_.Behave({});
  ASSERT_TRUE(Run({.force = {"www.example.com"}}).ok());
  EXPECT_NE(Installed(), good);
}

TEST_F(RoundTest, WhatFailedIsHeldBackAWhile) {
  issuer_.Behave({.fail = true});
  EXPECT_FALSE(Run().ok());
  EXPECT_EQ(issuer_.created().size(), 1u);
  issuer_.Behave({});
  const absl::Status held = Run();
  EXPECT_THAT(std::string(held.message()),
              AllOf(HasSubstr("not tried again before"), HasSubstr("no luck")));
  EXPECT_EQ(issuer_.created().size(), 1u);
  // A configuration that was changed since may have mended it.
  issuer_.Behave({.fail = true});
  EXPECT_FALSE(Run({.config_time = clock_.Now() + absl::Seconds(1)}).ok());
  EXPECT_EQ(issuer_.created().size(), 2u);
  EXPECT_NE(issuer_.created()[0].request_id(), issuer_.created()[1].request_id());
  EXPECT_EQ(State().failures(), 2);
  // And so may the time: two minutes after the second failure.
  issuer_.Behave({});
  clock_.shift = absl::Seconds(90);
  EXPECT_FALSE(Run().ok());
  clock_.shift = absl::Seconds(125);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(State().failures(), 0);
}

TEST_F(RoundTest, AnIssuerThatIsAwayMattersOnlyToWhatIsDue) {
  ASSERT_TRUE(Run().ok());
  const std::string good = Installed();
  const std::vector<std::string> here = settings_.issuers;
  settings_.issuers = {absl::StrCat("127.0.0.1:", server_->ports()[0] == 1 ? 2 : 1)};
  ASSERT_TRUE(Run().ok());
  EXPECT_THAT(State().message(), HasSubstr("the issuer was not asked"));
  EXPECT_EQ(State().outcome(), SYNC_OUTCOME_CURRENT);
  const absl::Status forced = Run({.force = {"www.example.com"}});
  EXPECT_EQ(forced.code(), absl::StatusCode::kUnavailable) << forced;
  EXPECT_EQ(Installed(), good);
  EXPECT_EQ(State().failures(), 0) << "it is asked again each time";
  // The next of the configured ones serves as well, with the key that waits.
  settings_.issuers.insert(settings_.issuers.end(), here.begin(), here.end());
  ASSERT_TRUE(Run({.force = {"www.example.com"}}).ok());
  EXPECT_NE(Installed(), good);
}

TEST_F(RoundTest, AHookThatFailsIsToldRememberedAndRunAgain) {
  AddHook("#!/bin/sh\n[ -e \"${RENEWED_LINEAGE%/live/*}/works\" ] || { echo no; exit 3; }\n");
  const absl::Status status = Run();
  EXPECT_EQ(ErrorReason(status), "HOOK_FAILED");
  EXPECT_THAT(std::string(status.message()), HasSubstr("exited with 3: no"));
  const std::string installed = Installed();
  EXPECT_NE(installed, "") << "the renewal is not undone";
  EXPECT_EQ(State().outcome(), SYNC_OUTCOME_NOT_SERVED);
  EXPECT_EQ(State().deployed_fingerprint(), "");
  program::WriteProgram(folder_, "works", "");
  EXPECT_EQ(ErrorReason(Run()), "HOOK_FAILED") << "not again at once";
  clock_.shift = absl::Hours(1);
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Installed(), installed);
  EXPECT_EQ(State().deployed_fingerprint(), installed);
  EXPECT_EQ(issuer_.created().size(), 1u);
}

TEST_F(RoundTest, AHookThatHangsIsKilled) {
  AddHook("#!/bin/sh\nsleep 1000 &\nwait\n");
  settings_.certificates[0].hooks[0].timeout = absl::Milliseconds(300);
  const absl::Time start = absl::Now();
  EXPECT_THAT(std::string(Run().message()), HasSubstr("was killed: it still ran after"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(15));
}

TEST_F(RoundTest, OneThatFailsHoldsUpNoOther) {
  settings_.certificates = {Wanted({"a.example.com"}), Wanted({"b.example.com"}),
                            Wanted({"c.example.com"})};
  std::filesystem::create_directories(folder_ + "/live/b.example.com");
  const absl::Status status = Run();
  EXPECT_THAT(std::string(status.message()), HasSubstr("b.example.com: "));
  EXPECT_NE(Installed("a.example.com"), "");
  EXPECT_NE(Installed("c.example.com"), "");
  EXPECT_EQ(State("b.example.com").outcome(), SYNC_OUTCOME_FAILED);
}

TEST_F(RoundTest, ADryRunChangesNothing) {
  AddHook("#!/bin/sh\ntouch \"${RENEWED_LINEAGE%/live/*}/told\"\n");
  ASSERT_TRUE(Run({.dry_run = true}).ok());
  const auto created = issuer_.created();
  ASSERT_EQ(created.size(), 1u);
  EXPECT_TRUE(created[0].validate_only());
  for (const std::string name : {"live", "archive", "pending", "state.json", "told"}) {
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/" + name)) << name;
  }
}

TEST_F(RoundTest, FilesFollowTheConfigurationWithoutAnOrder) {
  ASSERT_TRUE(Run().ok());
  const std::string installed = Installed();
  settings_.certificates[0].bundle = true;
  settings_.certificates[0].access.mode = 0640;
  ASSERT_TRUE(Run().ok());
  EXPECT_EQ(Installed(), installed);
  EXPECT_TRUE(std::filesystem::exists(folder_ + "/live/www.example.com/bundle.pem"));
  EXPECT_EQ(issuer_.created().size(), 1u);
}

TEST(RetryPause, GrowsFromAMinuteToSixHours) {
  EXPECT_EQ(RetryPause(1), absl::Minutes(1));
  EXPECT_EQ(RetryPause(2), absl::Minutes(2));
  EXPECT_EQ(RetryPause(5), absl::Minutes(16));
  EXPECT_EQ(RetryPause(100), absl::Hours(6));
}

}  // namespace
}  // namespace norroy::cli
