#include "tests/bench/bare_loop.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "common/challenge/proof.h"
#include "common/http/curl_client.h"
#include "tests/bench/need.h"

namespace norroy::bench {

Responder::Responder(int port) {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  NORROY_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
  NORROY_CHECK(listen(fd_, 1024) == 0);
  thread_ = std::thread([this] { Serve(); });
}

Responder::~Responder() {
  shutdown(fd_, SHUT_RDWR);
  thread_.join();
  close(fd_);
}

void Responder::Put(const std::string& path, const std::string& body) {
  MutexLock lock(&mutex_);
  bodies_[path] = body;
}

void Responder::Serve() {
  while (true) {
    const int peer = accept(fd_, nullptr, nullptr);
    if (peer < 0) return;
    char buffer[2048];
    const ssize_t n = read(peer, buffer, sizeof(buffer));
    const std::vector<std::string> words =
        absl::StrSplit(absl::string_view(buffer, n < 0 ? 0 : static_cast<size_t>(n)), ' ');
    std::string body;
    if (words.size() > 1) {
      MutexLock lock(&mutex_);
      body = bodies_[words[1]];
    }
    const std::string reply = absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", body.size(),
                                           "\r\nConnection: close\r\n\r\n", body);
    if (write(peer, reply.data(), reply.size()) < 0) std::perror("write");
    close(peer);
  }
}

BareLoop::BareLoop(const harness::CaPlace& ca, Responder& responder) : responder_(responder) {
  http_ = Need(http::NewCurlClient({.root_file = ca.tls_root_file, .user_agent = "bench"}));
  signer_ = crypto::NewKeySigner(Need(crypto::PrivateKey::Generate(crypto::KeyType::kP256)));
  acme::ClientOptions options;
  options.directory_url = ca.directory_url;
  client_ = Need(acme::Client::Make(options, *http_, *signer_, clock_, random_));
  client_->SetAccountUrl(Need(client_->CreateAccount({.terms_of_service_agreed = true})).url);
  directory_ = Need(client_->GetDirectory());
}

acme::Order BareLoop::Order(const std::vector<std::string>& names) {
  acme::Order order = Need(client_->NewOrder(Need(challenge::ParseNames(names)), ""));
  if (order.status == acme::OrderStatus::kReady) return order;
  for (const std::string& url : order.authorizations) Prove(url);
  return order;
}

void BareLoop::Prove(const std::vector<std::string>& names) { Order(names); }

absl::Duration BareLoop::Issue(const std::vector<std::string>& names) {
  return Issue(names, CsrFor(names));
}

absl::Duration BareLoop::Issue(const std::vector<std::string>& names, const std::string& csr) {
  const absl::Time begin = absl::Now();
  acme::Order order = Need(client_->Finalize(Order(names), csr));
  while (order.status == acme::OrderStatus::kProcessing) order = Need(client_->GetOrder(order.url));
  NORROY_CHECK(order.status == acme::OrderStatus::kValid);
  NORROY_CHECK(!Need(client_->DownloadCertificate(order.certificate)).empty());
  return absl::Now() - begin;
}

void BareLoop::Prove(const std::string& authorization_url) {
  acme::Authorization authorization = Need(client_->GetAuthorization(authorization_url));
  if (authorization.status == acme::AuthorizationStatus::kValid) return;
  for (const acme::Challenge& challenge : authorization.challenges) {
    if (challenge.type != challenge::ChallengeType::kHttp01) continue;
    const auto proof =
        Need(challenge::KeyAuthorization::Make(challenge.token, client_->Thumbprint()));
    responder_.Put("/.well-known/acme-challenge/" + challenge.token.value(), proof.value());
    NORROY_CHECK(client_->RespondToChallenge(challenge.url).ok());
  }
  while (authorization.status == acme::AuthorizationStatus::kPending) {
    authorization = Need(client_->GetAuthorization(authorization_url));
  }
  NORROY_CHECK(authorization.status == acme::AuthorizationStatus::kValid);
}

absl::Duration BareLoop::Head() {
  const absl::Time begin = absl::Now();
  http::Request request;
  request.method = "HEAD";
  request.url = directory_.new_nonce;
  Need(http_->Send(request));
  return absl::Now() - begin;
}

}  // namespace norroy::bench
