#include "agent/session/renewal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "agent/session/issued.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status.h"
#include "common/status_macros.h"
#include "norroy/validator/v1/enrollment_service.grpc.pb.h"

namespace norroy::agent {
namespace {

namespace vv1 = norroy::validator::v1;

constexpr absl::Duration kCallTimeout = absl::Seconds(20);
// The wall clock may be set meanwhile, and a file replaced.
constexpr absl::Duration kLookEvery = absl::Hours(1);
constexpr absl::Duration kLookAfterRenewal = absl::Minutes(10);

absl::StatusOr<vv1::RenewIdentityResponse> Call(const Dialer& dialer, const std::string& csr,
                                                CallSlot& slot) {
  NORROY_ASSIGN_OR_RETURN(const auto channel, dialer.dial());
  const auto stub = vv1::EnrollmentService::NewStub(channel);
  grpc::ClientContext context;
  rpc::SetTimeout(context, kCallTimeout);
  const CallSlot::Use use(slot, context);
  if (!use.admitted()) return absl::CancelledError("stopping");
  vv1::RenewIdentityRequest request;
  request.set_csr(csr);
  vv1::RenewIdentityResponse response;
  const absl::Status status = rpc::FromGrpc(stub->RenewIdentity(&context, request, &response));
  if (!status.ok()) return WithContext(status, dialer.target);
  return response;
}

absl::Status RenewAt(const Dialer& dialer, const RenewalOptions& options, CallSlot& slot) {
  NORROY_ASSIGN_OR_RETURN(const crypto::PrivateKey key,
                          crypto::PrivateKey::Generate(crypto::KeyType::kP256));
  NORROY_ASSIGN_OR_RETURN(const std::string csr, crypto::BuildCsr(key, {}));
  NORROY_ASSIGN_OR_RETURN(const vv1::RenewIdentityResponse response, Call(dialer, csr, slot));
  NORROY_ASSIGN_OR_RETURN(const identity::IdentityFile renewed,
                          CheckIssuedIdentity({response.certificate_chain().begin(),
                                               response.certificate_chain().end()},
                                              key, options.identity, options.clock.Now()));
  NORROY_FAILPOINT("agent.identity_issued");
  const absl::Status written = identity::WriteIdentityFile(options.identity_file, renewed);
  NORROY_FAILPOINT("agent.identity_written");
  return written;
}

}  // namespace

absl::Time RenewalTime(const crypto::Certificate& certificate) {
  return certificate.not_before() + (certificate.not_after() - certificate.not_before()) / 2;
}

absl::Duration RenewalRetry(absl::Duration left, crypto::Random& random) {
  const absl::Duration wait = std::clamp(left / 10, absl::Minutes(1), absl::Hours(1));
  return wait * (0.5 + random.Fraction() / 2);
}

absl::Status RenewOnce(const RenewalOptions& options, CallSlot& slot) {
  absl::Status last = absl::FailedPreconditionError("no validator to ask");
  for (const Dialer& dialer : options.validators) {
    last = RenewAt(dialer, options, slot);
    if (last.ok()) return last;
  }
  return last;
}

Renewal::Renewal(const RenewalOptions& options) : o_(options), thread_([this] { Run(); }) {}

Renewal::~Renewal() {
  slot_.Close();
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void Renewal::Wake() {
  MutexLock lock(&mutex_);
  wake_ = true;
  changed_.SignalAll();
}

void Renewal::RenewNow() {
  MutexLock lock(&mutex_);
  wake_ = asked_ = true;
  changed_.SignalAll();
}

void Renewal::Run() {
  bool asked = false;
  for (;;) {
    const absl::Duration until = o_.clock.Monotonic() + Step(asked);
    MutexLock lock(&mutex_);
    while (!stopping_ && !wake_ && o_.clock.Monotonic() < until) {
      changed_.WaitFor(&mutex_, until - o_.clock.Monotonic());
    }
    if (stopping_) return;
    wake_ = false;
    asked = std::exchange(asked_, false);
  }
}

absl::Duration Renewal::Step(bool asked) {
  const auto file = identity::ReadIdentityFile(o_.identity_file);
  if (!file.ok()) {
    log::Error("identity", "cannot read", {{"error", file.status().message()}});
    return absl::Minutes(1);
  }
  const crypto::Certificate& certificate = file->chain.front();
  const absl::Time now = o_.clock.Now();
  const absl::Time due = RenewalTime(certificate);
  if (now < due && !asked) return std::min(due - now, kLookEvery);
  const absl::Status renewed = RenewOnce(o_, slot_);
  if (renewed.ok()) {
    log::Info("identity", "renewed", {{"agent", o_.identity.name}});
    o_.on_renewed();
    // Not at once: if the clocks differ much, the new one is due already.
    return kLookAfterRenewal;
  }
  const absl::Duration wait = RenewalRetry(certificate.not_after() - now, o_.random);
  log::Warning("identity", "cannot renew",
               {{"error", renewed.message()},
                {"ends", absl::FormatTime(certificate.not_after(), absl::UTCTimeZone())},
                {"retry_in", absl::FormatDuration(absl::Trunc(wait, absl::Seconds(1)))}});
  return wait;
}

}  // namespace norroy::agent
