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
      // Every version of an agent's grants, counted by name; bans (by name, whatever the
      // enrollment); agents that were seen twice, and from where, a line each.
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
ALTER TABLE agents ADD COLUMN grants_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE agents ADD COLUMN duplicate_time INTEGER;
ALTER TABLE agents ADD COLUMN duplicate_peers TEXT NOT NULL DEFAULT '';
INSERT INTO agent_grants (name, version, enrollment_id, grants, creator, create_time)
  SELECT name, ROW_NUMBER() OVER (PARTITION BY name ORDER BY create_time, enrollment_id),
    enrollment_id, grants, '', create_time FROM agents;
UPDATE agents SET grants_version = (SELECT version FROM agent_grants
  WHERE agent_grants.enrollment_id = agents.enrollment_id)
)sql"},
      // Which agents were changed, for other validators on the database.
      {5, R"sql(
CREATE TABLE fleet (
  id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL
) STRICT;
CREATE TABLE fleet_changes (
  version INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT
)sql"},
  };
  return *migrations;
}

}  // namespace norroy::validator
