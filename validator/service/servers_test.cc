// The whole validator over mTLS, by real clients: issuer, operator, hosts.

#include "validator/service/servers.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "norroy/validator/v1/server_info_service.grpc.pb.h"
#include "validator/service/servers_fixture.h"

namespace norroy::validator {
namespace {

// About 70 kB.
v1::PresentRequest BigRequestFor(const std::string& id) {
  v1::PresentRequest request = RequestFor(id, "a.example.com");
  for (int i = 0; i < 99; ++i) {
    *request.add_proofs() = RequestFor(id, absl::StrCat("n", i, ".example.com")).proofs(0);
  }
  return request;
}

TEST_F(ServersTest, FromTokenToServedProofAndBack) {
  Host host(Edge(MakeAgent("web1")));
  host.Greet();
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));

  v1::PresentRequest request = RequestFor("o1", "a.example.com");
  const auto first = Present(request);
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->state(), v1::PRESENTATION_STATE_PUTTING_UP);
  const auto put_up = host.Read();
  ASSERT_TRUE(put_up.has_value() && put_up->has_put_up());
  EXPECT_EQ(put_up->put_up().proofs(0).SerializeAsString(), request.proofs(0).SerializeAsString());
  std::thread serving([&] { host.Serve(put_up->put_up()); });
  request.set_wait(true);
  request.set_known_revision(first->revision());
  const auto ready = Present(request);
  serving.join();
  ASSERT_TRUE(ready.ok()) << ready.status();
  EXPECT_EQ(ready->state(), v1::PRESENTATION_STATE_READY);

  const v1::Agent agent = GetAgent("web1");
  EXPECT_EQ(agent.presented(), 1);
  EXPECT_EQ(agent.state(), v1::AGENT_STATE_ENROLLED);
  EXPECT_EQ(agent.grants(0).responders(), v1::RESPONDERS_ALL);
  ASSERT_TRUE(Eventually([&] { return !GetAgent("web1").version().empty(); }));
  EXPECT_EQ(GetAgent("web1").version(), "test \\x1b agent");
  EXPECT_GT(GetAgent("web1").clock_offset_ms(), 60000);

  grpc::ClientContext context;
  v1::ReleaseRequest release;
  release.set_presentation_id("o1");
  release.set_generation(1);
  *release.mutable_tombstone_until() = ToTimestamp(absl::Now() + absl::Minutes(20));
  v1::ReleaseResponse released;
  ASSERT_TRUE(issuer_->Release(&context, release, &released).ok());
  const auto take_down = host.Read();
  ASSERT_TRUE(take_down.has_value() && take_down->has_take_down());
  EXPECT_EQ(take_down->take_down().presentation_id(), "o1");
  AttachRequest down;
  down.mutable_take_down_result()->set_presentation_id("o1");
  down.mutable_take_down_result()->set_generation(1);
  EXPECT_TRUE(host.Write(down));
  EXPECT_TRUE(Eventually([&] { return GetAgent("web1").presented() == 0; }));
  EXPECT_EQ(ErrorReason(Present(RequestFor("o1", "a.example.com")).status()), "RELEASED");
  host.SayGoodbye();
  EXPECT_TRUE(host.End().ok());
  EXPECT_TRUE(Eventually([&] { return !GetAgent("web1").attached(); }));
}

