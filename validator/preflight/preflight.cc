#include "validator/preflight/preflight.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/challenge/identifier.h"
#include "common/challenge/proof.h"
#include "common/error/error.h"
#include "common/status_macros.h"
#include "validator/preflight/persist_look.h"
#include "validator/preflight/proof_look.h"

namespace norroy::validator::preflight {
namespace {

using types::v1::View;

// Looks that wait for a thread, from all calls.
constexpr int kMaxQueued = 1024;
constexpr int kCrew = 64;
constexpr int kMaxIdentities = 16;
constexpr size_t kMaxIdentity = 253;
constexpr size_t kMaxAccountUri = 2048;

absl::Status BadLook(absl::string_view problem) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_LOOK", problem);
}

absl::StatusOr<CaFacts> ReadFacts(const v1::CaFacts& proto) {
  if (proto.caa_identities_size() > kMaxIdentities) {
    return BadLook(absl::StrCat("ca.caa_identities has over ", kMaxIdentities, " entries"));
  }
  CaFacts facts;
  for (const std::string& identity : proto.caa_identities()) {
    if (identity.empty() || identity.size() > kMaxIdentity) {
      return BadLook("ca.caa_identities has an entry that is no domain name");
    }
    facts.identities.push_back(identity);
  }
  if (proto.account_uri().size() > kMaxAccountUri) return BadLook("ca.account_uri is too long");
  facts.account_uri = proto.account_uri();
  return facts;
}

absl::StatusOr<std::vector<challenge::Proof>> ReadProofs(const v1::LookRequest& request) {
  if (request.proofs().empty() || request.proofs_size() > kMaxProofs) {
    return BadLook(
        absl::StrCat(request.proofs_size(), " proofs; 1 to ", kMaxProofs, " can be looked at"));
  }
  std::vector<challenge::Proof> proofs;
  for (const types::v1::Proof& proto : request.proofs()) {
    absl::StatusOr<challenge::Proof> proof = challenge::FromProto(proto);
    if (!proof.ok()) {
      return WithContext(proof.status(), absl::StrCat("proofs[", proofs.size(), "]"));
    }
    proofs.push_back(*std::move(proof));
  }
  return proofs;
}

absl::StatusOr<PersistQuestion> ReadPersist(const v1::LookPersistRequest& request) {
  NORROY_ASSIGN_OR_RETURN(const challenge::Name name, challenge::Name::Parse(request.name()));
  if (name.identifier().type() != challenge::IdentifierType::kDns || name.wildcard()) {
    return BadLook(
        absl::StrCat(name.text(), " is no DNS name; a wildcard is asked for by the flag"));
  }
  NORROY_ASSIGN_OR_RETURN(dns::Name host, dns::Name::Parse(name.text()));
  std::optional<PersistRecord> expected = PersistRecord::Parse(request.value());
  if (!expected.has_value()) {
    return BadLook("value is not like \"ca.example.net; accounturi=https://...\"");
  }
  return PersistQuestion{std::move(host), *std::move(expected), request.wildcard()};
}

types::v1::Verdict ToProto(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return types::v1::VERDICT_PASS;
    case Verdict::kUnknown:
      return types::v1::VERDICT_UNKNOWN;
    case Verdict::kWait:
      return types::v1::VERDICT_WAIT;
    case Verdict::kFail:
      return types::v1::VERDICT_FAIL;
  }
  return types::v1::VERDICT_UNSPECIFIED;
}

types::v1::Severity ToProto(Severity severity) {
  switch (severity) {
    case Severity::kInfo:
      return types::v1::SEVERITY_INFO;
    case Severity::kWarning:
      return types::v1::SEVERITY_WARNING;
    case Severity::kError:
      return types::v1::SEVERITY_ERROR;
  }
  return types::v1::SEVERITY_UNSPECIFIED;
}

Sight TimedOut() {
  Sight sight;
  sight.CutShort("all that this proof depends on had answered");
  return sight;
}

