#include "validator/preflight/tls_dial.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/error/error.h"

namespace norroy::validator::preflight {
namespace {

// A handshake has to fit: certificates of 100 names do.
constexpr size_t kMaxHandshake = 256 * 1024;
constexpr size_t kMaxNamesRead = 128;
constexpr size_t kMaxFirst = 64;
constexpr char kAcmeIdentifier[] = "1.3.6.1.5.5.7.1.31";  // RFC 8737 6.1

template <auto Free>
struct OpensslFree {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslPtr = std::unique_ptr<SSL, OpensslFree<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, OpensslFree<SSL_CTX_free>>;
using X509Ptr = std::unique_ptr<X509, OpensslFree<X509_free>>;
using NamesPtr = std::unique_ptr<GENERAL_NAMES, OpensslFree<GENERAL_NAMES_free>>;
using ObjectPtr = std::unique_ptr<ASN1_OBJECT, OpensslFree<ASN1_OBJECT_free>>;

// The thread's queue of errors is left as empty as it is found.
struct ErrorQueue {
  ErrorQueue() { ERR_clear_error(); }
  ~ErrorQueue() { ERR_clear_error(); }
};

std::string BytesOf(const ASN1_STRING* string) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
                     static_cast<size_t>(ASN1_STRING_length(string)));
}

void ReadNames(X509* x509, PeerCertificate& certificate) {
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    const size_t read = certificate.dns_names.size() + certificate.addresses.size();
    if (name->type == GEN_DNS && read < kMaxNamesRead) {
      certificate.dns_names.push_back(absl::AsciiStrToLower(BytesOf(name->d.dNSName)));
    } else if (name->type == GEN_IPADD && read < kMaxNamesRead) {
      certificate.addresses.push_back(BytesOf(name->d.iPAddress));
    } else {
      ++certificate.other_names;
    }
  }
}

void ReadAcmeIdentifier(X509* x509, PeerCertificate& certificate) {
  const ObjectPtr oid(OBJ_txt2obj(kAcmeIdentifier, 1));
  for (int at = X509_get_ext_by_OBJ(x509, oid.get(), -1); at >= 0;
       at = X509_get_ext_by_OBJ(x509, oid.get(), at)) {
    X509_EXTENSION* const extension = X509_get_ext(x509, at);
    ++certificate.acme_identifiers;
    certificate.acme_critical = X509_EXTENSION_get_critical(extension) != 0;
    certificate.acme_value = BytesOf(X509_EXTENSION_get_data(extension));
  }
}

// TLS over any stream: OpenSSL reads from and writes to memory, the stream does the rest.
class TlsStream final : public Stream {
 public:
  TlsStream(std::unique_ptr<Stream> tcp, const TlsOptions& options);

  // The fault and what belongs to it.
  TlsDialled Handshake(const Deadline& deadline);
  absl::Status Write(absl::string_view bytes, const Deadline& deadline) override;
  absl::StatusOr<std::string> Read(const Deadline& deadline) override;

 private:
  // What OpenSSL wants to send.
  absl::Status Flush(const Deadline& deadline);
  // More bytes for OpenSSL; false: the peer sends no more.
  absl::StatusOr<bool> Feed(const Deadline& deadline);
  TlsDialled FaultOfFeed(const absl::StatusOr<bool>& fed) const;
  TlsDialled FaultOfQueue() const;

  const std::unique_ptr<Stream> tcp_;
  const SslCtxPtr context_;
  const SslPtr ssl_;
  BIO* const in_;   // of ssl_
  BIO* const out_;  // of ssl_
  std::string first_;
  size_t fed_ = 0;
};

TlsStream::TlsStream(std::unique_ptr<Stream> tcp, const TlsOptions& options)
    : tcp_(std::move(tcp)),
      context_(SSL_CTX_new(TLS_client_method())),
      ssl_(SSL_new(context_.get())),
      in_(BIO_new(BIO_s_mem())),
      out_(BIO_new(BIO_s_mem())) {
  NORROY_CHECK(ssl_ != nullptr && in_ != nullptr && out_ != nullptr);
  SSL_set_bio(ssl_.get(), in_, out_);
  SSL_set_verify(ssl_.get(), SSL_VERIFY_NONE, nullptr);
  // Small keys and old digests are the CA's to judge, and it does not.
  SSL_set_security_level(ssl_.get(), 0);
  NORROY_CHECK(SSL_set_min_proto_version(ssl_.get(), TLS1_2_VERSION) == 1);
  if (!options.server_name.empty()) {
    NORROY_CHECK(SSL_set_tlsext_host_name(ssl_.get(), options.server_name.c_str()) == 1);
  }
  if (!options.protocol.empty()) {
    const std::string wire =
        absl::StrCat(std::string(1, static_cast<char>(options.protocol.size())), options.protocol);
    NORROY_CHECK(SSL_set_alpn_protos(ssl_.get(),
                                     reinterpret_cast<const unsigned char*>(wire.data()),
                                     static_cast<unsigned>(wire.size())) == 0);
  }
}

