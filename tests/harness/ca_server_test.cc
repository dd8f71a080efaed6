#include "tests/harness/ca_server.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "common/http/curl_client.h"
#include "common/sync/mutex.h"

namespace norroy::harness {
namespace {

constexpr int kClients = 8;
constexpr int kEach = 40;

TEST(CaServer, AnswersManyAtOnceAndWritesDownEachRequest) {
  const auto ca = CaServer::Start(TempDir("ca"), {});
  const CaPlace place = ca->place();
  const auto client = http::NewCurlClient({.root_file = place.tls_root_file, .user_agent = "test"});
  ASSERT_TRUE(client.ok()) << client.status();
  const std::string base = place.directory_url.substr(0, place.directory_url.rfind('/'));
  Mutex mutex;
  std::set<std::string> nonces;
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        const auto reply = (*client)->Send(
            {.method = "HEAD", .url = base + "/v1/new-nonce", .headers = {{"User-Agent", "test"}}});
        ASSERT_TRUE(reply.ok()) << reply.status();
        EXPECT_EQ(reply->status, 200);
        MutexLock lock(&mutex);
        nonces.insert(reply->Header("Replay-Nonce"));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(nonces.size(), static_cast<size_t>(kClients * kEach));
  EXPECT_EQ(ca->Count("newNonce"), kClients * kEach);
  EXPECT_EQ(ca->Requests().front().status, 200);
}

TEST(CaServer, TellsWhatItFoundWrong) {
  const auto ca = CaServer::Start(TempDir("ca"), {});
  EXPECT_TRUE(ca->Record().violations.empty());
  const CaPlace place = ca->place();
  const Output posted =
      RunProgram({"curl", "-s", "--cacert", place.tls_root_file, "-d", "x", place.directory_url});
  EXPECT_EQ(posted.code, 0) << posted.err;
  const CaRecord record = ca->Record();
  EXPECT_EQ(record.violations.size(), 1u);
  EXPECT_TRUE(record.orders.empty());
  EXPECT_NE(record.root_pem, "");
  ca->Change(R"({"nonce_rejection_percent": 50})");
}

}  // namespace
}  // namespace norroy::harness
