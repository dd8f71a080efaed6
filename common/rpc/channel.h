#ifndef NORROY_COMMON_RPC_CHANNEL_H_
#define NORROY_COMMON_RPC_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

namespace norroy::rpc {

// NewChannel (credentials.h), with a service config of our own: gRPC's JSON, or empty for none.
std::shared_ptr<grpc::Channel> NewConfiguredChannel(
    const std::string& target, const std::shared_ptr<grpc::ChannelCredentials>& credentials,
    int max_reply_bytes, const std::string& service_config);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CHANNEL_H_
