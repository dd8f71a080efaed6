#include <gtest/gtest.h>

#include "tests/fuzz/replay.h"

namespace norroy::config {
namespace {

TEST(ConfigFuzz, HoldsOverFilesAndTheirMutations) {
  const std::vector<std::string> corpus = {
      "deployment: prod\nlisten: [\"[::]:8443\", 0.0.0.0:8443]\nworkers: 32\nreflection: true\n"
      "cas:\n  - name: le\n    directory_url: https://acme.example.test/dir\n    agree_tos: true\n"
      "    contacts: ['mailto:a@example.test']\n  - {name: b, proxy: \"\"}\n"
      "grants:\n- principal: operator/alice\n  names: [\".\", \"*.example.test\"]\n"
      "log:\n  level: debug\n  format: json\nlimits: {new_orders_per_set_per_hour: 2}\n",
      "state_dir: /var/lib/norroy\nhttp_listener:\n  listen:\n    - 'unix:/run/x.sock'\n"
      "  match: token\n  accept_hosts: [a.example.test, \"b\\u00e9\\x07\"]\nwebroot:\n"
      "  directory: |\n    /srv/www\n",
      "# comment\n---\nlog: {}\n...\n",
      "\xEF\xBB\xBF"
      "database: 'it''s'\r\nkeys_dir: >-\r\n  a\r\n  b\r\n",
      "a: &x 1\nb: *x\nc: !!str d\n<<: *x\n",
      "? [a, {b: c}]\n: - - - d\n",
      "\"workers\": 2147483648\nworkers: -1\n",
      "%YAML 1.2\n---\nlog: ~\n",
      ",",
      "]",
      "}",
      "[",
      "{",
      "\"",
      "'",
      "|",
      ">",
      "@",
      "`",
      "%",
      "&",
      "*",
      "!",
      "-",
      "?",
      ":",
      "log: \"x",
      "log: 'x",
      "log: {a: [",
      "\t",
      "a:\tb",
      std::string("a\0b", 3),
      "\xFF\xFE"
      "a"};
  fuzz::Replay(corpus, 300);
}

}  // namespace
}  // namespace norroy::config
