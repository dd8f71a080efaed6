#ifndef NORROY_TESTS_E2E_AGENTS_WORLD_H_
#define NORROY_TESTS_E2E_AGENTS_WORLD_H_

// The small internet of challenge_world.h with agents of a test's own, orders for one name each,
// and what the CA was told.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/e2e/challenge_world.h"

namespace norroy::harness {

class AgentsWorld : public ::testing::Test {
 protected:
  void Begin(WorldOptions options = {});

  // By HTTP, where the CA looks.
  void AddWebAgent(const std::string& name, const std::string& pattern,
                   const std::vector<std::string>& prefix = {});
  // By RFC 2136 at this server, for ".dyn.test" if nothing else is said.
  void AddDnsAgent(const std::string& name, const std::string& server,
                   const std::vector<std::string>& patterns = {".dyn.test"},
                   const std::string& key_file = "", const std::vector<std::string>& prefix = {});
  // nginx where the CA looks: files of `root` for these names ("www.web.test", ".web.test").
  std::unique_ptr<Process> ServeFiles(const std::string& root, const std::string& names,
                                      const std::string& more = "");
  // What a web server would serve there: content by token.
  static std::map<std::string, std::string> ChallengeFiles(const std::string& root);

  // An order for one name, with a CSR; its id.
  std::string Create(const std::string& name);
  std::string Json(const std::string& id);
  std::string Step(const std::string& id) { return Deployment::Field(Json(id), "step"); }
  // For humans.
  std::string Show(const std::string& id);
  std::string ErrorOf(const std::string& id);
  void ExpectIssued(const std::string& id);

  // How often the CA was told to look, and how often it looked in vain.
  int Told() { return world_->pebble().LogCount("POST /chalZ/"); }
  int Failures();

  Deployment& norroy() { return world_->norroy(); }

  std::unique_ptr<ChallengeWorld> world_;
};

}  // namespace norroy::harness

#endif  // NORROY_TESTS_E2E_AGENTS_WORLD_H_
