// Every field of every rpc's request, one at a time, with what a careless or hostile caller could
// put there, at the real daemons: each gets a plain answer or a refusal with a reason, never an
// error of ours, and both daemons live on. A new rpc or field joins by itself.

#include "tests/fuzz/poke.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/text_format.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/rpc/credentials.h"
#include "tests/integration/roles/doors.h"
#include "tests/integration/roles/generic_call.h"
#include "tests/integration/roles/world.h"
#include "tests/integration/service_files.h"

namespace norroy::roles {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

// Requests that get past the first check, so that the later ones are poked too.
const std::map<std::string, std::string>& Bases() {
  static const auto* const bases = new std::map<std::string, std::string>{
      {"norroy.issuer.v1.CreateOrderRequest",
       R"(names: "poke.example.test" request_id: "poke" validate_only: true)"},
      {"norroy.validator.v1.PresentRequest", R"(presentation_id: "poke" generation: 1)"},
      {"norroy.validator.v1.ReleaseRequest", R"(presentation_id: "poke" generation: 1)"},
      {"norroy.validator.v1.PlanRequest",
       R"(names { identifier { type: IDENTIFIER_TYPE_DNS value: "poke.example.test" } })"},
      {"norroy.agent.v1.AttachRequest", R"(hello { protocol_min: 1 protocol_max: 1 })"},
  };
  return *bases;
}

std::unique_ptr<Message> BaseOf(const MethodDescriptor& method) {
  const google::protobuf::Descriptor* const type = method.input_type();
  std::unique_ptr<Message> message(
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  const auto base = Bases().find(type->full_name());
  if (base != Bases().end()) {
    EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(base->second, message.get()))
        << type->full_name();
  }
  return message;
}

// Which of the errors a caller can be to blame for, or the state of the world.
bool IsPlain(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return true;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
      return !ErrorReason(status).empty();
    // gRPC's own, for a message that is larger than it takes.
    case absl::StatusCode::kResourceExhausted:
      return true;
    default:
      return false;
  }
}

class Poking {
 public:
  explicit Poking(World& world) : world_(world) {
    for (const identity::Role role :
         {types::v1::ROLE_OPERATOR, types::v1::ROLE_REQUESTER, types::v1::ROLE_AUDITOR,
          types::v1::ROLE_ISSUER, types::v1::ROLE_AGENT, types::v1::ROLE_BOOTSTRAP}) {
      identities_[role] = world.Identity(role);
    }
  }

  // With the first role that may call it.
  int Poke(const MethodDescriptor& method) {
    for (const Listener& listener : world_.listeners()) {
      if (!IsServed(method, listener)) continue;
      for (const auto& [role, file] : identities_) {
        if (IsCaller(method, role)) return PokeAt(method, Dial(file, listener));
      }
    }
    ADD_FAILURE() << method.full_name() << " has no caller here";
    return 0;
  }

 private:
  std::shared_ptr<grpc::Channel> Dial(const std::string& identity_file, const Listener& listener) {
    std::shared_ptr<grpc::Channel>& channel = channels_[{identity_file, listener.name}];
    if (channel != nullptr) return channel;
    const auto credentials = rpc::ClientCredentials({identity_file, world_.core_root_file()},
                                                    world_.deployment(), listener.server);
    EXPECT_TRUE(credentials.ok()) << credentials.status();
    return channel = rpc::NewChannel(listener.address, *credentials);
  }

  static int PokeAt(const MethodDescriptor& method, const std::shared_ptr<grpc::Channel>& channel) {
    const std::unique_ptr<Message> base = BaseOf(method);
    const std::vector<fuzz::Poke> pokes = fuzz::PokesOf(*base);
    for (const fuzz::Poke& poke : pokes) {
      const absl::Status status =
          CallOnce(channel, PathOf(method), poke.message->SerializeAsString()).status;
      // A stream that was let in may go on for as long as we listen.
      const bool listened = method.server_streaming() && absl::IsDeadlineExceeded(status);
      EXPECT_TRUE(listened || IsPlain(status))
          << method.full_name() << ", " << poke.what << ": " << status;
      EXPECT_EQ(Printable(status.message(), 1 << 16), status.message())
          << method.full_name() << ", " << poke.what;
    }
    return static_cast<int>(pokes.size());
  }

  World& world_;
  std::map<identity::Role, std::string> identities_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<grpc::Channel>> channels_;
};

TEST(Poke, EveryFieldOfEveryRpcGetsAPlainAnswer) {
  World world;
  Poking poking(world);
  int pokes = 0;
  for (const MethodDescriptor* method : ServiceMethods()) pokes += poking.Poke(*method);
  EXPECT_GT(pokes, 1000);
  std::printf("%d requests\n", pokes);
}

}  // namespace
}  // namespace norroy::roles
