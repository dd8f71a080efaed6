#include "agent/presenter/http/http_server.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace norroy::agent {
namespace {

class HttpConversation final : public Conversation {
 public:
  explicit HttpConversation(const HttpAnswer& answer) : answer_(answer) {}

  Then OnBytes(absl::string_view bytes, std::string& output) override {
    // The parser refuses what grows over kMaxHttpRequest.
    absl::StrAppend(&input_, bytes);
    const HttpParse parse = ParseHttpRequest(input_);
    if (parse.state == HttpParseState::kIncomplete) return Then::kGoOn;
    output = answer_(parse);
    return Then::kFinish;
  }

 private:
  const HttpAnswer& answer_;
  std::string input_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<BoundedServer>> StartHttpServer(ListenSet sockets,
                                                               const ServerLimits& limits,
                                                               HttpAnswer answer) {
  return BoundedServer::Start("http", std::move(sockets), limits, [answer = std::move(answer)] {
    return std::make_unique<HttpConversation>(answer);
  });
}

}  // namespace norroy::agent
