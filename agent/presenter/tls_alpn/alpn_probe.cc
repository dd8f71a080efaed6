#include "agent/presenter/tls_alpn/alpn_probe.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/crypto/openssl.h"

namespace norroy::agent {
namespace {

using crypto::Bytes;
using SslPtr = std::unique_ptr<SSL, crypto::OpensslFree<SSL_free>>;
using SslCtxPtr = std::unique_ptr<SSL_CTX, crypto::OpensslFree<SSL_CTX_free>>;

BIO* Connect(const std::string& place) {
  BIO* const bio = BIO_new_connect(std::string(absl::StripPrefix(place, "tls://")).c_str());
  if (BIO_do_connect(bio) <= 0) {
    BIO_free(bio);
    return nullptr;
  }
  int fd = -1;
  BIO_get_fd(bio, &fd);
  const timeval timeout = {10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
  return bio;
}

SslCtxPtr MakeContext(const AlpnQuestion& question) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context.get(), question.min_version);
  SSL_CTX_set_max_proto_version(context.get(), question.max_version);
  // Below TLS 1.2 nothing is left at the usual level.
  SSL_CTX_set_cipher_list(context.get(), "ALL:@SECLEVEL=0");
  return context;
}

std::string ProtocolList(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& protocol : protocols) {
    list.push_back(static_cast<char>(protocol.size()));
    list += protocol;
  }
  return list;
}

void Describe(SSL* ssl, AlpnSight& sight) {
  const unsigned char* protocol = nullptr;
  unsigned int length = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &length);
  sight.protocol.assign(reinterpret_cast<const char*>(protocol), length);
  sight.version = SSL_version(ssl);
  const crypto::X509Ptr certificate(SSL_get1_peer_certificate(ssl));
  if (certificate != nullptr) sight.certificate = crypto::ToDer<i2d_X509>(certificate.get());
  // TLS 1.3 sends tickets after the handshake. A responder ends the connection; another server
  // waits for a request that does not come.
  char byte;
  while (sight.protocol == "acme-tls/1" && SSL_read(ssl, &byte, 1) > 0) {
  }
  const SSL_SESSION* const session = SSL_get0_session(ssl);
  sight.resumable = session != nullptr && SSL_SESSION_has_ticket(session) == 1;
}

// RFC 8737 3, as a strict CA reads it.
std::string Judge(X509* x509, const challenge::Proof& proof) {
  if (X509_get_version(x509) != X509_VERSION_3) return "no version 3";
  if (X509_get_ext_count(x509) != 2) return "not exactly two extensions";
  if (X509_NAME_cmp(X509_get_subject_name(x509), X509_get_issuer_name(x509)) != 0 ||
      X509_verify(x509, X509_get0_pubkey(x509)) != 1) {
    return "not self-signed";
  }
  const crypto::GeneralNamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(x509, NID_subject_alt_name, nullptr, nullptr)));
  if (names == nullptr || sk_GENERAL_NAME_num(names.get()) != 1) return "not one name";
  const GENERAL_NAME* const name = sk_GENERAL_NAME_value(names.get(), 0);
  const std::string& value = proof.name.identifier().value();
  if (proof.name.identifier().type() == challenge::IdentifierType::kDns) {
    if (name->type != GEN_DNS || crypto::StringOf(name->d.dNSName) != value) return "another name";
  } else {
    char address[16];
    const int family = value.find(':') == std::string::npos ? AF_INET : AF_INET6;
    inet_pton(family, value.c_str(), address);
    const absl::string_view bytes(address, family == AF_INET ? 4 : 16);
    if (name->type != GEN_IPADD || crypto::StringOf(name->d.iPAddress) != bytes) {
      return "another address";
    }
  }
  const std::unique_ptr<ASN1_OBJECT, crypto::OpensslFree<ASN1_OBJECT_free>> oid(
      OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
  const int at = X509_get_ext_by_OBJ(x509, oid.get(), -1);
  if (at < 0) return "no acmeIdentifier";
  X509_EXTENSION* const extension = X509_get_ext(x509, at);
  if (X509_EXTENSION_get_critical(extension) != 1) return "acmeIdentifier is not critical";
  const std::string wanted = absl::StrCat("\x04\x20", proof.alpn_digest());
  if (crypto::StringOf(X509_EXTENSION_get_data(extension)) != wanted) return "another digest";
  return proof.key_authorization.value();
}

}  // namespace

AlpnSight LookByAlpn(const AlpnQuestion& question) {
  AlpnSight sight;
  const crypto::ErrorScope scope;
  BIO* const bio = Connect(question.place);
  if (bio == nullptr) {
    sight.error = "no connection";
    return sight;
  }
  const SslCtxPtr context = MakeContext(question);
  const SslPtr ssl(SSL_new(context.get()));
  SSL_set_bio(ssl.get(), bio, bio);
  const std::string protocols = ProtocolList(question.protocols);
  if (!protocols.empty()) {
    SSL_set_alpn_protos(ssl.get(), Bytes(protocols), static_cast<unsigned>(protocols.size()));
  }
  if (!question.server_name.empty()) {
    SSL_set_tlsext_host_name(ssl.get(), question.server_name.c_str());
  }
  if (SSL_connect(ssl.get()) != 1) {
    sight.error = crypto::ErrorText();
    return sight;
  }
  Describe(ssl.get(), sight);
  return sight;
}

std::string JudgeAlpn(const AlpnSight& sight, const challenge::Proof& proof) {
  if (!sight.error.empty()) return sight.error;
  if (sight.protocol != "acme-tls/1") return "another protocol";
  const unsigned char* bytes = Bytes(sight.certificate);
  const crypto::X509Ptr x509(
      d2i_X509(nullptr, &bytes, static_cast<long>(sight.certificate.size())));
  return x509 == nullptr ? "no certificate" : Judge(x509.get(), proof);
}

std::string AskByAlpn(const std::string& place, const challenge::Proof& proof) {
  const AlpnSight sight = LookByAlpn({.place = place, .server_name = proof.alpn_server_name()});
  return sight.error.empty() ? JudgeAlpn(sight, proof) : "";
}

}  // namespace norroy::agent
