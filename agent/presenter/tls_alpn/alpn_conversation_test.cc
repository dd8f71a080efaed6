#include "agent/presenter/tls_alpn/alpn_conversation.h"

#include <openssl/ssl.h>

#include <algorithm>
#include <string>
#include <vector>

#include "agent/presenter/presenter_contract.h"
#include "common/crypto/openssl.h"
#include "gtest/gtest.h"

namespace norroy::agent {

// For its proofs alone: tls_alpn_test runs the suite.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(PresenterContract);

namespace {

using Then = Conversation::Then;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);

// A TLS client that lives in memory.
class Client {
 public:
  // `groups`: OpenSSL's list; the key share is of the first.
  explicit Client(int version, const char* groups = "P-256") {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), version);
    SSL_CTX_set_max_proto_version(context_.get(), version);
    SSL_CTX_set1_groups_list(context_.get(), groups);
    ssl_.reset(SSL_new(context_.get()));
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    SSL_set_tlsext_host_name(ssl_.get(), "www.example.com");
    SSL_set_alpn_protos(ssl_.get(),
                        crypto::Bytes("\x0a"
                                      "acme-tls/1"),
                        11);
  }

  // What it says to what it was told.
  std::string Say(absl::string_view told = {}) {
    if (!told.empty()) BIO_write(in_, told.data(), static_cast<int>(told.size()));
    const crypto::ErrorScope scope;
    done_ = SSL_do_handshake(ssl_.get()) == 1;
    char* data = nullptr;
    const long size = BIO_get_mem_data(out_, &data);
    const std::string said(data, static_cast<size_t>(size));
    (void)BIO_reset(out_);
    return said;
  }
  bool done() const { return done_; }

 private:
  std::unique_ptr<SSL_CTX, crypto::OpensslFree<SSL_CTX_free>> context_;
  std::unique_ptr<SSL, crypto::OpensslFree<SSL_free>> ssl_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
  bool done_ = false;
};

class AlpnConversationTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(table_.Add(proof_, kNow).ok()); }

  // All of it, `step` bytes at a time.
  Then Tell(absl::string_view bytes, std::string& answer, size_t step = 1 << 20) {
    Then then = Then::kGoOn;
    while (!bytes.empty() && then == Then::kGoOn) {
      then = conversation_->OnBytes(bytes.substr(0, step), answer);
      bytes.remove_prefix(std::min(step, bytes.size()));
    }
    return then;
  }

  const challenge::Proof proof_ = MakeProof("www.example.com", "token-1");
  AlpnTable table_;
  std::vector<AlpnOutcome> outcomes_;
  std::unique_ptr<AlpnResponder> responder_ =
      *AlpnResponder::Make(table_, [this](AlpnOutcome outcome) { outcomes_.push_back(outcome); });
  std::unique_ptr<Conversation> conversation_ = responder_->Greet();
};

TEST_F(AlpnConversationTest, WholeAndByteByByte) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (const size_t step : {size_t{1}, size_t{1} << 20}) {
      conversation_ = responder_->Greet();
      Client client(version);
      std::string answer;
      ASSERT_EQ(Tell(client.Say(), answer, step), Then::kGoOn);
      std::string last;
      EXPECT_EQ(Tell(client.Say(answer), last, step), Then::kFinish);
      client.Say(last);
      EXPECT_TRUE(client.done());
    }
  }
  EXPECT_EQ(outcomes_, std::vector<AlpnOutcome>(4, AlpnOutcome::kServed));
}

TEST_F(AlpnConversationTest, ASecondClientHelloIsAsGoodAsTheFirst) {
  // RFC 8446 4.1.4: a key share of a group that we do not take is asked for again.
  Client client(TLS1_3_VERSION, "ffdhe2048:P-256");
  std::string retry;
  ASSERT_EQ(Tell(client.Say(), retry), Then::kGoOn);
  std::string answer;
  ASSERT_EQ(Tell(client.Say(retry), answer), Then::kGoOn);
  std::string last;
  EXPECT_EQ(Tell(client.Say(answer), last), Then::kFinish);
  EXPECT_TRUE(client.done());
  EXPECT_EQ(outcomes_, std::vector<AlpnOutcome>{AlpnOutcome::kServed});
}

TEST_F(AlpnConversationTest, TakenDownInTheMiddleEndsIt) {
  Client client(TLS1_2_VERSION);
  std::string answer;
  ASSERT_EQ(Tell(client.Say(), answer), Then::kGoOn);
  const std::string reply = client.Say(answer);
  table_.Remove(proof_);
  std::string nothing;
  EXPECT_EQ(Tell(reply, nothing), Then::kDrop);
  EXPECT_EQ(nothing, "");
  // The same name for another order is no continuation either.
  conversation_ = responder_->Greet();
  ASSERT_TRUE(table_.Add(proof_, kNow).ok());
  Client second(TLS1_2_VERSION);
  answer.clear();
  ASSERT_EQ(Tell(second.Say(), answer), Then::kGoOn);
  table_.Remove(proof_);
  ASSERT_TRUE(table_.Add(MakeProof("www.example.com", "token-2"), kNow).ok());
  EXPECT_EQ(Tell(second.Say(answer), nothing), Then::kDrop);
  EXPECT_TRUE(outcomes_.empty());
}

TEST_F(AlpnConversationTest, GarbageInTheHandshakeEndsIt) {
  Client client(TLS1_3_VERSION);
  std::string answer;
  ASSERT_EQ(Tell(client.Say(), answer), Then::kGoOn);
  std::string alert;
  EXPECT_EQ(Tell("GET / HTTP/1.1\r\n\r\n", alert), Then::kFinish);
  EXPECT_TRUE(outcomes_.empty());
  // What OpenSSL left behind does not disturb the next one.
  conversation_ = responder_->Greet();
  Client next(TLS1_3_VERSION);
  answer.clear();
  ASSERT_EQ(Tell(next.Say(), answer), Then::kGoOn);
  EXPECT_EQ(Tell(next.Say(answer), alert), Then::kFinish);
  EXPECT_EQ(outcomes_, std::vector<AlpnOutcome>{AlpnOutcome::kServed});
}

TEST_F(AlpnConversationTest, RefusedWithOneAlert) {
  table_.Remove(proof_);
  Client client(TLS1_3_VERSION);
  std::string answer;
  EXPECT_EQ(Tell(client.Say(), answer), Then::kFinish);
  EXPECT_EQ(answer, std::string("\x15\x03\x03\x00\x02\x02\x70", 7));
  EXPECT_EQ(outcomes_, std::vector<AlpnOutcome>{AlpnOutcome::kRefused});
}

}  // namespace
}  // namespace norroy::agent
