#include "common/rpc/credentials.h"

#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "common/clock/clock.h"
#include "common/crypto/certificate.h"
#include "common/error/error.h"
#include "common/identity/identity.h"
#include "common/identity/issuing.h"
#include "common/identity/revocations.h"
#include "common/identity/roots.h"
#include "common/rpc/channel.h"
#include "common/rpc/grpc_log.h"
#include "common/status_macros.h"

namespace norroy::rpc {
namespace {

namespace tls = grpc::experimental;

constexpr unsigned int kReloadSeconds = 1;

// gRPC has no switch for tickets, OpenSSL's configuration has. The first two lines keep what
// Debian's own configuration, which this one replaces, asks for.
constexpr char kOpensslConfig[] =
    "openssl_conf = norroy\n"
    "[norroy]\n"
    "ssl_conf = tls\n"
    "[tls]\n"
    "system_default = defaults\n"
    "[defaults]\n"
    "MinProtocol = TLSv1.2\n"
    "CipherString = DEFAULT@SECLEVEL=2\n"
    "Options = -SessionTicket\n"
    "NumTickets = 0\n";

std::string Text(grpc::string_ref text) { return std::string(text.data(), text.size()); }

Clock& TransportClock() {
  static SystemClock clock;
  return clock;
}

// OK if the peer's certificate, whose path gRPC has verified, says what it must.
absl::Status CheckPeer(const std::string& pem, const std::string& deployment, types::v1::Role role,
                       identity::Revocations& revocations) {
  NORROY_ASSIGN_OR_RETURN(const crypto::Certificate leaf, crypto::Certificate::ParsePem(pem));
  NORROY_ASSIGN_OR_RETURN(const identity::Identity peer, identity::Identity::OfCertificate(leaf));
  NORROY_RETURN_IF_ERROR(revocations.Check(leaf.serial(), peer.Uri()));
  if (peer.deployment == deployment && peer.role == role) return absl::OkStatus();
  return MakeError(absl::StatusCode::kPermissionDenied, "WRONG_SERVER",
                   absl::StrCat("the server is ", peer.Uri(), ", not the ",
                                identity::RoleName(role), " of deployment ", deployment));
}

class RoleVerifier final : public tls::ExternalCertificateVerifier {
 public:
  RoleVerifier(std::string deployment, types::v1::Role role,
               std::shared_ptr<identity::Revocations> revocations)
      : deployment_(std::move(deployment)), role_(role), revocations_(std::move(revocations)) {}

  bool Verify(tls::TlsCustomVerificationCheckRequest* request,
              std::function<void(grpc::Status)> /*callback*/, grpc::Status* status) override {
    const absl::Status checked =
        CheckPeer(Text(request->peer_cert()), deployment_, role_, *revocations_);
    *status = checked.ok() ? grpc::Status::OK
                           : grpc::Status(grpc::UNAUTHENTICATED, std::string(checked.message()));
    return true;
  }
  void Cancel(tls::TlsCustomVerificationCheckRequest* /*request*/) override {}

 private:
  const std::string deployment_;
  const types::v1::Role role_;
  const std::shared_ptr<identity::Revocations> revocations_;
};

// What does not read now would refuse every handshake later.
absl::Status CheckFiles(const TlsFiles& files) {
  NORROY_RETURN_IF_ERROR(identity::ReadIdentityFile(files.identity_file).status());
  return identity::ReadRoots(files.root_file).status();
}

// One file is key and chain at once, so that a rename replaces both.
std::shared_ptr<tls::FileWatcherCertificateProvider> Watch(const TlsFiles& files) {
  return std::make_shared<tls::FileWatcherCertificateProvider>(
      files.identity_file, files.identity_file, files.root_file, kReloadSeconds);
}

}  // namespace

void DisableTlsResumption() {
  // Loads the system's configuration now, so that nothing loads it over ours later.
  NORROY_CHECK(OPENSSL_init_ssl(OPENSSL_INIT_LOAD_CONFIG, nullptr) == 1);
  BIO* text = BIO_new_mem_buf(kOpensslConfig, -1);
  CONF* config = NCONF_new(nullptr);
  long error_line = 0;
  NORROY_CHECK(NCONF_load_bio(config, text, &error_line) == 1);
  NORROY_CHECK(CONF_modules_load(config, nullptr, 0) == 1);
  NCONF_free(config);
  BIO_free(text);
}

std::string TlsLibraryVersion() { return OpenSSL_version(OPENSSL_VERSION); }

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(const TlsFiles& files) {
  NORROY_RETURN_IF_ERROR(CheckFiles(files));
  tls::TlsServerCredentialsOptions options(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  // Roles are checked per call, where the answer can say what is wrong.
  return tls::TlsServerCredentials(options);
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    const TlsFiles& files, const std::string& deployment, types::v1::Role server_role) {
  NORROY_RETURN_IF_ERROR(CheckFiles(files));
  NORROY_ASSIGN_OR_RETURN(std::shared_ptr<identity::Revocations> revocations,
                          identity::Revocations::Open(files.root_file, TransportClock()));
  tls::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(Watch(files));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  options.set_certificate_verifier(tls::ExternalCertificateVerifier::Create<RoleVerifier>(
      deployment, server_role, std::move(revocations)));
  options.set_check_call_host(false);
  return tls::TlsCredentials(options);
}

std::shared_ptr<grpc::Channel> NewChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    int max_reply_bytes) {
  return NewConfiguredChannel(target, credentials, max_reply_bytes, "");
}

std::shared_ptr<grpc::Channel> NewConfiguredChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    int max_reply_bytes, const std::string& service_config) {
  RouteGrpcLogOfClient();
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, absl::ToInt64Milliseconds(kKeepaliveTime));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, absl::ToInt64Milliseconds(kKeepaliveTimeout));
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Without this, three pings and then silence for minutes.
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5000);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, 32 * 1024);
  // The environment's proxies and DNS TXT records have no say here.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  if (!service_config.empty()) arguments.SetServiceConfigJSON(service_config);
  arguments.SetMaxReceiveMessageSize(max_reply_bytes);
  arguments.SetMaxSendMessageSize(kMaxApiMessage);
  return grpc::CreateCustomChannel(target, credentials, arguments);
}

void SetTimeout(grpc::ClientContext& context, absl::Duration timeout) {
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMicroseconds(timeout));
}

}  // namespace norroy::rpc
