#ifndef NORROY_ISSUER_SERVICE_DOCTOR_H_
#define NORROY_ISSUER_SERVICE_DOCTOR_H_

// Would validation pass? Asked without spending anything at the CA. Knows nothing of gRPC. The
// methods are those of protos/norroy/issuer/v1/doctor_service.proto, which says what each
// promises.
//
//   auto rehearsal = doctor.Begin(caller, request, deadline, done);  // may block 10 s for the plan
//   if (!rehearsal.ok()) ...                                        // `done` is not called then
//   on_cancel([r = *rehearsal] { r->Cancel(); });
//   doctor.LearnOfCa(request, **rehearsal);  // may block as long as a request to the CA
//
// DescribePersistRecord blocks as long as a request to the CA, too; then its answer comes when the
// viewpoints have looked.

#include <atomic>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/challenge/identifier.h"
#include "common/clock/clock.h"
#include "common/clock/timers.h"
#include "common/crypto/random.h"
#include "common/rpc/caller.h"
#include "common/sync/mutex.h"
#include "issuer/keys/accounts.h"
#include "issuer/policy/policy.h"
#include "issuer/service/doctor_quota.h"
#include "issuer/service/doctor_rehearsal.h"
#include "issuer/service/policy_denials.h"
#include "issuer/solver/sealer.h"
#include "issuer/solver/solver.h"
#include "issuer/store/store.h"
#include "norroy/issuer/v1/doctor_service.pb.h"

namespace norroy::service {

// Names times types of one call, and calls at once: an agent has room for 2000 presentations, and
// most of it belongs to orders.
inline constexpr int kMaxRehearsalParts = 100;
inline constexpr size_t kMaxRehearsalsAtOnce = 8;
// Looks at dns-persist-01 records: every validator has room for 64 looks, and orders need them.
inline constexpr int kMaxPersistLooksAtOnce = 8;

struct DoctorOptions {
  store::Store& store;
  policy::Policy& policy;
  solver::Solver& solver;
  const solver::Sealer& sealer;
  keys::Accounts& accounts;
  Timers& timers;
  Clock& clock;
  crypto::Random& random;
};

// Thread-safe.
class Doctor {
 public:
  using DescribeDone =
      std::function<void(absl::StatusOr<issuer::v1::DescribePersistRecordResponse>)>;

  // What the options refer to outlives this object.
  explicit Doctor(const DoctorOptions& options)
      : o_(options), denials_(options.store, options.clock), quota_(options.clock) {}
  // Stops.
  ~Doctor();
  Doctor(const Doctor&) = delete;
  Doctor& operator=(const Doctor&) = delete;

  // Checks, plans, seals, and begins to put up. `deadline`: the caller's, by the wall clock.
  absl::StatusOr<std::shared_ptr<Rehearsal>> Begin(const rpc::Caller& caller,
                                                   const issuer::v1::RehearseRequest& request,
                                                   absl::Time deadline, Rehearsal::Done done);
  void LearnOfCa(const issuer::v1::RehearseRequest& request, Rehearsal& rehearsal);

  // `done` is called once: inside the call, or from any thread within 15 s, maybe after Stop.
  // RESOURCE_EXHAUSTED, reason BUSY, if too many are under way.
  void DescribePersistRecord(const rpc::Caller& caller,
                             const issuer::v1::DescribePersistRecordRequest& request,
                             const DescribeDone& done);

  // Cancels rehearsals under way and takes no new ones: before the solver goes.
  void Stop();

 private:
  absl::Status CheckGrants(const rpc::Caller& caller, const std::vector<challenge::Name>& names,
                           const std::string& ca);
  CaFacts FactsOf(const std::string& ca);
  absl::Status AddParts(const std::vector<challenge::Name>& names,
                        const std::vector<challenge::ChallengeType>& types, Rehearsal& rehearsal);
  // What is to be published, without what is.
  absl::StatusOr<issuer::v1::DescribePersistRecordResponse> Describe(const challenge::Name& name,
                                                                     const std::string& ca,
                                                                     int64_t persist_until);
  // Counts it among those under way, until `done`.
  absl::Status Admit(const std::shared_ptr<Rehearsal>& rehearsal);
  void Forget(const Rehearsal* rehearsal);

  const DoctorOptions o_;
  Denials denials_;
  RehearsalQuota quota_;
  // Shared with looks, which may end after this object.
  const std::shared_ptr<std::atomic<int>> persist_looks_ = std::make_shared<std::atomic<int>>(0);
  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::set<std::shared_ptr<Rehearsal>> active_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace norroy::service

#endif  // NORROY_ISSUER_SERVICE_DOCTOR_H_
