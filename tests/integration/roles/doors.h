#ifndef NORROY_TESTS_INTEGRATION_ROLES_DOORS_H_
#define NORROY_TESTS_INTEGRATION_ROLES_DOORS_H_

// Which rpc is behind which listener, and for whom.

#include <google/protobuf/descriptor.h>

#include <string>

#include "common/identity/identity.h"
#include "tests/integration/roles/world.h"

namespace norroy::roles {

bool IsServed(const google::protobuf::MethodDescriptor& method, const Listener& listener);
// As the rpc's `access` option says.
bool IsCaller(const google::protobuf::MethodDescriptor& method, identity::Role role);
// "/norroy.issuer.v1.OrderService/GetOrder"
std::string PathOf(const google::protobuf::MethodDescriptor& method);

}  // namespace norroy::roles

#endif  // NORROY_TESTS_INTEGRATION_ROLES_DOORS_H_
