#include "agent/presenter/tls_alpn/alpn_conversation.h"

#include <openssl/ssl.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/crypto/openssl.h"

namespace norroy::agent {
namespace {

using SslPtr = std::unique_ptr<SSL, crypto::OpensslFree<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, crypto::OpensslFree<SSL_CTX_free>>;

// What a validator sends in one handshake, all told.
constexpr size_t kMaxReceived = 64 * 1024;
// RFC 7301 3.1: the list as the ClientHello has it, without the length before it.
constexpr absl::string_view kProtocolList =
    "\x0a"
    "acme-tls/1";
// TLS 1.2's with forward secrecy, for our kind of key; TLS 1.3's are OpenSSL's.
constexpr char kCiphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305";
// What every CA offers. No finite fields: a peer that asks for the largest costs much.
constexpr char kGroups[] = "X25519:P-256:P-384";

std::string AlertRecord(Alert alert) {
  // RFC 8446 6: record type 21, two bytes: fatal, which.
  const char bytes[] = {21, 3, 3, 0, 2, 2, static_cast<char>(alert)};
  return std::string(bytes, sizeof(bytes));
}

// What is wrong with a ClientHello whose name is no matter yet.
std::optional<Alert> Objection(const ClientHello& hello) {
  // RFC 8737 3: "acme-tls/1" and nothing else. An ordinary client offers other protocols.
  if (hello.protocols.size() != 1 || hello.protocols[0] != kAcmeTlsProtocol) {
    return Alert::kNoApplicationProtocol;
  }
  // RFC 8737 3: TLS 1.2 or newer.
  if (hello.max_version < kTls12) return Alert::kProtocolVersion;
  if (!hello.server_name.has_value()) return Alert::kUnrecognizedName;
  return std::nullopt;
}

class Responder;

class AlpnConversation final : public Conversation {
 public:
  explicit AlpnConversation(Responder& responder) : responder_(responder) {}
  Then OnBytes(absl::string_view bytes, std::string& output) override;

  // OpenSSL reads the ClientHello anew: what it reads must be what was let in.
  bool Agrees(absl::string_view protocols, const char* server_name) const {
    return protocols == kProtocolList && server_name != nullptr &&
           absl::EqualsIgnoreCase(server_name, server_name_);
  }

 private:
  Then OnHello(const ClientHello& hello, std::string& output);
  Then Refuse(Alert alert, std::string& output);
  bool Begin();
  Then Proceed(std::string& output);
  void TakeOutput(std::string& output);

  Responder& responder_;
  std::string input_;  // until the ClientHello is whole
  size_t received_ = 0;
  std::string server_name_;
  std::shared_ptr<const AlpnEntry> entry_;
  SslPtr ssl_;
  BIO* from_peer_ = nullptr;  // of ssl_
  BIO* to_peer_ = nullptr;    // of ssl_
};

class Responder final : public AlpnResponder {
 public:
  Responder(AlpnTable& table, std::function<void(AlpnOutcome)> report)
      : table_(table), report_(std::move(report)), context_(SSL_CTX_new(TLS_server_method())) {}

  // False: OpenSSL's error queue says why.
  bool Configure() {
    SSL_CTX* const context = context_.get();
    if (context == nullptr || SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, kCiphers) != 1 ||
        SSL_CTX_set1_groups_list(context, kGroups) != 1 ||
        SSL_CTX_set_num_tickets(context, 0) != 1) {
      return false;
    }
    // Each probe is a handshake of its own that ends in a certificate.
    SSL_CTX_set_options(context,
                        SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_alpn_select_cb(context, &Responder::OnProtocols, nullptr);
    return true;
  }

  std::unique_ptr<Conversation> Greet() override {
    return std::make_unique<AlpnConversation>(*this);
  }

  AlpnTable& table() { return table_; }
  SSL_CTX* context() { return context_.get(); }
  void Report(AlpnOutcome outcome) { report_(outcome); }

 private:
  static int OnProtocols(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                         const unsigned char* in, unsigned int in_length, void*) {
    const auto* conversation = static_cast<const AlpnConversation*>(SSL_get_app_data(ssl));
    const absl::string_view protocols(reinterpret_cast<const char*>(in), in_length);
    if (!conversation->Agrees(protocols, SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name))) {
      return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    *out = in + 1;
    *out_length = in[0];
    return SSL_TLSEXT_ERR_OK;
  }

