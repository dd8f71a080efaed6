#include "validator/agents/test_fleet.h"

#include <cstdio>
#include <utility>

#include "common/challenge/pattern.h"
#include "common/check.h"

namespace norroy::validator {
namespace {

void MustBeOk(const absl::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  NORROY_CHECK(status.ok());
}

template <typename T>
T Must(absl::StatusOr<T> result) {
  MustBeOk(result.status());
  return *std::move(result);
}

JoinToken TokenFor(const std::string& name, const std::vector<ChallengeGrant>& grants, int number,
                   absl::Time now) {
  return {TestFleet::EnrollmentId(name, number), name, "key of " + name, grants,
          now + absl::Hours(1)};
}

}  // namespace

ChallengeGrant GrantOf(const std::vector<std::string>& patterns,
                       std::vector<challenge::ChallengeType> types, Responders responders) {
  return {Must(challenge::ParsePatterns(patterns)), std::move(types), responders};
}

bool FakeLink::Send(const agent::v1::AttachResponse& message) {
  {
    MutexLock lock(&mutex_);
    if (closed_) return false;
    sent_.push_back(message);
  }
  if (on_send) on_send(message);
  return true;
}

void FakeLink::Close(const absl::Status& why) {
  MutexLock lock(&mutex_);
  closed_ = true;
  why_ = why;
}

std::vector<agent::v1::AttachResponse> FakeLink::TakeSent() {
  MutexLock lock(&mutex_);
  return std::exchange(sent_, {});
}

bool FakeLink::closed() {
  MutexLock lock(&mutex_);
  return closed_;
}

absl::Status FakeLink::why_closed() {
  MutexLock lock(&mutex_);
  return why_;
}

TestFleet::TestFleet(absl::Time now) : now_(now), database_(Must(sql::OpenSqlite(":memory:"))) {
  MustBeOk(sql::Migrate(*database_, Store::Migrations()));
  store_ = Store::Make(*database_);
  registry_ = Must(Registry::Load(*store_));
}

std::string TestFleet::EnrollmentId(const std::string& name, int number) {
  std::string id(32, '0');
  for (size_t i = 0; i < name.size() && i < 15; ++i) {
    std::snprintf(&id[2 * i], 3, "%02x", static_cast<unsigned char>(name[i]));
    id[2 * i + 2] = '0';
  }
  id.back() = static_cast<char>('0' + number);
  return id;
}

audit::Entry TestFleet::AuditOf(const std::string& action, const std::string& agent) {
  return {.principal = "operator/test", .action = action, .object = "agent/" + agent};
}

void TestFleet::Invite(const std::string& name, const std::vector<ChallengeGrant>& grants,
                       int number) {
  MustBeOk(store_->CreateJoinToken(TokenFor(name, grants, number, now_), number > 1, now_,
                                   AuditOf("agent.invite", name)));
  MustBeOk(registry_->Reload(name));
}

void TestFleet::Enroll(const std::string& name, const std::vector<ChallengeGrant>& grants,
                       int number) {
  Invite(name, grants, number);
  const JoinToken token = TokenFor(name, grants, number, now_);
  Must(store_->UseJoinToken(token.id, token.key_sha256, now_ + absl::Hours(24), now_,
                            AuditOf("agent.enroll", name)));
  MustBeOk(registry_->Reload(name));
}

}  // namespace norroy::validator
