#include "tests/sim/validator.h"

#include <utility>

#include "common/check.h"
#include "common/error/error.h"

namespace norroy::sim {

using agent::v1::AttachRequest;
using agent::v1::AttachResponse;

// The sending end of a stream, as the registry has it.
class Validator::Link final : public validator::Link {
 public:
  explicit Link(StreamPtr stream) : stream_(std::move(stream)) {}
  bool Send(const AttachResponse& message) override {
    if (!stream_->open) return false;
    stream_->host->SendDown(stream_, message);
    return true;
  }
  void Close(const absl::Status&) override { stream_->host->Cut(stream_, absl::Milliseconds(1)); }

 private:
  const StreamPtr stream_;
};

class Validator::PortDatabase final : public sql::Database {
 public:
  PortDatabase(Validator& validator, LifePtr life) : v_(validator), life_(std::move(life)) {}
  absl::Status Write(const sql::Work& work) override {
    if (life_->dead) return Dead();
    if (!v_.dealing_with_.empty() &&
        v_.sim_.Strikes(Fault::kValidatorWriteFails, v_.dealing_with_)) {
      return MakeError(absl::StatusCode::kUnavailable, "STORAGE_BUSY", "the database is busy");
    }
    return v_.database_.Write(work);
  }
  absl::Status Read(const sql::Work& work) override {
    return life_->dead ? Dead() : v_.database_.Read(work);
  }
  std::unique_ptr<sql::Subscription> Subscribe(absl::string_view channel,
                                               sql::Heard heard) override {
    return v_.database_.Subscribe(channel, std::move(heard));
  }

 private:
  Validator& v_;
  const LifePtr life_;
};

Validator::Validator(Sim& sim, std::string name, std::string deployment, sql::Database& database)
    : sim_(sim),
      name_(std::move(name)),
      deployment_(std::move(deployment)),
      database_(database),
      clock_(sim) {}

Validator::~Validator() {
  if (life_ != nullptr) life_->dead = true;
}

void Validator::Boot() {
  life_ = std::make_shared<Life>(name_);
  sim_.Note(name_, " starts");
  timers_ = std::make_unique<LifeTimers>(sim_, life_);
  port_ = std::make_unique<PortDatabase>(*this, life_);
  store_ = validator::Store::Make(*port_, name_);
  absl::StatusOr<std::unique_ptr<validator::Registry>> registry =
      validator::Registry::Load(*store_);
  NORROY_CHECK(registry.ok());
  registry_ = *std::move(registry);
  absl::StatusOr<std::unique_ptr<validator::Coordinator>> coordinator =
      validator::Coordinator::Start({.store = *store_,
                                     .registry = *registry_,
                                     .clock = clock_,
                                     .timers = *timers_,
                                     .deployment = deployment_});
  NORROY_CHECK(coordinator.ok());
  coordinator_ = *std::move(coordinator);
}

void Validator::Kill(absl::string_view why) {
  sim_.Kill(*life_, why);
  sim_.scheduler.After(absl::ZeroDuration(), [this] {
    // Answers to those who wait go nowhere: their callers know of its end already.
    coordinator_.reset();
    registry_.reset();
    store_.reset();
  });
  sim_.scheduler.After(
      sim_.chance.Between(absl::Milliseconds(300), absl::Seconds(sim_.chance.OneIn(4) ? 60 : 5)),
      [this] { Boot(); });
}

bool Validator::Deal(const std::string& order_id, const std::function<void()>& with) {
  const bool of_an_order = !order_id.empty();
  if (of_an_order && sim_.Strikes(Fault::kValidatorDiesBefore, order_id)) {
    Kill("before a message");
    return false;
  }
  dealing_with_ = order_id;
  with();
  dealing_with_.clear();
  if (of_an_order && sim_.Strikes(Fault::kValidatorDiesAfter, order_id)) Kill("after a message");
  return true;
}

void Validator::OnMessage(const StreamPtr& stream, const AttachRequest& message) {
  const std::string& agent = stream->host->options().name;
  if (message.has_hello()) {
    sim_.Note(agent, " -- ", name_, ", serves ", message.hello().presented_size());
    stream->attachment = registry_->Attach(agent, std::make_shared<Link>(stream));
    coordinator_->AgentAttached(agent, message.hello());
    return;
  }
  if (!registry_->IsCurrent(agent, stream->attachment)) return;
  const bool put_up = message.has_put_up_result();
  const std::string& id = put_up ? message.put_up_result().presentation_id()
                                 : message.take_down_result().presentation_id();
  Deal(id, [&] {
    if (put_up) {
      coordinator_->OnPutUpResult(agent, message.put_up_result());
    } else {
      coordinator_->OnTakeDownResult(agent, message.take_down_result());
    }
  });
}

void Validator::OnCut(const Stream& stream) {
  const std::string& agent = stream.host->options().name;
  if (registry_->Detach(agent, stream.attachment)) coordinator_->AgentDetached(agent);
}

}  // namespace norroy::sim
