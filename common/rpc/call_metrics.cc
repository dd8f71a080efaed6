#include "common/rpc/call_metrics.h"

#include <google/protobuf/descriptor.h>

#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"

namespace norroy::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::ServerRpcInfo;

// The names of go-grpc-prometheus.
std::string TypeName(ServerRpcInfo::Type type) {
  switch (type) {
    case ServerRpcInfo::Type::UNARY:
      return "unary";
    case ServerRpcInfo::Type::CLIENT_STREAMING:
      return "client_stream";
    case ServerRpcInfo::Type::SERVER_STREAMING:
      return "server_stream";
    case ServerRpcInfo::Type::BIDI_STREAMING:
      return "bidi_stream";
  }
  return "unknown";
}

// As in other languages: "OK", "NotFound".
std::string CodeName(grpc::StatusCode code) {
  static constexpr const char* kNames[] = {
      "OK",       "Canceled",       "Unknown",          "InvalidArgument",   "DeadlineExceeded",
      "NotFound", "AlreadyExists",  "PermissionDenied", "ResourceExhausted", "FailedPrecondition",
      "Aborted",  "OutOfRange",     "Unimplemented",    "Internal",          "Unavailable",
      "DataLoss", "Unauthenticated"};
  const int index = static_cast<int>(code);
  return index >= 0 && index < static_cast<int>(std::size(kNames)) ? kNames[index] : "Unknown";
}

// "/norroy.issuer.v1.OrderService/GetOrder". What a client makes up is no label.
metrics::LabelValues LabelsOf(const ServerRpcInfo& info) {
  const std::string full_name =
      absl::StrReplaceAll(absl::StripPrefix(info.method(), "/"), {{"/", "."}});
  const auto* const method =
      google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(full_name);
  if (method == nullptr) return {TypeName(info.type()), "(unknown)", "(unknown)"};
  return {TypeName(info.type()), method->service()->full_name(), method->name()};
}

}  // namespace

// One call's. gRPC calls it from one thread at a time.
class CallInterceptor final : public grpc::experimental::Interceptor {
 public:
  CallInterceptor(CallMetrics& metrics, const ServerRpcInfo& info)
      : metrics_(metrics), labels_(LabelsOf(info)), began_(metrics.clock_.Monotonic()) {
    metrics_.started_.Add(labels_);
  }

  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      const absl::Duration took = metrics_.clock_.Monotonic() - began_;
      metrics_.seconds_.Observe(labels_, absl::ToDoubleSeconds(took));
      metrics::LabelValues labels = labels_;
      labels.push_back(CodeName(methods->GetSendStatus().error_code()));
      metrics_.handled_.Add(labels);
    }
    methods->Proceed();
  }

 private:
  CallMetrics& metrics_;
  const metrics::LabelValues labels_;
  const absl::Duration began_;
};

namespace {

class Interceptors final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit Interceptors(CallMetrics& metrics) : metrics_(metrics) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new CallInterceptor(metrics_, *info);
  }

 private:
  CallMetrics& metrics_;
};

}  // namespace

CallMetrics::CallMetrics(metrics::Registry& registry, Clock& clock)
    : clock_(clock),
      started_(registry.NewCounter("grpc_server_started_total", "Calls that have begun.",
                                   {"grpc_type", "grpc_service", "grpc_method"})),
      handled_(registry.NewCounter("grpc_server_handled_total", "Calls that have ended.",
                                   {"grpc_type", "grpc_service", "grpc_method", "grpc_code"})),
      seconds_(registry.NewHistogram(
          "grpc_server_handling_seconds", "From a call's beginning to its status, in seconds.",
          {"grpc_type", "grpc_service", "grpc_method"}, metrics::RequestBuckets())) {}

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
CallMetrics::NewInterceptors() {
  return std::make_unique<Interceptors>(*this);
}

}  // namespace norroy::rpc