  AlpnTable& table_;
  const std::function<void(AlpnOutcome)> report_;
  const SslCtxPtr context_;
};

Conversation::Then AlpnConversation::OnBytes(absl::string_view bytes, std::string& output) {
  received_ += bytes.size();
  if (received_ > kMaxReceived) return Then::kDrop;
  if (ssl_ != nullptr) {
    if (BIO_write(from_peer_, bytes.data(), static_cast<int>(bytes.size())) <= 0) {
      return Then::kDrop;
    }
    return Proceed(output);
  }
  absl::StrAppend(&input_, bytes);
  const ClientHelloParse parse = ParseClientHello(input_);
  if (parse.state == ClientHelloState::kIncomplete) return Then::kGoOn;
  if (parse.state == ClientHelloState::kBad) return Then::kDrop;
  return OnHello(parse.hello, output);
}

Conversation::Then AlpnConversation::OnHello(const ClientHello& hello, std::string& output) {
  const std::optional<Alert> objection = Objection(hello);
  if (objection.has_value()) return Refuse(*objection, output);
  server_name_ = *hello.server_name;
  entry_ = responder_.table().Find(server_name_);
  if (entry_ == nullptr) return Refuse(Alert::kUnrecognizedName, output);
  const crypto::ErrorScope scope;
  if (!Begin()) return Then::kDrop;
  return Proceed(output);
}

Conversation::Then AlpnConversation::Refuse(Alert alert, std::string& output) {
  responder_.Report(AlpnOutcome::kRefused);
  output = AlertRecord(alert);
  return Then::kFinish;
}

// OpenSSL gets what was peeked at, and from here on all that comes.
bool AlpnConversation::Begin() {
  ssl_.reset(SSL_new(responder_.context()));
  from_peer_ = BIO_new(BIO_s_mem());
  to_peer_ = BIO_new(BIO_s_mem());
  if (ssl_ == nullptr || from_peer_ == nullptr || to_peer_ == nullptr) {
    BIO_free(from_peer_);
    BIO_free(to_peer_);
    return false;
  }
  SSL_set_bio(ssl_.get(), from_peer_, to_peer_);
  SSL_set_accept_state(ssl_.get());
  SSL_set_app_data(ssl_.get(), this);
  const int size = static_cast<int>(input_.size());
  const bool fed = BIO_write(from_peer_, input_.data(), size) == size;
  input_.clear();
  return fed && SSL_use_certificate(ssl_.get(), entry_->answer.certificate.get()) == 1 &&
         SSL_use_PrivateKey(ssl_.get(), entry_->answer.key.get()) == 1;
}

Conversation::Then AlpnConversation::Proceed(std::string& output) {
  // Taken down meanwhile: nothing of it goes out any more.
  if (responder_.table().Find(server_name_) != entry_) return Then::kDrop;
  const crypto::ErrorScope scope;
  const int result = SSL_do_handshake(ssl_.get());
  const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  if (result == 1) {
    responder_.Report(AlpnOutcome::kServed);
    // RFC 8737 3: no data is exchanged; both sides close.
    SSL_shutdown(ssl_.get());
  }
  TakeOutput(output);
  return error == SSL_ERROR_WANT_READ ? Then::kGoOn : Then::kFinish;
}

void AlpnConversation::TakeOutput(std::string& output) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(to_peer_, &data);
  if (size <= 0) return;
  output.append(data, static_cast<size_t>(size));
  (void)BIO_reset(to_peer_);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AlpnResponder>> AlpnResponder::Make(
    AlpnTable& table, std::function<void(AlpnOutcome)> report) {
  const crypto::ErrorScope scope;
  auto responder = std::make_unique<Responder>(table, std::move(report));
  if (!responder->Configure()) {
    return absl::InternalError(
        absl::StrCat("tls_alpn: OpenSSL cannot be set up: ", crypto::ErrorText()));
  }
  return responder;
}

}  // namespace norroy::agent
