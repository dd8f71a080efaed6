#ifndef NORROY_CLI_CONTEXT_H_
#define NORROY_CLI_CONTEXT_H_

// What every command starts from: the directory, who the user is, where the servers are, and the
// output. Flags go before environment variables, these before norroy.yaml in the directory.
// Nothing is read before a command asks for it. Not thread-safe.

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client_config.pb.h"
#include "cli/output.h"
#include "common/clock/clock.h"
#include "common/identity/identity.h"
#include "common/rpc/status.h"

namespace norroy::cli {

// As given on the command line; empty: not given.
struct Options {
  std::string dir;
  std::string issuer;
  std::string validator;
  std::string identity_file;
  std::string core_root_file;
};

// `--dir`, else $NORROY_DIR, else ~/.norroy; absolute.
absl::StatusOr<std::string> ResolveDir(const std::string& option);

class Context {
 public:
  // Both must outlive this.
  Context(Options options, Output& output, Clock& clock);

  const Options& options() const { return options_; }
  Output& output() { return output_; }
  Clock& clock() { return clock_; }
  absl::StatusOr<std::string> Dir();

  // What flags, environment and norroy.yaml say, paths resolved; empty where nothing does.
  absl::StatusOr<ClientConfig> Config();
  // Who calls, as the certificate says.
  absl::StatusOr<identity::Identity> Identity();
  absl::StatusOr<std::string> CoreRootFile();
  // Channels over mTLS; the server must be what it is called here.
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Issuer();
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Validator();

  // One unary call: at most 30 s, errors with where they came from.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(Stub& stub,
                                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                             Response*),
                                const Request& request) {
    grpc::ClientContext context;
    SetDeadline(context, kCallTimeout);
    Response response;
    const absl::Status status = FromCall((stub.*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  void SetDeadline(grpc::ClientContext& context, absl::Duration timeout);
  // A failed call in our words: an answer that did not come in time counts as unreachable.
  static absl::Status FromCall(const grpc::Status& status);

  static constexpr absl::Duration kCallTimeout = absl::Seconds(30);

 private:
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const std::string& target,
                                                      types::v1::Role role);

  const Options options_;
  Output& output_;
  Clock& clock_;
};

}  // namespace norroy::cli

#endif  // NORROY_CLI_CONTEXT_H_
