#include "validator/service/agent_link_service.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"
#include "common/failpoint/failpoint.h"
#include "common/log/log.h"
#include "common/status_macros.h"
#include "validator/presentation/messages.h"
#include "validator/service/hello.h"
#include "validator/service/origin.h"

namespace norroy::validator {
namespace {

using agent::v1::AttachRequest;
using agent::v1::AttachResponse;

constexpr char kLog[] = "link";

absl::Status BadMessage(absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, "BAD_MESSAGE", message);
}

}  // namespace

AgentLinkService::~AgentLinkService() {
  MutexLock lock(&life_->mutex);
  life_->over = true;
}

void AgentLinkService::After(absl::Duration delay, const SessionPtr& session,
                             std::function<void(const SessionPtr&)> task) {
  options_.timers.After(
      delay, [life = life_, weak = std::weak_ptr<Session>(session), task = std::move(task)] {
        MutexLock lock(&life->mutex);
        const SessionPtr session = weak.lock();
        if (!life->over && session != nullptr) task(session);
      });
}

grpc::ServerBidiReactor<AttachRequest, AttachResponse>* AgentLinkService::Attach(
    grpc::CallbackServerContext* context) {
  const auto [stream, reactor] = AgentStream::Make(context, options_.timers);
  absl::StatusOr<rpc::Caller> caller =
      rpc::Authorize(*context, "/norroy.agent.v1.AgentLinkService/Attach", options_.env);
  if (!caller.ok()) {
    stream->Close(caller.status());
    return reactor;
  }
  const SessionPtr session = std::make_shared<Session>();
  session->stream = stream;
  session->caller = *std::move(caller);
  const absl::Status entered = Enter(session);
  if (!entered.ok()) {
    stream->Close(entered);
    return reactor;
  }
  WatchHello(session);
  WatchIdentity(session);
  stream->Begin({[this, session](const AttachRequest& message) { OnMessage(session, message); },
                 [this, session] { OnDone(session); }});
  return reactor;
}

absl::Status AgentLinkService::Enter(const SessionPtr& session) {
  MutexLock lock(&mutex_);
  if (stopping_) {
    return MakeError(absl::StatusCode::kUnavailable, "STOPPING", "the validator stops");
  }
  if (sessions_.size() >= kMaxStreams) {
    return MakeError(absl::StatusCode::kUnavailable, "BUSY",
                     absl::StrCat("the validator has ", kMaxStreams, " streams: try again later"));
  }
  sessions_.insert(session);
  return absl::OkStatus();
}

void AgentLinkService::WatchHello(const SessionPtr& session) {
  After(kHelloTimeout, session, [this](const SessionPtr& late) {
    bool attached;
    {
      MutexLock lock(&fleet_mutex_);
      attached = late->attachment.has_value();
    }
    if (attached) return;
    late->stream->Close(
        MakeError(absl::StatusCode::kDeadlineExceeded, "NO_HELLO",
                  absl::StrCat("no hello within ", absl::FormatDuration(kHelloTimeout))));
  });
}

void AgentLinkService::WatchIdentity(const SessionPtr& session) {
  After(kAdmitInterval, session, [this](const SessionPtr& watched) {
    const absl::Status admitted = StillAdmitted(watched->caller);
    if (!admitted.ok()) {
      watched->stream->Close(admitted);
      return;
    }
    TellCoreRoots(watched);
    WatchIdentity(watched);
  });
}

AttachResponse AgentLinkService::HelloTo(Session& session) {
  AttachResponse answer;
  agent::v1::ValidatorHello& hello = *answer.mutable_hello();
  hello.set_version(options_.version);
  hello.set_protocol(session.protocol);
  *hello.mutable_now() = ToTimestamp(options_.env.clock.Now());
  if (options_.core_roots) {
    session.told = options_.core_roots();
    for (const std::string& root : *session.told) hello.add_core_roots(root);
  }
  return answer;
}

void AgentLinkService::TellCoreRoots(const SessionPtr& session) {
  if (!options_.core_roots) return;
  MutexLock lock(&fleet_mutex_);
  if (session->told == nullptr || *session->told == *options_.core_roots()) return;
  session->stream->Send(HelloTo(*session));
}

absl::Status AgentLinkService::StillAdmitted(const rpc::Caller& caller) {
  // By the clock of the handshakes: it is their judgment that is repeated.
  static SystemClock clock;
  if (caller.certificate_not_after < clock.Now()) {
    return MakeError(absl::StatusCode::kUnauthenticated, "CERTIFICATE_EXPIRED",
                     "the agent's certificate has expired: attach with its successor");
  }
  return options_.env.admit ? options_.env.admit(caller) : absl::OkStatus();
}

void AgentLinkService::OnMessage(const SessionPtr& session, const AttachRequest& message) {
  if (session->greeted == message.has_hello()) {
    session->stream->Close(
        BadMessage(session->greeted ? "a second hello" : "the first message must be a hello"));
    return;
  }
  if (message.has_hello()) {
    OnHello(session, message.hello());
    return;
  }
  const std::string& agent = session->caller.identity.name;
  MutexLock lock(&fleet_mutex_);
  if (!options_.registry.IsCurrent(agent, *session->attachment)) return;
  if (message.has_put_up_result()) {
    NORROY_FAILPOINT("validator.ack_received");
    options_.coordinator.OnPutUpResult(agent, message.put_up_result());
  } else if (message.has_take_down_result()) {
    options_.coordinator.OnTakeDownResult(agent, message.take_down_result());
  } else if (message.has_counters()) {
    options_.registry.NoteCounts(agent, CountsOf(message.counters()));
  }
}

