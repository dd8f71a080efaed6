#ifndef NORROY_CLI_BLAST_RADIUS_TEXT_H_
#define NORROY_CLI_BLAST_RADIUS_TEXT_H_

// What root on an agent's host could have validated, in one sentence.

#include <cstddef>
#include <string>

#include "norroy/validator/v1/agent_admin_service.pb.h"

namespace norroy::cli {

// `looked`: how many names were asked for.
std::string BlastRadiusText(const std::string& agent, size_t looked,
                            const validator::v1::GetBlastRadiusResponse& radius);

}  // namespace norroy::cli

#endif  // NORROY_CLI_BLAST_RADIUS_TEXT_H_
