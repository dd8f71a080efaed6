#ifndef NORROY_CLI_COMMAND_TREE_H_
#define NORROY_CLI_COMMAND_TREE_H_

// How the tree of commands is put together (CLI11): for command_line.cc and the files of the groups
// that have one of their own. For nobody else: CLI11 is a heavy header.

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/context.h"

namespace norroy::cli {

using Run = std::function<absl::Status(Context&)>;

// Where a parsed command leaves what to call.
struct Tree {
  CLI::App& app;
  Run& run;
  bool& shows_yaml;  // what it shows is YAML unless it is JSON
};

// A subcommand with options of type O, called with them: `command(context, options)`.
template <typename O, typename Command>
std::pair<CLI::App*, std::shared_ptr<O>> Add(Tree& tree, CLI::App* parent, const char* name,
                                             const char* help, Command command) {
  auto options = std::make_shared<O>();
  CLI::App* app = parent->add_subcommand(name, help);
  Run& run = tree.run;
  app->callback([&run, options, command] {
    run = [options, command](Context& context) { return command(context, *options); };
  });
  return {app, options};
}

inline CLI::App* AddGroup(Tree& tree, const char* name, const char* help) {
  CLI::App* group = tree.app.add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

// An option that may be repeated, one value each time, so that it does not eat names after it.
inline CLI::Option* AddRepeated(CLI::App* app, const char* name, std::vector<std::string>& values,
                                const char* help) {
  return app->add_option(name, values, help)->allow_extra_args(false);
}

// A command with one id or name and no options.
template <typename Command>
void AddWithId(Tree& tree, CLI::App* group, const char* name, const char* what, const char* help,
               Command command) {
  auto [app, id] = Add<std::string>(tree, group, name, help, command);
  app->add_option(what, *id)->required();
}

}  // namespace norroy::cli

#endif  // NORROY_CLI_COMMAND_TREE_H_
