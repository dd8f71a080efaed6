#ifndef NORROY_ISSUER_SOLVER_GRPC_VALIDATOR_LINK_H_
#define NORROY_ISSUER_SOLVER_GRPC_VALIDATOR_LINK_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "issuer/solver/validator_link.h"

namespace norroy::solver {

// A validator behind a gRPC channel.
std::unique_ptr<ValidatorLink> NewGrpcValidatorLink(std::string address,
                                                    std::shared_ptr<grpc::Channel> channel);

}  // namespace norroy::solver

#endif  // NORROY_ISSUER_SOLVER_GRPC_VALIDATOR_LINK_H_
