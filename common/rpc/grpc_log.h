#ifndef NORROY_COMMON_RPC_GRPC_LOG_H_
#define NORROY_COMMON_RPC_GRPC_LOG_H_

// gRPC's own log lines, which else go to stderr as they are: into our log, escaped, at most a few a
// second (anybody who can connect can cause one).

namespace norroy::rpc {

// For a process that dials: its errors come back as statuses, so the lines are for debugging.
void RouteGrpcLogOfClient();
// For a process that listens: a refused handshake is told nobody else. Stays so once called. Where
// gRPC says that a listener has failed (too many open files) it ends the process (status 1): gRPC
// would leave it deaf for ever, and a start costs time and nothing else.
void RouteGrpcLogOfServer();

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_GRPC_LOG_H_
