// Suites cold, cli, san and warm: how long one certificate takes, beside the floor and beside other
// clients.

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/bench/peers.h"
#include "tests/bench/suites.h"
#include "tests/bench/world.h"

namespace norroy::bench {
namespace {

constexpr int kWarmUps = 5;
// RFC 8555's requests for one certificate are all that the floor may cost.
constexpr double kMostFloor = 1.3;

std::vector<std::string> NamesOf(const std::string& prefix, int count) {
  std::vector<std::string> names;
  for (int i = 0; i < count; ++i) names.push_back(absl::StrCat(prefix, "-", i, ".example.test"));
  return names;
}

double Ratio(const Times& of, const Times& to) {
  return absl::FDivDuration(Percentile(of, 0.5), Percentile(to, 0.5));
}

// Both in turn, so that what the machine does besides falls on both.
struct Pair {
  Times norroy, floor, heads;
  double requests = 0;  // of the floor for one certificate
};

Pair Alternate(PebbleWorld& world, const std::string& prefix, int names, int rounds) {
  Pair pair;
  const int64_t before = world.floor().requests();
  for (int i = 0; i < rounds; ++i) {
    const std::vector<std::string> wanted = NamesOf(absl::StrCat(prefix, i), names);
    pair.floor.push_back(world.floor().Issue(wanted));
    pair.norroy.push_back(world.client().Issue(wanted));
    pair.heads.push_back(world.floor().Head());
  }
  pair.requests = static_cast<double>(world.floor().requests() - before) / rounds;
  return pair;
}

void WarmUp(PebbleWorld& world) {
  for (int i = 0; i < kWarmUps; ++i) {
    world.floor().Issue({absl::StrCat("first", i, ".example.test")});
    world.client().Issue({absl::StrCat("first", i, ".example.test")});
  }
}

// Beside other clients, each with its account in place.
void AddPeers(const std::string& suite, int names, double at_least, const Times& ours,
              const std::vector<std::string>& wanted, const Size& size, Report& report) {
  if (!size.peers) {
    report.Skip(suite, "other clients: not asked for (--peers)");
    return;
  }
  std::optional<Times> fastest;
  for (const std::string& peer : wanted) {
    const std::optional<Times> times = MeasurePeer(peer, names, names > 1 ? 1 : size.Of(1, 3));
    if (!times.has_value()) {
      report.Skip(suite, absl::StrCat(peer, " is not installed"));
      continue;
    }
    report.AddTimes(suite, peer, *times);
    if (!fastest.has_value() || Percentile(*times, 0.5) < Percentile(*fastest, 0.5)) {
      fastest = times;
    }
  }
  if (!fastest.has_value()) return;
  report.Add({.suite = suite,
              .what = "fastest of them / norroy, p50",
              .value = Ratio(*fastest, ours),
              .unit = "x",
              .at_least = at_least});
}

}  // namespace

void Cold(const Size& size, Report& report) {
  PebbleWorld world("cold");
  WarmUp(world);
  const Pair pair = Alternate(world, "cold", 1, size.Of(3, 50));
  report.AddTimes("cold", "bare HEAD", pair.heads);
  report.AddTimes("cold", "floor", pair.floor);
  report.AddTimes("cold", "norroy, CreateOrder to certificate", pair.norroy);
  report.Add({.suite = "cold",
              .what = "requests of the floor",
              .value = pair.requests,
              .unit = "requests"});
  report.Add({.suite = "cold",
              .what = "floor / (its requests x HEAD), p50",
              .value = Ratio(pair.floor, pair.heads) / pair.requests,
              .unit = "x",
              .at_most = kMostFloor});
  report.Add({.suite = "cold",
              .what = "norroy / floor, p50",
              .value = Ratio(pair.norroy, pair.floor),
              .unit = "x",
              .at_most = 2});
  AddPeers("cold", 1, 15, pair.norroy, {"lego", "certbot"}, size, report);
}

void Cli(const Size& size, Report& report) {
  PebbleWorld world("cli");
  WarmUp(world);
  Times open, cli;
  for (int i = 0; i < size.Of(2, 30); ++i) {
    open.push_back(world.client().Issue({absl::StrCat("open", i, ".example.test")}));
    const absl::Time begin = absl::Now();
    world.norroy().CliOk({"issue", absl::StrCat("cli", i, ".example.test")});
    cli.push_back(absl::Now() - begin);
  }
  report.AddTimes("cli", "over an open channel", open);
  report.AddTimes("cli", "norroy issue, files on disk", cli);
  report.Add({.suite = "cli",
              .what = "what a cold norroy issue adds, p50",
              .value = absl::ToDoubleMilliseconds(Percentile(cli, 0.5) - Percentile(open, 0.5)),
              .unit = "ms",
              .at_most = 15});
}

void San(const Size& size, Report& report) {
  PebbleWorld world("san");
  WarmUp(world);
  for (const int names : {20, 100}) {
    const std::string label = absl::StrCat(names, " names, ");
    const Pair pair =
        Alternate(world, absl::StrCat("san", names), names, size.Of(1, names == 20 ? 15 : 5));
    report.AddTimes("san", label + "floor", pair.floor);
    report.AddTimes("san", label + "norroy", pair.norroy);
    report.Add({.suite = "san",
                .what = label + "norroy / floor, p50",
                .value = Ratio(pair.norroy, pair.floor),
                .unit = "x",
                .at_most = 2});
    // lego takes ten minutes for a hundred.
    if (names == 20) AddPeers("san", names, 100, pair.norroy, {"lego"}, size, report);
  }
}

void Warm(const Size& size, Report& report) {
  PebbleWorld world("warm", /*reuse=*/true);
  WarmUp(world);
  const int rounds = size.Of(2, 50);
  Times floor, norroy;
  for (int i = 0; i < rounds; ++i) {
    const std::vector<std::string> names = {absl::StrCat("warm", i, ".example.test")};
    world.floor().Prove(names);
    world.client().Prove(names);
    floor.push_back(world.floor().Issue(names));
    norroy.push_back(world.client().Issue(names));
  }
  report.AddTimes("warm", "floor, validated before", floor);
  report.AddTimes("warm", "norroy, validated before", norroy);
  report.Add({.suite = "warm",
              .what = "norroy / floor, p50",
              .value = Ratio(norroy, floor),
              .unit = "x",
              .at_most = 1.5});
}

}  // namespace norroy::bench
