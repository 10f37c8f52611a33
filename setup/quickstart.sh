#!/usr/bin/env bash
# The whole product on one machine in a few minutes: phantoms → folds → ensemble → submission.csv → score.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

experiment=configs/experiments/quickstart.yaml
started=$SECONDS

echo '── 1/3 phantom radiographs of hands, with their bones as polygons (data/phantoms)'
./carpal data synth --out data/phantoms --people 12 --test-people 4 --seed 7

echo "── 2/3 the experiment: $experiment"
./carpal run "$experiment" --out out/quickstart

echo '── 3/3 the submission, scored on test people that no fold has seen'
./carpal score --truth data/phantoms --submission out/quickstart/submission.csv --min-dice 0.80

cat <<END

Done in $((SECONDS - started)) s. Look at
  out/quickstart/report.html      curves, Dice of each bone, best and worst cases
  out/quickstart/overlays/        the bones drawn over the test radiographs
  out/quickstart/submission.csv   one row per image and bone
END
