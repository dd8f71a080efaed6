#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/account.h"
#include "cli/agent.h"
#include "cli/audit.h"
#include "cli/cert_commands.h"
#include "cli/ci_authority.h"
#include "cli/command_line_host.h"
#include "cli/command_tree.h"
#include "cli/doctor.h"
#include "cli/grant.h"
#include "cli/identity.h"
#include "cli/identity_rotation.h"
#include "cli/init.h"
#include "cli/issue.h"
#include "cli/login.h"
#include "cli/order.h"
#include "cli/policy.h"
#include "cli/token.h"
#include "cli/up.h"
#include "cli/version.h"
#include "common/error/error.h"
#include "common/status_macros.h"

namespace norroy::cli {
namespace {

void AddInit(Tree& tree) {
  auto [app, o] =
      Add<InitOptions>(tree, &tree.app, "init", "Make a deployment in a directory", Init);
  app->add_option("--ca", o->ca,
                  "A name of docs/cas.md (letsencrypt, google, ...), or a directory's https URL")
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
  app->add_option("--auto-renew", o->auto_renew,
                  "For so long the issuer renews by itself, with the same key");
  app->add_option("--timeout", o->timeout, "How long to wait")->capture_default_str();
}

void AddOrderCreate(Tree& tree, CLI::App* order) {
  auto [app, o] = Add<OrderCreateOptions>(
      tree, order, "create", "Place an order; without a CSR it waits for one", OrderCreate);
  app->add_option("NAME", o->names, "Names, all in one certificate (none with --renew)");
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
  app->add_option("--renew", o->renew, "It renews this certificate, whose names it has");
  app->add_option("--auto-renew", o->auto_renew,
                  "For so long the issuer renews by itself, with the same CSR");
  app->add_flag("--wait", o->wait, "Until it is ready for its CSR, or has its certificate");
  app->add_option("--timeout", o->timeout, "How long to wait")->capture_default_str();
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

struct GrantsOptions {
  std::string name;
  bool all = false;
};

struct BanOptions {
  std::string name;
  std::string reason;
};

void AddAgentTrust(Tree& tree, CLI::App* agent) {
  auto [grants, g] = Add<GrantsOptions>(
      tree, agent, "grants", "Show what it may answer for",
      [](Context& context, const GrantsOptions& o) { return AgentGrants(context, o.name, o.all); });
  grants->add_option("NAME", g->name)->required();
  grants->add_flag("--all", g->all, "Every version that there was");
  auto [set, s] = Add<SetGrantsOptions>(
      tree, agent, "set-grants", "Put one grant in the place of all that it has", AgentSetGrants);
  set->add_option("AGENT", s->name)->required();
  AddRepeated(set, "--name", s->patterns, "What it may answer for (PATTERN); again for each")
      ->required();
  AddRepeated(set, "--type", s->types,
              "How, the most preferred first; again for each: http-01, dns-01, tls-alpn-01")
      ->capture_default_str();
  set->add_option("--responders", s->responders, "all, one");
  set->add_option("--expected-version", s->expected_version,
                  "Only if its grants are at this version");
  auto [ban, b] = Add<BanOptions>(
      tree, agent, "ban", "Refuse it from now on",
      [](Context& context, const BanOptions& o) { return AgentBan(context, o.name, o.reason); });
  ban->add_option("NAME", b->name)->required();
  ban->add_option("--reason", b->reason, "Why, for those who look at it later")->required();
  AddWithId(tree, agent, "unban", "NAME", "Lift its ban", AgentUnban);
  auto [blast, r] = Add<BlastRadiusOptions>(
      tree, agent, "blast-radius", "What root on its host could have validated", AgentBlastRadius);
  blast->add_option("AGENT", r->name)->required();
  blast->add_option("NAME", r->names, "Names to look at (default: all that the issuer knows)");
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
  AddAgentTrust(tree, agent);
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

void AddPolicy(Tree& tree) {
  CLI::App* policy = AddGroup(tree, "policy", "Who may order what, and which agent may answer");
  auto [show, s] = Add<PolicyShowOptions>(
      tree, policy, "show", "Issuance grants as a file for `policy apply`", PolicyShow);
  show->add_option("--version", s->version, "An earlier version")
      ->check(CLI::Range(int64_t{0}, INT64_MAX));
  show->parse_complete_callback([&shows_yaml = tree.shows_yaml] { shows_yaml = true; });
  auto [apply, a] = Add<PolicyApplyOptions>(
      tree, policy, "apply", "Put a file's grants in force, and say what differs", PolicyApply);
  apply->add_option("FILE", a->file, "YAML, as in docs/policy.md")->required();
  apply->add_flag("--dry-run", a->dry_run, "Say what would differ, change nothing");
  apply->add_option("--comment", a->comment, "Kept with the version, at most 200 characters");
  apply->add_option("--expect", a->expect, "Only if this version is in force")
      ->check(CLI::Range(int64_t{0}, INT64_MAX));
  Add<bool>(tree, policy, "history", "List the versions, newest first",
            [](Context& context, bool) { return PolicyHistory(context); });
}

void AddGrant(Tree& tree) {
  CLI::App* grant = AddGroup(tree, "grant", "Issuance grants, one at a time");
  auto [add, a] = Add<GrantAddOptions>(tree, grant, "add", "Let a principal order names", GrantAdd);
  add->add_option("PRINCIPAL", a->principal, "operator/NAME or requester/NAME")->required();
  add->add_option("NAME", a->names, "Patterns: www.example.com, .example.com, *.example.com, ...")
      ->required();
  AddRepeated(add, "--key-type", a->key_types, "Only such keys; again for each (default: any)");
  AddRepeated(add, "--ca", a->cas, "Only from this CA; again for each (default: any)");
  AddRepeated(add, "--profile", a->profiles, "Only this profile; again for each (default: any)");
  add->add_option("--orders-per-day", a->orders_per_day, "Quota (default 300)")
      ->check(CLI::Range(1, 1000000));
  add->add_option("--orders-per-domain-per-day", a->orders_per_domain_per_day,
                  "Quota for each registered domain (default 50)")
      ->check(CLI::Range(1, 1000000));
  add->add_option("--reuse", a->reuse, "allowed; never: each order proves its names anew")
      ->capture_default_str();
  add->add_option("--comment", a->comment, "Kept with the version, at most 200 characters");
  Add<bool>(tree, grant, "list", "List them, the configuration's too",
            [](Context& context, bool) { return GrantList(context); });
  auto [remove, r] = Add<GrantRemoveOptions>(
      tree, grant, "remove", "Take names, or all grants, from a principal", GrantRemove);
  remove->add_option("PRINCIPAL", r->principal, "operator/NAME or requester/NAME")->required();
  remove->add_option("NAME", r->names, "Patterns, as they were granted (default: all)");
  remove->add_option("--comment", r->comment, "Kept with the version, at most 200 characters");
}

void AddAudit(Tree& tree) {
  CLI::App* audit = AddGroup(tree, "audit", "Who did what, and that nobody has changed it since");
  const char* const of_help = "Whose log: issuer, validator";
  auto [tail, t] = Add<AuditTailOptions>(tree, audit, "tail", "Show the last records", AuditTail);
  tail->add_flag("-f,--follow", t->follow, "Go on showing what comes");
  tail->add_option("--of", t->of, of_help)->capture_default_str();
  tail->add_option("--principal", t->principal, "Only what this one did: operator/alice");
  tail->add_option("--action", t->action, "Only this: agent.ban, or all that begin with agent.");
  tail->add_option("--object", t->object, "Only what was done to this: order/ID, agent/web-1");
  tail->add_option("--limit", t->limit)->check(CLI::Range(1, 1000000))->capture_default_str();
  auto [save, e] = Add<AuditExportOptions>(
      tree, audit, "export", "Write a whole log and its checkpoints to a file", AuditExport);
  save->add_option("FILE", e->file)->required();
  save->add_option("--of", e->of, of_help)->capture_default_str();
  auto [verify, v] = Add<AuditVerifyOptions>(
      tree, audit, "verify",
      "Find what was changed, dropped, reordered or cut off: in the servers' logs, or in FILE, "
      "without a server",
      AuditVerify);
  verify->add_option("FILE", v->file, "What \"norroy audit export\" wrote");
  verify->add_option("--against", v->against, "An older export: FILE must go on where it ends");
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
  auto [update, u] = Add<AccountOptions>(
      tree, account, "update", "Tell the CA the contacts of the configuration",
      [](Context& context, const AccountOptions& o) { return AccountUpdate(context, o.ca); });
  update->add_option("CA", u->ca, "A CA of the issuer (default: its first)");
  auto [change, c] = Add<AccountOptions>(
      tree, account, "change-key", "Put a new key in the place of the account's",
      [](Context& context, const AccountOptions& o) { return AccountChangeKey(context, o.ca); });
  change->add_option("CA", c->ca, "A CA of the issuer (default: its first)");
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
  issue->add_option("--public-key", o->public_key_file,
                    "Of a seal whose key lies in a token: its public key, PEM");
  auto [renew, r] = Add<IdentityRenewOptions>(
      tree, identity, "renew", "New key and dates for those that end soon, or for FILEs",
      IdentityRenew);
  renew->add_option("FILE", r->files);
  renew->add_option("--days", r->days, "How long it is good (default 365)");
  Add<bool>(tree, identity, "list", "List what was made from the directory",
            [](Context& context, bool) { return IdentityList(context); });
  auto [rotate, t] =
      Add<RotateOptions>(tree, identity, "rotate",
                         "One root (or CI intermediate, or seal) follows another", IdentityRotate);
  rotate->add_option("WHAT", t->what, "core, edge, ci, seal")->required();
  rotate->add_option("STAGE", t->stage, "Of core and edge: prepare, activate, retire, status");
  rotate->add_flag("--force", t->force, "Retire though the old root may still be needed");
  auto [revoke, v] = Add<IdentityRevokeOptions>(
      tree, identity, "revoke", "Identities that are refused from now on", IdentityRevoke);
  revoke->add_option("IDENTITY", v->identities, "Its file, or its serial")->required();
  auto [ci, c] = Add<std::string>(tree, identity, "ci-authority",
                                  "Write the CI intermediate for the issuer's sign-in door",
                                  IdentityCiAuthority);
  ci->add_option("--out", *c, "Its file (default: issuer/ci-ca.pem in the directory)");
}

void AddLogin(Tree& tree) {
  auto [app, o] = Add<LoginOptions>(tree, &tree.app, "login",
                                    "Exchange a token for a client certificate of minutes", Login);
  app->add_option("--oidc-token-file", o->oidc_token_file, "File with the CI job's OIDC token");
  app->add_option("--token-file", o->token_file, "File with a static API token, mode 0600");
  app->add_option("--door", o->door, "HOST:PORT of the issuer's sign-in door (NORROY_DOOR)");
  app->add_option("--out", o->out, "The identity's file (default: where commands look for it)");
}

void AddToken(Tree& tree) {
  CLI::App* token = AddGroup(tree, "token", "Static API tokens, for who has no OIDC token");
  auto [create, o] = Add<ApiTokenCreateOptions>(
      tree, token, "create", "Make one; it is shown this one time", ApiTokenCreate);
  create->add_option("PRINCIPAL", o->principal, "requester/NAME")->required();
  create->add_option("--expires", o->expires, "How long it is good (at most 365d)")
      ->capture_default_str();
  Add<bool>(tree, token, "list", "List them, newest first",
            [](Context& context, bool) { return ApiTokenList(context); });
  AddWithId(tree, token, "delete", "ID", "End one", ApiTokenDelete);
}

void AddVersion(Tree& tree) {
  auto [app, servers] = Add<bool>(tree, &tree.app, "version", "Show versions", ShowVersion);
  app->add_flag("--servers", *servers, "Ask issuer and validator, too");
}

void AddGlobal(CLI::App& app, CommandLine& line, std::string& format) {
  app.add_option("--dir", line.options.dir, "Directory (NORROY_DIR; default ~/.norroy)");
  app.add_option("--issuer", line.options.issuer, "HOST:PORT[,HOST:PORT...] (NORROY_ISSUER)");
  app.add_option("--validator", line.options.validator,
                 "HOST:PORT[,HOST:PORT...] (NORROY_VALIDATOR)");
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
  bool shows_yaml = false;
  Tree tree{app, line.run, shows_yaml};
  AddInit(tree);
  Add<bool>(tree, &app, "up", "Run issuer, validator and agent here, in the foreground",
            [](Context& context, bool) { return Up(context); });
  AddIssue(tree);
  AddOrder(tree);
  AddCert(tree);
  AddWarm(tree);
  AddLimits(tree);
  AddAgent(tree);
  AddDoctor(tree);
  AddPolicy(tree);
  AddGrant(tree);
  AddAudit(tree);
  AddAccount(tree);
  AddIdentity(tree);
  AddSync(tree);
  AddImport(tree);
  AddLogin(tree);
  AddToken(tree);
  AddVersion(tree);
  NORROY_RETURN_IF_ERROR(Parse(app, arguments, line.text));
  if (shows_yaml && format == "yaml") format = "table";
  NORROY_ASSIGN_OR_RETURN(line.format, ParseFormat(format));
  return line;
}

}  // namespace norroy::cli
