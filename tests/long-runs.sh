# The long runs of tests/run (which reads this): fuzz, mutants, chaos and sim. They count in
# `passed` and `failed`, and begin a `stage` each.
# shellcheck shell=bash disable=SC2154,SC2034

# fuzz_one LABEL BINARIES WORK: prints what came of it; 0 if all is well.
fuzz_one() {
  local label="$1" work="$3/${1//[^a-z0-9_]/_}" path="${1#//}" binary kept log runs edges began
  local flags=(-max_total_time="$fuzz_seconds" -rss_limit_mb=2048)
  path="${path/://}"
  binary="$2/$path"
  kept="${path%er}_corpus"
  log="$work/log"
  mkdir -p "$work/corpus"
  # The words of the formats of this folder.
  if [ -f "${path%/*}/fuzz.dict" ]; then flags+=(-dict="${path%/*}/fuzz.dict"); fi
  "$binary" "${flags[@]}" -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$work/" "$work/corpus" "$kept" >"$log" 2>&1 || {
    echo "FAIL fuzz $label: a finding; the input is in $work"
    tail -n 30 "$log"
    return 1
  }
  runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
  edges="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)"
  if ! "${binary}_planted" -runs=0 "$kept" >"$log.planted" 2>&1; then
    echo "FAIL fuzz $label: the kept corpus has what the planted bug needs; plant it deeper"
    return 1
  fi
  began=$SECONDS
  if "${binary}_planted" "${flags[@]}" -artifact_prefix="$work/planted-" "$work/corpus" "$kept" \
    >"$log.planted" 2>&1; then
    echo "FAIL fuzz $label: $runs runs, $edges edges, but the planted bug was not found"
    return 1
  fi
  if ! grep -q 'check failed' "$log.planted"; then
    echo "FAIL fuzz $label: the planted target ended otherwise:"
    tail -n 30 "$log.planted"
    return 1
  fi
  echo "PASS fuzz $label: $runs runs, $edges edges covered, planted bug found in $((SECONDS - began)) s"
}

# Two at a time; each has a folder of its own in the cache, so that what one run has learnt serves
# the next.
run_fuzz() {
  local label labels binaries work="${XDG_CACHE_HOME:-$HOME/.cache}/norroy-fuzz" part report
  mapfile -t labels < <("$BAZEL" query --noshow_progress \
    'attr(tags, "fuzzer", //...) except filter("_planted$", //...)' 2>/dev/null |
    grep -E "$(IFS='|' && echo "${fuzz_wanted[*]:-.}")" | sort)
  if [ ${#labels[@]} = 0 ]; then
    fail "fuzz: no target"
    return
  fi
  stage "fuzz build"
  if ! "$BAZEL" build --config=fuzz -- "${labels[@]}" "${labels[@]/%/_planted}"; then
    fail "fuzz: bazel build"
    return
  fi
  binaries="$("$BAZEL" info --config=fuzz bazel-bin 2>/dev/null)"
  stage "fuzz"
  report="$(mktemp -d)"
  for label in "${labels[@]}"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
    fuzz_one "$label" "$binaries" "$work" >"$report/${label//[^a-z0-9_]/_}" 2>&1 &
  done
  wait
  for part in "$report"/*; do
    cat "$part"
    if grep -q '^PASS' "$part"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
  done
  rm -r "$report"
}

# run_mutants ARGUMENT...: a line for the control and for each mutant.
run_mutants() {
  local log
  stage "mutants"
  log="$(mktemp)"
  tests/mutants/run "$@" 2>&1 | tee "$log"
  passed=$((passed + $(grep -c '^PASS ' "$log")))
  failed=$((failed + $(grep -c '^FAIL ' "$log")))
  if ! grep -qE '^[0-9]+ of [0-9]+ caught$' "$log"; then fail "tests/mutants/run broke off"; fi
  rm -f "$log"
}

# Processes with failpoints are built into the ordinary output folder: they are copied, so that no
# other build takes their place meanwhile.
run_chaos() {
  local file binaries folder log
  stage "chaos build"
  if ! "$BAZEL" build --config=failpoints -- //tests/chaos; then
    fail "chaos: bazel build"
    return
  fi
  binaries="$("$BAZEL" info --config=failpoints bazel-bin 2>/dev/null)"
  folder="$(mktemp -d)"
  for file in agent/norroy-agent cli/norroy issuer/norroy-issuer validator/norroy-validator \
    tests/fakes/ca/fake-ca tests/chaos/chaos; do
    install -D "$binaries/$file" "$folder/norroy/$file"
  done
  stage "chaos"
  log="$(mktemp)"
  TEST_SRCDIR="$folder" TEST_TMPDIR="$folder" "$folder/norroy/tests/chaos/chaos" "$@" | tee "$log"
  if [ "${PIPESTATUS[0]}" = 0 ]; then
    passed=$((passed + $(grep -cE '^[A-Z][0-9]{2} +[0-9]' "$log")))
  else
    fail "chaos (logs of the processes are in $folder)"
  fi
  [ "$failed" != 0 ] || rm -r "$folder"
  rm -f "$log"
}

# One process a core, each with its part of the seeds; their counts of what happened make one table.
run_sim() {
  local binary work jobs part first=$sim_first left=$sim_seeds share i
  stage "sim build"
  if ! "$BAZEL" build --config=opt //tests/sim:main; then
    fail "sim: bazel build"
    return
  fi
  binary="$("$BAZEL" info --config=opt bazel-bin 2>/dev/null)/tests/sim/main"
  stage "sim"
  if [ "$sim_seeds" = 1 ]; then
    check_aloud "sim seed $sim_first" "$binary" --seeds 1 --first "$sim_first" "${sim_flags[@]}"
    return
  fi
  work="$(mktemp -d)"
  jobs="$(nproc)"
  for ((i = jobs; i > 0; --i)); do
    share=$((left / i))
    "$binary" --seeds "$share" --first "$first" --coverage "$work/$i.counts" "${sim_flags[@]}" \
      >"$work/$i.log" 2>&1 &
    first=$((first + share))
    left=$((left - share))
  done
  wait
  cat "$work"/*.counts 2>/dev/null | "$binary" --merge
  for part in "$work"/*.log; do
    cat "$part"
    if tail -n 1 "$part" | grep -q ' 0 failed;'; then pass "sim: all invariants held"; else fail "sim: a seed failed"; fi
  done
  rm -r "$work"
}
