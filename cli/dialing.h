#ifndef NORROY_CLI_DIALING_H_
#define NORROY_CLI_DIALING_H_

// One channel to a server that runs at several addresses: "one.example.net:7901,two:7901". It is
// connected to one of them, any, and to the next when that one cannot be reached, within
// milliseconds where the connection is refused or ends, after 5 s where nothing answers.
//
// A call that changes nothing when it comes twice (Get..., List..., WatchOrder before its first
// answer, CreateOrder under its request_id, FinalizeOrder, CancelOrder) is made once more, at
// whichever address answers then, if its answer was lost.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace norroy::cli {

inline constexpr size_t kMaxAddresses = 8;

// INVALID_ARGUMENT (reason BAD_USAGE) unless it is a list of 1 to 8 of "host:port".
absl::StatusOr<std::vector<std::string>> ParseAddresses(absl::string_view text);

// UNAVAILABLE if none of several names has an address now.
absl::StatusOr<std::shared_ptr<grpc::Channel>> DialAny(
    const std::vector<std::string>& addresses,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials);

}  // namespace norroy::cli

#endif  // NORROY_CLI_DIALING_H_
