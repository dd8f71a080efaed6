#include "tests/integration/roles/generic_call.h"

#include <grpcpp/generic/generic_stub.h>

#include <chrono>

#include "common/rpc/status.h"

namespace norroy::roles {
namespace {

std::string TextOf(const grpc::ByteBuffer& message) {
  grpc::Slice slice;
  if (!message.DumpToSingleSlice(&slice).ok()) return "";
  return std::string(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

}  // namespace

Reply CallOnce(const std::shared_ptr<grpc::Channel>& channel, const std::string& method,
               const std::string& request) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  const auto call = stub.PrepareCall(&context, method, &queue);
  const auto wait = [&queue] {
    void* tag;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  call->StartCall(nullptr);
  bool ok = wait();
  if (ok) {
    const grpc::Slice bytes(request);
    call->WriteLast(grpc::ByteBuffer(&bytes, 1), grpc::WriteOptions(), nullptr);
    ok = wait();
  }
  Reply reply;
  grpc::ByteBuffer message;
  while (ok) {
    call->Read(&message, nullptr);
    ok = wait();
    if (ok) reply.messages.push_back(TextOf(message));
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  wait();
  reply.status = rpc::FromGrpc(status);
  return reply;
}

}  // namespace norroy::roles
