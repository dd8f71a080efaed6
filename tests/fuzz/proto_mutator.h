#ifndef NORROY_TESTS_FUZZ_PROTO_MUTATOR_H_
#define NORROY_TESTS_FUZZ_PROTO_MUTATOR_H_

// Changes a message as a fuzzer should: one value at a time, so that what was well formed stays so.
// For an LLVMFuzzerCustomMutator: libprotobuf is not instrumented, and bytes that are changed
// blindly seldom get past the parser.

#include <google/protobuf/message.h>

namespace norroy::fuzz {

// Changes one field that is set, of the message or of one in it, by whatever `seed` draws; of a
// list one text, or which elements it has.
void MutateOneField(google::protobuf::Message& message, unsigned seed);

}  // namespace norroy::fuzz

#endif  // NORROY_TESTS_FUZZ_PROTO_MUTATOR_H_
