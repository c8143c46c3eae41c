#!/usr/bin/env bash
# Runs every notebook, or those that are named, without a browser, and writes
# them with their outputs as HTML; fails where a cell fails. "open" as the only
# argument starts Jupyter instead. Builds the kernel and, where there is none,
# a simulated home to look at.
#
#   NOTEBOOKS_OUT  folder of the HTML (default var/notebooks)
#   DUNNING_HOME   home to look at (default NOTEBOOKS_OUT/home)
set -euo pipefail
cd "$(dirname "$0")/.."
root="$PWD"
out="${NOTEBOOKS_OUT:-$root/var/notebooks}"
mkdir -p "$out" bin
out="$(cd "$out" && pwd)"
export DUNNING_HOME="${DUNNING_HOME:-$out/home}"
export GOFLAGS="-buildvcs=false"

# The kernel and goimports, which it calls, at the versions of kernel/go.mod.
(cd notebooks/kernel && go build -o "$root/bin/gonb" github.com/janpfeifer/gonb &&
  go build -o "$root/bin/goimports" golang.org/x/tools/cmd/goimports)
mkdir -p "$out/jupyter/kernels/gonb"
cat > "$out/jupyter/kernels/gonb/kernel.json" <<JSON
{"argv": ["$root/bin/gonb", "--kernel", "{connection_file}", "--raw_error"], "display_name": "Go (gonb)", "language": "go"}
JSON
export JUPYTER_PATH="$out/jupyter" PATH="$root/bin:$PATH"

if [ ! -d "$DUNNING_HOME/plans" ]; then
  go build -o bin/dunning ./cmd/dunning
  bin/dunning simulate --home "$DUNNING_HOME" --customers 3000 --months 18 --seed 7
  bin/dunning run --home "$DUNNING_HOME" >/dev/null
fi
DUNNING_HOME="$(cd "$DUNNING_HOME" && pwd)"

if [ "${1:-}" = open ]; then
  exec jupyter notebook --notebook-dir=notebooks
fi
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for file in notebooks/*.ipynb; do names+=("$(basename "$file" .ipynb)"); done
fi
# Says which cells of an executed notebook failed, with what they wrote.
check() {
  python3 - "$1" <<'PY'
import json, sys
failed = False
for n, cell in enumerate(json.load(open(sys.argv[1]))["cells"]):
    outputs = cell.get("outputs", [])
    if not any(o["output_type"] == "error" for o in outputs):
        continue
    failed = True
    print(f"cell {n} failed:\n{''.join(cell['source'])}\n--", file=sys.stderr)
    for o in outputs:
        print("".join(o.get("text", o.get("traceback", []))), file=sys.stderr)
sys.exit(failed)
PY
}

# Processor seconds of all that this script ran, of what the shell's times said.
cpu_of() {
  awk 'NR == 2 { for (i = 1; i <= NF; i++) { split($i, t, /[ms]/); sum += 60 * t[1] + t[2] } } END { printf "%d", sum }' "$1"
}

failed=0
for name in "${names[@]}"; do
  began=$SECONDS
  times >"$out/.times"
  before=$(cpu_of "$out/.times")
  # Cells after one that fails run too, so that the page shows all there is.
  if jupyter nbconvert --to notebook --execute --allow-errors --ExecutePreprocessor.timeout=300 --output-dir "$out" \
      "notebooks/$name.ipynb" >"$out/$name.log" 2>&1 &&
    jupyter nbconvert --to html "$out/$name.ipynb" >>"$out/$name.log" 2>&1 &&
    check "$out/$name.ipynb"; then
    times >"$out/.times"
    echo "$name: $((SECONDS - began)) s, $(($(cpu_of "$out/.times") - before)) s of processors, $out/$name.html"
  else
    echo "$name: failed after $((SECONDS - began)) s; see $out/$name.log and $out/$name.html" >&2
    failed=1
  fi
done
exit $failed
