#ifndef NORROY_COMMON_RPC_CALL_ORIGIN_H_
#define NORROY_COMMON_RPC_CALL_ORIGIN_H_

// Where a call comes from and which trace it belongs to, as texts that logs and the audit log keep.
// Nothing of gRPC.

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace norroy::rpc {

// The client is told the trace of its call under this name, after the answer.
inline constexpr char kTraceIdMetadata[] = "norroy-trace-id";

// "192.0.2.7:51000", "[2001:db8::7]:51000" of gRPC's "ipv4:192.0.2.7:51000",
// "ipv6:%5B2001:db8::7%5D:51000"; anything else as it stands, printable and cut after 128 bytes.
std::string PeerAddress(absl::string_view grpc_peer);

// The trace id of a valid `traceparent`. W3C Trace Context 3.2: version, trace id, parent id and
// flags in lower-case hexadecimal; neither id all zero.
std::optional<std::string> TraceIdOf(absl::string_view traceparent);

}  // namespace norroy::rpc

#endif  // NORROY_COMMON_RPC_CALL_ORIGIN_H_