Sight Busy() {
  Sight sight;
  sight.Wait(Severity::kWarning, "VIEWPOINT_BUSY",
             "this validator has too many looks under way to begin this one in time",
             "look again in a moment; if it stays so, run more validators, or order fewer "
             "names at once",
             kLookAgainForBusy);
  return sight;
}

Sight Stopping() {
  Sight sight;
  sight.Unknown("LOOK_TIMED_OUT", "this validator stops before it could begin this look",
                "look again when it runs, or from another one");
  return sight;
}

// What distinguishes a look at a proof from others at the same name and type.
std::string ContentOf(const challenge::Proof& proof, const CaFacts& ca) {
  std::string content = absl::StrCat(proof.key_authorization.value(), "\n", ca.account_uri);
  for (const std::string& identity : ca.identities) absl::StrAppend(&content, "\n", identity);
  return content;
}

// The views of one call, as they come. Answers when all are there, or when the time is over with
// what is.
class Gathering {
 public:
  Gathering(size_t count, Preflight::LookDone done)
      : views_(count), begun_(count), done_(std::move(done)) {}

  void Put(size_t place, View view) {
    Preflight::LookDone done;
    {
      MutexLock lock(&mutex_);
      if (views_[place].has_value()) return;
      views_[place] = std::move(view);
      if (++arrived_ < views_.size()) return;
      done = std::move(done_);
      done_ = nullptr;
    }
    Answer(done);
  }

  // What tells whether the look at this place has begun.
  void Watch(size_t place, std::shared_ptr<const std::atomic<bool>> begun) {
    MutexLock lock(&mutex_);
    begun_[place] = std::move(begun);
  }

  void TimeIsOver(const View& begun, const View& not_begun) {
    Preflight::LookDone done;
    {
      MutexLock lock(&mutex_);
      for (size_t i = 0; i < views_.size(); ++i) {
        if (views_[i].has_value()) continue;
        views_[i] = begun_[i] != nullptr && *begun_[i] ? begun : not_begun;
      }
      done = std::move(done_);
      done_ = nullptr;
    }
    Answer(done);
  }

 private:
  // Whoever took `done` is alone with the views, which are all there and change no more.
  void Answer(const Preflight::LookDone& done) {
    if (done == nullptr) return;
    v1::LookResponse response;
    {
      MutexLock lock(&mutex_);
      for (const std::optional<View>& view : views_) *response.add_views() = *view;
    }
    done(std::move(response));
  }

