#include "common/rpc/server.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/impl/server_builder_option.h>
#include <grpcpp/impl/server_initializer.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/rpc/grpc_log.h"
#include "common/status_macros.h"
#include "norroy/types/v1/access.pb.h"

namespace norroy::rpc {
namespace {

// At the end of BuildAndStart: which services there are.
class ServiceLister final : public grpc::ServerBuilderPlugin {
 public:
  explicit ServiceLister(std::vector<std::string>& services) : services_(services) {}
  std::string name() override { return "norroy_service_lister"; }
  void InitServer(grpc::ServerInitializer* /*initializer*/) override {}
  void Finish(grpc::ServerInitializer* initializer) override {
    services_ = *initializer->GetServiceList();
  }
  void ChangeArguments(const std::string& /*name*/, void* /*value*/) override {}

 private:
  std::vector<std::string>& services_;
};

// Makes reflection a matter of this server alone: the library adds it to every one.
class PluginOption final : public grpc::ServerBuilderOption {
 public:
  PluginOption(bool reflection, std::vector<std::string>& services)
      : reflection_(reflection), services_(services) {}
  void UpdateArguments(grpc::ChannelArguments* /*arguments*/) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    auto reflection = std::make_unique<grpc::reflection::ProtoServerReflectionPlugin>();
    const std::string name = reflection->name();
    plugins->erase(std::remove_if(plugins->begin(), plugins->end(),
                                  [&](const auto& plugin) { return plugin->name() == name; }),
                   plugins->end());
    if (reflection_) plugins->push_back(std::move(reflection));
    plugins->push_back(std::make_unique<ServiceLister>(services_));
  }

 private:
  const bool reflection_;
  std::vector<std::string>& services_;
};

// The health and reflection services are gRPC's own.
bool IsForeign(const std::string& service) { return absl::StartsWith(service, "grpc."); }

absl::Status CheckAccessOptions(const std::vector<std::string>& services) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  for (const std::string& name : services) {
    if (IsForeign(name)) continue;
    const google::protobuf::ServiceDescriptor* service = pool->FindServiceByName(name);
    if (service == nullptr) {
      return absl::InternalError(absl::StrCat("service ", name, " has no description"));
    }
    for (int i = 0; i < service->method_count(); ++i) {
      if (service->method(i)->options().GetExtension(types::v1::access).callers().empty()) {
        return absl::InternalError(absl::StrCat(service->method(i)->full_name(),
                                                " has no access option: nobody could call it"));
      }
    }
  }
  return absl::OkStatus();
}

// gRPC's own: handshakes and their first frames, what a request's metadata may have, how long a
// connection without a call stays, and what all connections' buffers take.
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(10);
constexpr int kMaxRequestMetadata = 8 * 1024;
constexpr absl::Duration kMaxIdle = absl::Minutes(2);
constexpr size_t kMaxBuffers = size_t{256} * 1024 * 1024;

int Milliseconds(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void SetArguments(const ServerOptions& options, grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Milliseconds(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Milliseconds(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Milliseconds(kKeepaliveTime / 3));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Milliseconds(kHandshakeTimeout));
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxRequestMetadata);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_IDLE_MS, Milliseconds(kMaxIdle));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, options.max_streams);
  // Two servers on one port would share its connections.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  if (options.max_connection_age < absl::InfiniteDuration()) {
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                               Milliseconds(options.max_connection_age));
    builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 30000);
  }
  builder.SetResourceQuota(grpc::ResourceQuota("norroy").Resize(kMaxBuffers));
  builder.SetMaxReceiveMessageSize(kMaxApiMessage);
  builder.SetMaxSendMessageSize(kMaxApiReply);
}

absl::Status CannotListen(const std::vector<std::string>& listen, const std::vector<int>& ports) {
  std::string refused;
  for (size_t i = 0; i < listen.size(); ++i) {
    if (ports[i] != 0) continue;
    absl::StrAppend(&refused, refused.empty() ? "" : ", ", listen[i]);
  }
  return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                   absl::StrCat("cannot listen on ", refused.empty() ? "any address" : refused,
                                ": is the address this machine's, and the port free and allowed?"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options) {
  RouteGrpcLogOfServer();
  NORROY_ASSIGN_OR_RETURN(const auto credentials, ServerCredentials(options.tls));
  grpc::EnableDefaultHealthCheckService(true);
  std::unique_ptr<Server> server(new Server());
  std::vector<std::string> services;
  grpc::ServerBuilder builder;
  builder.SetOption(std::make_unique<PluginOption>(options.reflection, services));
  SetArguments(options, builder);
  server->ports_.resize(options.listen.size(), 0);
  for (size_t i = 0; i < options.listen.size(); ++i) {
    builder.AddListeningPort(options.listen[i], credentials, &server->ports_[i]);
  }
  for (grpc::Service* service : options.services) builder.RegisterService(service);
  if (options.metrics != nullptr) {
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
        interceptors;
    interceptors.push_back(options.metrics->NewInterceptors());
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
  }
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr ||
      std::count(server->ports_.begin(), server->ports_.end(), 0) > 0) {
    return CannotListen(options.listen, server->ports_);
  }
  NORROY_RETURN_IF_ERROR(CheckAccessOptions(services));
  return server;
}

Server::~Server() { Stop(absl::ZeroDuration()); }

void Server::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  // Whoever balances by health looks elsewhere from now on.
  if (auto* health = server_->GetHealthCheckService(); health != nullptr) health->Shutdown();
  // An hour is as good as for ever, and fits into what gRPC counts with.
  const absl::Duration bounded = std::min(grace, absl::Hours(1));
  server_->Shutdown(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(bounded));
  server_.reset();
}

}  // namespace norroy::rpc
