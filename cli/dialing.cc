#include "cli/dialing.h"

#include <arpa/inet.h>
#include <google/protobuf/descriptor.h>
#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "common/error/error.h"
#include "common/rpc/channel.h"
#include "common/rpc/credentials.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

struct HostPort {
  std::string host;
  std::string port;
};

absl::Status BadAddress(absl::string_view address) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                   absl::StrCat("\"", Printable(address, 200),
                                "\" is no address: HOST:PORT is needed, or several of them with ",
                                "commas between"));
}

// "host:port", "192.0.2.7:7901", "[2001:db8::7]:7901".
absl::StatusOr<HostPort> Split(absl::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return BadAddress(address);
  absl::string_view host = address.substr(0, colon);
  const absl::string_view port = address.substr(colon + 1);
  if (absl::StartsWith(host, "[") && absl::EndsWith(host, "]")) {
    host = host.substr(1, host.size() - 2);
  }
  int number = 0;
  if (host.empty() || !absl::SimpleAtoi(port, &number) || number < 1 || number > 65535) {
    return BadAddress(address);
  }
  return HostPort{std::string(host), std::string(port)};
}

// "192.0.2.7:7901", "[2001:db8::7]:7901".
std::string Literal(const sockaddr& address, const std::string& port) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return absl::StrCat(text, ":", port);
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return absl::StrCat("[", text, "]:", port);
}

// gRPC's literal targets are of one family: beside IPv6 addresses, IPv4 ones go in their clothes.
std::string TargetOf(std::vector<std::string> literals) {
  const auto is_v6 = [](const std::string& literal) { return absl::StartsWith(literal, "["); };
  if (std::none_of(literals.begin(), literals.end(), is_v6)) {
    return absl::StrCat("ipv4:", absl::StrJoin(literals, ","));
  }
  for (std::string& literal : literals) {
    if (is_v6(literal)) continue;
    const size_t colon = literal.rfind(':');
    literal = absl::StrCat("[::ffff:", literal.substr(0, colon), "]", literal.substr(colon));
  }
  return absl::StrCat("ipv6:", absl::StrJoin(literals, ","));
}

void AddLiterals(const HostPort& server, std::vector<std::string>& literals) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(server.host.c_str(), server.port.c_str(), &hints, &found) != 0) return;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* one = found; one != nullptr; one = one->ai_next) {
    if (one->ai_family != AF_INET && one->ai_family != AF_INET6) continue;
    std::string literal = Literal(*one->ai_addr, server.port);
    if (std::find(literals.begin(), literals.end(), literal) == literals.end()) {
      literals.push_back(std::move(literal));
    }
  }
}

bool MayComeTwice(const std::string& method) {
  return absl::StartsWith(method, "Get") || absl::StartsWith(method, "List") ||
         method == "WatchOrder" || method == "CreateOrder" || method == "FinalizeOrder" ||
         method == "CancelOrder";
}

// Of the services that commands call, as far as they are linked in.
std::string ServiceConfig() {
  std::vector<std::string> names;
  for (const char* const service :
       {"issuer.v1.AccountService", "issuer.v1.ApiTokenService", "issuer.v1.CertificateService",
        "issuer.v1.OrderService", "issuer.v1.PolicyService", "issuer.v1.ServerInfoService",
        "validator.v1.AgentAdminService", "validator.v1.ServerInfoService",
        "audit.v1.AuditService"}) {
    const auto* const found = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
        absl::StrCat("norroy.", service));
    if (found == nullptr) continue;
    for (int i = 0; i < found->method_count(); ++i) {
      const std::string& method = found->method(i)->name();
      if (!MayComeTwice(method)) continue;
      names.push_back(
          absl::StrCat(R"({"service":")", found->full_name(), R"(","method":")", method, R"("})"));
    }
  }
  if (names.empty()) return "";
  return absl::StrCat(R"({"methodConfig":[{"name":[)", absl::StrJoin(names, ","),
                      R"(],"retryPolicy":{"maxAttempts":2,"initialBackoff":"0.1s",)",
                      R"("maxBackoff":"1s","backoffMultiplier":2,)",
                      R"("retryableStatusCodes":["UNAVAILABLE"]}}]})");
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParseAddresses(absl::string_view text) {
  std::vector<std::string> addresses;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const absl::string_view address = absl::StripAsciiWhitespace(part);
    NORROY_RETURN_IF_ERROR(Split(address).status());
    addresses.emplace_back(address);
  }
  if (addresses.size() > kMaxAddresses) return BadAddress(text);
  return addresses;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> DialAny(
    const std::vector<std::string>& addresses,
    const std::shared_ptr<grpc::ChannelCredentials>& credentials) {
  std::string target = addresses.front();
  if (addresses.size() > 1) {
    std::vector<std::string> literals;
    for (const std::string& address : addresses) {
      NORROY_ASSIGN_OR_RETURN(const HostPort server, Split(address));
      AddLiterals(server, literals);
    }
    if (literals.empty()) {
      return absl::UnavailableError(
          absl::StrCat("none of ", absl::StrJoin(addresses, ", "), " has an address"));
    }
    // Clients spread over the servers.
    std::shuffle(literals.begin(), literals.end(), std::random_device());
    target = TargetOf(std::move(literals));
  }
  return rpc::NewConfiguredChannel(target, credentials, rpc::kMaxApiReply, ServiceConfig());
}

}  // namespace norroy::cli
