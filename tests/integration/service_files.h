#ifndef NORROY_TESTS_INTEGRATION_SERVICE_FILES_H_
#define NORROY_TESTS_INTEGRATION_SERVICE_FILES_H_

#include <google/protobuf/descriptor.h>

#include <vector>

namespace norroy {

// The proto files with a service, all of them: a file of protos/ that is missing here ends the
// test.
std::vector<const google::protobuf::FileDescriptor*> ServiceFiles();

// Their rpcs.
std::vector<const google::protobuf::MethodDescriptor*> ServiceMethods();

}  // namespace norroy

#endif  // NORROY_TESTS_INTEGRATION_SERVICE_FILES_H_
