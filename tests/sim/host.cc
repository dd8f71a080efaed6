#include "tests/sim/host.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "tests/sim/validator.h"

namespace norroy::sim {
namespace {

using agent::v1::AttachRequest;
using agent::v1::AttachResponse;

// Of a connection whose other end does not answer (keepalive).
constexpr absl::Duration kNoticed = absl::Seconds(30);

std::string PresentationOf(const AttachResponse& message) {
  if (message.has_take_down()) return message.take_down().presentation_id();
  const auto body = challenge::ReadUnverified(message.put_up().proofs(0));
  return body.ok() ? body->presentation_id : "";
}

}  // namespace

// What is up is in the memory presenter, where the world sees it; this one fails on request, and
// not at all for a process that is dead.
class Host::Presenter final : public agent::Presenter {
 public:
  Presenter(Host& host, LifePtr life) : host_(host), life_(std::move(life)) {}

  const std::string& name() const override { return host_.presenter_.name(); }
  challenge::ChallengeType type() const override { return host_.presenter_.type(); }
  absl::StatusOr<std::string> Locate(const challenge::Proof& proof) override {
    return life_->dead ? absl::StatusOr<std::string>(Dead()) : host_.presenter_.Locate(proof);
  }
  absl::StatusOr<std::string> PutUp(const challenge::Proof& proof,
                                    const std::string& location) override {
    if (life_->dead) return Dead();
    const bool waited_for = host_.sim_.StateOf(host_.handling_) == flow::State::kPresenting;
    if (waited_for && Strikes(Fault::kAgentRefuses)) return absl::UnavailableError("disk full");
    absl::StatusOr<std::string> where = host_.presenter_.PutUp(proof, location);
    if (where.ok()) host_.served_.insert(proof.token.value());
    return where;
  }
  absl::Status TakeDown(const challenge::Proof& proof, const std::string& location) override {
    if (life_->dead) return Dead();
    if (Strikes(Fault::kAgentClings)) return absl::UnavailableError("disk read-only");
    return host_.presenter_.TakeDown(proof, location);
  }

 private:
  bool Strikes(Fault fault) {
    return !host_.handling_.empty() && host_.sim_.Strikes(fault, host_.handling_);
  }

  Host& host_;
  const LifePtr life_;
};

class Host::FailingJournal final : public agent::Journal {
 public:
  FailingJournal(Host& host, LifePtr life) : host_(host), life_(std::move(life)) {}

  const agent::JournalState& state() const override { return host_.journal_->state(); }
  absl::Status NotePresented(const agent::JournalPresentation& presentation) override {
    const absl::Status status = Before();
    return status.ok() ? host_.journal_->NotePresented(presentation) : status;
  }
  absl::Status NoteSpot(const std::string& id, size_t proof, const agent::Spot& spot) override {
    const absl::Status status = Before();
    return status.ok() ? host_.journal_->NoteSpot(id, proof, spot) : status;
  }
  absl::Status NoteReleased(const agent::Tombstone& tombstone) override {
    const absl::Status status = Before();
    return status.ok() ? host_.journal_->NoteReleased(tombstone) : status;
  }
  absl::Status NoteGone(const std::string& id, const agent::Tombstone* tombstone) override {
    const absl::Status status = Before();
    return status.ok() ? host_.journal_->NoteGone(id, tombstone) : status;
  }
  absl::Status Sweep(absl::Time now) override {
    return life_->dead ? Dead() : host_.journal_->Sweep(now);
  }

 private:
  absl::Status Before() {
    if (life_->dead) return Dead();
    const bool fails =
        !host_.handling_.empty() && host_.sim_.Strikes(Fault::kJournalFails, host_.handling_);
    return fails ? absl::FailedPreconditionError("no space is left") : absl::OkStatus();
  }

