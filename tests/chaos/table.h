#ifndef NORROY_TESTS_CHAOS_TABLE_H_
#define NORROY_TESTS_CHAOS_TABLE_H_

// What can go wrong at which moment: a row each, and what must hold afterwards. C is a kill of the
// issuer, V of a validator, A of an agent; D is a database that fails, N the network,
// T time, H the host.

#include <string>
#include <vector>

namespace norroy::chaos {

enum class Part { kIssuer, kValidator, kAgent };

// What is going on when it happens.
enum class Scene {
  kOrders,        // orders are placed, with their CSRs
  kFirstStart,    // the issuer starts for the first time, then orders are placed
  kBackOff,       // the CA has asked to be left alone
  kRevoking,      // certificates are being revoked
  kGivingUp,      // orders are cancelled while the CA looks
  kReadOnly,      // what the agent writes to can only be read; nobody is killed
  kWritesFail,    // no kill: one write of the database fails, with orders under way
  kDiskFull,      // no kill: the issuer's database has no room for a while
  kDatabaseDies,  // PostgreSQL is stopped, or killed, and started again
  kCut,           // no kill: a cable is cut for longer than keepalive waits, and mended
  kClockJump,     // no kill: the part's wall clock is wrong for a while
  kFewFiles,      // no kill: the issuer may have 64 descriptors, and strangers take them
  kRolling,       // no kill: the process is asked to end, and started again
};

struct Row {
  std::string id;
  std::string between;                  // two things, the kill between them
  std::vector<std::string> failpoints;  // in turn, one a round
  Part part = Part::kIssuer;
  Scene scene = Scene::kOrders;
  // What a kill may cost at most, over one for each order.
  int ca_orders = 0;
  int failed_validations = 0;
  // The agent writes files for a web server; else it listens itself.
  bool webroot = false;
  // The point is reached by starting, before there is work.
  bool at_start = false;
};

const std::vector<Row>& Table();

}  // namespace norroy::chaos

#endif  // NORROY_TESTS_CHAOS_TABLE_H_