  Mutex mutex_;
  std::vector<std::optional<View>> views_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<const std::atomic<bool>>> begun_ ABSL_GUARDED_BY(mutex_);
  size_t arrived_ ABSL_GUARDED_BY(mutex_) = 0;
  Preflight::LookDone done_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

Preflight::Preflight(const Dependencies& dependencies, PreflightOptions options)
    : dependencies_(dependencies),
      options_(std::move(options)),
      guard_(options_.allow_networks),
      crew_(kCrew),
      looks_(kMaxLooks, kMaxQueued) {}

Preflight::~Preflight() { stopping_ = true; }

void Preflight::Look(const v1::LookRequest& request, LookDone done) {
  absl::StatusOr<CaFacts> ca = ReadFacts(request.ca());
  if (!ca.ok()) return done(ca.status());
  const absl::StatusOr<std::vector<challenge::Proof>> proofs = ReadProofs(request);
  if (!proofs.ok()) return done(proofs.status());
  const auto gathering = std::make_shared<Gathering>(proofs->size(), std::move(done));
  // A call that has its answer is not kept for the timer.
  dependencies_.timers.After(kCallTimeout, [begun = ToView(TimedOut()), not_begun = ToView(Busy()),
                                            weak = std::weak_ptr<Gathering>(gathering)] {
    if (const auto late = weak.lock()) late->TimeIsOver(begun, not_begun);
  });
  for (size_t i = 0; i < proofs->size(); ++i) {
    const challenge::Proof& proof = (*proofs)[i];
    const std::string key =
        absl::StrCat(challenge::ChallengeTypeName(proof.type), " ", proof.name.text());
    gathering->Watch(
        i, Ask(
               key, ContentOf(proof, *ca),
               [proof, facts = *ca](const Viewpoint& viewpoint, const Deadline& deadline) {
                 return LookAtProof(viewpoint, proof, facts, deadline);
               },
               [this, gathering, i](const Sight& sight) { gathering->Put(i, ToView(sight)); }));
  }
}

void Preflight::LookPersist(const v1::LookPersistRequest& request, LookPersistDone done) {
  const absl::StatusOr<PersistQuestion> question = ReadPersist(request);
  if (!question.ok()) return done(question.status());
  Ask(
      absl::StrCat("persist ", question->name.text()),
      absl::StrCat(request.value(), "\n", request.wildcard()),
      [asked = *question](const Viewpoint& viewpoint, const Deadline& deadline) {
        if (viewpoint.resolvers.empty()) return NoResolver();
        return PersistLook(viewpoint, asked, deadline);
      },
      [this, done = std::move(done)](const Sight& sight) {
        v1::LookPersistResponse response;
        *response.mutable_view() = ToView(sight);
        done(std::move(response));
      });
}

Preflight::Begun Preflight::Ask(const std::string& key, const std::string& content, Task task,
                                SightDone done) {
  auto begun = std::make_shared<std::atomic<bool>>(false);
  {
    MutexLock lock(&mutex_);
    std::deque<Flight>& turns = flights_[key];
    for (Flight& flight : turns) {
      if (flight.content != content) continue;
      flight.waiting.push_back(std::move(done));
      return flight.begun;
    }
    if (turns.size() < kMaxTurns) {
      turns.push_back({content, std::move(task), sockets_.Monotonic() + kCallTimeout, {}, begun});
      turns.back().waiting.push_back(std::move(done));
      if (turns.size() > 1) return begun;
      done = nullptr;
    }
  }
  if (done != nullptr) {
    done(Busy());
  } else {
    Start(key);
  }
  return begun;
}

void Preflight::Start(const std::string& key) {
  if (!looks_.Try([this, key] { Run(key); })) Finish(key, Busy());
}

void Preflight::Run(const std::string& key) {
  Task task;
  absl::Duration left;
  {
    MutexLock lock(&mutex_);
    const Flight& flight = flights_[key].front();
    task = flight.task;
    left = flight.ends - sockets_.Monotonic();
    *flight.begun = !stopping_ && left >= kLeastTime;
  }
  if (stopping_) return Finish(key, Stopping());
  if (left < kLeastTime) return Finish(key, Busy());
  const Deadline deadline(sockets_, std::min(left, kLookTimeout), &stopping_);
  const Viewpoint viewpoint = {dependencies_.client, options_.resolvers,  guard_,
                               options_.ports,       dependencies_.clock, crew_};
  Finish(key, task(viewpoint, deadline));
}

void Preflight::Finish(const std::string& key, const Sight& sight) {
  std::vector<SightDone> waiting;
  bool more = false;
  {
    MutexLock lock(&mutex_);
    const auto turns = flights_.find(key);
    waiting = std::move(turns->second.front().waiting);
    turns->second.pop_front();
    more = !turns->second.empty();
    if (!more) flights_.erase(turns);
  }
  for (const SightDone& done : waiting) done(sight);
  if (more) Start(key);
}

View Preflight::ToView(const Sight& sight) {
  View view;
  view.set_viewpoint(options_.viewpoint);
  view.set_verdict(ToProto(sight.verdict()));
  for (const Finding& finding : sight.findings()) {
    types::v1::Finding& proto = *view.add_findings();
    proto.set_severity(ToProto(finding.severity));
    proto.set_code(finding.code);
    proto.set_message(finding.message);
    proto.set_advice(finding.advice);
  }
  const int64_t micros = absl::ToUnixMicros(dependencies_.clock.Now());
  view.mutable_look_time()->set_seconds(micros / 1'000'000);
  view.mutable_look_time()->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1000);
  view.set_again_after_ms(absl::ToInt64Milliseconds(sight.again_after()));
  return view;
}

}  // namespace norroy::validator::preflight