  Host& host_;
  const LifePtr life_;
};

Host::Host(Sim& sim, HostOptions options, const challenge::SealVerifier& seals,
           std::vector<Validator*> validators)
    : sim_(sim),
      options_(std::move(options)),
      seals_(seals),
      validators_(std::move(validators)),
      wires_(validators_.size()),
      clock_(sim),
      presenter_(options_.type) {}

Host::~Host() {
  // Whatever time it is, the process is over.
  if (life_ != nullptr) life_->dead = true;
}

void Host::Boot() {
  life_ = std::make_shared<Life>(options_.name);
  sim_.Note(options_.name, " starts");
  timers_ = std::make_unique<LifeTimers>(sim_, life_);
  absl::StatusOr<std::unique_ptr<agent::Journal>> journal =
      agent::Journal::Open(options_.journal_path);
  NORROY_CHECK(journal.ok());
  journal_ = *std::move(journal);
  failing_journal_ = std::make_unique<FailingJournal>(*this, life_);
  shown_ = std::make_unique<Presenter>(*this, life_);
  absl::StatusOr<std::vector<challenge::Pattern>> scope =
      challenge::ParsePatterns(options_.patterns);
  NORROY_CHECK(scope.ok());
  absl::StatusOr<std::unique_ptr<agent::Session>> session =
      agent::Session::Start({.seals = seals_,
                             .scope = *std::move(scope),
                             .presenters = {shown_.get()},
                             .journal = *failing_journal_,
                             .clock = clock_,
                             .timers = *timers_,
                             .version = "sim",
                             .boot_id = absl::StrCat(options_.name, "-", ++boots_)});
  NORROY_CHECK(session.ok());
  session_ = *std::move(session);
  streams_.assign(validators_.size(), nullptr);
  for (size_t i = 0; i < validators_.size(); ++i) TryAttach(i);
}

void Host::Kill(absl::string_view why, bool loses_all) {
  sim_.Kill(*life_, why);
  CutAll("its process is dead");
  if (loses_all) presenter_.Clear();
  const LifePtr life = life_;
  sim_.scheduler.After(absl::ZeroDuration(), [this, life] {
    sim_.Bury(*life);
    session_.reset();
    shown_.reset();
    failing_journal_.reset();
  });
  sim_.scheduler.After(
      sim_.chance.Between(absl::Milliseconds(300), absl::Seconds(sim_.chance.OneIn(4) ? 90 : 5)),
      [this] { Boot(); });
}

std::vector<std::string> Host::journalled() const {
  std::vector<std::string> ids;
  for (const auto& presentation : journal_->state().presented) ids.push_back(presentation.id);
  return ids;
}

void Host::AttachLater(size_t validator) {
  timers_->After(sim_.chance.Between(absl::Milliseconds(200), absl::Seconds(4)),
                 [this, validator] { TryAttach(validator); });
}

void Host::TryAttach(size_t validator) {
  Validator& to = *validators_[validator];
  if (!to.alive() || sim_.now() < wires_[validator].down_until) {
    AttachLater(validator);
    return;
  }
  const auto stream = std::make_shared<Stream>();
  stream->host = this;
  stream->validator = &to;
  stream->agent_life = life_;
  stream->validator_life = to.life();
  streams_[validator] = stream;
  to.life()->at_death.push_back([this, stream] { Cut(stream, absl::ZeroDuration()); });
  AttachRequest hello;
  *hello.mutable_hello() = session_->Hello();
  SendUp(stream, hello);
}

bool Host::attached(size_t validator) const {
  return alive() && streams_[validator] != nullptr && streams_[validator]->open;
}

void Host::Cut(const StreamPtr& stream, absl::Duration until_noticed) {
  if (!stream->open) return;
  stream->open = false;
  sim_.Note(options_.name, " | ", stream->validator->name());
  sim_.scheduler.After(until_noticed, [stream] {
    if (!stream->validator_life->dead) stream->validator->OnCut(*stream);
  });
  const auto at = std::find(streams_.begin(), streams_.end(), stream);
  if (at == streams_.end()) return;
  const auto validator = static_cast<size_t>(at - streams_.begin());
  *at = nullptr;
  sim_.scheduler.After(until_noticed, [this, life = stream->agent_life, validator] {
    if (!life->dead) AttachLater(validator);
  });
}

void Host::CutAll(absl::string_view) {
  for (const StreamPtr& stream : std::vector<StreamPtr>(streams_)) {
    if (stream == nullptr) continue;
    Cut(stream, sim_.chance.OneIn(4) ? kNoticed : absl::Milliseconds(1));
  }
}

void Host::SendDown(const StreamPtr& stream, const AttachResponse& message) {
  if (!stream->open) return;
  absl::Duration delay = sim_.Delay();
  if (sim_.Strikes(Fault::kAgentSlow, PresentationOf(message))) {
    delay = sim_.chance.Between(absl::Seconds(5), absl::Seconds(100));
  }
  stream->last_down = std::max(sim_.now() + delay, stream->last_down + absl::Microseconds(1));
  sim_.scheduler.After(stream->last_down - sim_.now(), [this, stream, message] {
    if (stream->open && !stream->agent_life->dead) OnMessage(stream, message);
  });
}

void Host::OnMessage(const StreamPtr& stream, const AttachResponse& message) {
  const std::string id = PresentationOf(message);
  if (sim_.Strikes(Fault::kAgentCut, id)) {
    Cut(stream, sim_.chance.OneIn(3) ? kNoticed : absl::Milliseconds(1));
    return;
  }
  if (sim_.Strikes(Fault::kAgentDiesBefore, id)) {
    Kill("before a message", options_.listener);
    return;
  }
  handling_ = id;
  Handle(stream, message);
  handling_.clear();
}

void Host::Handle(const StreamPtr& stream, const AttachResponse& message) {
  const std::string& id = handling_;
  AttachRequest answer;
  if (message.has_put_up()) {
    *answer.mutable_put_up_result() = session_->PutUp(message.put_up());
  } else {
    *answer.mutable_take_down_result() = session_->TakeDown(message.take_down());
  }
  sim_.Note(options_.name, " ", sim_.NameOf(id), message.has_put_up() ? " put up" : " take down",
            ", serves ", presenter_.size());
  if (sim_.Strikes(Fault::kAgentDiesAfter, id)) {
    Kill("after a message", options_.listener);
  } else if (sim_.Strikes(Fault::kAgentLosesAll, id)) {
    Kill("and what it served with it", true);
  }
  SendUp(stream, answer);
}

void Host::SendUp(const StreamPtr& stream, const AttachRequest& message) {
  if (!stream->open) return;
  const absl::Duration delay = sim_.Delay();
  stream->last_up = std::max(sim_.now() + delay, stream->last_up + absl::Microseconds(1));
  sim_.scheduler.After(stream->last_up - sim_.now(), [stream, message] {
    if (stream->open && !stream->validator_life->dead) {
      stream->validator->OnMessage(stream, message);
    }
  });
}

}  // namespace norroy::sim
