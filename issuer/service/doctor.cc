#include "issuer/service/doctor.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "issuer/service/doctor_findings.h"
#include "issuer/service/doctor_persist.h"
#include "issuer/service/fields.h"

namespace norroy::service {
namespace {

using challenge::ChallengeType;
using challenge::Name;
using issuer::v1::RehearseRequest;

// An answer that comes as late as the caller's deadline comes too late.
constexpr absl::Duration kBeforeDeadline = absl::Seconds(1);
constexpr absl::Duration kMaxPersist = absl::Hours(24 * 366 * 10);

// Of a record that is to be published; 0: no end.
absl::Status CheckUntil(int64_t until, absl::Time now) {
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (until == 0 || (until > seconds && until <= seconds + absl::ToInt64Seconds(kMaxPersist))) {
    return absl::OkStatus();
  }
  return BadField("persist_until", "must be later than now and at most 10 years away; 0: no end");
}

// In the order of the request, each once.
absl::StatusOr<std::vector<Name>> ParseNames(const RehearseRequest& request) {
  if (request.names().empty() || request.names_size() > challenge::kMaxNamesPerOrder) {
    return BadField("names", absl::StrCat("has ", request.names_size(), " entries; give 1 to ",
                                          challenge::kMaxNamesPerOrder));
  }
  std::vector<Name> names;
  for (int i = 0; i < request.names_size(); ++i) {
    absl::StatusOr<Name> name = ParseName(request.names(i));
    if (!name.ok()) return WithContext(name.status(), absl::StrCat("names[", i, "]"));
    if (std::find(names.begin(), names.end(), *name) == names.end()) {
      names.push_back(*std::move(name));
    }
  }
  return names;
}

absl::StatusOr<std::vector<ChallengeType>> ParseTypes(const RehearseRequest& request) {
  std::vector<ChallengeType> types;
  for (int i = 0; i < request.types_size(); ++i) {
    const absl::StatusOr<ChallengeType> type = challenge::FromProto(request.types(i));
    if (!type.ok()) {
      return BadField(absl::StrCat("types[", i, "]"), "is no challenge type that is known here");
    }
    if (std::find(types.begin(), types.end(), *type) == types.end()) types.push_back(*type);
  }
  return types;
}

bool IsPlanned(const solver::NamePlan& plan, ChallengeType type) {
  return std::any_of(plan.types.begin(), plan.types.end(),
                     [type](const solver::TypePlan& planned) { return planned.type == type; });
}

absl::Status AddPreferred(const solver::NamePlan& plan, Rehearsal& rehearsal) {
  for (const solver::TypePlan& planned : plan.types) {
    if (Suits(plan.name, planned.type)) return rehearsal.Add(plan.name, planned.type);
  }
  rehearsal.AddFinding(
      plan.name, std::nullopt,
      plan.types.empty() ? NoGrant(plan.name, std::nullopt) : NoCaType(plan.name, std::nullopt));
  return absl::OkStatus();
}

absl::Status AddWanted(const solver::NamePlan& plan, ChallengeType type, Rehearsal& rehearsal) {
  if (!Suits(plan.name, type)) {
    rehearsal.AddFinding(plan.name, type, NoCaType(plan.name, type));
    return absl::OkStatus();
  }
  if (!IsPlanned(plan, type)) {
    rehearsal.AddFinding(plan.name, type, NoGrant(plan.name, type));
    return absl::OkStatus();
  }
  return rehearsal.Add(plan.name, type);
}

}  // namespace

Doctor::~Doctor() { Stop(); }

void Doctor::Stop() {
  std::set<std::shared_ptr<Rehearsal>> active;
  {
    MutexLock lock(&mutex_);
    stopped_ = true;
    active.swap(active_);
  }
  for (const std::shared_ptr<Rehearsal>& rehearsal : active) rehearsal->Cancel();
}

absl::Status Doctor::CheckGrants(const rpc::Caller& caller, const std::vector<Name>& names,
                                 const std::string& ca) {
  const absl::Status granted =
      o_.policy.Check({caller.identity.Principal(), names, ca, "", std::nullopt}).status();
  denials_.Note(caller, "doctor.rehearse", "doctor", granted);
  return granted;
}

absl::Status Doctor::Admit(const std::shared_ptr<Rehearsal>& rehearsal) {
  MutexLock lock(&mutex_);
  if (stopped_) return absl::CancelledError("the server stops");
  if (active_.size() >= kMaxRehearsalsAtOnce) {
    return MakeError(
        absl::StatusCode::kResourceExhausted, "BUSY",
        absl::StrCat(kMaxRehearsalsAtOnce, " rehearsals are under way: try again in a minute"));
  }
  active_.insert(rehearsal);
  return absl::OkStatus();
}

void Doctor::Forget(const Rehearsal* rehearsal) {
  std::shared_ptr<Rehearsal> last;  // goes when the lock is free again
  MutexLock lock(&mutex_);
  const auto it = std::find_if(active_.begin(), active_.end(),
                               [&](const auto& active) { return active.get() == rehearsal; });
  if (it == active_.end()) return;
  last = *it;
  active_.erase(it);
}

absl::StatusOr<std::shared_ptr<Rehearsal>> Doctor::Begin(const rpc::Caller& caller,
                                                         const RehearseRequest& request,
                                                         absl::Time deadline,
                                                         Rehearsal::Done done) {
  const absl::Duration began = o_.clock.Monotonic();
  NORROY_ASSIGN_OR_RETURN(const std::vector<Name> names, ParseNames(request));
  NORROY_ASSIGN_OR_RETURN(const std::vector<ChallengeType> types, ParseTypes(request));
  if (names.size() * std::max<size_t>(types.size(), 1) > kMaxRehearsalParts) {
    return BadField("names", absl::StrCat("by types are more than ", kMaxRehearsalParts,
                                          " rehearsals; ask for fewer in one call"));
  }
  NORROY_ASSIGN_OR_RETURN(const std::string ca, keys::ChooseCa(o_.accounts, request.ca()));
  NORROY_RETURN_IF_ERROR(CheckGrants(caller, names, ca));
  const absl::Duration left = deadline - o_.clock.Now() - kBeforeDeadline;
  // Whoever is told of the end must not find the rehearsal among those under way.
  auto self = std::make_shared<const Rehearsal*>(nullptr);
  const auto rehearsal = std::make_shared<Rehearsal>(
      Rehearsal::Options{o_.solver, o_.sealer, o_.timers, o_.clock, o_.random, ca, began,
                         began + std::min(kRehearsalTime, left)},
      [this, self, done = std::move(done)](absl::StatusOr<issuer::v1::RehearseResponse> response) {
        Forget(*self);
        done(std::move(response));
      });
  *self = rehearsal.get();
  NORROY_RETURN_IF_ERROR(Admit(rehearsal));
  absl::Status ready = quota_.Take(caller.identity.Principal());
  if (ready.ok()) ready = AddParts(names, types, *rehearsal);
  if (!ready.ok()) {
    Forget(rehearsal.get());
    return ready;
  }
  rehearsal->Start();
  return rehearsal;
}

absl::Status Doctor::AddParts(const std::vector<Name>& names,
                              const std::vector<ChallengeType>& types, Rehearsal& rehearsal) {
  const absl::StatusOr<std::vector<solver::NamePlan>> plans = o_.solver.Plan(names);
  if (!plans.ok()) {
    for (const Name& name : names) {
      rehearsal.AddFinding(name, std::nullopt, NoValidator(plans.status()));
    }
    return absl::OkStatus();
  }
  for (const solver::NamePlan& plan : *plans) {
    if (types.empty()) NORROY_RETURN_IF_ERROR(AddPreferred(plan, rehearsal));
    for (const ChallengeType type : types) {
      NORROY_RETURN_IF_ERROR(AddWanted(plan, type, rehearsal));
    }
  }
  return absl::OkStatus();
}

CaFacts Doctor::FactsOf(const std::string& ca) {
  CaFacts facts;
  const absl::StatusOr<store::AccountRecord> account = o_.store.GetAccount(ca);
  if (account.ok()) facts.account_url = account->url;
  const absl::StatusOr<acme::Client*> client = o_.accounts.ClientFor(ca);
  if (!client.ok()) {
    facts.findings.push_back(NoAccount(ca, client.status().message()));
    return facts;
  }
  absl::StatusOr<acme::Directory> directory = (*client)->GetDirectory();
  if (directory.ok()) {
    facts.identities = std::move(directory->caa_identities);
  } else {
    facts.findings.push_back(CaUnreachable(ca, directory.status().message()));
  }
  return facts;
}

void Doctor::LearnOfCa(const RehearseRequest& request, Rehearsal& rehearsal) {
  const absl::StatusOr<std::string> ca = keys::ChooseCa(o_.accounts, request.ca());
  if (ca.ok()) rehearsal.SetCa(FactsOf(*ca));
}

absl::StatusOr<issuer::v1::DescribePersistRecordResponse> Doctor::Describe(const Name& name,
                                                                           const std::string& ca,
                                                                           int64_t persist_until) {
  NORROY_ASSIGN_OR_RETURN(acme::Client* const client, o_.accounts.ClientFor(ca));
  NORROY_ASSIGN_OR_RETURN(const store::AccountRecord account, o_.store.GetAccount(ca));
  NORROY_ASSIGN_OR_RETURN(const acme::Directory directory, client->GetDirectory());
  if (directory.caa_identities.empty()) {
    return MakeError(
        absl::StatusCode::kFailedPrecondition, "NO_CAA_IDENTITY",
        absl::StrCat("CA ", ca,
                     " states no issuer domain name (caaIdentities in its directory), "
                     "which the record begins with: ask the CA, or use another challenge type"));
  }
  NORROY_ASSIGN_OR_RETURN(
      PersistRecord record,
      DescribePersist(name, directory.caa_identities.front(), account.url, persist_until));
  issuer::v1::DescribePersistRecordResponse response;
  response.set_owner(std::move(record.owner));
  response.set_value(std::move(record.value));
  return response;
}

void Doctor::DescribePersistRecord(const rpc::Caller& caller,
                                   const issuer::v1::DescribePersistRecordRequest& request,
                                   const DescribeDone& done) {
  const absl::StatusOr<Name> name = ParseName(request.name());
  if (!name.ok()) return done(WithContext(name.status(), "name"));
  const absl::Status until = CheckUntil(request.persist_until(), o_.clock.Now());
  if (!until.ok()) return done(until);
  const absl::StatusOr<std::string> ca = keys::ChooseCa(o_.accounts, request.ca());
  if (!ca.ok()) return done(ca.status());
  const absl::Status granted = CheckGrants(caller, {*name}, *ca);
  if (!granted.ok()) return done(granted);
  const auto record = Describe(*name, *ca, request.persist_until());
  if (!record.ok()) return done(record.status());
  if (++*persist_looks_ > kMaxPersistLooksAtOnce) {
    --*persist_looks_;
    return done(MakeError(absl::StatusCode::kResourceExhausted, "BUSY",
                          absl::StrCat(kMaxPersistLooksAtOnce,
                                       " looks at records are under way: try again in a minute")));
  }
  o_.solver.LookPersist(
      {name->identifier().value(), record->value(), name->wildcard()},
      [looks = persist_looks_, answer = *record, done](const std::vector<types::v1::View>& views) {
        --*looks;
        issuer::v1::DescribePersistRecordResponse response = answer;
        response.mutable_views()->Assign(views.begin(), views.end());
        done(std::move(response));
      });
}

}  // namespace norroy::service
