#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/account.h"
#include "cli/agent.h"
#include "cli/cert.h"
#include "cli/doctor.h"
#include "cli/identity.h"
#include "cli/init.h"
#include "cli/issue.h"
#include "cli/order.h"
#include "cli/up.h"
#include "cli/version.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

using Run = std::function<absl::Status(Context&)>;

// Where a parsed command leaves what to call.
struct Tree {
  CLI::App& app;
  Run& run;
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

CLI::App* AddGroup(Tree& tree, const char* name, const char* help) {
  CLI::App* group = tree.app.add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

// An option that may be repeated, one value each time, so that it does not eat names after it.
CLI::Option* AddRepeated(CLI::App* app, const char* name, std::vector<std::string>& values,
                         const char* help) {
  return app->add_option(name, values, help)->allow_extra_args(false);
}

void AddInit(Tree& tree) {
  auto [app, o] =
      Add<InitOptions>(tree, &tree.app, "init", "Make a deployment in a directory", Init);
  app->add_option("--ca", o->ca, "letsencrypt, letsencrypt-staging, or a directory's https URL")
      ->capture_default_str();
  app->add_option("--ca-root", o->ca_root, "PEM file with the root of the CA's own server");
  app->add_option("--contact", o->contact, "Mail address for the CA");
  app->add_flag("--agree-tos", o->agree_tos, "Agree to the CA's terms of service");
  app->add_flag("--test-ca", o->test_ca, "The CA is for tests: no limits of our own towards it");
  app->add_option("--eab-kid", o->eab_kid, "Key id of the external account binding");
  app->add_option("--eab-key-file", o->eab_key_file, "File with its key, base64url");
  app->add_option("--allow", o->allow, "What this machine's agent may answer for (PATTERN...)");
  app->add_option("--http-listen", o->http_listen,
                  "Where the agent answers HTTP-01 (default 0.0.0.0:80)");
  app->add_option("--webroot", o->webroot, "Or the document root of a web server that does");
  app->add_option("--issuer-listen", o->issuer_listen, "HOST:PORT (default: free, loopback)");
  app->add_option("--validator-listen", o->validator_listen, "HOST:PORT (default: free, loopback)");
  app->add_option("--agent-listen", o->agent_listen,
                  "HOST:PORT where the validator waits for agents (default: free, loopback)");
  app->add_option("--deployment", o->deployment, "Name of the deployment (default: made up)");
  app->add_option("--operator", o->operator_name, "Your name in it (default: the login name)");
  app->add_flag("--reflection", o->reflection, "Let identity holders read the API's description");
}

void AddIssue(Tree& tree) {
  auto [app, o] = Add<IssueOptions>(
      tree, &tree.app, "issue", "Get one certificate for the names, with a key made here", Issue);
  app->add_option("NAME", o->names, "Names, all in one certificate")->required();
  CLI::Option* csr = app->add_option("--csr", o->csr_file, "Use this CSR, make no key");
  app->add_option("--key-type", o->key_type, "p256, p384, rsa2048, rsa3072, rsa4096")
      ->capture_default_str()
      ->excludes(csr);
  app->add_option("--out", o->out, "Folder for the files (default: live/NAME in the directory)");
  app->add_option("--ca", o->ca, "A CA of the issuer (default: its first)");
  app->add_option("--profile", o->profile, "A profile that the CA offers");
  app->add_option("--preferred-chain", o->preferred_chain, "Issuer name at the chain's top");
  app->add_flag("--force-new", o->force_new, "Even if a stored certificate would do");
  app->add_option("--timeout", o->timeout, "How long to wait")->capture_default_str();
}

void AddOrderCreate(Tree& tree, CLI::App* order) {
  auto [app, o] = Add<OrderCreateOptions>(
      tree, order, "create", "Place an order; without a CSR it waits for one", OrderCreate);
  app->add_option("NAME", o->names, "Names, all in one certificate")->required();
  app->add_option("--csr", o->csr_file, "File with the CSR, PEM or DER");
  app->add_option("--ca", o->ca, "A CA of the issuer (default: its first)");
  app->add_option("--profile", o->profile, "A profile that the CA offers");
  app->add_option("--request-id", o->request_id, "Makes a repeated call return the same order");
  AddRepeated(app, "--label", o->labels, "KEY=VALUE, kept with order and certificate");
  AddRepeated(app, "--finalizer", o->finalizers, "Principal that may finalize, too");
  app->add_option("--public-key-sha256", o->public_key_sha256,
                  "Digest of the key the CSR must have");
  app->add_option("--expires", o->expires, "Give up after (default 7d, at most 30d)");
  app->add_option("--preferred-chain", o->preferred_chain, "Issuer name at the chain's top");
  app->add_flag("--validate-only", o->validate_only, "Check everything, place nothing");
  app->add_flag("--force-new", o->force_new, "Even if a stored certificate would do");
  app->add_flag("--wait", o->wait, "Until it is ready for its CSR, or has its certificate");
  app->add_option("--timeout", o->timeout, "How long to wait")->capture_default_str();
}

// A command with one id or name and no options.
template <typename Command>
void AddWithId(Tree& tree, CLI::App* group, const char* name, const char* what, const char* help,
               Command command) {
  auto [app, id] = Add<std::string>(tree, group, name, help, command);
  app->add_option(what, *id)->required();
}

void AddOrder(Tree& tree) {
  CLI::App* order = AddGroup(tree, "order", "Orders: names on their way to a certificate");
  AddOrderCreate(tree, order);
  auto [finalize, f] = Add<OrderFinalizeOptions>(tree, order, "finalize",
                                                 "Hand in the CSR of a ready order", OrderFinalize);
  finalize->add_option("ORDER", f->id)->required();
  finalize->add_option("--csr", f->csr_file, "File with the CSR, PEM or DER")->required();
  finalize->add_option("--out", f->out, "Folder for the certificate's files");
  finalize->add_flag("--no-wait", f->no_wait, "Do not wait for the certificate");
  finalize->add_option("--timeout", f->timeout, "How long to wait")->capture_default_str();
  auto [list, l] =
      Add<OrderListOptions>(tree, order, "list", "List orders, newest first", OrderList);
  list->add_option("--state", l->state, "pending, ready, processing, valid, invalid, cancelled");
  list->add_option("--name", l->name, "Orders for exactly this name");
  list->add_option("--limit", l->limit)->check(CLI::Range(1, 1000000))->capture_default_str();
  AddWithId(tree, order, "show", "ORDER", "Show an order", OrderShow);
  auto [watch, w] = Add<OrderWatchOptions>(tree, order, "watch", "Wait for an order", OrderWatch);
  watch->add_option("ORDER", w->id)->required();
  watch->add_flag("--until-ready", w->until_ready, "End when it is ready for its CSR, too");
  watch->add_option("--timeout", w->timeout, "How long to wait")->capture_default_str();
  AddWithId(tree, order, "cancel", "ORDER", "End an order", OrderCancel);
  AddWithId(tree, order, "retry", "ORDER", "Try again now", OrderRetry);
}

struct RevokeOptions {
  std::string id;
  std::string reason;
};

void AddCert(Tree& tree) {
  CLI::App* cert = AddGroup(tree, "cert", "Certificates that orders ended in");
  auto [list, l] = Add<CertListOptions>(tree, cert, "list", "List them, newest first", CertList);
  list->add_option("--name", l->name, "Certificates with exactly this name");
  list->add_option("--limit", l->limit)->check(CLI::Range(1, 1000000))->capture_default_str();
  AddWithId(tree, cert, "show", "CERTIFICATE", "Show one, by its id or its order's", CertShow);
  auto [get, g] =
      Add<CertGetOptions>(tree, cert, "get", "Fetch one to stdout or to files", CertGet);
  get->add_option("CERTIFICATE", g->id, "Its id, or its order's")->required();
  get->add_option("--out", g->out, "Folder for the files");
  get->add_option("--chain", g->chain, "Which of the CA's chains")->capture_default_str();
  auto [revoke, r] = Add<RevokeOptions>(
      tree, cert, "revoke", "Have the CA revoke one",
      [](Context& context, const RevokeOptions& o) { return CertRevoke(context, o.id, o.reason); });
  revoke->add_option("CERTIFICATE", r->id)->required();
  revoke->add_option("--reason", r->reason,
                     "key-compromise, affiliation-changed, superseded, cessation-of-operation");
}

struct DrainOptions {
  std::string name;
  bool undo = false;
};

void AddAgent(Tree& tree) {
  CLI::App* agent = AddGroup(tree, "agent", "Agents: who answers challenges on the hosts");
  CLI::App* token = agent->add_subcommand("token", "Invitations for agents");
  token->require_subcommand(1);
  auto [create, o] =
      Add<TokenCreateOptions>(tree, token, "create", "Invite an agent", AgentTokenCreate);
  create->add_option("NAME", o->name, "The agent's name")->required();
  create->add_option("--answer", o->answer, "What it may answer for (PATTERN...)")->required();
  AddRepeated(create, "--type", o->types,
              "How it may answer, the most preferred first; again for each: http-01, dns-01, "
              "tls-alpn-01")
      ->capture_default_str();
  create->add_option("--responders", o->responders, "all, one");
  create->add_option("--out", o->out, "The token's file (default: NAME.token)");
  create->add_option("--expires", o->expires, "How long it is good")->capture_default_str();
  create->add_flag("--replace", o->replace, "Replace the agent of this name");
  Add<bool>(tree, agent, "list", "List agents",
            [](Context& context, bool) { return AgentList(context); });
  AddWithId(tree, agent, "show", "NAME", "Show an agent", AgentShow);
  auto [drain, d] = Add<DrainOptions>(
      tree, agent, "drain", "State that its host gets no traffic: it is not waited for",
      [](Context& context, const DrainOptions& o) { return AgentDrain(context, o.name, !o.undo); });
  drain->add_option("NAME", d->name)->required();
  drain->add_flag("--undo", d->undo, "It gets traffic again");
  AddWithId(tree, agent, "remove", "NAME", "End its enrollment", AgentRemove);
}

void AddDoctor(Tree& tree) {
  auto [app, o] = Add<DoctorOptions>(
      tree, &tree.app, "doctor",
      "Rehearse validation without the CA: what would fail, and what to do", Doctor);
  app->add_option("NAME", o->names, "Names, each rehearsed on its own")->required();
  app->add_option("--ca", o->ca, "A CA of the issuer, for CAA (default: its first)");
  AddRepeated(app, "--type", o->types,
              "By this type; again for each: http-01, dns-01, tls-alpn-01 (default: the one that "
              "an order would try first)");
  app->add_flag("--verbose", o->verbose, "Also what needs no attention");
  auto [persist, p] = Add<DnsPersistOptions>(
      tree, &tree.app, "dns-persist",
      "Print the DNS record that stands for challenges (dns-persist-01)", DnsPersist);
  persist->add_option("NAME", p->name, "A name, or *.NAME for the wildcard too")->required();
  persist->add_option("--ca", p->ca, "A CA of the issuer (default: its first)");
  persist->add_option("--until", p->until,
                      "When the record ends, as 2027-01-31 or 2027-01-31T12:00:00Z (default: "
                      "never)");
}

struct AccountOptions {
  std::string ca;
  bool agree_tos = false;
};

void AddAccount(Tree& tree) {
  CLI::App* account = AddGroup(tree, "account", "The issuer's accounts at its CAs");
  auto [create, o] = Add<AccountOptions>(tree, account, "create", "Register at a CA",
                                         [](Context& context, const AccountOptions& o) {
                                           return AccountCreate(context, o.ca, o.agree_tos);
                                         });
  create->add_option("CA", o->ca, "A CA of the issuer (default: its first)");
  create->add_flag("--agree-tos", o->agree_tos, "Agree to the CA's terms of service");
  Add<bool>(tree, account, "list", "List them",
            [](Context& context, bool) { return AccountList(context); });
  auto [show, s] = Add<AccountOptions>(
      tree, account, "show", "Show one",
      [](Context& context, const AccountOptions& o) { return AccountShow(context, o.ca); });
  show->add_option("CA", s->ca, "A CA of the issuer (default: its first)");
}

void AddIdentity(Tree& tree) {
  CLI::App* identity = AddGroup(tree, "identity", "The deployment's own identities (local files)");
  auto [issue, o] = Add<IdentityIssueOptions>(tree, identity, "issue", "Make one", IdentityIssue);
  issue->add_option("ROLE", o->role, "issuer, validator, operator, auditor, seal, requester")
      ->required();
  issue->add_option("NAME", o->name)->required();
  issue->add_option("--out", o->out, "Its file (default: ROLE-NAME.pem)");
  issue->add_option("--days", o->days, "How long it is good (default 365)");
  AddRepeated(issue, "--host", o->hosts, "Name or address of a server");
  auto [renew, r] = Add<IdentityRenewOptions>(
      tree, identity, "renew", "New key and dates for those that end soon, or for FILEs",
      IdentityRenew);
  renew->add_option("FILE", r->files);
  renew->add_option("--days", r->days, "How long it is good (default 365)");
  Add<bool>(tree, identity, "list", "List what was made from the directory",
            [](Context& context, bool) { return IdentityList(context); });
}

void AddVersion(Tree& tree) {
  auto [app, servers] = Add<bool>(tree, &tree.app, "version", "Show versions", ShowVersion);
  app->add_flag("--servers", *servers, "Ask issuer and validator, too");
}

void AddGlobal(CLI::App& app, CommandLine& line, std::string& format) {
  app.add_option("--dir", line.options.dir, "Directory (NORROY_DIR; default ~/.norroy)");
  app.add_option("--issuer", line.options.issuer, "HOST:PORT (NORROY_ISSUER)");
  app.add_option("--validator", line.options.validator, "HOST:PORT (NORROY_VALIDATOR)");
  app.add_option("--identity", line.options.identity_file, "File with your key and certificate");
  app.add_option("--core-root", line.options.core_root_file, "File with the core root");
  app.add_option("-o,--output", format, "table or json")->capture_default_str();
  app.add_flag("-q,--quiet", line.quiet, "No talk and no progress on stderr");
  app.set_version_flag("--version", kVersion);
}

absl::Status Parse(CLI::App& app, std::vector<std::string> arguments, std::string& text) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    text = app.help();
  } catch (const CLI::CallForVersion&) {
    text = absl::StrCat(app.version(), "\n");
  } catch (const CLI::ParseError& error) {
    // CLI11 tells of a word that is no command as of a command that is missing.
    const std::vector<std::string> unknown = app.remaining(true);
    std::string text = error.what();
    if (!unknown.empty() && !absl::StrContains(text, unknown[0])) {
      absl::StrAppend(&text, " (found \"", unknown[0], "\")");
    }
    return MakeError(absl::StatusCode::kInvalidArgument, "BAD_USAGE",
                     Printable(absl::StrCat(text, "; see --help")));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& arguments) {
  CommandLine line;
  std::string format = "table";
  CLI::App app("norroy: certificates from ACME CAs, validated where the names live", "norroy");
  app.fallthrough();  // global options may stand after the command
  app.require_subcommand(1);
  AddGlobal(app, line, format);
  Tree tree{app, line.run};
  AddInit(tree);
  Add<bool>(tree, &app, "up", "Run issuer, validator and agent here, in the foreground",
            [](Context& context, bool) { return Up(context); });
  AddIssue(tree);
  AddOrder(tree);
  AddCert(tree);
  AddAgent(tree);
  AddDoctor(tree);
  AddAccount(tree);
  AddIdentity(tree);
  AddVersion(tree);
  NORROY_RETURN_IF_ERROR(Parse(app, arguments, line.text));
  NORROY_ASSIGN_OR_RETURN(line.format, ParseFormat(format));
  return line;
}

}  // namespace norroy::cli
