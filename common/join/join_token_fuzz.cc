// A join token's text either reads into a token that writes the same text, or is refused with
// BAD_JOIN_TOKEN and the like: see join_token.h. The input is a text, or 'b' and a body, to which
// the text is made.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/check.h"
#include "common/crypto/encoding.h"
#include "common/error/error.h"
#include "common/join/join_token.h"
#include "common/join/join_token.pb.h"
#include "tests/fuzz/proto_mutator.h"

namespace {

using norroy::join::JoinToken;
using norroy::join::v1::JoinTokenBody;

// As join_token.h shows it.
std::string TextOf(const JoinTokenBody& body) {
  return absl::StrCat(
      "norroy join token v1\ndeployment: ", body.deployment(), "\nagent: ", body.agent_name(),
      "\nvalidators: ", absl::StrJoin(body.validators(), " "),
      "\ncore root sha256: ", norroy::crypto::Hex(norroy::crypto::Sha256(body.core_root())),
      "\nexpires: ",
      absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(body.expire_unix_seconds()),
                       absl::UTCTimeZone()),
      "\n", norroy::crypto::PemEncode("NORROY JOIN TOKEN", body.SerializeAsString()));
}

void CheckToken(const JoinToken& token) {
  NORROY_CHECK(!token.validators.empty() &&
               token.validators.size() <= static_cast<size_t>(norroy::join::kMaxValidators));
  for (const std::string& address : token.validators) {
    NORROY_CHECK(norroy::join::CheckValidatorAddress(address).ok());
    NORROY_CHECK(address.find_first_of("/ \n") == std::string::npos);
  }
#ifdef PLANTED
  NORROY_CHECK(token.validators.size() < 3);
#endif
  NORROY_CHECK(token.token_id.size() == 32 && token.core_root_sha256().size() == 64);
  NORROY_CHECK(token.bootstrap.chain.front().spki_der() ==
               token.bootstrap.key.public_key().spki_der());
}

void Check(absl::string_view text) {
  const auto token = norroy::join::ParseJoinToken(text);
  if (!token.ok()) {
    NORROY_CHECK(token.status().code() == absl::StatusCode::kInvalidArgument);
    NORROY_CHECK(!norroy::ErrorReason(token.status()).empty());
    return;
  }
  CheckToken(*token);
  const auto written = norroy::join::SerializeJoinToken(*token);
  NORROY_CHECK(written.ok());
  if (written->Expose() == text) return;
  const auto again = norroy::join::ParseJoinToken(written->Expose());
  NORROY_CHECK(again.ok());
  NORROY_CHECK(norroy::join::SerializeJoinToken(*again)->Expose() == written->Expose());
}

}  // namespace

// libFuzzer's; a replay without it never asks for mutations.
extern "C" __attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t* data, size_t size,
                                                         size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  JoinTokenBody body;
  const bool parses = size > 1 && data[0] == 'b' && seed % 4 != 0 &&
                      body.ParseFromArray(data + 1, static_cast<int>(size - 1));
  if (!parses) return LLVMFuzzerMutate(data, size, max_size);
  norroy::fuzz::MutateOneField(body, seed);
  const std::string bytes = "b" + body.SerializeAsString();
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::copy(bytes.begin(), bytes.end(), data);
  return bytes.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0 && data[0] == 'b') {
    JoinTokenBody body;
    if (!body.ParseFromArray(data + 1, static_cast<int>(size - 1))) return 0;
    Check(TextOf(body));
    return 0;
  }
  Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
