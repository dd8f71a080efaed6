#ifndef NORROY_AGENT_PRESENTER_HTTP_HTTP_LISTENER_H_
#define NORROY_AGENT_PRESENTER_HTTP_HTTP_LISTENER_H_

// HTTP-01 by an own listener (RFC 8555 8.3): GET and HEAD of /.well-known/acme-challenge/<token>
// for a name that is put up, and 404 for anything else.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/presenter/http/http_request.h"
#include "agent/presenter/http/http_server.h"
#include "agent/presenter/http/http_table.h"
#include "agent/presenter/presenter.h"

namespace norroy::agent {

inline constexpr int kMaxAcceptHosts = 64;

struct HttpListenerOptions {
  std::vector<std::string> listen;  // see listen_address.h; 1 to 16
  // Answer by token alone, whatever Host says: only where every address is loopback or a Unix
  // socket, behind a proxy that rewrites Host.
  bool match_token = false;
  std::vector<std::string> accept_hosts;  // may ask for any name; at most 64
  ServerLimits limits;
};

class HttpListener final : public Presenter {
 public:
  // What can be said without opening anything. INVALID_ARGUMENT, reason BAD_CONFIG.
  static absl::Status Check(const HttpListenerOptions& options);
  static absl::StatusOr<std::unique_ptr<HttpListener>> Start(const HttpListenerOptions& options);

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return challenge::ChallengeType::kHttp01; }
  absl::StatusOr<std::string> Locate(const challenge::Proof&) override { return std::string(); }
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override;
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override;
  // served: 200, unknown: 404.
  Answers answers() override { return {served_.load(), unknown_.load()}; }

  // Where it listens, in the order of `listen`, ports resolved: "http://127.0.0.1:34567".
  const std::vector<std::string>& places() const { return places_; }

 private:
  explicit HttpListener(HttpTableOptions options) : table_(std::move(options)) {}
  std::string Answer(const HttpParse& parse);

  const std::string name_ = "http_listener";
  HttpTable table_;
  std::vector<std::string> places_;
  std::atomic<int64_t> served_ = 0;
  std::atomic<int64_t> unknown_ = 0;
  std::unique_ptr<BoundedServer> server_;  // last: it reads the others until it is gone
};

struct HttpResponse {
  enum class Kind { kServed, kUnknown, kBad };
  Kind kind;
  std::string bytes;
};

// The response to a request, from the table and fixed texts alone.
HttpResponse AnswerHttp(const HttpParse& parse, HttpTable& table);

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_HTTP_LISTENER_H_
