// What the listener answers to any request: the answer of exactly that path, for exactly that host,
// or nothing. No part of a request finds its way into an answer.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "agent/presenter/http/http_request.h"
#include "agent/presenter/http/http_table.h"
#include "common/challenge/proof.h"
#include "common/check.h"

namespace {

using norroy::agent::HttpParse;
using norroy::agent::HttpTable;
using norroy::challenge::Proof;
using norroy::challenge::Token;

constexpr char kAnyHost[] = "any.example.com";

Proof ProofOf(const std::string& name, const std::string& token) {
  const Token parsed = *Token::Parse(token);
  return {.name = *norroy::challenge::Name::Parse(name),
          .type = norroy::challenge::ChallengeType::kHttp01,
          .token = parsed,
          .key_authorization =
              *norroy::challenge::KeyAuthorization::Make(parsed, std::string(43, 'k'))};
}

const std::vector<Proof>& Proofs() {
  static const auto* const proofs = new std::vector<Proof>{
      ProofOf("www.example.com", "token-1"), ProofOf("b.example.com", "token-2"),
      ProofOf("192.0.2.7", "token-3"), ProofOf("2001:db8::7", "token-4")};
  return *proofs;
}

HttpTable& Table() {
  static HttpTable* const table = [] {
    auto* made = new HttpTable({.accept_hosts = {kAnyHost}});
    for (const Proof& proof : Proofs()) NORROY_CHECK(made->Add(proof).ok());
    return made;
  }();
  return *table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const HttpParse parse = norroy::agent::ParseHttpRequest(bytes);
  if (parse.state != norroy::agent::HttpParseState::kComplete) return 0;
  const std::string& host = parse.request.host;
  const std::optional<std::string> answer = Table().Find(host, parse.request.path);
  std::optional<std::string> expected;
  for (const Proof& proof : Proofs()) {
    if (parse.request.path != proof.http_path()) continue;
    if (host == proof.name.text() || host == kAnyHost) expected = proof.key_authorization.value();
  }
#ifdef PLANTED
  if (host == kAnyHost && parse.request.path == Proofs()[2].http_path()) expected.reset();
#endif
  NORROY_CHECK(answer == expected);
  return 0;
}
