#include "issuer/policy/registered_domain.h"

#include <libpsl.h>

#include <set>

namespace norroy::policy {
namespace {

const psl_ctx_t* Suffixes() {
  // For the life of the process: it is read by all threads and never changes.
  static const psl_ctx_t* const list = psl_latest(nullptr);
  return list;
}

}  // namespace

std::string RegisteredDomain(const challenge::Identifier& identifier) {
  const std::string& name = identifier.value();
  if (identifier.type() == challenge::IdentifierType::kIp) return name;
  // Names are lower-case A-labels already, as the library wants them. Null: a suffix, or no list.
  const char* const domain = psl_registrable_domain(Suffixes(), name.c_str());
  return domain == nullptr ? name : domain;
}

std::vector<std::string> RegisteredDomains(const std::vector<challenge::Name>& names) {
  std::set<std::string> domains;
  for (const challenge::Name& name : names) domains.insert(RegisteredDomain(name.identifier()));
  return {domains.begin(), domains.end()};
}

}  // namespace norroy::policy
