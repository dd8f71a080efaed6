#ifndef NORROY_ISSUER_ACME_HOSTILE_JSON_H_
#define NORROY_ISSUER_ACME_HOSTILE_JSON_H_

// Bodies that are no object of the CA's, for the tests of every parser.

#include <string>
#include <vector>

namespace norroy::acme {

struct HostileJson {
  std::string name;
  std::string text;
};

std::vector<HostileJson> HostileJsonTable();

}  // namespace norroy::acme

#endif  // NORROY_ISSUER_ACME_HOSTILE_JSON_H_