void AgentLinkService::OnHello(const SessionPtr& session, const agent::v1::AgentHello& hello) {
  const absl::StatusOr<int> protocol = CheckHello(hello);
  if (!protocol.ok()) {
    session->stream->Close(protocol.status());
    return;
  }
  session->greeted = true;
  const AgentReport report = ReportOf(hello, options_.env.clock.Now());
  const std::string& agent = session->caller.identity.name;
  {
    MutexLock lock(&fleet_mutex_);
    session->protocol = *protocol;
    // Into the queue before anybody can find the link: it is the first message.
    session->stream->Send(HelloTo(*session));
  }
  std::vector<std::string> twice;
  {
    MutexLock lock(&fleet_mutex_);
    session->attachment = options_.registry.Attach(agent, session->stream);
    options_.registry.NoteReport(agent, report);
    options_.coordinator.AgentAttached(agent, hello);
    twice = duplicates_.OnHello(agent, session->caller.identity.enrollment_id, hello.boot_id(),
                                session->caller.peer);
  }
  // Removed while it attached, when there was no link to close yet.
  const absl::Status admitted = StillAdmitted(session->caller);
  if (!admitted.ok()) session->stream->Close(admitted);
  NoteSeen(session, report, hello.presented_size());
  if (!twice.empty()) NoteDuplicate(session, twice);
}

void AgentLinkService::NoteSeen(const SessionPtr& session, const AgentReport& report,
                                int presented) {
  const identity::Identity& identity = session->caller.identity;
  log::Info(kLog, "agent attached",
            {{"agent", identity.name},
             {"version", report.version},
             {"presented", presented},
             {"clock_offset_ms", absl::ToInt64Milliseconds(report.clock_offset)}});
  const std::optional<audit::Entry> audit =
      Budgeted(AuditOf(session->caller, "agent.attach", identity.name,
                       absl::StrCat("enrollment ", identity.enrollment_id, "; ", report.version)));
  OnPool(identity.name, "its report", [identity, report, audit](Store& store) {
    return store.NoteSeen(identity.name, identity.enrollment_id, report, audit);
  });
}

void AgentLinkService::NoteDuplicate(const SessionPtr& session,
                                     const std::vector<std::string>& peers) {
  const identity::Identity& identity = session->caller.identity;
  const std::string from = absl::StrJoin(peers, " and ");
  const std::optional<audit::Entry> audit =
      Budgeted(AuditOf(session->caller, "agent.duplicate", identity.name,
                       absl::StrCat("enrollment ", identity.enrollment_id, "; from ", from)));
  if (audit.has_value()) {
    log::Warning(
        kLog,
        "two processes attach in turns with one agent's identity: its machine or its state "
        "directory was copied. Ban or remove the agent, and enroll each host by itself",
        {{"agent", identity.name}, {"from", from}});
  }
  OnPool(identity.name, "that it was seen twice",
         [identity, peers, audit, now = options_.env.clock.Now()](Store& store) {
           return store.NoteDuplicate(identity.name, identity.enrollment_id, peers, now, audit);
         });
}

void AgentLinkService::NoteDetached(const SessionPtr& session) {
  const std::string& agent = session->caller.identity.name;
  log::Info(kLog, "agent detached", {{"agent", agent}});
  const std::optional<audit::Entry> audit =
      Budgeted(AuditOf(session->caller, "agent.detach", agent));
  if (!audit.has_value()) return;
  OnPool(agent, "that it detached", [audit, now = options_.env.clock.Now()](Store& store) {
    return store.Audit(*audit, now);
  });
}

std::optional<audit::Entry> AgentLinkService::Budgeted(audit::Entry entry) {
  const std::optional<std::string> note =
      budget_.Take(entry.action, entry.object, options_.env.clock.Now());
  if (!note.has_value()) return std::nullopt;
  absl::StrAppend(&entry.detail, *note);
  return entry;
}

void AgentLinkService::OnPool(const std::string& agent, absl::string_view what,
                              std::function<absl::Status(Store&)> note) {
  const bool taken = options_.env.pool.Try(
      [&store = options_.store, agent, what = std::string(what), note = std::move(note)] {
        const absl::Status noted = note(store);
        if (noted.ok()) return;
        log::Warning(kLog, "something about an agent was not stored",
                     {{"agent", agent}, {"what", what}, {"error", noted.message()}});
      });
  if (taken) return;
  log::Warning(kLog, "something about an agent was not stored", {{"agent", agent}, {"what", what}});
}

void AgentLinkService::OnDone(const SessionPtr& session) {
  const std::string& agent = session->caller.identity.name;
  bool detached = false;
  {
    MutexLock lock(&fleet_mutex_);
    if (session->attachment.has_value() && options_.registry.Detach(agent, *session->attachment)) {
      options_.coordinator.AgentDetached(agent);
      detached = true;
    }
  }
  if (detached) NoteDetached(session);
  MutexLock lock(&mutex_);
  sessions_.erase(session);
  changed_.SignalAll();
}

void AgentLinkService::Stop(absl::Duration grace) {
  std::set<SessionPtr> sessions;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    sessions = sessions_;
  }
  for (const SessionPtr& session : sessions) {
    session->stream->Close(
        MakeError(absl::StatusCode::kUnavailable, "STOPPING", "the validator stops"));
  }
  SystemClock clock;
  const absl::Duration end = clock.Monotonic() + grace;
  MutexLock lock(&mutex_);
  while (!sessions_.empty() && clock.Monotonic() < end) {
    changed_.WaitFor(&mutex_, end - clock.Monotonic());
  }
  for (const SessionPtr& session : sessions_) session->stream->Cut();
  while (!sessions_.empty()) changed_.Wait(&mutex_);
}

}  // namespace norroy::validator
