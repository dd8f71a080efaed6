// Kills real processes at named moments and looks at what is left.
//
//   chaos [--rounds N] [--orders N] [--postgres] [ROW...]
//
// Prints a line for each row; the exit status is 0 if nothing was found.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "common/rpc/credentials.h"
#include "tests/chaos/scenes.h"
#include "tests/chaos/table.h"

namespace norroy::chaos {
namespace {

constexpr char kUsage[] =
    "usage: chaos [--rounds 1..1000] [--orders 1..1000] [--postgres] [ROW...]\n";

bool ReadFlag(const std::string& flag, const char* value, Dose& dose) {
  int number = 0;
  if (value == nullptr || !absl::SimpleAtoi(value, &number) || number < 1 || number > 1000) {
    return false;
  }
  if (flag == "--rounds") dose.rounds = number;
  if (flag == "--orders") dose.orders = number;
  return flag == "--rounds" || flag == "--orders";
}

const Row* RowOf(const std::string& id) {
  for (const Row& row : Table()) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

void Print(const Row& row, const Result& result) {
  std::printf("%-4s %5d %6d %4d %6d %5d %7.1f  %s\n", row.id.c_str(), result.kills, result.orders,
              result.lost, result.double_finalizes, result.proofs_left,
              absl::ToDoubleSeconds(result.time), row.between.c_str());
  for (const std::string& finding : result.findings) std::printf("     %s\n", finding.c_str());
  std::fflush(stdout);
}

int Main(const std::vector<std::string>& arguments) {
  Dose dose;
  std::vector<const Row*> rows;
  for (size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i] == "--postgres") {
      dose.postgres = true;
      continue;
    }
    if (arguments[i][0] == '-') {
      const char* const value = i + 1 < arguments.size() ? arguments[i + 1].c_str() : nullptr;
      if (!ReadFlag(arguments[i++], value, dose)) return std::fputs(kUsage, stderr), 2;
      continue;
    }
    const Row* const row = RowOf(arguments[i]);
    if (row == nullptr) {
      std::fprintf(stderr, "chaos: there is no row %s\n", arguments[i].c_str());
      return 2;
    }
    rows.push_back(row);
  }
  if (rows.empty()) {
    for (const Row& row : Table()) rows.push_back(&row);
  }
  std::printf("%-4s %5s %6s %4s %6s %5s %7s  %s\n", "row", "kills", "orders", "lost", "double",
              "left", "seconds", "between");
  Result all;
  for (const Row* row : rows) {
    if (dose.postgres && row->scene == Scene::kDiskFull) {
      std::printf("%-4s skipped: it fills the disk of a file of ours, and a server has its own\n",
                  row->id.c_str());
      continue;
    }
    const Result result = Play(*row, dose);
    Print(*row, result);
    all.kills += result.kills;
    all.orders += result.orders;
    all.lost += result.lost;
    all.double_finalizes += result.double_finalizes;
    all.proofs_left += result.proofs_left;
    all.findings.insert(all.findings.end(), result.findings.begin(), result.findings.end());
  }
  std::printf(
      "%zu rows, %d kills, %d orders: %d lost, %d finalized twice, %d proofs left; %zu "
      "findings\n",
      rows.size(), all.kills, all.orders, all.lost, all.double_finalizes, all.proofs_left,
      all.findings.size());
  return all.findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace norroy::chaos

int main(int argc, char** argv) {
  norroy::rpc::DisableTlsResumption();
  return norroy::chaos::Main(std::vector<std::string>(argv + 1, argv + argc));
}
