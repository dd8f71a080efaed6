// Nonces in any order of calls: none is given out twice, those given out are the newest, and there
// are never more than the pool says. The input is a program: p puts the a-th of 64 nonces, c claims
// it, t takes one, x clears; q puts what is no nonce.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/check.h"
#include "issuer/acme/nonce_pool.h"
#include "tests/fuzz/program.h"

namespace {

using norroy::acme::Nonce;
using norroy::acme::NoncePool;
using norroy::fuzz::Operation;

constexpr char kVerbs[] = "pctxq";
constexpr size_t kMaxOperations = 200;

// What the pool promises, in the plainest way; fewer nonces come than it remembers.
struct Model {
  std::deque<std::string> kept;
  std::set<std::string> seen;
  std::set<std::string> given;
};

std::string NonceOf(const Operation& operation) {
  return absl::StrCat("nonce-", operation.a, "_", operation.b % 4);
}

void Give(Model& model, const std::optional<Nonce>& nonce) {
  if (!nonce.has_value()) return;
  NORROY_CHECK(model.given.insert(nonce->value()).second);
}

void Put(Model& model, NoncePool& pool, const std::string& value) {
  pool.Put(value);
  if (!model.seen.insert(value).second) return;
  model.kept.push_back(value);
  if (model.kept.size() > NoncePool::kMaxNonces) model.kept.pop_front();
}

void Do(const Operation& operation, Model& model, NoncePool& pool) {
  static const std::string kBad[] = {"", "a b", "a=", "a\n", "\xc3\xa9", std::string(513, 'a')};
  const std::string value = NonceOf(operation);
  switch (operation.verb) {
    case 'p':
      return Put(model, pool, value);
    case 'c': {
      const std::optional<Nonce> claimed = pool.Claim(value);
      NORROY_CHECK(claimed.has_value() == model.seen.insert(value).second);
      return Give(model, claimed);
    }
    case 't': {
      const std::optional<Nonce> taken = pool.Take();
      NORROY_CHECK(taken.has_value() == !model.kept.empty());
      if (!taken.has_value()) return;
      NORROY_CHECK(taken->value() == model.kept.back());
      model.kept.pop_back();
      return Give(model, taken);
    }
    case 'x':
      pool.Clear();
      return model.kept.clear();
    default:
      pool.Put(kBad[operation.a % 6]);
      NORROY_CHECK(!pool.Claim(kBad[operation.b % 6]).has_value());
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  return norroy::fuzz::MutateProgramInput(data, size, max_size, seed, kVerbs, kMaxOperations);
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  NoncePool pool;
  Model model;
  for (const Operation& operation : norroy::fuzz::ReadProgram(text, kVerbs, kMaxOperations)) {
    Do(operation, model, pool);
#ifdef PLANTED
    // One that was put, given out, claimed in vain and then put once more is forgotten by the
    // model.
    if (operation.verb == 'c' && model.given.size() == 3 && model.kept.size() == 2) {
      model.seen.erase(NonceOf(operation));
    }
#endif
    NORROY_CHECK(pool.size() == model.kept.size());
  }
  return 0;
}
