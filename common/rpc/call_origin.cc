#include "common/rpc/call_origin.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "common/error/error.h"

namespace norroy::rpc {
namespace {

constexpr size_t kMaxPeer = 128;

bool IsLowerHex(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c)) || (c >= 'a' && c <= 'f');
  });
}

bool IsZero(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '0'; });
}

}  // namespace

std::string PeerAddress(absl::string_view grpc_peer) {
  if (!absl::ConsumePrefix(&grpc_peer, "ipv4:")) absl::ConsumePrefix(&grpc_peer, "ipv6:");
  // gRPC writes it as a URI, where brackets (and a zone's "%") are escaped.
  return Printable(
      absl::StrReplaceAll(grpc_peer.substr(0, 2 * kMaxPeer),
                          {{"%5B", "["}, {"%5D", "]"}, {"%5b", "["}, {"%5d", "]"}, {"%25", "%"}}),
      kMaxPeer);
}

std::optional<std::string> TraceIdOf(absl::string_view traceparent) {
  constexpr size_t kVersion = 0, kTrace = 3, kParent = 36, kFlags = 53, kLength = 55;
  if (traceparent.size() < kLength || traceparent.size() > 2 * kLength) return std::nullopt;
  if (traceparent[kTrace - 1] != '-' || traceparent[kParent - 1] != '-' ||
      traceparent[kFlags - 1] != '-') {
    return std::nullopt;
  }
  const absl::string_view version = traceparent.substr(kVersion, 2);
  const absl::string_view trace = traceparent.substr(kTrace, 32);
  const absl::string_view parent = traceparent.substr(kParent, 16);
  // W3C Trace Context 3.2.4: a later version may add fields after another dash.
  const bool longer = traceparent.size() > kLength;
  if (longer && (version == "00" || traceparent[kLength] != '-')) return std::nullopt;
  if (!IsLowerHex(version) || version == "ff" || !IsLowerHex(trace) || !IsLowerHex(parent) ||
      !IsLowerHex(traceparent.substr(kFlags, 2)) || IsZero(trace) || IsZero(parent)) {
    return std::nullopt;
  }
  return std::string(trace);
}

}  // namespace norroy::rpc
