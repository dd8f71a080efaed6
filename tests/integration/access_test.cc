// Every rpc of ours says who may call it; and no message of an API can carry a private key or a
// place to connect to from those who must not name one.

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "norroy/agent/v1/agent_link_service.pb.h"
#include "norroy/issuer/v1/account_service.pb.h"
#include "norroy/issuer/v1/order_service.pb.h"
#include "norroy/types/v1/access.pb.h"
#include "norroy/validator/v1/enrollment_service.pb.h"
#include "tests/integration/service_files.h"

namespace norroy {
namespace {

TEST(Access, EveryRpcNamesItsCallersAndEveryRequestItsRpc) {
  std::set<std::string> requests;
  for (const google::protobuf::FileDescriptor* file : ServiceFiles()) {
    ASSERT_EQ(file->service_count(), 1) << file->name();
    const google::protobuf::ServiceDescriptor* service = file->service(0);
    for (int i = 0; i < service->method_count(); ++i) {
      const google::protobuf::MethodDescriptor* method = service->method(i);
      ASSERT_TRUE(method->options().HasExtension(types::v1::access)) << method->full_name();
      const types::v1::Access& access = method->options().GetExtension(types::v1::access);
      EXPECT_GT(access.callers_size(), 0) << method->full_name();
      for (const int role : access.callers()) {
        EXPECT_NE(role, types::v1::ROLE_UNSPECIFIED) << method->full_name();
        // Agents and bootstraps meet the agent listener only.
        const bool edge = role == types::v1::ROLE_AGENT || role == types::v1::ROLE_BOOTSTRAP;
        const bool edge_service =
            service->name() == "AgentLinkService" || service->name() == "EnrollmentService";
        EXPECT_EQ(edge, edge_service) << method->full_name();
      }
      // The server finds an rpc's callers by its request message.
      EXPECT_TRUE(requests.insert(method->input_type()->full_name()).second);
    }
  }
  EXPECT_EQ(requests.size(), ServiceMethods().size());
}

TEST(Access, NoMessageCarriesAPrivateKey) {
  for (const google::protobuf::FileDescriptor* file : ServiceFiles()) {
    for (int i = 0; i < file->message_type_count(); ++i) {
      const google::protobuf::Descriptor* message = file->message_type(i);
      for (int j = 0; j < message->field_count(); ++j) {
        const std::string& name = message->field(j)->name();
        EXPECT_EQ(name.find("private"), std::string::npos) << message->field(j)->full_name();
        EXPECT_EQ(name.find("secret"), std::string::npos) << message->field(j)->full_name();
        EXPECT_EQ(name.find("hmac"), std::string::npos) << message->field(j)->full_name();
      }
    }
  }
}

// Who answers a challenge, and where, is configuration and never a caller's word.
TEST(Access, CallersAndAgentsNameNoPlaceToConnectTo) {
  const google::protobuf::Descriptor* messages[] = {
      issuer::v1::CreateOrderRequest::descriptor(),
      issuer::v1::FinalizeOrderRequest::descriptor(),
      issuer::v1::CreateAccountRequest::descriptor(),
      agent::v1::AgentHello::descriptor(),
      agent::v1::PutUpResult::descriptor(),
      agent::v1::TakeDownResult::descriptor(),
      validator::v1::EnrollRequest::descriptor(),
  };
  for (const google::protobuf::Descriptor* message : messages) {
    for (int i = 0; i < message->field_count(); ++i) {
      const std::string& name = message->field(i)->name();
      for (const char* word : {"url", "uri", "host", "address", "endpoint", "solver", "path"}) {
        EXPECT_EQ(name.find(word), std::string::npos) << message->field(i)->full_name();
      }
    }
  }
}

}  // namespace
}  // namespace norroy
