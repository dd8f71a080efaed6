#ifndef NORROY_CLI_CERT_COMMANDS_H_
#define NORROY_CLI_CERT_COMMANDS_H_

#include "cli/command_tree.h"

namespace norroy::cli {

// `norroy cert ...`, `norroy warm ...` and `norroy limits ...`.
void AddCert(Tree& tree);
void AddWarm(Tree& tree);
void AddLimits(Tree& tree);

}  // namespace norroy::cli

#endif  // NORROY_CLI_CERT_COMMANDS_H_
