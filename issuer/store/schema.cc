#include "common/audit/chain.h"
#include "common/lease/tenure.h"
#include "issuer/store/store.h"

namespace norroy::store {

// Columns are what is searched and counted; the rest of a row is its record (order_record.proto).
// A set of 100 names is too long for an index key: set_hash and scope_hash are SHA-256 in
// hexadecimal. Times are those of common/sql/time_column.h.
const std::vector<sql::Migration>& Store::Migrations() {
  static const auto* const migrations = new std::vector<sql::Migration>{
      {1, R"sql(
CREATE TABLE orders (
  id TEXT PRIMARY KEY,
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  state INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  due_time INTEGER NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_token INTEGER NOT NULL,
  lease_end INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX orders_by_time ON orders (create_time, id);
CREATE INDEX orders_by_state ON orders (state, create_time, id);
CREATE INDEX orders_by_due ON orders (due_time, lease_end, id);
CREATE INDEX orders_by_lease ON orders (lease_end, due_time);

CREATE TABLE order_names (
  name TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  PRIMARY KEY (name, order_id)
) STRICT;

CREATE TABLE order_readers (
  principal TEXT NOT NULL,
  order_id TEXT NOT NULL REFERENCES orders (id),
  PRIMARY KEY (principal, order_id)
) STRICT;

CREATE TABLE requests (
  creator TEXT NOT NULL,
  request_id TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  order_id TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  PRIMARY KEY (creator, request_id)
) STRICT;

CREATE TABLE flights (
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  order_id TEXT NOT NULL,
  PRIMARY KEY (ca, profile, set_hash)
) STRICT;
CREATE INDEX flights_by_order ON flights (order_id);

CREATE TABLE ca_orders (
  ca TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  url TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, set_hash, url)
) STRICT;
CREATE INDEX ca_orders_by_time ON ca_orders (time);

CREATE TABLE failures (
  ca TEXT NOT NULL,
  identifier TEXT NOT NULL,
  authorization_url TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, identifier, authorization_url)
) STRICT;
CREATE INDEX failures_by_time ON failures (time);

CREATE TABLE holds (
  scope_hash TEXT PRIMARY KEY,
  scope TEXT NOT NULL,
  until INTEGER NOT NULL
) STRICT;

CREATE TABLE certificates (
  id TEXT PRIMARY KEY,
  order_id TEXT NOT NULL UNIQUE REFERENCES orders (id),
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  set_hash TEXT NOT NULL,
  key_type TEXT NOT NULL,
  public_key_sha256 TEXT NOT NULL,
  replaced_by TEXT NOT NULL,
  revoke_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX certificates_by_time ON certificates (create_time, id);
CREATE INDEX certificates_by_set ON certificates (ca, set_hash, create_time);

CREATE TABLE certificate_names (
  name TEXT NOT NULL,
  certificate_id TEXT NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (name, certificate_id)
) STRICT;

CREATE TABLE certificate_readers (
  principal TEXT NOT NULL,
  certificate_id TEXT NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (principal, certificate_id)
) STRICT;

CREATE TABLE accounts (
  ca TEXT PRIMARY KEY,
  record BLOB NOT NULL
) STRICT;

CREATE TABLE audit (
  writer TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  object TEXT NOT NULL,
  detail TEXT NOT NULL,
  prev_hash BLOB NOT NULL,
  hash BLOB NOT NULL,
  PRIMARY KEY (writer, seq)
) STRICT
)sql"},
      {2, R"sql(
CREATE TABLE validations (
  ca TEXT NOT NULL,
  identifier TEXT NOT NULL,
  order_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (ca, identifier, order_id)
) STRICT;
CREATE INDEX validations_by_order ON validations (order_id);
CREATE INDEX validations_by_seq ON validations (seq);
CREATE INDEX validations_by_time ON validations (time)
)sql"},
      {3, audit::kTableOrigin},
      // Issuance grants, every version, and what their quotas count.
      {4, R"sql(
CREATE TABLE policies (
  version INTEGER PRIMARY KEY,
  create_time INTEGER NOT NULL,
  creator TEXT NOT NULL,
  comment TEXT NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE TABLE order_domains (
  principal TEXT NOT NULL,
  domain TEXT NOT NULL,
  order_id TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (principal, domain, order_id)
) STRICT;
CREATE INDEX order_domains_by_time ON order_domains (time);
CREATE INDEX order_domains_by_principal ON order_domains (principal, domain, time)
)sql"},
      // Authorizations that the CA may hold valid, so that they can be deactivated.
      {5, R"sql(
CREATE TABLE authorizations (
  url TEXT PRIMARY KEY,
  ca TEXT NOT NULL,
  account_url TEXT NOT NULL,
  name TEXT NOT NULL,
  expire_time INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
CREATE INDEX authorizations_by_name ON authorizations (name);
CREATE INDEX authorizations_by_time ON authorizations (expire_time);
CREATE INDEX authorizations_by_order ON authorizations (order_id);
CREATE INDEX authorizations_by_reason ON authorizations (reason)
)sql"},
      // Of a token the hash, never the token.
      {6, R"sql(
CREATE TABLE api_tokens (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL,
  principal TEXT NOT NULL,
  creator TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  expire_time INTEGER NOT NULL,
  use_time INTEGER NOT NULL
) STRICT;
CREATE INDEX api_tokens_by_time ON api_tokens (create_time, id)
)sql"},
      {7, lease::kTable},
      // What a hold waits for beside its end.
      {8, "ALTER TABLE holds ADD COLUMN why TEXT NOT NULL DEFAULT ''"},
      // When each certificate is to be renewed.
      {9, R"sql(
CREATE TABLE renewals (
  certificate_id TEXT PRIMARY KEY REFERENCES certificates (id),
  ca TEXT NOT NULL,
  renewal_time INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  poll_time INTEGER NOT NULL,
  act_time INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  change_time INTEGER NOT NULL,
  record BLOB NOT NULL
) STRICT;
CREATE INDEX renewals_by_time ON renewals (renewal_time, certificate_id);
CREATE INDEX renewals_by_poll ON renewals (poll_time);
CREATE INDEX renewals_by_act ON renewals (act_time);
CREATE INDEX renewals_by_change ON renewals (change_time)
)sql"},
      // Names whose authorizations are kept valid.
      {10, R"sql(
CREATE TABLE warm_names (
  name TEXT NOT NULL,
  ca TEXT NOT NULL,
  profile TEXT NOT NULL,
  creator TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  authorization_url TEXT NOT NULL,
  valid_until INTEGER NOT NULL,
  act_time INTEGER NOT NULL,
  order_id TEXT NOT NULL,
  proving INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  error_reason TEXT NOT NULL,
  error_message TEXT NOT NULL,
  PRIMARY KEY (name, ca, profile)
) STRICT;
CREATE INDEX warm_names_by_act ON warm_names (act_time);
CREATE INDEX warm_names_by_creator ON warm_names (creator)
)sql"},
      // What is left of the CAs' rate limits, and who waits for it.
      {11, R"sql(
CREATE TABLE ledger_buckets (
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  full_time INTEGER NOT NULL,
  served_turn INTEGER NOT NULL,
  PRIMARY KEY (scope, kind, subject)
) STRICT;
CREATE INDEX ledger_buckets_by_time ON ledger_buckets (scope, kind, full_time);
CREATE TABLE ledger_draws (
  order_id TEXT NOT NULL,
  beginning INTEGER NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  interval_us INTEGER NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (order_id, beginning, scope, kind, subject)
) STRICT;
CREATE INDEX ledger_draws_by_time ON ledger_draws (time);
CREATE TABLE ledger_waits (
  order_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  principal TEXT NOT NULL,
  priority INTEGER NOT NULL,
  turn INTEGER NOT NULL,
  since INTEGER NOT NULL,
  valid_time INTEGER NOT NULL,
  PRIMARY KEY (order_id, scope, kind, subject)
) STRICT;
CREATE INDEX ledger_waits_in_line ON ledger_waits
  (scope, kind, subject, priority, turn, since, order_id, valid_time);
CREATE INDEX ledger_waits_by_principal ON ledger_waits
  (scope, kind, subject, principal, priority, turn);
CREATE INDEX ledger_waits_by_time ON ledger_waits (valid_time)
)sql"},
  };
  return *migrations;
}

}  // namespace norroy::store