TEST_F(ServersTest, EverybodyHasTheirOwnCalls) {
  const auto bootstrap = CreateToken("web1", {".example.com"});
  ASSERT_TRUE(bootstrap.ok()) << bootstrap.status();
  {
    Host host(Edge(*bootstrap));
    EXPECT_EQ(ErrorReason(host.End()), "ROLE_NOT_ALLOWED");
  }
  const auto file = Enroll("web1", *bootstrap);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(ErrorReason(Enroll("web1", *bootstrap).status()), "TOKEN_USED");
  EXPECT_EQ(ErrorReason(Enroll("web1", *file).status()), "ROLE_NOT_ALLOWED");

  const auto plan = [&](const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    v1::PlanResponse response;
    v1::PlanRequest request;
    *request.add_names() = ToPlanned(*challenge::Name::Parse("a.example.com"));
    return rpc::FromGrpc(
        v1::PresentationService::NewStub(channel)->Plan(&context, request, &response));
  };
  EXPECT_TRUE(plan(Core(types::v1::ROLE_ISSUER)).ok());
  EXPECT_TRUE(plan(Core(types::v1::ROLE_AUDITOR)).ok());
  EXPECT_EQ(ErrorReason(plan(Core(types::v1::ROLE_VALIDATOR))), "ROLE_NOT_ALLOWED");
  // The other root, the other door.
  EXPECT_EQ(plan(Channel(servers_->ports()[0], *file)).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(plan(Edge(*file)).code(), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(plan(Edge(deployment_.WriteIdentity(types::v1::ROLE_ISSUER, "i"))).code(),
            absl::StatusCode::kUnavailable);

  grpc::ClientContext context;
  v1::PresentResponse response;
  EXPECT_EQ(ErrorReason(rpc::FromGrpc(
                v1::PresentationService::NewStub(Core(types::v1::ROLE_OPERATOR))
                    ->Present(&context, RequestFor("o1", "a.example.com"), &response))),
            "ROLE_NOT_ALLOWED");
  grpc::ClientContext context2;
  v1::RemoveAgentResponse removed;
  EXPECT_EQ(ErrorReason(rpc::FromGrpc(v1::AgentAdminService::NewStub(Core(types::v1::ROLE_AUDITOR))
                                          ->RemoveAgent(&context2, {}, &removed))),
            "ROLE_NOT_ALLOWED");
  grpc::ClientContext context3;
  v1::GetServerInfoResponse info;
  ASSERT_TRUE(v1::ServerInfoService::NewStub(Core(types::v1::ROLE_ISSUER))
                  ->GetServerInfo(&context3, {}, &info)
                  .ok());
  EXPECT_EQ(info.version(), "norroy-validator test");
  EXPECT_EQ(info.openssl_version().find("OpenSSL 3"), 0u);
}

TEST_F(ServersTest, AStreamBeginsWithOneGoodHello) {
  const std::string file = MakeAgent("web1");
  AttachRequest result;
  result.mutable_put_up_result()->set_presentation_id("o1");
  AttachRequest many = Host::Hello();
  for (int i = 0; i < 1001; ++i) many.mutable_hello()->add_scope("a");
  AttachRequest odd = Host::Hello();
  odd.mutable_hello()->add_presented()->set_presentation_id("O!");
  AttachRequest big = Host::Hello();
  big.mutable_hello()->set_boot_id(std::string(300 * 1024, 'b'));
  const struct {
    const char* what;
    std::vector<AttachRequest> messages;
    absl::StatusCode code;
    const char* reason;
  } cases[] = {
      {"none", {result}, absl::StatusCode::kInvalidArgument, "BAD_MESSAGE"},
      {"empty", {AttachRequest()}, absl::StatusCode::kInvalidArgument, "BAD_MESSAGE"},
      {"two", {Host::Hello(), Host::Hello()}, absl::StatusCode::kInvalidArgument, "BAD_MESSAGE"},
      {"too new", {Host::Hello(2, 3)}, absl::StatusCode::kFailedPrecondition, "PROTOCOL_MISMATCH"},
      {"no protocol",
       {Host::Hello(0, 0)},
       absl::StatusCode::kFailedPrecondition,
       "PROTOCOL_MISMATCH"},
      {"long list", {many}, absl::StatusCode::kInvalidArgument, "BAD_HELLO"},
      {"odd id", {odd}, absl::StatusCode::kInvalidArgument, "BAD_PRESENTATION"},
      {"too big", {big}, absl::StatusCode::kResourceExhausted, ""},
  };
  for (const auto& c : cases) {
    Host host(Edge(file));
    for (const AttachRequest& message : c.messages) host.Write(message);
    const absl::Status status = host.End();
    EXPECT_EQ(status.code(), c.code) << c.what << ": " << status;
    EXPECT_EQ(ErrorReason(status), c.reason) << c.what;
  }
  // A newer agent that still knows ours.
  Host host(Edge(file));
  EXPECT_TRUE(host.Write(Host::Hello(1, 9)));
  EXPECT_EQ(host.Read()->hello().protocol(), 1);
}

TEST_F(ServersTest, OperatorsSeeWhatAnAgentHasAndCounts) {
  Host host(Edge(MakeAgent("web1")));
  AttachRequest hello = Host::Hello();
  for (int i = 0; i < 40; ++i) {
    agent::v1::Presenter& presenter = *hello.mutable_hello()->add_presenters();
    presenter.set_name(absl::StrCat("rfc2136 z", i, "\x1b"));
    presenter.set_type(types::v1::CHALLENGE_TYPE_DNS_01);
    for (int z = 0; z < 140; ++z) presenter.add_zones(absl::StrCat("z", z, ".example"));
  }
  ASSERT_TRUE(host.Write(hello));
  ASSERT_TRUE(host.Read().has_value());
  AttachRequest counters;
  agent::v1::PresenterCounters& counted = *counters.mutable_counters()->add_presenters();
  counted.set_name("rfc2136 z1\x1b");
  counted.set_put_up(3);
  counted.set_failed(-1);
  counted.set_served(1);
  counted.set_last_error("SERVFAIL\n" + std::string(1000, 'x'));
  counted.mutable_last_error_time()->set_seconds(1770000000);
  (*counters.mutable_counters()->mutable_refused())["FOREIGN_ZONE"] = 2;
  ASSERT_TRUE(host.Write(counters));
  v1::Agent agent;
  EXPECT_TRUE(Eventually([&] {
    agent = GetAgent("web1");
    return !agent.refused().empty() && !agent.presenters().empty();
  }));
  ASSERT_EQ(agent.presenters_size(), 32);
  EXPECT_EQ(agent.presenters(1).name(), "rfc2136 z1\\x1b");
  EXPECT_EQ(agent.presenters(1).type(), types::v1::CHALLENGE_TYPE_DNS_01);
  EXPECT_EQ(agent.presenters(1).zones_size(), 100);
  EXPECT_EQ(agent.presenters(1).put_up(), 3);
  EXPECT_EQ(agent.presenters(1).failed(), 0);
  EXPECT_EQ(agent.presenters(1).served(), 1);
  EXPECT_LE(agent.presenters(1).last_error().size(), 256u + 3) << "cut, with dots";
  EXPECT_EQ(agent.presenters(1).last_error_time().seconds(), 1770000000);
  EXPECT_EQ(agent.presenters(0).put_up(), 0);
  EXPECT_EQ(agent.refused().at("FOREIGN_ZONE"), 2);
}

TEST_F(ServersTest, TheNewestStreamOfAnAgentCounts) {
  const std::string file = MakeAgent("web1");
  Host first(Edge(file));
  first.Greet();
  Host second(Edge(file));
  second.Greet();
  EXPECT_EQ(ErrorReason(first.End()), "SUPERSEDED");
  EXPECT_TRUE(GetAgent("web1").attached());
  ASSERT_TRUE(Present(RequestFor("o1", "a.example.com")).ok());
  EXPECT_TRUE(second.Read()->has_put_up());
}

TEST_F(ServersTest, ARemovedAgentIsOut) {
  const std::string file = MakeAgent("web1");
  Host host(Edge(file));
  host.Greet();
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  grpc::ClientContext context;
  v1::RemoveAgentRequest request;
  request.set_name("web1");
  v1::RemoveAgentResponse response;
  ASSERT_TRUE(admin_->RemoveAgent(&context, request, &response).ok());
  const absl::Status status = host.End();
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied) << status;
  EXPECT_EQ(ErrorReason(status), "AGENT_REMOVED");
  Host again(Edge(file));
  EXPECT_EQ(ErrorReason(again.End()), "AGENT_REMOVED");
}

// Before its hello there is no link that a removal could close: the stream's own look finds it.
TEST_F(ServersTest, AnOpenStreamIsLookedAtAgain) {
  Host host(Edge(MakeAgent("web1")));
  grpc::ClientContext context;
  v1::RemoveAgentRequest request;
  request.set_name("web1");
  v1::RemoveAgentResponse response;
  ASSERT_TRUE(admin_->RemoveAgent(&context, request, &response).ok());
  EXPECT_EQ(ErrorReason(host.End()), "AGENT_REMOVED");
}

TEST_F(ServersTest, AnAgentRenewsItsIdentity) {
  const std::string file = MakeAgent("web1");
  const PrivateKey key = *PrivateKey::Generate(crypto::KeyType::kP256);
  grpc::ClientContext context;
  v1::RenewIdentityRequest request;
  request.set_csr(*crypto::BuildCsr(key, {}));
  v1::RenewIdentityResponse response;
  const auto stub = v1::EnrollmentService::NewStub(Edge(file));
  ASSERT_TRUE(stub->RenewIdentity(&context, request, &response).ok());
  Host host(Edge(Write("renewed", key, response.certificate_chain())));
  host.Greet();
  EXPECT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
}

// An agent that takes nothing: the queue ends the stream, by force, as the peer does not read.
TEST_F(ServersTest, ADeafAgentIsCutOff) {
  Host host(Edge(MakeAgent("web1")));
  host.Greet();
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  for (int i = 0; i < 250; ++i) {
    ASSERT_TRUE(Present(BigRequestFor(absl::StrCat("o", i))).ok());
  }
  EXPECT_TRUE(Eventually([&] { return !GetAgent("web1").attached(); }));
}

TEST_F(ServersTest, StoppingEndsDespiteDeafAgentsAndHeldCalls) {
  Host deaf(Edge(MakeAgent("web1")));
  deaf.Greet();
  Host mute(Edge(MakeAgent("web2", {".example.org"})));
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(Present(BigRequestFor(absl::StrCat("o", i))).ok());
  }
  v1::PresentRequest request = BigRequestFor("o0");
  request.set_known_revision(Present(request)->revision());
  request.set_wait(true);
  std::thread held([&] { EXPECT_FALSE(Present(request).ok()); });
  const absl::Time start = absl::Now();
  servers_->Stop(absl::Milliseconds(100));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
  held.join();
  EXPECT_FALSE(mute.End().ok());
}

