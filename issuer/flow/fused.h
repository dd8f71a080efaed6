#ifndef NORROY_ISSUER_FLOW_FUSED_H_
#define NORROY_ISSUER_FLOW_FUSED_H_

// The ports of one life of FlowFixture's engine: they stop when it is killed, and fail when told.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/error/error.h"
#include "common/http/client.h"
#include "common/sql/database.h"
#include "issuer/acme/client.h"
#include "issuer/keys/accounts.h"
#include "issuer/solver/solver.h"

namespace norroy::flow {

// When this life ends, and what happens to it before.
struct Fuse {
  int requests = 0;
  int kill_at = 0;  // 0: never
  bool after = false;
  bool dead = false;
  bool cut_off = false;  // from the database
  int writes = 0;
  int fail_write = 0;  // 0: none
  int pause_at = 0;    // 0: never
  std::function<void()> pause;
  int statements = 0;
  int fail_from = 0;
  int fail_until = 0;
};

inline absl::Status Dead() { return MakeError(absl::StatusCode::kUnavailable, "DEAD", "killed"); }

// The CA as this life sees it.
class FusedHttp final : public http::Client {
 public:
  FusedHttp(http::Client& ca, Fuse& fuse) : ca_(ca), fuse_(fuse) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override {
    const bool last = ++fuse_.requests == fuse_.kill_at;
    if (last && !fuse_.after) fuse_.dead = true;
    if (fuse_.dead) return Dead();
    absl::StatusOr<http::Response> response = ca_.Send(request);
    if (fuse_.requests == fuse_.pause_at) fuse_.pause();
    if (last) fuse_.dead = true;
    if (fuse_.dead) return Dead();
    return response;
  }

 private:
  http::Client& ca_;
  Fuse& fuse_;
};

// One transaction, some statement of which may fail.
class FusedConnection final : public sql::Connection {
 public:
  FusedConnection(sql::Connection& connection, Fuse& fuse) : connection_(connection), fuse_(fuse) {}
  absl::StatusOr<std::vector<sql::Row>> Query(absl::string_view sql,
                                              const std::vector<sql::Value>& parameters) override {
    if (Fails()) return absl::UnavailableError("the database is away");
    return connection_.Query(sql, parameters);
  }
  absl::StatusOr<int64_t> Execute(absl::string_view sql,
                                  const std::vector<sql::Value>& parameters) override {
    if (Fails()) return absl::UnavailableError("the database is away");
    return connection_.Execute(sql, parameters);
  }
  absl::Status Notify(absl::string_view channel, absl::string_view payload) override {
    return connection_.Notify(channel, payload);
  }

 private:
  bool Fails() {
    ++fuse_.statements;
    return fuse_.fail_from <= fuse_.statements && fuse_.statements < fuse_.fail_until;
  }

  sql::Connection& connection_;
  Fuse& fuse_;
};

class FusedDatabase final : public sql::Database {
 public:
  FusedDatabase(sql::Database& database, Fuse& fuse) : database_(database), fuse_(fuse) {}
  absl::Status Write(const sql::Work& work) override {
    if (fuse_.dead || fuse_.cut_off) return Dead();
    if (++fuse_.writes == fuse_.fail_write) {
      return MakeError(absl::StatusCode::kUnavailable, "STORAGE_BUSY", "the database is busy");
    }
    return database_.Write(Fused(work));
  }
  absl::Status Read(const sql::Work& work) override {
    return fuse_.dead || fuse_.cut_off ? Dead() : database_.Read(Fused(work));
  }
  std::unique_ptr<sql::Subscription> Subscribe(absl::string_view channel,
                                               sql::Heard heard) override {
    return database_.Subscribe(channel, std::move(heard));
  }

 private:
  sql::Work Fused(const sql::Work& work) {
    return [this, &work](sql::Connection& connection) {
      FusedConnection fused(connection, fuse_);
      return work(fused);
    };
  }

  sql::Database& database_;
  Fuse& fuse_;
};

class FusedSolver final : public solver::Solver {
 public:
  // `told`: of changes; only one life can be.
  FusedSolver(solver::Solver& solver, Fuse& fuse, bool told)
      : solver_(solver), fuse_(fuse), told_(told) {}
  absl::StatusOr<std::vector<solver::NamePlan>> Plan(
      const std::vector<challenge::Name>& names) override {
    if (fuse_.dead) return Dead();
    return solver_.Plan(names);
  }
  absl::StatusOr<std::vector<challenge::Name>> Unanswerable(
      const std::vector<challenge::Name>& names) override {
    if (fuse_.dead) return Dead();
    return solver_.Unanswerable(names);
  }
  absl::StatusOr<solver::PresentationStatus> Present(
      const solver::Presentation& presentation) override {
    if (fuse_.dead) return Dead();
    return solver_.Present(presentation);
  }
  absl::StatusOr<std::optional<solver::PresentationStatus>> Recheck(const std::string& id,
                                                                    int64_t generation) override {
    if (fuse_.dead) return Dead();
    return solver_.Recheck(id, generation);
  }
  absl::StatusOr<std::optional<std::vector<solver::NameView>>> Look(
      const solver::LookOrder& order) override {
    if (fuse_.dead) return Dead();
    return solver_.Look(order);
  }
  absl::Status Release(const std::string& id, int64_t generation, absl::Time until) override {
    return fuse_.dead ? Dead() : solver_.Release(id, generation, until);
  }
  void LookPersist(const solver::PersistLook& look, const PersistDone& done) override {
    solver_.LookPersist(look, done);
  }
  void OnChange(std::function<void(const std::string& id)> changed) override {
    changed_ = std::move(changed);
    if (told_) solver_.OnChange([this](const std::string& id) { Changed(id); });
  }
  void Changed(const std::string& id) {
    if (changed_) changed_(id);
  }

 private:
  solver::Solver& solver_;
  Fuse& fuse_;
  const bool told_;
  std::function<void(const std::string& id)> changed_;
};

class FixedAccounts final : public keys::Accounts {
 public:
  void Add(const std::string& ca, std::unique_ptr<acme::Client> client) {
    clients_[ca] = std::move(client);
  }
  std::vector<std::string> cas() const override {
    std::vector<std::string> names;
    for (const auto& [ca, client] : clients_) names.push_back(ca);
    return names;
  }
  absl::StatusOr<acme::Client*> ClientFor(absl::string_view ca) override {
    const auto found = clients_.find(std::string(ca));
    if (found == clients_.end()) return absl::NotFoundError("no such CA");
    return found->second.get();
  }
  absl::StatusOr<store::AccountRecord> Register(absl::string_view, bool) override {
    return absl::InternalError("registered already");
  }

 private:
  std::map<std::string, std::unique_ptr<acme::Client>> clients_;
};

}  // namespace norroy::flow

#endif  // NORROY_ISSUER_FLOW_FUSED_H_