absl::Status TlsStream::Flush(const Deadline& deadline) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(out_, &data);
  if (size <= 0) return absl::OkStatus();
  const absl::Status written =
      tcp_->Write(absl::string_view(data, static_cast<size_t>(size)), deadline);
  BIO_reset(out_);
  return written;
}

absl::StatusOr<bool> TlsStream::Feed(const Deadline& deadline) {
  absl::StatusOr<std::string> bytes = tcp_->Read(deadline);
  if (!bytes.ok()) return bytes.status();
  if (bytes->empty()) return false;
  if (first_.size() < kMaxFirst) first_.append(*bytes, 0, kMaxFirst);
  fed_ += bytes->size();
  if (fed_ > kMaxHandshake) {
    return MakeError(absl::StatusCode::kUnavailable, "TOO_LONG", "more than a handshake has");
  }
  BIO_write(in_, bytes->data(), static_cast<int>(bytes->size()));
  return true;
}

TlsDialled TlsStream::FaultOfFeed(const absl::StatusOr<bool>& fed) const {
  TlsDialled dialled;
  dialled.fault = fed.status().code() == absl::StatusCode::kDeadlineExceeded ? TlsFault::kTimedOut
                                                                             : TlsFault::kClosed;
  return dialled;
}

TlsDialled TlsStream::FaultOfQueue() const {
  TlsDialled dialled;
  // RFC 8446 5.1: a handshake or an alert, version 3.x. Anything else is another protocol.
  const bool is_tls =
      first_.size() < 2 || ((first_[0] == 0x16 || first_[0] == 0x15) && first_[1] == 0x03);
  if (!is_tls) {
    dialled.fault = TlsFault::kNotTls;
    dialled.text = first_;
    return dialled;
  }
  const unsigned long error = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(error);
  const char* text = ERR_reason_error_string(error);
  dialled.text = text == nullptr ? "no reason given" : text;
  dialled.fault = TlsFault::kRefused;
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET) {
    dialled.fault = TlsFault::kAlert;
    dialled.alert = reason - SSL_AD_REASON_OFFSET;
    dialled.text = SSL_alert_desc_string_long(dialled.alert);
  }
  return dialled;
}

TlsDialled TlsStream::Handshake(const Deadline& deadline) {
  for (;;) {
    const ErrorQueue queue;
    const int done = SSL_connect(ssl_.get());
    const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
    // Also after a failure: the server gets our alert, if it still listens.
    const absl::Status flushed = Flush(deadline);
    if (done == 1) break;
    if (error != SSL_ERROR_WANT_READ) return FaultOfQueue();
    if (!flushed.ok()) return FaultOfFeed(flushed);
    const absl::StatusOr<bool> fed = Feed(deadline);
    if (!fed.ok() || !*fed) return FaultOfFeed(fed);
  }
  TlsDialled dialled;
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
  if (size > 0) dialled.protocol.assign(reinterpret_cast<const char*>(chosen), size);
  const ErrorQueue queue;
  const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
  if (certificate != nullptr) {
    ReadNames(certificate.get(), dialled.certificate);
    ReadAcmeIdentifier(certificate.get(), dialled.certificate);
  }
  return dialled;
}

absl::Status TlsStream::Write(absl::string_view bytes, const Deadline& deadline) {
  const ErrorQueue queue;
  if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) {
    return MakeError(absl::StatusCode::kUnavailable, "CONNECTION_BROKEN", "TLS ended");
  }
  return Flush(deadline);
}

absl::StatusOr<std::string> TlsStream::Read(const Deadline& deadline) {
  std::array<char, 4096> buffer;
  fed_ = 0;
  for (;;) {
    const ErrorQueue queue;
    const int got = SSL_read(ssl_.get(), buffer.data(), buffer.size());
    if (got > 0) return std::string(buffer.data(), static_cast<size_t>(got));
    const int error = SSL_get_error(ssl_.get(), got);
    if (error == SSL_ERROR_ZERO_RETURN) return std::string();
    if (error != SSL_ERROR_WANT_READ) {
      return MakeError(absl::StatusCode::kUnavailable, "CONNECTION_BROKEN", "TLS ended");
    }
    const absl::Status flushed = Flush(deadline);
    if (!flushed.ok()) return flushed;
    const absl::StatusOr<bool> fed = Feed(deadline);
    if (!fed.ok()) return fed.status();
    // Many servers close without saying so in TLS; what came is still what they sent.
    if (!*fed) return std::string();
  }
}

}  // namespace

TlsDialled StartTls(std::unique_ptr<Stream> tcp, const TlsOptions& options,
                    const Deadline& deadline) {
  auto stream = std::make_unique<TlsStream>(std::move(tcp), options);
  TlsDialled dialled = stream->Handshake(deadline);
  if (dialled.fault == TlsFault::kNone) dialled.stream = std::move(stream);
  return dialled;
}

}  // namespace norroy::validator::preflight
