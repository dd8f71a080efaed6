// Grants, bans, copied identities and what an agent exposes: the whole validator over mTLS, by real
// clients with real certificates.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/audit/chain.h"
#include "common/crypto/csr.h"
#include "common/error/error.h"
#include "common/identity/issuing.h"
#include "common/log/log.h"
#include "common/rpc/status.h"
#include "validator/service/servers_fixture.h"

namespace norroy::validator {
namespace {

// Who an operator trusts with what.
class TrustTest : public ServersTest {
 protected:
  absl::StatusOr<v1::Agent> Ban(const std::string& name, const std::string& reason,
                                bool lift = false) {
    grpc::ClientContext context;
    v1::BanAgentRequest request;
    request.set_name(name);
    request.set_reason(reason);
    request.set_lift(lift);
    v1::BanAgentResponse response;
    const absl::Status status = rpc::FromGrpc(admin_->BanAgent(&context, request, &response));
    if (!status.ok()) return status;
    return response.agent();
  }
  absl::StatusOr<v1::Agent> SetGrants(const std::string& name, const std::string& pattern,
                                      int64_t expected_version = 0) {
    grpc::ClientContext context;
    v1::SetAgentGrantsRequest request;
    request.set_name(name);
    v1::ChallengeGrant* grant = request.add_grants();
    grant->add_patterns(pattern);
    grant->add_types(types::v1::CHALLENGE_TYPE_HTTP_01);
    request.set_expected_version(expected_version);
    v1::SetAgentGrantsResponse response;
    const absl::Status status = rpc::FromGrpc(admin_->SetAgentGrants(&context, request, &response));
    if (!status.ok()) return status;
    return response.agent();
  }
  absl::StatusOr<v1::GetBlastRadiusResponse> BlastRadius(const std::string& name,
                                                         const std::vector<std::string>& names) {
    grpc::ClientContext context;
    v1::GetBlastRadiusRequest request;
    request.set_name(name);
    for (const std::string& one : names) request.add_names(one);
    v1::GetBlastRadiusResponse response;
    const absl::Status status = rpc::FromGrpc(admin_->GetBlastRadius(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  void Remove(const std::string& name) {
    grpc::ClientContext context;
    v1::RemoveAgentRequest request;
    request.set_name(name);
    v1::RemoveAgentResponse response;
    EXPECT_TRUE(admin_->RemoveAgent(&context, request, &response).ok());
  }
  absl::Status Renew(const std::string& identity_file) {
    grpc::ClientContext context;
    v1::RenewIdentityRequest request;
    request.set_csr(*crypto::BuildCsr(*PrivateKey::Generate(crypto::KeyType::kP256), {}));
    v1::RenewIdentityResponse response;
    return rpc::FromGrpc(v1::EnrollmentService::NewStub(Edge(identity_file))
                             ->RenewIdentity(&context, request, &response));
  }
  // How a new stream ends, if it does at once.
  std::string Attach(const std::string& identity_file) {
    Host host(Edge(identity_file));
    return ErrorReason(host.End());
  }
  // The agent's file, kept when the name is enrolled again.
  std::string Keep(const std::string& file) {
    const std::string kept = file + ".old";
    std::filesystem::copy_file(file, kept);
    return kept;
  }
  // "agent.ban ok: stolen", of this agent, oldest first.
  std::vector<std::string> Audit(const std::string& agent) {
    std::vector<std::string> lines;
    const absl::Status read = database_->Read([&](sql::Connection& connection) -> absl::Status {
      const auto records =
          audit::List(connection, {.object = "agent/" + agent}, true, nullptr, 1000);
      if (!records.ok()) return records.status();
      for (const audit::Record& record : *records) {
        lines.push_back(absl::StrCat(record.entry.principal, " ", record.entry.action, " ",
                                     record.entry.outcome));
      }
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return lines;
  }
};

TEST_F(TrustTest, ABanEndsAnOpenStreamAndEveryCall) {
  const std::string file = MakeAgent("web1");
  Host host(Edge(file));
  host.Greet();
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  EXPECT_EQ(Ban("web1", "").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Ban("web1", std::string(201, 'x')).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(Ban("web9", "a slip").status()), "AGENT_NOT_FOUND");

  const absl::Time start = absl::Now();
  const auto banned = Ban("web1", "stolen \x1b[2J");
  ASSERT_TRUE(banned.ok()) << banned.status();
  EXPECT_EQ(banned->state(), v1::AGENT_STATE_BANNED);
  EXPECT_EQ(banned->ban_reason(), "stolen \\x1b[2J");
  const absl::Status ended = host.End();
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(ended.code(), absl::StatusCode::kPermissionDenied) << ended;
  EXPECT_EQ(ErrorReason(ended), "AGENT_BANNED");
  EXPECT_FALSE(host.Write(AttachRequest()));
  EXPECT_EQ(Attach(file), "AGENT_BANNED");
  EXPECT_EQ(ErrorReason(Renew(file)), "AGENT_BANNED");
  EXPECT_EQ(ErrorReason(CreateToken("web1", {".example.com"}).status()), "AGENT_BANNED");

  // Removed meanwhile, it is still shown as banned, and lifting brings it not back.
  Remove("web1");
  EXPECT_EQ(GetAgent("web1").state(), v1::AGENT_STATE_REMOVED);
  EXPECT_EQ(GetAgent("web1").ban_reason(), "stolen \\x1b[2J");
  EXPECT_EQ(Attach(file), "AGENT_BANNED");
  const auto lifted = Ban("web1", "it was found", true);
  ASSERT_TRUE(lifted.ok()) << lifted.status();
  EXPECT_EQ(lifted->state(), v1::AGENT_STATE_REMOVED);
  EXPECT_EQ(ErrorReason(Ban("web1", "", true).status()), "NOT_BANNED");
  EXPECT_EQ(Attach(file), "AGENT_REMOVED");
}

// Before its hello there is no link that a ban could close: the stream's own look finds it.
TEST_F(TrustTest, ABanFindsASilentStream) {
  Host host(Edge(MakeAgent("web1")));
  const absl::Time start = absl::Now();
  ASSERT_TRUE(Ban("web1", "stolen").ok());
  EXPECT_EQ(ErrorReason(host.End()), "AGENT_BANNED");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST_F(TrustTest, ABanHoldsForABootstrapCertificateToo) {
  const auto bootstrap = CreateToken("web1", {".example.com"});
  ASSERT_TRUE(bootstrap.ok()) << bootstrap.status();
  ASSERT_TRUE(Ban("web1", "wrong host").ok());
  EXPECT_EQ(GetAgent("web1").state(), v1::AGENT_STATE_INVITED);
  EXPECT_EQ(ErrorReason(Enroll("web1", *bootstrap).status()), "AGENT_BANNED");
  ASSERT_TRUE(Ban("web1", "", true).ok());
  EXPECT_TRUE(Enroll("web1", *bootstrap).ok());
}

TEST_F(TrustTest, ANameEnrolledAgainNeverRevivesAnOldIdentity) {
  const std::string old_file = Keep(MakeAgent("web1"));
  const std::string old_bootstrap = Keep(deployment_.directory() + "/bootstrap-web1.pem");
  Remove("web1");
  const std::string file = MakeAgent("web1");
  EXPECT_EQ(Attach(old_file), "AGENT_REMOVED");
  EXPECT_EQ(ErrorReason(Renew(old_file)), "AGENT_REMOVED");
  EXPECT_EQ(ErrorReason(Enroll("web1", old_bootstrap).status()), "TOKEN_USED");
  Host host(Edge(file));
  host.Greet();
  EXPECT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  EXPECT_TRUE(Renew(file).ok());
  // Not after a restart either: who is enrolled is in the store.
  const auto registry = Registry::Load(*store_);
  ASSERT_TRUE(registry.ok());
  const auto old_chain = identity::ReadIdentityFile(old_file);
  ASSERT_TRUE(old_chain.ok()) << old_chain.status();
  const auto old_identity = identity::Identity::OfCertificate(old_chain->chain[0]);
  ASSERT_TRUE(old_identity.ok()) << old_identity.status();
  EXPECT_EQ(ErrorReason((*registry)->Admit(*old_identity)), "AGENT_REMOVED");
}

TEST_F(TrustTest, GrantsAreSetListedAndTakeEffectAtOnce) {
  Host host(Edge(MakeAgent("web1")));
  host.Greet();
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
  ASSERT_TRUE(Present(RequestFor("o1", "a.example.com")).ok());
  const auto put_up = host.Read();
  ASSERT_TRUE(put_up.has_value() && put_up->has_put_up());
  host.Serve(put_up->put_up());
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").presented() == 1; }));

  EXPECT_EQ(ErrorReason(SetGrants("web1", ".example.org", 7).status()), "VERSION_MISMATCH");
  EXPECT_EQ(SetGrants("web1", ".").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ErrorReason(SetGrants("web9", ".example.org").status()), "AGENT_NOT_FOUND");
  const auto set = SetGrants("web1", ".example.org", 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->grants_version(), 2);
  const auto take_down = host.Read();
  ASSERT_TRUE(take_down.has_value() && take_down->has_take_down());
  EXPECT_EQ(take_down->take_down().presentation_id(), "o1");
  EXPECT_EQ(GetAgent("web1").presented(), 0);

  ASSERT_TRUE(SetGrants("web1", ".example.net").ok());
  std::string versions;
  v1::ListAgentGrantsRequest request;
  request.set_name("web1");
  request.set_page_size(2);
  do {
    grpc::ClientContext context;
    v1::ListAgentGrantsResponse response;
    ASSERT_TRUE(admin_->ListAgentGrants(&context, request, &response).ok());
    for (const v1::AgentGrants& version : response.versions()) {
      absl::StrAppend(&versions, version.version(), " ", version.grants(0).patterns(0), " ",
                      version.creator(), "; ");
      EXPECT_EQ(version.enrollment_id(), set->enrollment_id());
    }
    request.set_page_token(response.next_page_token());
    absl::StrAppend(&versions, "| ");
  } while (!request.page_token().empty());
  EXPECT_EQ(versions,
            "3 .example.net operator/somebody; 2 .example.org operator/somebody; | 1 .example.com "
            "operator/somebody; | ");
  for (const char* bad : {"x", "0", "-1"}) {
    grpc::ClientContext context;
    v1::ListAgentGrantsResponse response;
    request.set_page_token(bad);
    EXPECT_EQ(admin_->ListAgentGrants(&context, request, &response).error_code(),
              grpc::INVALID_ARGUMENT);
  }
  grpc::ClientContext context;
  v1::ListAgentGrantsResponse response;
  request.set_name("web9");
  request.clear_page_token();
  EXPECT_EQ(admin_->ListAgentGrants(&context, request, &response).error_code(), grpc::NOT_FOUND);
}

TEST_F(TrustTest, AnAuditorSeesAndChangesNothing) {
  MakeAgent("web1");
  const auto auditor = v1::AgentAdminService::NewStub(Core(types::v1::ROLE_AUDITOR));
  v1::ListAgentGrantsRequest list;
  list.set_name("web1");
  v1::ListAgentGrantsResponse listed;
  grpc::ClientContext contexts[4];
  EXPECT_TRUE(auditor->ListAgentGrants(&contexts[0], list, &listed).ok());
  v1::GetBlastRadiusRequest blast;
  blast.set_name("web1");
  v1::GetBlastRadiusResponse radius;
  EXPECT_TRUE(auditor->GetBlastRadius(&contexts[1], blast, &radius).ok());
  v1::BanAgentResponse banned;
  EXPECT_EQ(ErrorReason(rpc::FromGrpc(auditor->BanAgent(&contexts[2], {}, &banned))),
            "ROLE_NOT_ALLOWED");
  v1::SetAgentGrantsResponse set;
  EXPECT_EQ(ErrorReason(rpc::FromGrpc(auditor->SetAgentGrants(&contexts[3], {}, &set))),
            "ROLE_NOT_ALLOWED");
}

// Two machines with one identity take the stream from one another.
TEST_F(TrustTest, ACopiedIdentityIsFlagged) {
  const std::string file = MakeAgent("web1");
  const auto attach = [&](const std::string& boot_id) {
    auto host = std::make_unique<Host>(Edge(file));
    AttachRequest hello = Host::Hello();
    hello.mutable_hello()->set_boot_id(boot_id);
    EXPECT_TRUE(host->Write(hello));
    EXPECT_TRUE(host->Read().has_value());
    return host;
  };
  // A restart, seen before the old stream is known to be gone.
  const auto first = attach("A");
  const auto second = attach("B");
  EXPECT_EQ(ErrorReason(first->End()), "SUPERSEDED");
  const auto again = attach("B");
  EXPECT_FALSE(GetAgent("web1").has_duplicate_time());
  const auto back = attach("A");
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").has_duplicate_time(); }));
  EXPECT_EQ(GetAgent("web1").duplicate_peers_size(), 2);
  EXPECT_EQ(GetAgent("web1").state(), v1::AGENT_STATE_ENROLLED);
  EXPECT_TRUE(Eventually([&] {
    const auto lines = Audit("web1");
    return std::count(lines.begin(), lines.end(), "agent/web1 agent.duplicate ok") == 1;
  }));
}

TEST_F(TrustTest, WhatAnAgentSaysOfItselfIsEscapedAndCapped) {
  Host host(Edge(MakeAgent("web1")));
  AttachRequest hello = Host::Hello();
  hello.mutable_hello()->set_version("1\x1b[31m\n\u202Eevil" + std::string(1000, 'v'));
  hello.mutable_hello()->add_scope("\u2066.example.com\r" + std::string(1000, 's'));
  agent::v1::Presenter& presenter = *hello.mutable_hello()->add_presenters();
  presenter.set_type(types::v1::CHALLENGE_TYPE_DNS_01);
  presenter.set_name("rfc2136\x07\u202B" + std::string(1000, 'p'));
  presenter.add_zones("zone\n\u200F" + std::string(1000, 'z'));
  std::vector<std::string> logged;
  Mutex mutex;
  log::SetSink([&](absl::string_view line) {
    MutexLock lock(&mutex);
    logged.emplace_back(line);
  });
  ASSERT_TRUE(host.Write(hello));
  ASSERT_TRUE(host.Read().has_value());
  EXPECT_TRUE(Eventually([&] { return !GetAgent("web1").version().empty(); }));
  log::SetSink({});
  const v1::Agent agent = GetAgent("web1");
  EXPECT_EQ(agent.version().find("1\\x1b[31m\\x0a\\xe2\\x80\\xaeevil"), 0u);
  EXPECT_LE(agent.version().size(), 64u + 3);
  EXPECT_LE(agent.scope(1).size(), 260u + 3);
  EXPECT_LE(agent.presenters(0).name().size(), 300u + 3);
  EXPECT_LE(agent.presenters(0).zones(0).size(), 260u + 3);
  MutexLock lock(&mutex);
  EXPECT_FALSE(logged.empty());
  logged.push_back(agent.ShortDebugString());
  for (const std::string& line : logged) {
    for (const char* control :
         {"\x1b", "\n", "\r", "\x07", "\u202E", "\u202B", "\u2066", "\u200F"}) {
      EXPECT_EQ(line.find(control), std::string::npos) << line;
    }
  }
}

TEST_F(TrustTest, WhatRootOnAHostCouldDo) {
  Host host(Edge(MakeAgent("web1", {".example.com"})));
  AttachRequest hello = Host::Hello();
  agent::v1::Presenter& presenter = *hello.mutable_hello()->add_presenters();
  presenter.set_name("rfc2136 dyn.example.org");
  presenter.set_type(types::v1::CHALLENGE_TYPE_DNS_01);
  presenter.add_zones("dyn.example.org");
  ASSERT_TRUE(host.Write(hello));
  ASSERT_TRUE(Eventually([&] { return GetAgent("web1").presenters_size() == 1; }));
  // Without a resolver what needs one is said.
  const auto radius =
      BlastRadius("web1", {"a.example.com", "x.dyn.example.org", "b.example.net", "192.0.2.1"});
  ASSERT_TRUE(radius.ok()) << radius.status();
  EXPECT_EQ(radius->grants(0).patterns(0), ".example.com");
  EXPECT_EQ(radius->scope(0), ".example.com");
  EXPECT_EQ(radius->zones(0), "dyn.example.org");
  std::string names;
  for (const v1::ExposedName& name : radius->names()) {
    absl::StrAppend(&names, name.name(), " ", name.how(), " ", name.owner(), "; ");
  }
  EXPECT_EQ(names,
            "a.example.com grant ; a.example.com unknown ; x.dyn.example.org zone "
            "_acme-challenge.x.dyn.example.org; b.example.net unknown ; ");
  EXPECT_EQ(ErrorReason(BlastRadius("web9", {}).status()), "AGENT_NOT_FOUND");
  EXPECT_EQ(BlastRadius("web1", {"not a name"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(BlastRadius("web1", std::vector<std::string>(1001, "a.example.com")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(TrustTest, TheAuditLogTellsAnAgentsStory) {
  const std::string file = MakeAgent("web1");
  {
    Host host(Edge(file));
    host.Greet();
    ASSERT_TRUE(Eventually([&] { return GetAgent("web1").attached(); }));
    host.SayGoodbye();
    EXPECT_TRUE(host.End().ok());
  }
  ASSERT_TRUE(Eventually([&] { return Audit("web1").size() == 4; }));
  ASSERT_TRUE(SetGrants("web1", ".example.org").ok());
  EXPECT_TRUE(Renew(file).ok());
  grpc::ClientContext context;
  v1::DrainAgentRequest drain;
  drain.set_name("web1");
  drain.set_drained(true);
  v1::DrainAgentResponse drained;
  ASSERT_TRUE(admin_->DrainAgent(&context, drain, &drained).ok());
  ASSERT_TRUE(Ban("web1", "stolen").ok());
  ASSERT_TRUE(Ban("web1", "found", true).ok());
  Remove("web1");
  EXPECT_EQ(absl::StrJoin(Audit("web1"), "\n"),
            "operator/somebody agent.invite ok\n"
            "bootstrap/web1 agent.enroll ok\n"
            "agent/web1 agent.attach ok\n"
            "agent/web1 agent.detach ok\n"
            "operator/somebody agent.set_grants ok\n"
            "agent/web1 agent.renew ok\n"
            "operator/somebody agent.drain ok\n"
            "operator/somebody agent.ban ok\n"
            "operator/somebody agent.unban ok\n"
            "operator/somebody agent.remove ok");
}

}  // namespace
}  // namespace norroy::validator