TEST_F(ServersTest, AgentsAreListedInPages) {
  for (const char* agent : {"c", "a", "b", "e", "d"}) {
    ASSERT_TRUE(CreateToken(agent, {"www.example.com"}).ok());
  }
  std::string names;
  v1::ListAgentsRequest request;
  request.set_page_size(2);
  int pages = 0;
  do {
    grpc::ClientContext context;
    v1::ListAgentsResponse response;
    ASSERT_TRUE(admin_->ListAgents(&context, request, &response).ok());
    for (const v1::Agent& agent : response.agents()) names += agent.name();
    request.set_page_token(response.next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(names, "abcde");
  EXPECT_EQ(pages, 3);
  for (const int bad : {0, 1}) {
    grpc::ClientContext context;
    v1::ListAgentsResponse response;
    request.set_page_size(bad == 0 ? -1 : 1);
    request.set_page_token(bad == 0 ? "" : "not a name");
    EXPECT_EQ(admin_->ListAgents(&context, request, &response).error_code(),
              grpc::INVALID_ARGUMENT);
  }
}

TEST_F(ServersTest, BadTokenRequestsSayWhere) {
  const struct {
    const char* pattern;
    const char* error;
  } cases[] = {{".", "grants[0]: pattern"}, {"not a pattern", "grants[0]"}};
  for (const auto& c : cases) {
    const absl::Status status = CreateToken("web1", {c.pattern}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(std::string(status.message()).find(c.error), std::string::npos) << status;
  }
  const std::vector<std::string> many(101, "a.example.com");
  EXPECT_EQ(CreateToken("web1", many).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(CreateToken("web1", std::vector<std::string>(100, "a.example.com")).ok());
}

}  // namespace
}  // namespace norroy::validator
