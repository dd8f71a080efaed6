#include "cli/cert_commands.h"

#include <string>

#include "cli/cert.h"
#include "cli/evidence.h"
#include "cli/limits.h"
#include "cli/renewal.h"
#include "cli/revoke.h"
#include "cli/warm.h"

namespace norroy::cli {
namespace {

void AddRevoke(Tree& tree, CLI::App* cert) {
  auto [revoke, r] = Add<CertRevokeOptions>(
      tree, cert, "revoke", "Have the CA revoke one, or all that have something in common",
      CertRevoke);
  CLI::Option* id = revoke->add_option("CERTIFICATE", r->id, "Its id");
  revoke->add_option("--reason", r->reason,
                     "key-compromise, affiliation-changed, superseded, cessation-of-operation");
  SelectionOptions& s = r->selection;
  for (CLI::Option* criterion :
       {revoke->add_option("--name", s.name, "Those with exactly this name"),
        revoke->add_option("--under", s.under, "With this name or any below it"),
        revoke->add_option("--serial", s.serial, "With this serial number"),
        revoke->add_option("--public-key", s.public_key,
                           "With this key: its SHA-256, or a certificate's file"),
        revoke->add_option("--ca", s.ca, "Of this CA"),
        revoke->add_option("--creator", s.creator, "Ordered by this principal"),
        AddRepeated(revoke, "--label", s.labels, "With this label: KEY=VALUE; again for each"),
        revoke
            ->add_option("--confirm", r->confirm,
                         "Revoke them; so many they must be (default: only show them)")
            ->check(CLI::Range(0, 1000000))}) {
    criterion->excludes(id);
  }
}

void AddRenewal(Tree& tree, CLI::App* cert) {
  AddWithId(tree, cert, "needs-renewal", "CERTIFICATE",
            "Exit 0: it is to be renewed; 1: not yet; 2: there is none; 255: that is not known. A "
            "file, an id, or a name",
            CertNeedsRenewal);
  auto [renew, r] = Add<CertRenewOptions>(tree, cert, "renew",
                                          "Get its successor, with a key made here", CertRenew);
  renew->add_option("CERTIFICATE", r->id, "Its id, or its order's")->required();
  CLI::Option* csr = renew->add_option("--csr", r->csr_file, "Use this CSR, make no key");
  renew->add_option("--key-type", r->key_type, "As of norroy issue (default: as it was)")
      ->excludes(csr);
  renew->add_option("--out", r->out, "Folder for the files (default: live/NAME in the directory)");
  renew->add_option("--auto-renew", r->auto_renew,
                    "For so long the issuer renews by itself, with the same key");
  renew->add_option("--timeout", r->timeout, "How long to wait")->capture_default_str();
  auto [show, s] = Add<RenewalShowOptions>(
      tree, cert, "renewal", "Show when it is renewed, why then, and by whom", CertRenewal);
  show->add_option("CERTIFICATE", s->id, "Its id, or its order's")->required();
  show->add_flag("--refresh", s->refresh, "Ask the CA now (operators)");
  auto [automatic, a] = Add<AutoRenewOptions>(
      tree, cert, "auto-renew", "Let the issuer renew it with the same key, or not any more",
      CertAutoRenew);
  automatic->add_option("CERTIFICATE", a->id, "Its id, or its order's")->required();
  automatic->add_option("--until", a->until, "For how long: 90d");
  automatic->add_flag("--off", a->off, "Its owner renews it");
  Add<bool>(tree, cert, "watch", "Tell what is to be renewed, as it falls due",
            [](Context& context, bool) { return CertWatch(context); });
}

}  // namespace

void AddCert(Tree& tree) {
  CLI::App* cert = AddGroup(tree, "cert", "Certificates that orders ended in");
  auto [list, l] =
      Add<CertListOptions>(tree, cert, "list", "List them, newest first",
                           [](Context& context, const CertListOptions& o) {
                             return o.due ? ListDue(context, o.limit) : CertList(context, o);
                           });
  CLI::Option* name = list->add_option("--name", l->name, "Certificates with exactly this name");
  list->add_flag("--due", l->due, "Those that are to be renewed now, the most urgent first")
      ->excludes(name);
  list->add_option("--limit", l->limit)->check(CLI::Range(1, 1000000))->capture_default_str();
  AddWithId(tree, cert, "show", "CERTIFICATE", "Show one, by its id or its order's", CertShow);
  auto [get, g] =
      Add<CertGetOptions>(tree, cert, "get", "Fetch one to stdout or to files", CertGet);
  get->add_option("CERTIFICATE", g->id, "Its id, or its order's")->required();
  get->add_option("--out", g->out, "Folder for the files");
  get->add_option("--chain", g->chain, "Which of the CA's chains")->capture_default_str();
  AddWithId(tree, cert, "evidence", "CERTIFICATE",
            "Show how it came to be: who asked, who served, what was seen, what went wrong",
            CertEvidence);
  AddRevoke(tree, cert);
  AddRenewal(tree, cert);
}

void AddWarm(Tree& tree) {
  CLI::App* warm = AddGroup(tree, "warm", "Names that are validated ahead of time");
  const auto add_options = [](CLI::App* app, WarmOptions& o) {
    app->add_option("NAME", o.names, "Each on its own")->required();
    app->add_option("--ca", o.ca, "A CA of the issuer (default: its first)");
    app->add_option("--profile", o.profile, "The profile that they will be ordered with");
  };
  auto [add, a] = Add<WarmOptions>(tree, warm, "add", "Keep names validated", WarmAdd);
  add_options(add, *a);
  Add<bool>(tree, warm, "list", "List them, and until when they are validated",
            [](Context& context, bool) { return WarmList(context); });
  auto [remove, r] = Add<WarmOptions>(tree, warm, "remove", "Keep them no longer", WarmRemove);
  add_options(remove, *r);
}

void AddLimits(Tree& tree) {
  CLI::App* limits = AddGroup(tree, "limits", "The rate limits of CAs, and what is left of them");
  auto [show, s] = Add<LimitsOptions>(
      tree, limits, "show", "What is left, and when the next order has its turn", LimitsShow);
  show->add_option("NAME", s->names, "Of the domains of these names (default: the scarcest)");
  show->add_option("--ca", s->ca, "Of this CA (default: of all)");
  auto [plan, p] = Add<LimitsOptions>(tree, limits, "plan",
                                      "When certificates for so many names can be had", LimitsPlan);
  plan->add_option("NAME", p->names, "What is to be ordered");
  plan->add_option("--file", p->file, "More names, one a line");
  plan->add_option("--count", p->count, "So many names, where they are not known yet");
  plan->add_option("--names-per-certificate", p->per_certificate, "1 to 100 (default: 1)");
  plan->add_option("--ca", p->ca, "At this CA (default: the issuer's first)");
}

}  // namespace norroy::cli
