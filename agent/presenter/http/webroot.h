#ifndef NORROY_AGENT_PRESENTER_HTTP_WEBROOT_H_
#define NORROY_AGENT_PRESENTER_HTTP_WEBROOT_H_

// HTTP-01 by files that a web server serves (RFC 8555 8.3):
// <directory>/.well-known/acme-challenge/<token>. Every step below the document root goes by a
// directory handle and follows no symbolic link; a file appears whole, by rename, readable for the
// web server (0644), and goes only if it still holds what was written. Directories on the way are
// made if absent (0755) and stay. Nothing that others may write to is used.

#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "agent/presenter/presenter.h"
#include "common/sync/mutex.h"

namespace norroy::agent {

class Webroot final : public Presenter {
 public:
  // `directory` must be there. It is opened anew each time, so that a document root which a
  // deployment swaps by symbolic link is found where it is then.
  static absl::StatusOr<std::unique_ptr<Webroot>> Open(const std::string& directory);

  const std::string& name() const override { return name_; }
  challenge::ChallengeType type() const override { return challenge::ChallengeType::kHttp01; }
  absl::StatusOr<std::string> Locate(const challenge::Proof&) override { return std::string(); }
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override;
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override;

 private:
  explicit Webroot(std::string directory);

  const std::string name_ = "webroot";
  const std::string directory_;
  const std::string place_;
  Mutex mutex_;
  // One file serves all names with this token.
  std::map<std::string, std::set<challenge::Name>> users_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::agent

#endif  // NORROY_AGENT_PRESENTER_HTTP_WEBROOT_H_
