#ifndef NORROY_TESTS_SIM_PORTS_H_
#define NORROY_TESTS_SIM_PORTS_H_

// The issuer's ports to its database and to the CA, as the simulation has them: at each call time
// passes, others run, and something may happen.

#include <functional>

#include "common/http/client.h"
#include "common/sql/database.h"
#include "tests/fakes/ca/fake_ca.h"
#include "tests/sim/sim.h"

namespace norroy::sim {

class PortDatabase final : public sql::Database {
 public:
  PortDatabase(Sim& sim, LifePtr life, sql::Database& database)
      : sim_(sim), life_(std::move(life)), database_(database) {}
  absl::Status Write(const sql::Work& work) override;
  absl::Status Read(const sql::Work& work) override;
  std::unique_ptr<sql::Subscription> Subscribe(absl::string_view channel,
                                               sql::Heard heard) override {
    return database_.Subscribe(channel, std::move(heard));
  }

 private:
  Sim& sim_;
  const LifePtr life_;
  sql::Database& database_;
};

class PortHttp final : public http::Client {
 public:
  // `before_challenge`: the CA is about to be told of the challenge of this URL.
  PortHttp(Sim& sim, LifePtr life, fakes::FakeCa& ca, Wire& wire,
           std::function<void(const std::string& url)> before_challenge)
      : sim_(sim),
        life_(std::move(life)),
        ca_(ca),
        wire_(wire),
        before_challenge_(std::move(before_challenge)) {}
  absl::StatusOr<http::Response> Send(const http::Request& request) override;

 private:
  absl::StatusOr<http::Response> AtTheCa(const http::Request& request, fakes::Endpoint endpoint);
  void Script(fakes::Endpoint endpoint);

  Sim& sim_;
  const LifePtr life_;
  fakes::FakeCa& ca_;
  Wire& wire_;
  const std::function<void(const std::string& url)> before_challenge_;
};

}  // namespace norroy::sim

#endif  // NORROY_TESTS_SIM_PORTS_H_
