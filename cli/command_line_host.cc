#include "cli/command_line_host.h"

#include "cli/import.h"
#include "cli/sync.h"

namespace norroy::cli {

// `norroy sync` by itself is a run; `norroy sync status` shares its options.
void AddSync(Tree& tree) {
  auto options = std::make_shared<SyncOptions>();
  CLI::App* app =
      tree.app.add_subcommand("sync", "Keep this host's certificates as its sync.yaml wants them");
  app->add_option("--config", options->config)->capture_default_str();
  CLI::Option* watch = app->add_flag("--watch", options->watch, "Go on, run after run");
  app->add_flag("--once", options->once, "One run (the default)")->excludes(watch);
  AddRepeated(app, "--force", options->force, "Renew this one in any case; again for each");
  app->add_flag("--dry-run", options->dry_run, "Say what is due and ask the issuer, change nothing")
      ->excludes(watch);
  app->add_option("--timeout", options->timeout, "How long to wait for each order")
      ->capture_default_str();
  CLI::App* status = app->add_subcommand("status", "Show what the last run left");
  Run& run = tree.run;
  app->callback([&run, options, status] {
    const auto command = status->parsed() ? SyncStatus : Sync;
    run = [options, command](Context& context) { return command(context, *options); };
  });
}

void AddImport(Tree& tree) {
  CLI::App* import =
      AddGroup(tree, "import", "Take over what another client keeps on this host, for norroy sync");
  auto [certbot, c] = Add<ImportOptions>(tree, import, "certbot", "From certbot", ImportCertbot);
  certbot->add_option("DIR", c->folder, "certbot's folder: /etc/letsencrypt")->required();
  certbot->add_option("--config", c->config, "sync.yaml, which gets the entries")
      ->capture_default_str();
  auto [lego, l] = Add<ImportOptions>(tree, import, "lego", "From lego", ImportLego);
  lego->add_option("DIR", l->folder, "lego's --path: .lego")->required();
  lego->add_option("--config", l->config, "sync.yaml, which gets the entries")
      ->capture_default_str();
}

}  // namespace norroy::cli
