#ifndef NORROY_COMMON_RPC_SERVER_H_
#define NORROY_COMMON_RPC_SERVER_H_

// A gRPC server of ours: listeners that each trust one root, default deny by the methods' access
// option, health, reflection if asked, caps on what connections take up, and a stop that ends.

#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/call_metrics.h"
#include "common/rpc/credentials.h"

namespace norroy::rpc {

struct ServerOptions {
  std::vector<std::string> listen;  // "host:port"; port 0 picks one
  TlsFiles tls;
  std::vector<grpc::Service*> services;  // outlive the server
  bool reflection = false;
  // Close connections after this (plus grace) so that revocation and balancing take hold; infinite
  // for the agent listener.
  absl::Duration max_connection_age = absl::Minutes(3);
  // Calls at once on one connection.
  int max_streams = 64;
  // Null: calls are not counted. Outlives the server.
  CallMetrics* metrics = nullptr;
};

class Server {
 public:
  // Refuses to start if a method of a service lacks the access option.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options);
  ~Server();

  // The bound ports, in the order of `listen`.
  const std::vector<int>& ports() const { return ports_; }
  // Cancels what is still running at the deadline. Handlers must still have their threads: it
  // returns when all have answered.
  void Stop(absl::Duration grace);

 private:
  Server() = default;
  std::unique_ptr<grpc::Server> server_;
  std::vector<int> ports_;
};

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_SERVER_H_
