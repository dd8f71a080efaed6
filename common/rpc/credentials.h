#ifndef NORROY_COMMON_RPC_CREDENTIALS_H_
#define NORROY_COMMON_RPC_CREDENTIALS_H_

// mTLS on every connection: there is no other kind. Certificates are watched and picked up without
// restart; session tickets are off (call DisableTlsResumption first thing in main).

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::rpc {

// Turns session tickets and resumption off for every TLS context of this process.
void DisableTlsResumption();

// "OpenSSL 3.0.15 3 Sep 2024".
std::string TlsLibraryVersion();

// Keepalive of both sides (RFC 9113 pings): the client asks every 30 s, the server allows it.
inline constexpr absl::Duration kKeepaliveTime = absl::Seconds(30);
inline constexpr absl::Duration kKeepaliveTimeout = absl::Seconds(10);

struct TlsFiles {
  std::string identity_file;  // key and chain, one PEM file
  // The root that peers' certificates lead to, or two while one follows the other. Beside it may
  // lie a revocation list (identity/revocations.h).
  std::string root_file;
};

// Requires and verifies a client certificate under root_file. Revoked clients pass the handshake:
// they are refused per call, where the answer can say why (HandlerEnv::admit).
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentials(const TlsFiles& files);

// Verifies the server under root_file and that its certificate says `server_role` in `deployment`
// (host names are not compared: the role is) and is not revoked.
absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> ClientCredentials(
    const TlsFiles& files, const std::string& deployment, types::v1::Role server_role);

// What a server takes in one request, what a client takes in one reply, and what both take on the
// agent link.
// Ends the call `timeout` from now.
void SetTimeout(grpc::ClientContext& context, absl::Duration timeout);

inline constexpr int kMaxApiMessage = 256 * 1024;
inline constexpr int kMaxApiReply = 4 * 1024 * 1024;
inline constexpr int kMaxLinkMessage = 256 * 1024;

// A channel with our keepalive, message caps and backoff. `target` is "host:port". No proxy is
// used, whatever the environment says.
std::shared_ptr<grpc::Channel> NewChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    int max_reply_bytes = kMaxApiReply);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CREDENTIALS_H_
