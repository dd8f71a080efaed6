#include "issuer/service/policy_denials.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "issuer/service/access.h"

namespace norroy::service {
namespace {

constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr size_t kMaxDetail = 512;

bool IsRefusal(const absl::Status& why) {
  return absl::IsPermissionDenied(why) || ErrorReason(why) == "QUOTA_EXCEEDED";
}

int64_t VersionOf(const absl::Status& why) {
  const ErrorMetadata metadata = ErrorMetadataOf(why);
  const auto version = metadata.find("policy_version");
  int64_t number = 0;
  if (version != metadata.end() && !absl::SimpleAtoi(version->second, &number)) number = 0;
  return number;
}

}  // namespace

bool Denials::Admit(const std::string& principal, int64_t& left_out) {
  const absl::Duration now = clock_.Monotonic();
  MutexLock lock(&mutex_);
  if (minutes_.size() >= kMaxDeniedPrincipals && minutes_.count(principal) == 0) {
    std::erase_if(minutes_,
                  [now](const auto& entry) { return now - entry.second.begin >= kMinute; });
    if (minutes_.size() >= kMaxDeniedPrincipals) return false;
  }
  Minute& minute = minutes_.try_emplace(principal, Minute{.begin = now}).first->second;
  if (now - minute.begin >= kMinute) {
    minute.begin = now;
    minute.written = 0;
  }
  if (minute.written >= kMaxDenialsPerMinute) {
    ++minute.left_out;
    return false;
  }
  ++minute.written;
  left_out = std::exchange(minute.left_out, 0);
  return true;
}

void Denials::Note(const rpc::Caller& caller, absl::string_view action, const std::string& object,
                   const absl::Status& why, const std::string& request_id) {
  int64_t left_out = 0;
  if (!IsRefusal(why) || !Admit(caller.identity.Principal(), left_out)) return;
  std::string detail = absl::StrCat(ErrorReason(why), ": ", Printable(why.message(), kMaxDetail));
  if (left_out > 0) {
    absl::StrAppend(&detail, "; ", left_out, " more since the one before were not written");
  }
  store::AuditEntry entry = AuditOf(caller, action, object, std::move(detail));
  entry.outcome = audit::kDenied;
  entry.policy_version = VersionOf(why);
  entry.request_id = Printable(request_id, 64);
  const absl::Status written = store_.Audit(entry, clock_.Now());
  if (!written.ok())
    log::Error("audit", "a denial was not written", {{"error", written.message()}});
}

}  // namespace norroy::service
