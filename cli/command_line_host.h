#ifndef NORROY_CLI_COMMAND_LINE_HOST_H_
#define NORROY_CLI_COMMAND_LINE_HOST_H_

// The part of command_line.h for hosts that need certificates: `sync` and `import`.

#include "cli/command_tree.h"

namespace norroy::cli {

void AddSync(Tree& tree);
void AddImport(Tree& tree);

}  // namespace norroy::cli

#endif  // NORROY_CLI_COMMAND_LINE_HOST_H_
