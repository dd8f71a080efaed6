#include "common/audit/chain.h"
#include "validator/store/store.h"

namespace norroy::validator {

// agents.state: 0 invited, 1 enrolled, 2 removed. A removed enrollment stays, so that its id can
// never be an agent's again; of those that are not removed one has the name.
const std::vector<sql::Migration>& Store::Migrations() {
  static const auto* const migrations = new std::vector<sql::Migration>{
      {1, R"sql(
CREATE TABLE agents (
  enrollment_id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  state INTEGER NOT NULL,
  drained INTEGER NOT NULL,
  grants BLOB NOT NULL,
  report BLOB NOT NULL,
  seen_time INTEGER NOT NULL,
  create_time INTEGER NOT NULL,
  enroll_time INTEGER NOT NULL,
  identity_expire_time INTEGER NOT NULL,
  remove_time INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX agents_by_name ON agents (name) WHERE state <> 2;

CREATE TABLE join_tokens (
  id TEXT PRIMARY KEY REFERENCES agents (enrollment_id),
  key_sha256 TEXT NOT NULL,
  expire_time INTEGER NOT NULL,
  used_time INTEGER
) STRICT;

CREATE TABLE presentations (
  id TEXT PRIMARY KEY,
  generation INTEGER NOT NULL,
  not_after INTEGER NOT NULL,
  released INTEGER NOT NULL,
  request BLOB NOT NULL
) STRICT;
CREATE INDEX presentations_by_time ON presentations (not_after)
)sql"},
      {2, audit::kTable},
      {3, audit::kTableOrigin},
      // Every version of an agent's grants; bans (by name, whatever the enrollment); agents that
      // were seen twice.
      {4, R"sql(
CREATE TABLE agent_grants (
  name TEXT NOT NULL,
  version INTEGER NOT NULL,
  enrollment_id TEXT NOT NULL,
  grants BLOB NOT NULL,
  creator TEXT NOT NULL,
  create_time INTEGER NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;
CREATE TABLE bans (
  name TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  principal TEXT NOT NULL,
  time INTEGER NOT NULL
) STRICT;
ALTER TABLE agents ADD COLUMN duplicate_time INTEGER;
ALTER TABLE agents ADD COLUMN duplicate_peers TEXT NOT NULL DEFAULT ''
)sql"},
  };
  return *migrations;
}

}  // namespace norroy::validator
